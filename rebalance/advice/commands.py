"""The command lines that follow a recommendation, and the script that has them.

May not import numpy, torch or click.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebalance.advice.candidates import Candidate
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions, calls
from rebalance.settings.spelling import flags

MANIFEST, RUN, BODY = "balanced.csv", "run", "network"
# In place of test images that nobody named, their file of features and that of its names.
TEST, FEATURES, NAMES = ASKED = ('"$TEST"', '"$TEST_FEATURES"', '"$TEST_NAMES"')
Files = tuple[Path | str | None, Path | str | None]  # of features, and of the names of its rows


@dataclass(frozen=True)
class AdviceRequest:
    """A request for advice: everything that its command lines repeat.

    output: the folder of the advice, where what the commands write goes too. budget: as
    ``read_budget`` takes it.
    """

    data: Path | str
    output: Path
    test: Path | str | None
    groups: Path | None
    group_column: str | None
    budget: str
    folds: int
    extractor: ExtractorOptions
    source: FolderOptions
    run: RunOptions
    test_features: Path | None = None
    test_names: Path | None = None

    def reading(self) -> dict[str, Any]:
        """Return the options of how folders are read."""
        return {name: each for name, each in vars(self.source).items() if name != "allow_empty"}

    def running(self, *but: str) -> dict[str, Any]:
        """Return the options of how a command runs, without some."""
        return {name: each for name, each in vars(self.run).items() if name not in but}


def commands(candidate: Candidate, asked: AdviceRequest) -> list[str]:
    """List the command lines that do what a candidate does, from the images to a scored run."""
    place = asked.output / RUN
    if not candidate.definition.rebalance.changes:
        return [_train(candidate, asked, asked.data, place)]
    manifest = asked.output / MANIFEST
    return [_line(_manifest_words(candidate, asked)), _train(candidate, asked, manifest, place)]


def without_training(candidate: Candidate, asked: AdviceRequest) -> list[str]:
    """List the command lines for whoever has a run already, or has one made first."""
    existing = _existing_run(asked)
    network = asked.output / BODY if existing is None else existing
    threshold = candidate.definition.threshold
    own = flags(calls.EVALUATE, {"threshold": threshold, "device": asked.run.device})
    score = _line(
        ["rebalance", "evaluate", str(network), _test(asked), *_files_to_score(asked), *own]
    )
    return [score] if existing is not None else [_train(None, asked, asked.data, network), score]


def _existing_run(asked: AdviceRequest) -> Path | None:
    """Return the run whose network looked at the images, if one did."""
    if asked.extractor.features is not None:
        return None
    path = Path(asked.extractor.extractor)
    return path if (path / "options.json").is_file() else None


def _manifest_words(candidate: Candidate, asked: AdviceRequest) -> list[str]:
    rebalancing = candidate.definition.rebalance
    # Images that a file of features lacks are left out, whatever looks at features.
    looks = rebalancing.looks_at_features or asked.extractor.features is not None
    seen = vars(asked.extractor) if looks else {}
    shared = {**seen, **vars(asked.source), **vars(asked.run)}
    if rebalancing.cut is not None:
        call, name = calls.UNDERSAMPLE, "undersample"
        given = {**vars(rebalancing.targets), **vars(rebalancing.cut), **shared}
    else:
        assert rebalancing.raised is not None
        call, name = calls.OVERSAMPLE, "oversample"
        given = {**vars(rebalancing.growth), **vars(rebalancing.raised), **shared}
    known = call.keywords()
    kept = {key: value for key, value in given.items() if key in known}
    output = str(asked.output / MANIFEST)
    words = ["rebalance", name, str(asked.data), "-o", output, *flags(call, kept)]
    return [*words, "--overwrite"]


def _train(candidate: Candidate | None, asked: AdviceRequest, data: Path | str, run: Path) -> str:
    """Write the line that fits a head on the features there are; None is doing nothing."""
    given: dict[str, Any] = {"recipe": "probe", **_network(asked.extractor), "whiten": 0.0}
    if candidate is not None:
        own = dict(candidate.definition.head.options)
        given |= {name: own[name] for name in ("whiten",) if name in own}
        loss = candidate.definition.loss
        given |= {"loss": loss.key, "loss_options": loss.options}
        given["threshold"] = candidate.definition.threshold
    given |= {"groups": asked.groups, "group_column": asked.group_column}
    # What is read of a manifest of ours says itself where its images are.
    own = asked.reading() if data == asked.data else {}
    given |= {**own, **asked.running("cache_dir")}
    words = ["rebalance", "train", str(data), *_scored(asked, run), *flags(calls.TRAIN, given)]
    if asked.extractor.features is not None:
        words += _named("--test-features", "--test-names", _of_test(asked))
    return _line(words)


def _network(extractor: ExtractorOptions) -> dict[str, Any]:
    if extractor.features is not None:
        return {"features": extractor.features, "names": extractor.names}
    return {
        **_weights(extractor),
        "image_size": extractor.image_size,
        "resize": extractor.resize,
        "precision": extractor.precision,
    }


def _weights(extractor: ExtractorOptions) -> dict[str, Any]:
    """Name the network as train does, which knows a file of weights by the network's name."""
    if extractor.weights is None:
        return {"weights": extractor.extractor, "arch": extractor.arch}
    return {"weights": str(extractor.weights), "arch": extractor.extractor}


def _scored(asked: AdviceRequest, run: Path) -> list[str]:
    return ["--test", _test(asked), "-o", str(run), "--overwrite"]


def _test(asked: AdviceRequest) -> str:
    return TEST if asked.test is None else str(asked.test)


def _of_test(asked: AdviceRequest) -> Files:
    """Return the file of features of the test images and that of its names, if it is another."""
    if asked.test is None:
        return FEATURES, None if asked.extractor.names is None else NAMES
    return asked.test_features, asked.test_names


def _files_to_score(asked: AdviceRequest) -> list[str]:
    """Return the words that name the features of the test images for ``evaluate``, if any do."""
    own = asked.extractor.features, asked.extractor.names
    if own[0] is None:
        return []
    given = _of_test(asked)
    return _named("--features", "--names", own if given[0] is None else given)


def _named(first: str, second: str, files: Files) -> list[str]:
    told = zip((first, second), files, strict=True)
    return [word for flag, file in told if file is not None for word in (flag, str(file))]


def _line(words: Sequence[str]) -> str:
    """Join words as a shell reads them apart again."""
    return " ".join(
        word if any(word is each for each in ASKED) else shlex.quote(word) for word in words
    )


def script(do: Sequence[str], second: Sequence[str], asked: AdviceRequest, here: Path) -> str:
    """Write ``do.sh``: what to do, and as a comment what needs no training.

    here: the folder that the paths of the command lines are relative to.
    """
    lines = ["#!/bin/sh", "# What rebalance advise recommends for these images.", "set -e"]
    if asked.test is None:
        lines += _asking(asked.extractor, here)
    lines += [f"cd -- {shlex.quote(str(here))}", *do]
    if second:
        lines += ["", "# Without another training:", *(f"# {_commented(each)}" for each in second)]
    return "\n".join(lines) + "\n"


def _asking(extractor: ExtractorOptions, here: Path) -> Iterator[str]:
    """Yield the lines that take what the script is given, from where it is called.

    The features of the test images are in the file of the others where none of theirs is named.
    """
    files = zip(("TEST_FEATURES", "TEST_NAMES"), (extractor.features, extractor.names), strict=True)
    usual = {name: str(here / file) for name, file in files if file is not None}
    how = " ".join(["sh do.sh TEST", *(f"[{name}]" for name in usual)])
    yield f'TEST=${{1:?"give the folder of test images: {how}"}}'
    for place, (name, file) in enumerate(usual.items(), start=2):
        yield f"{name}=${{{place}:-{shlex.quote(file)}}}"
    for name in ("TEST", *usual):
        yield f"case ${name} in /*) ;; *) {name}=$PWD/${name} ;; esac"


def _commented(line: str) -> str:
    return line.replace("\n", "\n# ")
