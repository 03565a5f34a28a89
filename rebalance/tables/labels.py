"""Labels of a table: those that are one for all that they are written in several ways.

Imports the standard library and nothing else of this package but its notes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from unicodedata import category, normalize

from rebalance.tables.notes import Note

NAMED_AT_MOST = 5  # kinds of labels that a note names before it counts the rest
INVISIBLE = "\ufeff\u200b\u2060"  # at the ends of a label they come from copying, like spaces
INTEGRAL = re.compile(r"([+-]?\d+)\.0+")


def same_text(text: str) -> str:
    """Return a text as all ways to encode it have it: no space around it, in Unicode's form C.

    >>> from rebalance.tables import same_text
    >>> same_text(" cafe\\u0301 ") == "caf\\u00e9"
    True
    """
    return normalize("NFC", _stripped(text))


def _stripped(text: str) -> str:
    before = None
    while text != before:
        before, text = text, text.strip().strip(INVISIBLE)
    return text


def cleaned(labels: Iterable[str], what: str = "labels") -> tuple[dict[str, str], list[Note]]:
    """Return for each label as it is written the one it is, and notes on what is not plain.

    Spaces around a label are no part of it, and of two that are the same text to Unicode both
    become its form C. Others that look alike stay apart, and a note names them.

    >>> from rebalance.tables import cleaned
    >>> cleaned(["cat", "cat "])[0]
    {'cat': 'cat', 'cat ': 'cat'}
    """
    counts = Counter(labels)
    bare = {label: _stripped(label) for label in counts}
    forms: dict[str, set[str]] = {}
    for each in bare.values():
        forms.setdefault(normalize("NFC", each), set()).add(each)
    found = {
        label: (form if len(forms[form := normalize("NFC", each)]) > 1 else each)
        for label, each in bare.items()
    }
    notes = [*_merged(found, what), *_alike(found, counts, what)]
    if not notes and any(label != each for label, each in found.items()):
        one = next(label for label, each in found.items() if label != each)
        notes.append(Note(f"spaces around {what} are taken off, as of {one!r}"))
    return found, notes


def _merged(found: dict[str, str], what: str) -> list[Note]:
    ways: dict[str, list[str]] = {}
    for label, each in found.items():
        ways.setdefault(each, []).append(label)
    several = [ways[each] for each in sorted(ways) if len(ways[each]) > 1]
    if not several:
        return []
    return [
        Note(
            f"{what} are one where only spaces around them or ways to encode them differ: "
            + _some(several),
            doubtful=True,
        )
    ]


def _alike(found: dict[str, str], counts: Counter[str], what: str) -> list[Note]:
    """Warn of labels that differ only in case or in what is hardly seen."""
    rows: Counter[str] = Counter()
    for label, count in counts.items():
        rows[found[label]] += count
    looks: dict[str, list[str]] = {}
    for each in rows:
        looks.setdefault(_look(each), []).append(each)
    several = [each for each in looks.values() if len(each) > 1]
    if not several:
        return []
    return [
        Note(
            f"{what} that look alike are taken as different: {_some(several, rows)}: correct the "
            "table if they are one",
            doubtful=True,
        )
    ]


def _look(label: str) -> str:
    seen = normalize("NFKC", normalize("NFKC", label).casefold())
    seen = "".join(sign for sign in seen if category(sign) not in ("Cf", "Cc"))
    found = INTEGRAL.fullmatch(seen)
    return found[1] if found else " ".join(seen.split())


def _some(several: Sequence[Sequence[str]], rows: Counter[str] | None = None) -> str:
    def shown(label: str) -> str:
        text = repr(label) if label.isascii() else ascii(label)
        return text if rows is None else f"{text} ({rows[label]} rows)"

    named = "; ".join(" and ".join(map(shown, each[:3])) for each in several[:NAMED_AT_MOST])
    more = len(several) - NAMED_AT_MOST
    return f"{named}; and {more} more" if more > 0 else named
