"""What a study can do to training images: by name, with options, and each one's random control.

May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rebalance import oversampling, undersampling
from rebalance.errors import SettingError, shown
from rebalance.oversampling import OVERSAMPLERS
from rebalance.settings import SelectionOptions, SynthesisOptions
from rebalance.settings.sizes import size_to_keep, size_to_reach
from rebalance.undersampling import PICKERS, UNDERSAMPLERS

CUT_TO, RAISED_TO = "min", "max"
RANDOM_UNDER, RANDOM_OVER = "random-under", "random-over"
LAYER = undersampling.POOLED  # the only one whose features a study has


@dataclass(frozen=True)
class Rebalancing:
    """What is done to training images: they are cut, or raised, or first cut and then raised.

    cut: how the images to keep are chosen; None keeps all. raised: how the samples to add are
    made; None adds none. to: the class size, as ``plan`` takes it. like: in place of all that,
    images dropped and repeated at random, to the class sizes that this one leads to.
    """

    cut: SelectionOptions | None = None
    raised: SynthesisOptions | None = None
    to: str = ""
    like: "Rebalancing | None" = None

    @property
    def changes(self) -> bool:
        """Tell whether there is anything to do."""
        return self != Rebalancing()

    @property
    def blends(self) -> bool:
        """Tell whether samples are added that are to be blended as embeddings."""
        inner = self.like or self
        return inner.raised is not None and inner.raised.space == "embedding"

    @property
    def by_chance(self) -> bool:
        """Tell whether images are dropped and repeated at random, looking at nothing."""
        looks = self.cut is not None and UNDERSAMPLERS[self.cut.method].needs_features
        if self.raised is not None:
            looks = looks or OVERSAMPLERS[self.raised.method].needs_features
        return not looks

    def as_record(self) -> dict[str, Any]:
        """For JSON; equal records do the same."""
        return asdict(self)


NONE = Rebalancing()


def names() -> dict[str, Rebalancing]:
    """Every name that a study may give without options, and what it stands for."""
    cuts = {RANDOM_UNDER: SelectionOptions(undersampling.BY_CHANCE)}
    picks: dict[str, SelectionOptions] = {}
    for name, method in UNDERSAMPLERS.items():
        if "pick" in method.options:
            picks |= {f"{name}-{pick}": SelectionOptions(name, pick) for pick in PICKERS}
        elif name != undersampling.BY_CHANCE:
            cuts[name] = SelectionOptions(name)
    raises = {RANDOM_OVER: oversampling.BY_CHANCE}
    raises |= {name: name for name in OVERSAMPLERS if name != oversampling.BY_CHANCE}
    return {
        "none": NONE,
        **{name: _cut(selection) for name, selection in (cuts | picks).items()},
        **{name: _raised(method) for name, method in raises.items()},
    }


ALIASES = {
    undersampling.BY_CHANCE: RANDOM_UNDER,
    oversampling.BY_CHANCE: RANDOM_OVER,
    **{
        name: f"{name}-{SelectionOptions.pick}"
        for name, method in UNDERSAMPLERS.items()
        if "pick" in method.options
    },
}


def _own_space(method: str) -> str:
    """Images that are repeated are trained on as they are; blends are made of embeddings."""
    return "embedding" if OVERSAMPLERS[method].blends else "pixel"


def _cut(selection: SelectionOptions) -> Rebalancing:
    return Rebalancing(cut=selection, to=CUT_TO)


def _raised(method: str) -> Rebalancing:
    return Rebalancing(raised=SynthesisOptions(method, space=_own_space(method)), to=RAISED_TO)


def named(name: str) -> Rebalancing:
    """Return what ``name`` stands for. Raises SettingError for one that is not known."""
    known = names()
    if name not in known and name not in ALIASES:
        raise SettingError(
            f"no rebalancing {shown(name)}: choose one of {', '.join(known)}, hybrid"
        )
    return known[ALIASES.get(name, name)]


def with_options(method: str, options: Mapping[str, Any]) -> Rebalancing:
    """The rebalancing ``method``, a name or ``hybrid``, with its own options.

    Raises SettingError for a method that is not known and an option that it has not.
    """
    if method == "hybrid":
        return _hybrid(options)
    given = dict(options)
    plain = named(method)
    to = _text(given.pop("to", plain.to))
    if plain.cut is not None:
        size_to_keep(to)
        return replace(plain, cut=_selection(method, plain.cut, given), to=to)
    if plain.raised is not None:
        size_to_reach(to)
        return replace(plain, raised=_synthesis(method, plain.raised, given), to=to)
    if options:
        raise SettingError(f"{method} has no options; got {', '.join(options)}")
    return plain


def _hybrid(options: Mapping[str, Any]) -> Rebalancing:
    given = dict(options)
    if "to" not in given:
        raise SettingError("hybrid needs to, the class size: a number, or Rx of the smallest class")
    to = _text(given.pop("to"))
    size_to_keep(to)
    under, over = (
        _text(given.pop("under", SelectionOptions.method)),
        _text(given.pop("over", SynthesisOptions.method)),
    )
    cut, raised = named(under).cut, named(over).raised
    if cut is None or raised is None:
        raise SettingError(
            f"hybrid needs under, which cuts, and over, which raises; got {shown(under)} and "
            f"{shown(over)}"
        )
    of_cuts = {name for method in UNDERSAMPLERS for name in selection_keys(method)}
    chosen = {name: given.pop(name) for name in tuple(given) if name in of_cuts}
    return Rebalancing(_selection(under, cut, chosen), _synthesis(over, raised, given), to)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def selection_keys(method: str) -> tuple[str, ...]:
    """The options of an undersampler that a study has a use for: there is one layer to look at."""
    return tuple(name for name in UNDERSAMPLERS[method].options if name != "layer")


def _selection(name: str, plain: SelectionOptions, given: Mapping[str, Any]) -> SelectionOptions:
    _check_options(name, given, ("to", *selection_keys(plain.method)))
    return replace(plain, **given)


def _synthesis(name: str, plain: SynthesisOptions, given: Mapping[str, Any]) -> SynthesisOptions:
    _check_options(name, given, ("to", *OVERSAMPLERS[plain.method].options, "space"))
    return replace(plain, **given)


def _check_options(name: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for option in given:
        if option not in known:
            raise SettingError(f"{name} has no option {shown(option)}, only {', '.join(known)}")


def label_of(method: str, options: Mapping[str, Any]) -> str:
    """Return what a rebalancing is called where it was given no name."""
    told = [ALIASES.get(method, method), *(f"{key}={value}" for key, value in options.items())]
    return " ".join(told)


def random_control(rebalancing: Rebalancing, depth: str) -> Rebalancing | None:
    """The same at random, to the same sizes; None for one that changes nothing or is random.

    Where sizes are known beforehand this is a rebalancing by random choice of its own, that others
    share; otherwise it follows the sizes that were reached. At depth ``full`` it is trained as its
    treatment is, by embeddings where that blends them; a probe knows nothing else.
    """
    if rebalancing.like is not None or rebalancing.by_chance:
        return None
    cut, raised = rebalancing.cut, rebalancing.raised
    inexact = cut is not None and not UNDERSAMPLERS[cut.method].exact
    if inexact or (raised is not None and OVERSAMPLERS[raised.method].by_subclass):
        return Rebalancing(like=rebalancing)
    chance = oversampling.BY_CHANCE
    return replace(
        rebalancing,
        cut=cut and SelectionOptions(undersampling.BY_CHANCE),
        raised=raised
        and SynthesisOptions(chance, space=raised.space if depth == "full" else _own_space(chance)),
    )


def control_label(control: Rebalancing, of: str) -> str:
    """Return what the random control of the rebalancing called ``of`` is called."""
    if control.like is not None:
        return f"random as {of}"
    if control.cut is not None and control.raised is not None:
        return f"random-hybrid to={control.to}"
    base, usual = (RANDOM_OVER, RAISED_TO) if control.raised else (RANDOM_UNDER, CUT_TO)
    label = base if control.to == usual else f"{base} to={control.to}"
    return f"{label} of embeddings" if control.blends else label
