"""Advice that was written before, read from its folder.

Imports the standard library and our records; nothing heavier.
"""

from pathlib import Path
from typing import Final, cast

from rebalance.errors import DataError
from rebalance.reading import read_object
from rebalance.records import AdviceRecord
from rebalance.records.advice import FORMAT
from rebalance.records.shape import misfit

JSON: Final = "advice.json"


def is_advice(folder: Path) -> bool:
    """Tell whether a folder holds advice."""
    return (folder / JSON).is_file()


def read_advice(folder: Path) -> AdviceRecord:
    """Read the advice in a folder. Raises DataError where it is damaged, or of a later format."""
    path = folder / JSON
    try:
        found = read_object(path)
    except OSError as error:
        raise DataError(
            f"cannot read {str(path)!r} ({error.strerror}): check its rights"
        ) from error
    except ValueError as error:
        raise DataError(f"{str(path)!r} is no advice ({error}): ask for it again") from error
    if isinstance(version := found.get("format"), int) and version > FORMAT:
        raise DataError(
            f"{str(path)!r} has format {version}, and this version of rebalance reads format "
            f"{FORMAT}: use the rebalance that wrote it, or ask for the advice again"
        )
    fault = misfit(found, AdviceRecord, "advice")
    if fault is not None:
        raise DataError(f"{str(path)!r} is damaged ({fault}): ask for the advice again")
    return cast(AdviceRecord, found)
