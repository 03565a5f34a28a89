"""The axes of a study's grid, as STUDY.toml writes them: names, or tables with options.

May not import torch or click.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rebalance.errors import RebalanceError, SettingError, choose, shown
from rebalance.losses import LOSSES
from rebalance.losses.arguments import is_searched
from rebalance.scoring.class_values import with_files_in
from rebalance.scoring.classifiers import spelled_classifier
from rebalance.scoring.thresholds import parsed, spellings
from rebalance.settings import LEHMANN_EBNER, ExtractorOptions, StudyOptions
from rebalance.studies.heads import HEADS
from rebalance.studies.outcomes import BY_HEAD, SGD, UNMIXED, Treatment
from rebalance.studies.plan import Choice, Definition, frozen, grid
from rebalance.studies.rebalancing import Rebalancing
from rebalance.studies.rebalancings import PUBLISHED, is_published, label_of, named, with_options
from rebalance.training.first_phase import FirstPhase
from rebalance.training.mixing import spelled_mix
from rebalance.training.regimes import REGIMES

AXES = ("rebalance", "loss", "regime", "threshold", "head", "mix", "classifier")
PHASE = ("by", "limit")  # options of a regime that has a first phase


def combinations(
    where: str, line: Mapping[str, Any], study: StudyOptions, folder: Path
) -> dict[Treatment, Definition]:
    """Every combination of a line's axes; ``where`` it stands is for errors.

    folder: what paths are relative to. Empty for a ``grid`` without
    axes; what another line leaves out stays as it is in doing nothing. Raises SettingError.
    """
    axes = {axis: _entries(where, axis, line) for axis in AXES if axis in line}
    if where == "grid" and not axes:
        return {}
    rebalancings = _by_label(
        f"{where}.rebalance",
        (
            _rebalancing(f"{where}.rebalance", each, study)
            for each in axes.get("rebalance", ["none"])
        ),
    )
    losses = _by_label(
        f"{where}.loss", (_loss(f"{where}.loss", each, folder) for each in axes.get("loss", ["ce"]))
    )
    regimes = _by_label(
        f"{where}.regime",
        (_regime(f"{where}.regime", each) for each in axes.get("regime", ["plain"])),
    )
    thresholds = {
        str(each): _threshold(f"{where}.threshold", each, folder)
        for each in axes.get("threshold", ["none"])
    }
    if "head" in axes and study.depth != "probe":
        raise SettingError(
            f"{where}.head is how the last layer of a probe is fitted, and at depth {study.depth} "
            'networks are trained end to end: leave it out, or give depth = "probe"'
        )
    heads = _by_label(
        f"{where}.head", (_head(f"{where}.head", each) for each in axes.get("head", [SGD]))
    )
    _check_searches(where, thresholds, heads, study)
    mixes = _mixes(where, axes["mix"], study) if "mix" in axes else [UNMIXED]
    classifiers = [BY_HEAD]
    if "classifier" in axes:
        classifiers = _classifiers(f"{where}.classifier", axes["classifier"], study)
    return grid(rebalancings, losses, regimes, thresholds, heads, mixes, classifiers)


def _check_searches(
    where: str, thresholds: Mapping[str, str], heads: Mapping[str, Choice], study: StudyOptions
) -> None:
    """Raise SettingError where costs are to be searched, and nothing is held out to do so on."""
    if not any(parsed(each).searches_costs for each in thresholds.values()):
        return
    needed = f"{where}.threshold: costs are searched on what a head says of folds within a fold"
    if study.depth != "probe":
        raise SettingError(f'{needed}, and networks hold out none: give depth = "probe"')
    for head in heads.values():
        if not HEADS[head.key].holds_out:
            raise SettingError(f"{needed}, and {head.key} holds out none: give head = another")


def _entries(where: str, axis: str, line: Mapping[str, Any]) -> list[Any]:
    value = line[axis]
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise SettingError(f"{where}.{axis} must name at least one; got none: leave it out")
    return entries


def _by_label(where: str, found: Any) -> dict[str, Any]:
    named_so: dict[str, Any] = {}
    for label, value in found:
        if named_so.setdefault(label, value) != value:
            raise SettingError(f"{where}: two are called {shown(label)}: give one of them a name")
    return named_so


def _split(where: str, entry: Any, kind: str) -> tuple[str | None, str, dict[str, Any]]:
    """The name, what it is of the ``kind``, and the options of an entry: text or a table."""
    if isinstance(entry, str):
        return None, entry, {}
    if not isinstance(entry, dict):
        raise SettingError(f"{where}: an entry is a name or a table; got {shown(entry)}")
    options = dict(entry)
    name = options.pop("name", None)
    what = options.pop(kind, name)
    if not isinstance(what, str) or not isinstance(name, str | None) or name == "":
        raise SettingError(f"{where}: an entry needs {kind} = a name; got {shown(entry)}")
    return name, what, options


def _rebalancing(where: str, entry: Any, study: StudyOptions) -> tuple[str, Rebalancing]:
    name, method, options = _split(where, entry, "method")
    if study.depth == "probe" and "space" in options:
        raise SettingError(
            f"{where}: {method} has a space only at depth full: a probe learns from embeddings"
        )
    try:
        found = with_options(method, options) if options or method == "hybrid" else named(method)
    except RebalanceError as error:
        raise SettingError(f"{where}: {error}") from None
    if study.depth == "probe" and found.makes_images:
        raise SettingError(
            f"{where}: {method} makes images, and a probe learns from features of those that there "
            'are: give depth = "full"'
        )
    if study.depth == "full" and found.blends and found.pixel_side is not None:
        raise SettingError(
            f"{where}: {method} blends a network's own embeddings, which tell neighbours too: give "
            'space = "pixel" as well, or leave out neighbours_in'
        )
    if is_published(options):
        _check_eyes(where, study.extractor)
    return name or label_of(method, options), found


def _check_eyes(where: str, extractor: ExtractorOptions) -> None:
    """Raise SettingError unless subclasses are found by a network as the published one is.

    Other weights to start from, and images cropped, are a choice of whoever says so.
    """
    eyes, start = LEHMANN_EBNER["extractor"], LEHMANN_EBNER["init"]
    if extractor.extractor != eyes or extractor.init == ExtractorOptions.init:
        raise SettingError(
            f"{where}: {PUBLISHED} sees by a network fine-tuned on the images: under [extractor] "
            f'give extractor = "{eyes}" and init = "{start}", or the path of downloaded weights'
        )


def _loss(where: str, entry: Any, folder: Path) -> tuple[str, Choice]:
    name, key, options = _split(where, entry, "loss")
    if key not in LOSSES:
        raise SettingError(f"{where}: no {shown(key)}, {choose(key, LOSSES)}")
    if any(is_searched(*option) for option in options.items()):
        raise SettingError(
            f"{where}: costs of a loss are searched by train alone: give threshold = "
            '"cost:search", or costs in a file'
        )
    options = with_files_in(options, folder)
    told = " ".join([key, *(f"{option}={value}" for option, value in options.items())])
    return name or told, Choice(key, frozen(options))


def _regime(where: str, entry: Any) -> tuple[str, Choice]:
    name, key, options = _split(where, entry, "regime")
    if key not in REGIMES:
        raise SettingError(f"{where}: no {shown(key)}, {choose(key, REGIMES)}")
    known = PHASE if REGIMES[key].has_first_phase else ()
    for option in options:
        if option not in known:
            has = f"has {', '.join(known)}" if known else "has no options"
            raise SettingError(f"{where}: no option {shown(option)} of {key}, which {has}")
    given = {option: str(value) for option, value in options.items()}
    try:
        FirstPhase(**given)
    except RebalanceError as error:
        raise SettingError(f"{where}: {error}") from None
    told = " ".join([key, *(f"{option}={value}" for option, value in given.items())])
    return name or told, Choice(key, tuple(given.items()))


def _head(where: str, entry: Any) -> tuple[str, Choice]:
    name, key, options = _split(where, entry, "head")
    if key not in HEADS:
        raise SettingError(f"{where}: no {shown(key)}, {choose(key, HEADS)}")
    kind = HEADS[key]
    for option in options:
        if option not in kind.options:
            has = f"has {', '.join(kind.options)}" if kind.options else "has no options"
            raise SettingError(f"{where}: no option {shown(option)} of {key}, which {has}")
    told = " ".join([key, *(f"{option}={value}" for option, value in options.items())])
    try:
        return name or told, Choice(key, kind.chosen(options))
    except RebalanceError as error:
        raise SettingError(f"{where}: {error}") from None


def _mixes(where: str, entries: Sequence[Any], study: StudyOptions) -> list[str]:
    if study.depth != "full":
        raise SettingError(
            f"{where}.mix is how images of a step are mixed, and a probe learns from features of "
            'single ones: leave it out, or give depth = "full"'
        )
    if study.training.mix is not None:
        raise SettingError(
            f"{where}.mix is of each treatment, and training.mix of all: leave out one of them"
        )
    try:
        return [spelled_mix(str(each)) for each in entries]
    except RebalanceError as error:
        raise SettingError(f"{where}.mix: {error}") from None


def _classifiers(where: str, entries: Sequence[Any], study: StudyOptions) -> list[str]:
    if study.depth != "full":
        raise SettingError(
            f"{where} is what decides in the place of a network's head, and a probe is a head: "
            'name heads, such as nearest-mean, or give depth = "full"'
        )
    try:
        return [spelled_classifier(str(each)) for each in entries]
    except RebalanceError as error:
        raise SettingError(f"{where}: {error}") from None


def _threshold(where: str, entry: Any, folder: Path) -> str:
    try:
        asked = parsed(str(entry))
    except SettingError:
        raise SettingError(f"{where} is {spellings()}; got {shown(entry)}") from None
    if asked.chosen and not asked.searches_costs:
        raise SettingError(
            f"{where}: {asked} chooses a power on validation images, and those of a fold are what "
            "is scored: name powers, such as prior:0.5 and prior:1.5"
        )
    return str(asked._replace(file=str(folder / asked.file)) if asked.file else asked)
