"""Labels and file names that another program changed in a manifest are put right again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rebalance.errors import ManifestError
from rebalance.manifest.rows import Row
from rebalance.tables import Note, cleaned, read_as, same_text, tell


def tidied(path: Path, rows: Sequence[Row], root: Path) -> list[Row]:
    """Return the rows of a table that we did not write, without the spaces around cells.

    A file name keeps them where there is such a file. Notes go to the log.
    """
    labels, notes = cleaned(label for row in rows for label in (row.label, row.made_as) if label)
    tell(path, notes)
    found = []
    for row in rows:
        name = row.file_name
        if name != name.strip() and not _is_there(root, name):
            name = name.strip()
        label, made_as = labels[row.label], labels.get(row.made_as or "")
        if not name or not label:
            raise ManifestError(f"{str(path)!r}: file_name and label must not be empty")
        changed = (name, label, made_as) != (row.file_name, row.label, row.made_as)
        kept = replace(row, file_name=name, label=label, made_as=made_as) if changed else row
        found.append(kept)
    return found


def _is_there(root: Path, name: str) -> bool:
    try:
        return (root / name).exists()
    except (OSError, ValueError):
        return False


def recognised(path: Path, rows: Sequence[Row], classes: Sequence[str]) -> list[Row]:
    """Return the rows under the names of the classes, which another program may have changed.

    Raises ManifestError for a label that is no class, or may be two.
    """
    known = set(classes)
    unknown = sorted({label for row in rows for label in (row.label, row.trained_as)} - known)
    if not unknown:
        return list(rows)
    meant = {label: _class_of(path, label, classes) for label in unknown}
    first = unknown[0]
    tell(
        path,
        [
            Note(
                f"labels were changed by another program, such as the class {meant[first]!r} to "
                f"{first!r}: they are taken for the classes of its .json",
                doubtful=True,
            )
        ],
    )
    return [
        replace(
            row,
            label=meant.get(row.label, row.label),
            made_as=row.made_as and meant.get(row.made_as, row.made_as),
        )
        for row in rows
    ]


def _class_of(path: Path, label: str, classes: Sequence[str]) -> str:
    equal = [name for name in classes if same_text(name) == same_text(label)]
    found = equal or [name for name in classes if _typed(name) == _typed(label) is not None]
    if len(found) == 1:
        return found[0]
    if found:
        raise ManifestError(
            f"{str(path)!r} has the label {label!r}, which may be the class {found[0]!r} or "
            f"{found[1]!r} of its .json: write the class as it is there"
        )
    raise ManifestError(f"{str(path)!r} has labels that its .json does not: {label!r}")


def _typed(text: str) -> str | None:
    """Return what a program makes of a label that it takes for no text."""
    found = read_as(text)
    if found == "a truth value":
        return text.strip().lower()
    return found if found is not None and found.startswith("the number ") else None
