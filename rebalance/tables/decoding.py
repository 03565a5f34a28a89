"""The bytes of a table as text: by the mark they begin with, as UTF-8, or as what else they can be.

Imports the standard library and nothing else of this package but its notes.
"""

import codecs
from typing import NamedTuple

from rebalance.tables.notes import Note

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
OTHERS = (  # what is no text, by its first bytes
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a database"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"%PDF", "a PDF document"),
)


class Decoded(NamedTuple):
    """The text of a table, Python's name of its encoding, and a note where that is not plain."""

    text: str
    encoding: str
    notes: list[Note]


def decode(content: bytes) -> tuple[str, list[Note]]:
    """Return the text of a table, and a note where its encoding is not plain UTF-8.

    Raises ValueError for what is no text, and where it cannot be known which text it is.
    """
    found = find_encoding(content)
    return found.text, found.notes


def find_encoding(content: bytes) -> Decoded:
    """Decode the text of a table, as ``decode`` does, and tell how."""
    for beginning, what in OTHERS:
        if content.startswith(beginning):
            raise ValueError(f"is {what}, and a table of text was needed: save it as CSV")
    for mark, encoding in MARKS:
        if content.startswith(mark):
            notes = [] if encoding == "utf-8-sig" else [Note(f"read as {encoding.upper()}")]
            return Decoded(_strict(content, encoding), encoding, notes)
    if b"\0" in content:
        return _without_mark(content)
    try:
        return Decoded(content.decode("utf-8"), "utf-8", [])
    except UnicodeDecodeError:
        return _western(content)


def _strict(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"says that it is in {encoding.upper()}, but is damaged at byte {error.start}: save it "
            "as UTF-8"
        ) from None
    if "\0" in text:
        raise ValueError("is no text, for it holds zero bytes: save it as UTF-8")
    return text


def _without_mark(content: bytes) -> Decoded:
    """Read UTF-16 that does not say so: where each letter of English has one zero, on one side."""
    zeros = content[0::2].count(0), content[1::2].count(0)
    if 0 in zeros and 10 * sum(zeros) >= len(content):
        encoding = "utf-16-be" if zeros[0] else "utf-16-le"
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            text = ""
        if "\n" in text or "\r" in text:
            note = Note(f"read as {encoding.upper()}, though no mark says so")
            return Decoded(text, encoding, [note])
    raise ValueError("is no text, for it holds zero bytes: save it as UTF-8")


def _western(content: bytes) -> Decoded:
    """Read Windows' Western code page, where nothing in the text is UTF-8."""
    escaped = content.decode("utf-8", "surrogateescape")
    foreign = next(place for place, sign in enumerate(escaped) if "\udc80" <= sign <= "\udcff")
    line = escaped.count("\n", 0, foreign) + 1
    if any(sign > "\x7f" and not "\udc80" <= sign <= "\udcff" for sign in escaped):
        raise ValueError(
            f"is partly in UTF-8 and partly not, as in line {line}: save all of it as UTF-8"
        )
    try:
        text = content.decode(encoding := "cp1252")
    except UnicodeDecodeError:
        raise ValueError(
            f"is neither in UTF-8 nor in Windows' code page 1252, as in line {line}: save it as "
            "UTF-8"
        ) from None
    words = "".join(sign if sign.isalnum() else " " for sign in text).split()
    shown = next((word for word in words if not word.isascii()), text[foreign])
    note = Note(
        f"is not in UTF-8, and read in Windows' code page 1252, with {shown!r}: save it as "
        "UTF-8 if that is wrong",
        doubtful=True,
    )
    return Decoded(text, encoding, [note])
