"""What a study can do to training images: by name, with options, and each one's random control.

May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rebalance import oversampling, undersampling
from rebalance.errors import SettingError, shown
from rebalance.oversampling import OVERSAMPLERS
from rebalance.oversampling.spelling import LAYER as OWN_LAYER
from rebalance.settings import (
    LEHMANN_EBNER,
    Growth,
    SelectionOptions,
    SynthesisOptions,
    Targets,
    pixel_side,
)
from rebalance.settings.option import converted, declared
from rebalance.settings.sizes import size_to_keep
from rebalance.studies.applicable import applicable
from rebalance.undersampling import PICKERS, UNDERSAMPLERS

CUT_TO, RAISED_TO = "min", "max"
RANDOM_UNDER, RANDOM_OVER = "random-under", "random-over"
LAYER = undersampling.POOLED  # what a probe learns from, and neighbours are told by
PUBLISHED = "as_published"
CLASSES = ("classes", "per_class")
EQUAL = "equal"  # the shares of subclasses before anybody could choose them


@dataclass(frozen=True)
class Rebalancing:
    """What is done to training images: they are cut, or raised, or first cut and then raised.

    cut: how the images to keep are chosen; None keeps all. raised: how the samples to add are
    made; None adds none. to: the class size, as ``plan`` takes it. like: in place of all that,
    images dropped and repeated at random, to the class sizes that this one leads to. classes: the
    only ones that are cut or raised; none is all. per_class: the sizes of some, in place of ``to``.
    """

    cut: SelectionOptions | None = None
    raised: SynthesisOptions | None = None
    to: str = ""
    like: "Rebalancing | None" = None
    classes: tuple[str, ...] = ()
    per_class: tuple[tuple[str, int], ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether there is anything to do."""
        return self != Rebalancing()

    @property
    def blends(self) -> bool:
        """Tell whether samples are added that are to be blended as embeddings."""
        inner = self.like or self
        return inner.raised is not None and inner.raised.space == "embedding"

    def as_trained(self) -> "Rebalancing":
        """The same as the network that is trained sees it.

        What is blended as embeddings is sampled among those of that network, not the extractor's.
        """
        if not self.blends:
            return self
        if self.like is not None:
            return replace(self, like=self.like.as_trained())
        assert self.raised is not None
        return replace(self, raised=replace(self.raised, layer=OWN_LAYER))

    @property
    def before_blends(self) -> "Rebalancing":
        """What the images of a network go through, before their embeddings are blended."""
        inner = self.like or self
        if not self.blends:
            return self
        if inner.cut is None:
            return NONE
        cut = replace(inner, raised=None)
        return cut if self.like is None else Rebalancing(like=cut)

    @property
    def pixel_side(self) -> int | None:
        """The side of the squares whose pixels tell neighbours; None where none do."""
        raised = (self.like or self).raised
        return None if raised is None else pixel_side(raised.neighbours_in)

    @property
    def looks_at_features(self) -> bool:
        """Tell whether it goes by what a network sees, and not by chance or pixels alone."""
        inner = self.like or self
        cuts = inner.cut is not None and UNDERSAMPLERS[inner.cut.method].needs_features
        raises = inner.raised is not None and OVERSAMPLERS[inner.raised.method].needs_features
        return cuts or (raises and self.pixel_side is None)

    @property
    def by_chance(self) -> bool:
        """Tell whether images are dropped and repeated at random, looking at nothing.

        What blends is not, whatever is blended.
        """
        looks = self.cut is not None and UNDERSAMPLERS[self.cut.method].needs_features
        if self.raised is not None:
            method = OVERSAMPLERS[self.raised.method]
            looks = looks or method.needs_features or method.blends
        return not looks

    @property
    def targets(self) -> Targets:
        """The sizes that classes are cut to."""
        return Targets(self.to, self.per_class, self.classes)

    @property
    def growth(self) -> Growth:
        """The sizes that classes are raised to."""
        return Growth(self.to, self.per_class, self.classes)

    @property
    def layer(self) -> str | None:
        """The layer that is looked at to cut; ``auto`` is all, None is none but ``LAYER``."""
        cut = (self.like or self).cut
        return None if cut is None else UNDERSAMPLERS[cut.method].layer(cut)

    def as_record(self) -> dict[str, Any]:
        """For JSON; equal records do the same.

        What names classes is left out where it names none, options that the methods have no use
        for, and those that came later where they change nothing, as in records of long ago.
        """
        record = asdict(self)
        record["cut"] = self.cut and _cut_as_record(self.cut)
        record["raised"] = self.raised and self.raised.as_record()
        record["like"] = self.like and self.like.as_record()
        for name in CLASSES:
            if not record[name]:
                del record[name]
        return applicable(record)


NONE = Rebalancing()


def names() -> dict[str, Rebalancing]:
    """Every name that a study may give without options, and what it stands for."""
    cuts = {RANDOM_UNDER: SelectionOptions(undersampling.BY_CHANCE)}
    picks: dict[str, SelectionOptions] = {}
    for name, method in UNDERSAMPLERS.items():
        if "pick" in method.options:
            picks |= {f"{name}-{pick}": _picking(name, pick) for pick in PICKERS}
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


def own_space(method: str) -> str:
    """Images that are repeated are trained on as they are; blends are made of embeddings."""
    return "embedding" if OVERSAMPLERS[method].blends else "pixel"


def _cut(selection: SelectionOptions) -> Rebalancing:
    return Rebalancing(cut=selection, to=CUT_TO)


def _picking(method: str, pick: str) -> SelectionOptions:
    """Every pick has the shares by default but the paper's, whose are equal, as ever in studies."""
    plain = SelectionOptions(method, pick)
    return plain if pick == SelectionOptions.pick else replace(plain, quotas=EQUAL)


def _cut_as_record(selection: SelectionOptions) -> dict[str, Any]:
    """The options as earlier studies know them, whose shares were equal and are not told."""
    record = asdict(selection)
    if record["quotas"] == EQUAL:
        del record["quotas"]
    return record


def _raised(method: str) -> Rebalancing:
    return Rebalancing(raised=SynthesisOptions(method, space=own_space(method)), to=RAISED_TO)


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
    if plain.cut is not None:
        sizes = _sizes(Targets, given)
        return replace(plain, cut=_selection(method, plain.cut, given), **sizes)
    if plain.raised is not None:
        sizes = _sizes(Growth, given)
        return replace(plain, raised=_synthesis(method, plain.raised, given), **sizes)
    if options:
        raise SettingError(f"{method} has no options; got {', '.join(options)}")
    return plain


def _sizes(kind: type[Targets | Growth], given: dict[str, Any]) -> dict[str, Any]:
    """The class sizes among the options ``given``, which are taken out of them."""
    said = {
        name: converted(given.pop(name), *told)
        for name, told in declared(kind).items()
        if name in given
    }
    found = kind(**said)
    # In one order, so that the same sizes are the same treatment.
    classes, own = sorted(set(found.classes)), sorted(found.per_class)
    return {"to": found.to, "classes": tuple(classes), "per_class": tuple(own)}


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
    # One layer serves both halves: what neighbours are told by, clusters are sought in.
    of_cuts = {name for method in UNDERSAMPLERS.values() for name in method.options} - {"layer"}
    chosen = {name: given.pop(name) for name in tuple(given) if name in of_cuts}
    return Rebalancing(_selection(under, cut, chosen), _synthesis(over, raised, given), to)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def _selection(name: str, plain: SelectionOptions, given: Mapping[str, Any]) -> SelectionOptions:
    own = UNDERSAMPLERS[plain.method].options
    switch = (PUBLISHED,) if plain.method == LEHMANN_EBNER["method"] else ()
    _check_options(name, given, ("to", *CLASSES, *own, *switch))
    said = dict(given)
    if is_published(said):
        said = {**{key: LEHMANN_EBNER[key] for key in own}, **said}
        if name not in ALIASES:  # it names the pick itself
            said["pick"] = given.get("pick", plain.pick)
    said.pop(PUBLISHED, None)
    return replace(plain, **said)


def is_published(options: Mapping[str, Any]) -> bool:
    """Tell whether the options of a rebalancing ask for the published configuration.

    Raises SettingError where the switch is none.
    """
    found = options.get(PUBLISHED, False)
    if not isinstance(found, bool):
        raise SettingError(f"{PUBLISHED} must be true or false; got {shown(found)}")
    return found


def _synthesis(name: str, plain: SynthesisOptions, given: Mapping[str, Any]) -> SynthesisOptions:
    method = OVERSAMPLERS[plain.method]
    sought = ("exact",) if method.neighbours is not None else ()
    where = ("neighbours_in",) if method.neighbours is not None else ()
    _check_options(name, given, ("to", *CLASSES, *method.options, *sought, *where, "space"))
    return replace(plain, **given)


def _check_options(name: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for option in given:
        if option not in known:
            raise SettingError(f"{name} has no option {shown(option)}, only {', '.join(known)}")


def label_of(method: str, options: Mapping[str, Any]) -> str:
    """Return what a rebalancing is called where it was given no name."""
    given = (_told(key, value) for key, value in options.items())
    name = ALIASES.get(method, method)
    if method == LEHMANN_EBNER["method"] and options.get(PUBLISHED) is True:
        name = f"{method}-{LEHMANN_EBNER['pick']}"
    return " ".join([name, *given])


def _told(option: str, value: Any) -> str:
    """Return an option as the name of a treatment has it."""
    if isinstance(value, Mapping):
        value = ",".join(f"{key}:{each}" for key, each in value.items())
    elif isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return option if value is True else f"{option}={value}"
