"""What a study can do to training images, by name and with options.

May not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rebalance import oversampling, undersampling
from rebalance.errors import SettingError, choose, meant, shown
from rebalance.oversampling import OVERSAMPLERS
from rebalance.settings import (
    LEHMANN_EBNER,
    Growth,
    SelectionOptions,
    SynthesisOptions,
    Targets,
)
from rebalance.settings.option import converted, declared
from rebalance.settings.sizes import size_to_keep
from rebalance.studies.rebalancing import CLASSES, EQUAL, NONE, Rebalancing
from rebalance.undersampling import PICKERS, UNDERSAMPLERS

CUT_TO, RAISED_TO = "min", "max"
RANDOM_UNDER, RANDOM_OVER = "random-under", "random-over"
PUBLISHED = "as_published"


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
    raises |= {
        name: name
        for name, method in OVERSAMPLERS.items()
        if name != oversampling.BY_CHANCE and not method.given
    }
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
    """Images that are repeated are trained on as they are; others are made where they are meant."""
    found = OVERSAMPLERS[method]
    return "pixel" if found.repeats else found.spaces[0]


def _cut(selection: SelectionOptions) -> Rebalancing:
    return Rebalancing(cut=selection, to=CUT_TO)


def _picking(method: str, pick: str) -> SelectionOptions:
    """Every pick has the shares by default but the paper's, whose are equal, as ever in studies."""
    plain = SelectionOptions(method, pick)
    return plain if pick == SelectionOptions.pick else replace(plain, quotas=EQUAL)


def _raised(method: str) -> Rebalancing:
    return Rebalancing(raised=SynthesisOptions(method, space=own_space(method)), to=RAISED_TO)


def named(name: str) -> Rebalancing:
    """Return what ``name`` stands for. Raises SettingError for one that is not known."""
    known = names()
    if name in OVERSAMPLERS and OVERSAMPLERS[name].given:
        raise SettingError(
            f"{name} adds images that were held against all that is trained on, and a study trains "
            "on another part in every fold: oversample by it, and train on that manifest"
        )
    if name not in known and name not in ALIASES:
        raise SettingError(f"no rebalancing {shown(name)}: {choose(name, (*known, 'hybrid'))}")
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
    found = replace(plain, **given)
    method.check_space(found.space)
    return found


def _check_options(name: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for option in given:
        if option not in known:
            raise SettingError(
                f"{name} has no option {shown(option)}, only {', '.join(known)}"
                f"{meant(option, known)}"
            )


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
