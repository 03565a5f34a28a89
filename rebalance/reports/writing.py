"""A page and its figures are written together or not at all. May not import torch or click."""

from collections.abc import Mapping
from pathlib import Path

from rebalance.atomic import make_folder, replacing
from rebalance.errors import OutputError
from rebalance.manifest import check_writable
from rebalance.reports.page import Report


def check_figures(folder: Path, *, overwrite: bool) -> Path:
    """Return ``folder`` as a place for figures, not made yet: absent, empty, or to be added to.

    Raises OutputError for one that cannot be.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{str(folder)!r} is a file; a folder was needed: choose another name")
    if not folder.exists() and not folder.parent.is_dir():
        raise OutputError(f"no folder {str(folder.parent)!r} to make {folder.name!r} in: make it")
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        raise OutputError(
            f"{str(folder)!r} holds files: choose another folder, or replace what has the same "
            "name with --overwrite"
        )
    return folder


def write_report(made: Report, output: Path | None, folder: Path | None) -> None:
    """Write the page to ``output`` and its figures into ``folder``, each where it is asked for."""
    files: Mapping[Path, bytes] = {}
    if folder is not None:
        make_folder(folder)
        files = {folder / name: data for name, data in made.figures.items()}
        check_writable(*files, overwrite=True)
    if output is not None:
        # Renamed last: where the page is, its figures are.
        files = {**files, output: made.text.encode("utf-8")}
    if files:
        with replacing(*files) as partial:
            for path, data in zip(partial, files.values(), strict=True):
                path.write_bytes(data)
