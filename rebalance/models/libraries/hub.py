"""Repositories of the Hugging Face hub: in its cache on this machine, or as a folder.

The cache is read as files: what commit a name stands for is known without the libraries that use
it. Only ``fetched`` asks the hub. Imports no torch.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rebalance.errors import ExtractorError, shown
from rebalance.models.fingerprints import file_digest
from rebalance.reading import read_object

_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_REVISIONS = re.compile(r"\w[\w-]*([./][\w-]+)*")  # no way out of the cache
_REVISION = "main"
# What a repository's features depend on, beside its weights; the rest is for people and tokenizers.
_ENDINGS = (".safetensors", ".bin", ".pt", ".pth")  # of files of weights of whatever library
_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json")


@dataclass(frozen=True)
class Repository:
    """A repository whose files are in a folder.

    name: on the hub; None for a folder that is no snapshot of the hub's cache. identity: the commit
    of a snapshot, or a digest of the folder's files.
    """

    folder: Path
    name: str | None
    identity: str

    def read(self, file: str) -> dict[str, Any] | None:
        """Read one of its JSON files; None where it is not there.

        Raises ExtractorError for one that holds no JSON object.
        """
        path = self.folder / file
        try:
            return read_object(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ExtractorError(f"{str(path)!r} cannot be read ({error}): copy it again") from None

    def __contains__(self, file: str) -> bool:
        return (self.folder / file).is_file()

    @property
    def told(self) -> str:
        """Return what it is called in messages: its name or its folder, in quotes."""
        return repr(self.name or str(self.folder))

    def damaged(self, error: Exception) -> ExtractorError:
        """Return the error for files that a library cannot make a model of."""
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return ExtractorError(
            f"no model can be made of {self.told} ({reason}): copy it again, or name another model"
        )

    def has_weights(self) -> bool:
        """Tell whether there is any file of weights."""
        return any(True for pattern in _WEIGHTS for _ in self.folder.glob(pattern))


def locate(named: str, describing: Sequence[str], instead: str) -> Repository:
    """Find a folder, or else the repository of that name on the hub.

    The rest is as for ``in_folder`` and ``on_hub``.
    """
    if Path(named).expanduser().is_dir():
        return in_folder(named, describing)
    return on_hub(named, describing, instead)


def in_folder(named: str, describing: Sequence[str]) -> Repository:
    """Find a folder; ExtractorError where it has none of the files ``describing`` it."""
    folder = Path(named).expanduser()
    if not any((folder / each).is_file() for each in describing):
        raise ExtractorError(
            f"the folder {named!r} has no {describing[0]}: give one that a model was saved to"
        )
    return Repository(folder, None, _digest(folder, describing))


def on_hub(named: str, describing: Sequence[str], instead: str) -> Repository:
    """Find the repository ``named`` NAME or NAME@REVISION on the hub.

    describing: the files that it is described by; any of them tells that it is one. One that is not
    in the cache is fetched as far as these go, its weights when they are needed. instead: what to
    do where nothing can be fetched. Raises ExtractorError for no name, and for what cannot be had.
    """
    name, at, revision = named.partition("@")
    revision = revision if at else _REVISION
    if not _NAME.fullmatch(name) or not _REVISIONS.fullmatch(revision):
        raise ExtractorError(
            f"{shown(named)} is no folder, and no name on the hub: give a folder or OWNER/NAME"
        )
    return cached(name, revision, describing) or fetched(name, revision, describing, instead)


def cached(name: str, revision: str, describing: Sequence[str]) -> Repository | None:
    """Find a repository in the cache; None where none of the files ``describing`` it is there."""
    place = cache() / f"models--{name.replace('/', '--')}"
    try:
        commit = (place / "refs" / revision).read_text().strip()
    except (OSError, ValueError):
        commit = revision
    folder = place / "snapshots" / commit
    if not any((folder / each).is_file() for each in describing):
        return None
    return Repository(folder, name, commit)


def fetched(name: str, revision: str, describing: Sequence[str], instead: str) -> Repository:
    """Fetch the files ``describing`` a repository into the cache, and find it there.

    Raises ExtractorError where that is not possible.
    """
    for file in describing:
        _download(name, file, revision, instead)
    found = cached(name, revision, describing)
    if found is None:
        raise ExtractorError(
            f"the repository {name!r} has no {describing[0]}, so it holds no model of this "
            "library: name another one"
        )
    return found


def fetched_file(repository: Repository, files: Sequence[str], instead: str) -> Path:
    """Fetch the first of ``files`` that a repository has; ExtractorError where none can be had."""
    name = str(repository.name)
    for file in files:
        path = _download(name, file, repository.identity, instead)
        if path is not None:
            return path
    raise ExtractorError(f"the repository {name!r} has no {files[0]}: name another model")


def _download(name: str, file: str, revision: str, instead: str) -> Path | None:
    """Fetch a file of a repository into the cache; None where the repository has none such.

    Raises ExtractorError where the hub cannot be asked.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, file, revision=revision, cache_dir=cache()))
    except LocalEntryNotFoundError as error:  # the net is not there; also an EntryNotFoundError
        raise unreachable(name, error, instead) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # the net, its permissions and its files may fail in any way
        raise unreachable(name, error, instead) from error


def unreachable(name: str, error: Exception, instead: str) -> ExtractorError:
    """Return the error for a repository that cannot be had from the hub."""
    kind = type(error).__name__
    if kind == "GatedRepoError":
        return ExtractorError(
            f"{name!r} is gated: accept its terms on huggingface.co and log in (hf auth login), "
            f"give a folder with its files, or {instead}"
        )
    if kind in ("RepositoryNotFoundError", "RevisionNotFoundError"):
        return ExtractorError(
            f"the hub has no repository {name!r} of that revision, or none that you may see: check "
            f"its name, log in (hf auth login), or {instead}"
        )
    return ExtractorError(
        f"{name!r} is not in the cache ({str(cache())!r}), and cannot be fetched ({kind}): bring "
        "that cache from a machine that has it (HF_HUB_CACHE), give a folder with its files, or "
        f"{instead}"
    )


def repositories(describing: Sequence[str]) -> Iterator[Repository]:
    """Yield every repository in the cache that has weights and a file ``describing`` it."""
    for name in _places():
        found = cached(name, _REVISION, describing)
        if found is not None and found.has_weights():
            yield found


def kept() -> dict[str, set[str]]:
    """Return the repositories in the cache that have weights, each with its files' names.

    They are of any library, and of any revision.
    """
    found: dict[str, set[str]] = {}
    for name, place in _places().items():
        files = {path.name for path in place.glob("snapshots/*/*")}
        if any(file.endswith(_ENDINGS) for file in files):
            found[name] = files
    return found


def _places() -> dict[str, Path]:
    """Return the folder in the cache of every repository of models, by its name."""
    return {
        place.name.removeprefix("models--").replace("--", "/", 1): place
        for place in sorted(cache().glob("models--*"))
    }


def cache() -> Path:
    """Return the folder of the hub's cache, as the libraries find it: by the environment."""
    place = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if place:
        return Path(place).expanduser()
    above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or f"{above}/huggingface").expanduser() / "hub"


def _digest(folder: Path, describing: Sequence[str]) -> str:
    """Compute a digest of the files of a folder that its features depend on."""
    patterns = (*describing, *_WEIGHTS)
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    hasher = blake2b(digest_size=16)
    for path in paths:
        try:
            hasher.update(f"{path.name} {file_digest(path)}\n".encode())
        except OSError as error:
            raise ExtractorError(
                f"{str(path)!r} cannot be read ({error.strerror}): check the file"
            ) from None
    return hasher.hexdigest()
