"""Single cells are read: numbers as other programs write them, missing values, other types.

Imports the standard library and our errors.
"""

import re
from math import isfinite

from rebalance.errors import shown, some

# What pandas, with which many tools read tables, takes for a missing value.
MISSING = frozenset(
    ("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
)  # fmt: skip

A_DATE = "a date or time"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.I | re.A)
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?"
    r"|\d{1,2}[-/.]\d{1,2}([-/.]\d{2,4})?"
    r"|\d{1,2}:\d{2}(:\d{2})?"
    r"|\d{1,2}[- ]?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*([- ]?\d{2,4})?"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*[- ]?\d{1,4}",
    re.I | re.A,
)


def is_missing(text: str) -> bool:
    """Tell whether a cell of numbers is one without a value.

    >>> from rebalance.tables import is_missing
    >>> [is_missing(text) for text in ("", "NaN", "0")]
    [True, True, False]
    """
    return not text or text in MISSING or text.lower() == "nan"


def whole(text: str) -> int | None:
    """Read a whole number, also as pandas writes one beside missing values; None for none.

    Raises ValueError for another number, and for what is no number.

    >>> from rebalance.tables import whole
    >>> whole("3"), whole("3.0"), whole("NaN")
    (3, 3, None)
    """
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    value = number(text)
    if value is None:
        return None
    if not value.is_integer() or abs(value) > 2**53:
        raise ValueError(f"{shown(text)}, and a whole number was needed")
    return int(value)


def number(text: str) -> float | None:
    """Read a finite number, with a decimal point or comma; None for a missing one.

    Raises ValueError for what is no number, or one that a comma lets be two.

    >>> from rebalance.tables import number
    >>> number("0.5"), number("0,5"), number("")
    (0.5, 0.5, None)
    """
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        if is_missing(text):
            return None
        value = _with_comma(text)
    if isfinite(value):
        return value
    if value != value:  # not a number: what is missing
        return None
    raise ValueError(f"{shown(text)}, and a finite number was needed")


def _with_comma(text: str) -> float:
    before, comma, after = text.partition(",")
    if comma and after and NUMBER.fullmatch(f"{before}.{after}"):
        if len(after) == 3 and after.isdigit() and before.strip("+-0"):
            both = (some([each], quoted=False) for each in (f"{before}.{after}", before + after))
            raise ValueError(
                f"{shown(text)}, which may be {' or '.join(both)}: write it without a comma"
            )
        return float(f"{before}.{after}")
    raise ValueError(f"{shown(text)}, and a number was needed")


def read_as(text: str) -> str | None:
    """Say what a program that guesses types makes of a text; None where it stays a text.

    >>> from rebalance.tables import read_as
    >>> [read_as(text) for text in ("00007", "True", "NA", "2020-01-02", "cat")]
    ['the number 7', 'a truth value', 'a missing value', 'a date or time', None]
    """
    bare = text.strip()
    if bare in MISSING or bare.lower() in ("nan", "null", "none", "~"):
        return "a missing value"
    if bare.lower() in ("true", "false"):
        return "a truth value"
    if NUMBER.fullmatch(bare) or NUMBER.fullmatch(bare.replace("_", "")):
        try:
            return f"the number {_shortest(float(bare.replace('_', '')))}"
        except (OverflowError, ValueError):
            return "a number"
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", bare):
        return "a number"
    return A_DATE if DATE.fullmatch(bare) else None


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
