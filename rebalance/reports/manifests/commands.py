"""The command that makes a manifest again, from its record."""

import csv
import io
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rebalance.settings import (
    ExtractorOptions,
    Growth,
    RunOptions,
    SelectionOptions,
    SynthesisOptions,
    Targets,
)

DEFAULTS: dict[str, tuple[Any, ...]] = {
    "undersample": (Targets, SelectionOptions),
    "oversample": (Growth, SynthesisOptions),
}


def command_line(record: Mapping[str, Any], output: str = "M.csv") -> str | None:
    """The shell command whose manifest, written to ``output``, is the one with this record.

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
    """Whether the command of this record holds a path that is relative to where it was run."""
    paths = []
    if record.get("command") == "hybrid":
        return needs_same_folder({**record["source"], "command": "undersample"})
    if record.get("source"):
        paths.append(record["source"]["manifest"])
    extractor = record.get("extractor") or {}
    if extractor.get("kind") == "checkpoint":
        paths.append(extractor.get("name", ""))
    if extractor.get("init") not in (None, "scratch", "imagenet"):
        paths.append(extractor["init"])
    return any(not Path(str(path)).is_absolute() for path in paths)


def _words(record: Mapping[str, Any], output: str) -> list[str] | None:
    command = record["command"]
    if command == "hybrid":
        cut = record["source"]
        options = list(_hybrid(record, cut))
        extractor = record["extractor"] or cut["extractor"]
    elif command in DEFAULTS:
        cut = record
        options = list(_options(record["options"], DEFAULTS[command]))
        extractor = record["extractor"]
    else:
        return None
    words = ["rebalance", command, *_data(cut), "-o", output, *options]
    words += _extractor(extractor) if extractor else []
    if record["seed"] != RunOptions.seed:
        words += ["--seed", str(record["seed"])]
    if 0 in record["counts"]["before"].values():
        words.append("--allow-empty")
    return words


def _data(record: Mapping[str, Any]) -> list[str]:
    """DATA, and for a manifest whose images were elsewhere than it says, ``--root``."""
    source, root = record["source"], record["root"]
    if not source:
        return [root]
    said = source.get("root") or str(Path(source["manifest"]).parent.absolute())
    return [source["manifest"], *([] if root == said else ["--root", root])]


def _options(given: Mapping[str, Any], groups: tuple[Any, ...]) -> Iterator[str]:
    defaults = {field.name: field.default for group in groups for field in fields(group)}
    for name, value in given.items():
        if name == "per_class":
            for label, size in value.items():
                yield from ("--class", f"{label}={size}")
        elif name == "classes":
            for label in value:
                yield from ("--classes", _quoted(label))
        elif value != defaults[name]:
            yield "--" + name.replace("_", "-")
            if value is not True:
                yield str(value)


def _hybrid(record: Mapping[str, Any], cut: Mapping[str, Any]) -> Iterator[str]:
    """Its options lie in two records, under the names they have there."""
    grown, under = record["options"], cut["options"]
    yield from ("--to", grown["to"])
    if under["method"] != SelectionOptions.method:
        yield from ("--under", under["method"])
    if under["pick"] != SelectionOptions.pick:
        yield from ("--pick", under["pick"])
    if grown["method"] != SynthesisOptions.method:
        yield from ("--over", grown["method"])
    rest = {key: grown[key] for key in ("neighbours", "layer", "space", "exact")}
    yield from _options(rest, (SynthesisOptions,))


def _extractor(about: Mapping[str, Any]) -> Iterator[str]:
    for name in ("name", "arch", "init", "image_size", "precision", "device"):
        value = about.get(name)
        option = "extractor" if name == "name" else name
        default = getattr(RunOptions if name == "device" else ExtractorOptions, option)
        if value not in (None, default):
            yield from ("--" + option.replace("_", "-"), str(value))


def _quoted(name: str) -> str:
    """A class name as ``--classes`` takes it: in double quotes where it needs them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([name])
    return text.getvalue()
