"""Tables whose bytes were mutated are read, or refused in one line: never anything else.

A fixed seed and about a second; longer by REBALANCE_FUZZ_SECONDS.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rebalance import import_csv
from rebalance.data.groups import groups_of, read_groups
from rebalance.errors import RebalanceError
from rebalance.manifest import read_manifest
from rebalance.scoring.costs import read_cost_matrix

SECONDS = float(os.environ.get("REBALANCE_FUZZ_SECONDS", "1")) / 4
FEWEST, MOST = 5, 5000  # tables that are read, and tables in all, whatever time they take
IMAGES = ("cat/1.png", "cat/2.png", "dog/1.jpg", "dog/Ü.png")
LABELLED = "path,label\n" + "".join(f"{image},{image[:3]}\n" for image in IMAGES)
OURS = "file_name,label,kind,partner,weight,cluster,distance\n" + (
    "cat/1.png,cat,original,,,1,0.5\ncat/1.png,cat,synthetic,cat/2.png,0.25,,\n"
)
SEEDS = {
    "import": [
        LABELLED,
        LABELLED.replace(",", ";").replace("/", "\\"),
        LABELLED.replace("cat/", "https://a.b/cat/"),
        LABELLED.split("\n", 1)[1].replace(",", "\t"),
        '{"file_name": "cat/1.png", "label": "cat"}\n{"file_name": "dog/1.jpg", "label": 7}\n',
    ],
    "manifest": [OURS, OURS.replace(",", ";").replace(".5", ",5"), "label,file_name\na, b\n"],
    "groups": [LABELLED.replace("label", "patient_id"), "image_id,group\n1,a\n2,b\n"],
    "costs": ["0,1,2\n3,0,4\n5,6,0\n", ";cat;dog\ncat;0;1,5\ndog;2;0\n", "0 1e0\n2 0\n"],
}
TOKENS = [
    *(sign.encode() for sign in "\"',;\t|/\\.[{}"),
    *(b"..", b"nan", b"NaN", b"inf", b"1e999", b"-1", b"0x1", b"C:\\"),
    *(b" ", b"\n", b"\r", b"\r\n", b"\0", b"sep=;\n", b'sep="\n', b"sep=,,\n", b"path", b"label"),
    *(b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3\xa4", b"\xe4", b"\x81", b"\xcc\x81"),
    *(b"http://[", b"%00%ff", b"9" * 400, b"A" * 140_000, b"a/" * 999, b"PK\x03\x04", b"\x1f\x8b"),
]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252")


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content after a few changes: bytes replaced, cut out, repeated, put in or cut off."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        place = rng.randrange(len(found) + 1)
        end = min(len(found), place + rng.choice((1, 1, 2, 7, 40)))
        change = rng.randrange(6)
        if change == 0:
            found[place:end] = rng.randbytes(end - place)
        elif change == 1:
            del found[place:end]
        elif change == 2:
            found[place:place] = found[place:end] * rng.choice((1, 2, 20))
        elif change == 3:
            del found[place:]
        else:
            found[place:place] = rng.choice(TOKENS)
    return bytes(found)


def images_of(path: Path) -> list[str]:
    return groups_of(IMAGES, read_groups(path))


@pytest.fixture
def readers(tmp_path) -> dict[str, Callable[[Path], Any]]:
    for image in IMAGES:
        (tmp_path / image).parent.mkdir(exist_ok=True)
        (tmp_path / image).touch()
    return {
        "import": import_csv,
        "manifest": read_manifest,
        "groups": images_of,
        "costs": lambda path: read_cost_matrix(path, ("cat", "dog")),
    }


@pytest.mark.parametrize("kind", SEEDS)
def test_mutated_tables_are_read_or_refused_in_one_line(tmp_path, readers, kind):
    rng = random.Random(f"{kind} 1")
    path, outcomes = tmp_path / "t.csv", Counter[str]()
    until = time.monotonic() + SECONDS

    def has_seen_little() -> bool:  # on a machine that is busy with other things
        return outcomes["read"] <= FEWEST and outcomes.total() < MOST

    while time.monotonic() < until or has_seen_little():
        content = mutated(rng.choice(SEEDS[kind]).encode(rng.choice(ENCODINGS), "replace"), rng)
        path.write_bytes(content)
        try:
            readers[kind](path)
        except RebalanceError as error:
            outcomes["refused"] += 1
            assert "\n" not in str(error), content[:300]
        except Exception as error:
            raise AssertionError(f"{error!r} of {content[:2000]!r}") from error
        else:
            outcomes["read"] += 1
    assert outcomes["read"] > FEWEST
    assert outcomes["refused"] > 5
