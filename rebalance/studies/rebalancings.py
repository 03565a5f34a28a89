"""What a study can do to training images: by name, with options, and each one's random control.

May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rebalance.errors import SettingError
from rebalance.oversampling import OVERSAMPLERS
from rebalance.settings import SelectionOptions, SynthesisOptions
from rebalance.undersampling import EXACT, PICKERS, UNDERSAMPLERS

CUT_TO, RAISED_TO = "min", "max"
SUBCLASS_KEYS = ("pick", "k_max", "criterion", "cluster_space", "layout", "landmarks")


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
        """Whether there is anything to do."""
        return self != Rebalancing()

    @property
    def blends(self) -> bool:
        """Whether samples are added that are to be blended as embeddings."""
        inner = self.like or self
        return inner.raised is not None and inner.raised.space == "embedding"

    @property
    def by_chance(self) -> bool:
        """Whether images are dropped and repeated at random, looking at nothing."""
        cut = self.cut is None or self.cut.method == "random"
        raised = self.raised is None or self.raised.method == "ros"
        return cut and raised

    def as_record(self) -> dict[str, Any]:
        """For JSON; equal records do the same."""
        return asdict(self)


NONE = Rebalancing()


def names() -> dict[str, Rebalancing]:
    """Every name that a study may give without options, and what it stands for."""
    cuts = {"random-under": "random"} | {name: name for name in UNDERSAMPLERS if name != "random"}
    raises = {"random-over": "ros"} | {name: name for name in OVERSAMPLERS if name != "ros"}
    return {
        "none": NONE,
        **{name: _cut(SelectionOptions(method)) for name, method in cuts.items()},
        **{f"subclass-{pick}": _cut(SelectionOptions(pick=pick)) for pick in PICKERS},
        **{
            name: _raised(SynthesisOptions(method, space=_own_space(method)))
            for name, method in raises.items()
        },
    }


ALIASES = {"random": "random-under", "ros": "random-over", "subclass": "subclass-closest"}


def _own_space(method: str) -> str:
    """Images that are repeated are trained on as they are; blends are made of embeddings."""
    return "pixel" if method in ("ros", "cluster") else "embedding"


def _cut(selection: SelectionOptions) -> Rebalancing:
    return Rebalancing(cut=selection, to=CUT_TO)


def _raised(synthesis: SynthesisOptions) -> Rebalancing:
    return Rebalancing(raised=synthesis, to=RAISED_TO)


def named(name: str) -> Rebalancing:
    """What ``name`` stands for. Raises SettingError for one that is not known."""
    known = names()
    if name not in known and name not in ALIASES:
        raise SettingError(f"no rebalancing {name!r}: choose one of {', '.join(known)}, hybrid")
    return known[ALIASES.get(name, name)]


def with_options(method: str, options: Mapping[str, Any]) -> Rebalancing:
    """The rebalancing ``method``, a name or ``hybrid``, with its own options.

    Raises SettingError for a method that is not known and an option that it has not.
    """
    if method == "hybrid":
        return _hybrid(options)
    given = dict(options)
    plain = named(method)
    to = str(given.pop("to", plain.to))
    if plain.cut is not None:
        return replace(plain, cut=_selection(method, plain.cut, given), to=to)
    if plain.raised is not None:
        return replace(plain, raised=_synthesis(method, plain.raised, given), to=to)
    if options:
        raise SettingError(f"{method} has no options; got {', '.join(options)}")
    return plain


def _hybrid(options: Mapping[str, Any]) -> Rebalancing:
    given = dict(options)
    if "to" not in given:
        raise SettingError("hybrid needs to, the class size: a number, or Rx of the smallest class")
    to = str(given.pop("to"))
    under, over = given.pop("under", SelectionOptions.method), given.pop("over", "ros")
    cut, raised = named(str(under)).cut, named(str(over)).raised
    if cut is None or raised is None:
        raise SettingError(
            f"hybrid needs under, which cuts, and over, which raises; got {under!r} and {over!r}"
        )
    chosen = {name: given.pop(name) for name in tuple(given) if name in SUBCLASS_KEYS}
    return Rebalancing(
        _selection(str(under), cut, chosen), _synthesis(str(over), raised, given), to
    )


def _selection(name: str, plain: SelectionOptions, given: Mapping[str, Any]) -> SelectionOptions:
    from rebalance.clusters import CRITERIA, LAYOUTS

    known = SUBCLASS_KEYS if plain.method == "subclass" else ()
    _check_options(name, given, ("to", *known))
    chosen = replace(plain, **given)
    _check_value(name, "pick", chosen.pick, tuple(PICKERS))
    _check_value(name, "criterion", chosen.criterion, tuple(CRITERIA))
    _check_value(name, "layout", chosen.layout, tuple(LAYOUTS))
    return chosen


def _synthesis(name: str, plain: SynthesisOptions, given: Mapping[str, Any]) -> SynthesisOptions:
    has_neighbours = OVERSAMPLERS[plain.method].neighbours is not None
    known = ("neighbours", "space") if has_neighbours else ("space",)
    _check_options(name, given, ("to", *known))
    return replace(plain, **given)


def _check_options(name: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for option in given:
        if option not in known:
            raise SettingError(f"{name} has no option {option!r}, only {', '.join(known)}")


def _check_value(name: str, option: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingError(f"{name}: {option} is one of {', '.join(known)}; got {value!r}")


def label_of(method: str, options: Mapping[str, Any]) -> str:
    """What a rebalancing is called where it was given no name."""
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
    inexact = cut is not None and cut.method not in (*EXACT, "subclass")
    if inexact or (raised is not None and raised.method == "cluster"):
        return Rebalancing(like=rebalancing)
    return replace(
        rebalancing,
        cut=cut and SelectionOptions("random"),
        raised=raised
        and SynthesisOptions("ros", space=raised.space if depth == "full" else _own_space("ros")),
    )


def control_label(control: Rebalancing, of: str) -> str:
    """What the random control of the rebalancing called ``of`` is called."""
    if control.like is not None:
        return f"random as {of}"
    if control.cut is not None and control.raised is not None:
        return f"random-hybrid to={control.to}"
    base, usual = ("random-over", RAISED_TO) if control.raised else ("random-under", CUT_TO)
    label = base if control.to == usual else f"{base} to={control.to}"
    return f"{label} of embeddings" if control.blends else label
