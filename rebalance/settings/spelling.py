"""A command as somebody would type it, by the declarations of its options."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from rebalance.settings.calls import Call, Keyword
from rebalance.settings.option import converted, is_pairs, kind_of

TASTE = ("overwrite", "strict", "workers")  # options that change no result


def flags(call: Call, given: Mapping[str, Any]) -> Iterator[str]:
    """The words that give ``call`` these options, in this order.

    Options at their defaults, or None, or that change no result are left out; the defaults are
    those that a switch among them stands for.
    """
    keywords = call.keywords()
    implied = call.implied({name: value for name, value in given.items() if value is True})
    for name, value in given.items():
        each = keywords[name]
        kept, default = converted(value, each.field, each.told), each.default
        if value is not None and kept != implied.get(name, default) and name not in TASTE:
            yield from _words(each, kept)


def _words(keyword: Keyword, value: Any) -> Iterator[str]:
    flag, told = keyword.flag, keyword.told
    if value is True:
        yield flag
    elif kind_of(keyword.field.type) is not tuple:
        yield from (flag, str(value))
    elif is_pairs(keyword.field.type):
        for name, each in value:
            yield from (flag, f"{name}={each}")
    elif told.commas and told.choices:
        yield from (flag, ",".join(value))
    else:
        for name in value:
            yield from (flag, _quoted(name) if told.commas else name)


def _quoted(name: str) -> str:
    """A name as an option that takes A,B has it: in double quotes where it needs them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([name])
    return text.getvalue()
