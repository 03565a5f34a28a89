"""How the files of a run are written, read and deleted: JSON records, tables, training's state.

Each appears whole or not at all. Imports torch only for the state; never click.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rebalance.atomic import replacing
from rebalance.errors import DataError, OutputError
from rebalance.manifest import to_json
from rebalance.reading import check_regular, read_object


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON object. Raises OutputError where the system refuses."""
    with replacing(path) as (partial,):
        # A file name that is not UTF-8 becomes the escape that JSON has for lone surrogates.
        partial.write_bytes(to_json(record).encode("utf-8", "backslashreplace"))


def read_record(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is none."""
    try:
        return read_object(path)
    except (OSError, ValueError):
        return None


def write_predictions(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write what a network says of each image; all text in it is quoted."""
    with replacing(path) as (partial,):
        # Left to themselves, older versions of csv leave a lone carriage return bare.
        _write_csv(partial, [header, *rows], csv.QUOTE_NONNUMERIC)


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Each row of a table by column, one at a time.

    Raises OSError where there is no file, ValueError where it is damaged.
    """
    check_regular(path)
    with path.open(encoding="utf-8", newline="") as file:
        try:
            for row in csv.DictReader(file, strict=True):
                if None in row or None in row.values():
                    raise ValueError("a row has more or fewer cells than the header")
                yield row
        except csv.Error as error:
            raise ValueError(str(error)) from None


def read_summary(path: Path) -> list[dict[str, str]]:
    """The rows of a table of epochs; none where there is no file.

    Raises DataError for a file that is damaged.
    """
    try:
        return list(read_rows(path))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise DataError(f"{str(path)!r} is damaged ({error}): begin another run") from None


def write_summary(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a table of epochs."""
    with replacing(path) as (partial,):
        _write_rows(partial, columns, rows)


def write_epoch(
    summary: Path, state: Path, rows: Sequence[Mapping[str, str]], values: Mapping[str, Any]
) -> None:
    """Write the table of epochs, at least one, and then the state that the last ended in."""
    import torch

    saved = io.BytesIO()  # to a file, torch does not say why the system refuses
    torch.save({"epochs": len(rows), "state": dict(values)}, saved)
    with replacing(summary, state) as (partial_summary, partial_state):
        _write_rows(partial_summary, rows[-1], rows)
        partial_state.write_bytes(saved.getbuffer())


def read_state(path: Path) -> tuple[int, dict[str, Any] | None]:
    """The number of epochs and the state that ``write_epoch`` wrote; 0 and None without a file.

    Raises DataError for a file that is damaged, or holds anything but tensors and plain values.
    """
    if not path.exists():
        return 0, None
    import torch

    from rebalance.models.archives import check_archive

    try:
        check_archive(path)
        saved = torch.load(path, map_location="cpu", weights_only=True)
        return int(saved["epochs"]), dict(saved["state"])
    except Exception as error:  # torch raises nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"training cannot go on from {str(path)!r} ({reason}): begin another run"
        ) from error


def delete(path: Path, names: Sequence[str]) -> None:
    """Delete files of a folder, the first one last, and what ``delete_partial`` does.

    Raises OutputError where the system refuses.
    """
    delete_partial(path, names)
    try:
        for name in reversed(names):
            (path / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot replace {error.filename!r} ({error.strerror}): choose another place"
        ) from error


def delete_partial(path: Path, names: Iterable[str]) -> None:
    """Delete what a writer of such files that was killed left behind."""
    for entry in partial_files(path, names):
        with suppress(OSError):
            entry.unlink()


def partial_files(path: Path, names: Iterable[str]) -> list[Path]:
    """Return what a writer of such files is writing, or left behind when it was killed."""
    return [entry for name in names for entry in path.glob(f".{name}.*.partial")]


def _write_rows(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> None:
    names = list(columns)
    # An epoch of an earlier version may lack what later ones say.
    lines = ([row.get(name, "") for name in names] for row in rows)
    _write_csv(path, [names, *lines], csv.QUOTE_MINIMAL)


def _write_csv(path: Path, lines: Iterable[Iterable[Any]], quoting: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=quoting, lineterminator="\n").writerows(lines)
