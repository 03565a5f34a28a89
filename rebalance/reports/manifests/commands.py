"""The command that makes a manifest again, found from its record."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rebalance.models.libraries import library_of
from rebalance.models.pretrained import is_path
from rebalance.oversampling import OVERSAMPLERS
from rebalance.settings import CROP, OWN, RESIZE, SelectionOptions, SynthesisOptions, calls
from rebalance.settings.rebalancing import BEFORE
from rebalance.settings.spelling import flags
from rebalance.undersampling import UNDERSAMPLERS

EQUAL = "equal"  # the shares of subclasses in records that do not tell them
CALLS = {
    "undersample": calls.UNDERSAMPLE_COMMAND,
    "oversample": calls.OVERSAMPLE,
    "hybrid": calls.HYBRID,
}


def command_of(record: Mapping[str, Any], output: str = "M.csv") -> str | None:
    """Return the shell command whose manifest, written to ``output``, has this record.

    Options that are at their defaults are left out; the network's precision and device are said
    as they came to be chosen. Paths stand as they were given, so that relative ones hold in the
    folder that the command was run in. Not recorded, and left out: the batch size, the cache and
    the number of workers. None where the manifest was not made by a command on a folder.
    """
    try:
        words = _words(record, output)
    except (KeyError, TypeError, AttributeError):  # a record that somebody else wrote
        return None
    return None if words is None else shlex.join(words)


def needs_same_folder(record: Mapping[str, Any]) -> bool:
    """Tell whether the command of this record holds a path relative to where it was run."""
    options = record.get("options") or {}
    paths = [*filter(None, [options.get("generated_from")]), *(options.get("test") or ())]
    if record.get("command") == "hybrid":
        cut = needs_same_folder({**record["source"], "command": "undersample"})
        return cut or any(not Path(str(path)).is_absolute() for path in paths)
    if record.get("source"):
        paths.append(record["source"]["manifest"])
    extractor = record.get("extractor") or {}
    if extractor.get("kind") in ("checkpoint", "file"):
        paths += [extractor.get("name", ""), *filter(None, [extractor.get("names")])]
    if extractor.get("file") is not None:
        paths.append(extractor["file"])
    init = extractor.get("init")
    if init is not None and is_path(init):
        paths.append(init)
    return any(not Path(str(path)).is_absolute() for path in paths)


def _words(record: Mapping[str, Any], output: str) -> list[str] | None:
    command = record["command"]
    if command not in CALLS:
        return None
    cut, options, extractor = record, _with_reach(record["options"]), record["extractor"]
    if command == "undersample":
        options = _selection(options)
    elif command == "hybrid":
        cut = record["source"]
        options = _hybrid(options, _selection(cut["options"]))
        extractor = extractor or cut["extractor"]
    given = {
        **options,
        **dict(_extractor(extractor or {})),
        "seed": record["seed"],
        "allow_empty": 0 in record["counts"]["before"].values(),
    }
    if _has_usual_layer(given, extractor):
        del given["layer"]
    if "space" in given and given["space"] == _own_space(given):
        del given["space"]
    words = ["rebalance", command, *_data(cut), "-o", output]
    return [*words, *flags(CALLS[command], given)]


def _with_reach(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options in which EOS says how far it went; one that does not went as far as it did once."""
    return {"reach": BEFORE["reach"], **options} if options.get("method") == "eos" else options


def _selection(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a cut as they are said now, whose defaults were others once.

    Where nobody could choose the shares of subclasses they were equal; a pick is recorded of
    methods that have none, too.
    """
    options = {"quotas": EQUAL, **options}
    method = UNDERSAMPLERS.get(options.get("method", SelectionOptions.method))
    foreign = {"pick", "quotas"}.difference(() if method is None else method.options)
    return {name: None if name in foreign else value for name, value in options.items()}


def _has_usual_layer(given: Mapping[str, Any], about: Mapping[str, Any] | None) -> bool:
    """Tell whether the layer is one that need not be said.

    Of a checkpoint that depends on whose it is, but where a method lets nobody choose.
    """
    chosen = given.get("method", SelectionOptions.method)
    if about is None or ("pick" in given and chosen != SelectionOptions.method):
        return "layer" in given
    return about.get("kind") != "checkpoint" and given.get("layer") == SelectionOptions.layer


def _own_space(given: Mapping[str, Any]) -> str:
    method = OVERSAMPLERS.get(given.get("over", given.get("method", "")))
    return SynthesisOptions.space if method is None else method.spaces[0]


def _data(record: Mapping[str, Any]) -> list[str]:
    """Return DATA, and ``--root`` for a manifest whose images are elsewhere than it says."""
    source, root = record["source"], record["root"]
    if not source:
        return [root]
    said = source.get("root") or str(Path(source["manifest"]).parent.absolute())
    return [source["manifest"], *([] if root == said else ["--root", root])]


def _hybrid(grown: Mapping[str, Any], cut: Mapping[str, Any]) -> dict[str, Any]:
    """Its options lie in two records, under the names they have there."""
    taken = calls.HYBRID.parts
    halves = {"selection": cut, "synthesis": grown}
    return {"to": grown["to"]} | {
        each.name: options[field]
        for half, options in halves.items()
        for field, each in taken[half].keywords().items()
        if field in options
    }


def _extractor(about: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if about.get("kind") == "file":
        yield from (("features", about["name"]), ("names", about.get("names")))
        yield "device", about.get("device")
        return
    for name in ("init", "image_size", "flips", "precision", "device"):
        yield name, about.get(name)
    yield "extractor", about.get("name")
    yield "weights", about.get("file")
    # A network of a library says its architecture itself.
    yield "arch", None if library_of(str(about.get("name"))) else about.get("arch")
    if about:
        resize = None if about.get("resize") == OWN else about.get("resize", CROP)
        # What is at its default is left out; a checkpoint may be a run, which has its own.
        told = resize != RESIZE or about.get("kind") == "checkpoint"
        yield "resize", resize if told else None
