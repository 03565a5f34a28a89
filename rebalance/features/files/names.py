"""The names of the images whose features are in a file that has none: one for each row.

Imports numpy for those that ``numpy.save`` wrote, and nothing heavier.
"""

from collections.abc import Sequence

from rebalance.data.folder import EXTENSIONS, is_utf8
from rebalance.errors import DataError, FeatureFileError, shown
from rebalance.features.files.choosing import NAMES
from rebalance.features.files.npy import read_strings
from rebalance.features.files.steady import SteadyFile
from rebalance.reading import parse_json, read_whole
from rebalance.tables import parse_table
from rebalance.tables.columns import plain
from rebalance.tables.decoding import decode

TABLES = (".csv", ".tsv", ".jsonl")
SIGNS = ",;|\t"  # between the cells of a table; a text without any has one name a line


def read_names(file: SteadyFile) -> list[str]:
    """Read names from a text (one a line), a JSON list, JSON lines, a table, or an array.

    A table has a column of paths, by a usual name. Raises FeatureFileError.
    """
    ending = file.path.suffix.lower()
    if ending == ".npy":
        with file.opened() as stream:
            return read_strings(file, stream, "an array", file.size)
    try:
        content = read_whole(file.path)
        text, _ = decode(content)
        beginning = text.lstrip()[:1]
        if beginning == "[":
            return _from_list(file, text)
        first = text.partition("\n")[0]
        if beginning == "{" or (ending in TABLES and any(sign in first for sign in SIGNS)):
            return parse_table(file.path, content, [NAMES], EXTENSIONS).column(NAMES.key)
    except (DataError, OSError) as error:
        raise FeatureFileError(str(error)) from error
    except ValueError as error:
        raise file.fault(f"holds no names ({error})", "write one name a line") from error
    return _lines(text)


def check_names(file: SteadyFile, names: Sequence[str], rows: Sequence[int]) -> None:
    """Raise FeatureFileError unless each row has a name, in UTF-8, that is its own.

    rows: their number, for each layer.
    """
    for count in rows:
        if len(names) != count:
            raise file.fault(
                f"has {len(names)} names, and {count} rows of features need one each",
                "give a name to each row, in their order",
            )
    places: dict[str, int] = {}
    for row, name in enumerate(names):
        if not name.strip() or "\0" in name or not is_utf8(name):
            found = "no name" if not name.strip() else f"a name that is no text, {shown(name)},"
            raise file.fault(f"has {found} in row {row} (counted from 0)", "give each row a path")
        if (before := places.setdefault(name, row)) != row:
            raise file.fault(
                f"names {shown(name)} twice, in rows {before} and {row} (counted from 0)",
                "keep one row for each image",
            )


def _from_list(file: SteadyFile, text: str) -> list[str]:
    found = parse_json(text)
    if not all(isinstance(each, str) for each in found):
        raise ValueError("is a JSON list of other things than texts")
    return list(found)


def _lines(text: str) -> list[str]:
    """Read a name from each line; the first may be a column's name, as a table of one has it."""
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) > 1 and NAMES.places(lines[:1]) and plain(lines[0]) == lines[0]:
        lines = lines[1:]
    if lines and all(len(line) > 1 and line[0] == line[-1] == '"' for line in lines):
        lines = [_unquoted(line) for line in lines]
    return lines


def _unquoted(line: str) -> str:
    """Take off the quotes around a name, as JSON or a table has them."""
    try:
        return str(parse_json(line))
    except ValueError:
        return line[1:-1].replace('""', '"')
