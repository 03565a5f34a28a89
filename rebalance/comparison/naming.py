"""Extractors by one name each, where several stand side by side: ``PATH:ARCH`` and the like.

Imports no torch; never click.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from rebalance.errors import ExtractorError
from rebalance.models.pretrained import MODEL, is_path
from rebalance.records import RunOptionsRecord, RunRecord
from rebalance.records.shape import misfit
from rebalance.runs.files import read_record
from rebalance.runs.folder import OPTIONS
from rebalance.settings import ExtractorOptions
from rebalance.settings.recipes import PROBE

PUBLISHED = "imagenet"
FEATURES = "features"  # before a file that may be a checkpoint too
EITHER = (".safetensors", ".pt", ".pth")  # endings of files of features, and of checkpoints


def named(name: str, view: ExtractorOptions) -> ExtractorOptions:
    """Read what ``--extractor`` takes, and after a colon what else is to be said of it.

    ``imagenet:ARCH`` and ``PATH:ARCH`` are ``--extractor`` with ``--arch``; a library's network,
    such as ``timm:NAME``, has its own prefix. A file of features is told by its ending, or by
    ``features:`` before it, and may have a file of ``--names`` after a colon. A path may hold
    colons: it ends at the first one before which there is a file or a folder. view: how networks
    look at images, which is the same for all. Raises ExtractorError for what learns from the very
    images that extractors are compared on.

    >>> from rebalance.comparison.naming import named
    >>> found = named("imagenet:mobilenet_v2", ExtractorOptions())
    >>> found.extractor, found.arch
    ('imagenet', 'mobilenet_v2')
    >>> named("clip.npy:files.txt", ExtractorOptions()).names
    'files.txt'
    """
    source, _, arch = name.partition(":")
    if source == "finetune":
        raise ExtractorError(
            "extractors are compared on images that they have not learned from, and finetune "
            "learns from DATA: name a run that was trained on other images"
        )
    if source == PUBLISHED:
        return replace(view, extractor=PUBLISHED, arch=arch or None)
    if not is_path(name):
        return replace(view, extractor=name)
    path, more = _divided(name.removeprefix(f"{FEATURES}:"))
    if source == FEATURES or _holds_features(path):
        return ExtractorOptions(features=path, names=more or None)
    return replace(view, extractor=path, arch=more or None)


def _holds_features(path: str) -> bool:
    """Tell whether a file can be nothing but features, by its ending."""
    from rebalance.features.files.formats import FORMATS

    ending = PurePath(path).suffix.lower()
    return ending in FORMATS and ending not in EITHER


def _divided(name: str) -> tuple[str, str]:
    """Divide a name into a path that is there, the longest if it can be, and what comes after."""
    for path, more in _readings(name):
        if Path(path).exists():
            return path, more
    path, _, more = name.rpartition(":")
    # Behind the last colon of no path at all may be an architecture, and never a path's end.
    return (path, more) if path and "/" not in more and "\\" not in more else (name, "")


def _readings(name: str) -> Iterator[tuple[str, str]]:
    """Yield every way to read a name as a path and more: first as a path alone."""
    yield name, ""
    for place, sign in enumerate(name):
        if sign == ":":
            yield name[:place], name[place + 1 :]


def asked_by(options: ExtractorOptions) -> list[str]:
    """Return the options by which another command takes an extractor.

    >>> from rebalance.comparison.naming import asked_by
    >>> asked_by(named("imagenet:resnet18", ExtractorOptions()))
    ['--extractor', 'imagenet', '--arch', 'resnet18']
    """
    own = ("features", "names") if options.features is not None else ("extractor", "arch")
    told = ((f"--{name}", getattr(options, name)) for name in own)
    return [part for name, value in told if value is not None for part in (name, str(value))]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return extractors by their names, each as a sentence has it: paths without their folders.

    Where two would be called alike, each keeps its name.

    >>> from rebalance.comparison.naming import short_names
    >>> list(short_names(["runs/a", "weights/b.pth:resnet18", "timm:resnet18"]).values())
    ['a', 'b.pth:resnet18', 'timm:resnet18']
    """
    short = {name: _without_folders(name) for name in names}
    often = Counter(short.values())
    return {name: told if often[told] == 1 else name for name, told in short.items()}


def learned_from(name: str) -> Path | None:
    """Return the folder or manifest that a run trained its network on.

    None for what is no run, and for a run that left its network as it was.
    """
    path = Path(name)
    record = read_record((path if path.name != MODEL else path.parent) / OPTIONS)
    if record is None or misfit(record, RunRecord) is not None:
        return None
    told: RunOptionsRecord = record["options"]
    taught = told["recipe"]["name"] != PROBE
    return Path(told["source"]["data"]).resolve() if taught else None


def _without_folders(name: str) -> str:
    if not is_path(name) or name.partition(":")[0] == PUBLISHED:
        return name
    path, more = _divided(name.removeprefix(f"{FEATURES}:"))
    end = PurePath(path).name or path
    return f"{end}:{more}" if more and not _holds_features(path) else end
