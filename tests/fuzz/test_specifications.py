"""What users write as options and studies, at random: each is a value, or one clear error.

Of a fixed seed, for about a second in all; longer by REBALANCE_FUZZ_SECONDS.
"""

import math
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest

from rebalance import api
from rebalance.class_sizes import grown_sizes, longtail_sizes, wanted_sizes
from rebalance.cli import COMMANDS, group
from rebalance.data.folder import ImageFolder
from rebalance.errors import RebalanceError
from rebalance.losses import LOSSES, default_options, make_loss
from rebalance.oversampling import OVERSAMPLERS
from rebalance.scoring.costs import read_cost_matrix
from rebalance.settings import Growth, LongTail, Targets
from rebalance.studies.declaration import read_study
from rebalance.studies.preparation import checked
from rebalance.training.regimes import REGIMES
from rebalance.undersampling import UNDERSAMPLERS

SECONDS = float(os.environ.get("REBALANCE_FUZZ_SECONDS", "1"))
SHARES = 5  # tests that the seconds are divided among
LONGEST = 1000  # characters of an error

FIGURES = "0 1 -1 2 3.5 1e999 nan inf -inf 1_0 ٣ ² 0x9 1e-400 +4 --4 1e5 07"
LONG = ["9" * 19, "9" * 400, "9" * 5000, "1." + "3" * 5000, "9" * 40 + "x", "é" * 300]
LETTERS = """min MAX 2x 0.1x x none auto cost: cost:x = cat=3 cat= =3 a=b=4 cat=-1 a,b "a,b" " 😀
gamma=nan gamma= gamma imagenet prior head smote .avif"""
ODD = ["", " 7 ", "a\nb", "\0", "\ud800"]
TOKENS = [*FIGURES.split(), *LONG, *LETTERS.split(), *ODD]


def text(rng: random.Random) -> str:
    """A token, or one cut, doubled, joined with another or with a letter changed."""
    token = rng.choice(TOKENS)
    place = rng.randrange(len(token) + 1)
    return rng.choice(
        [
            token,
            token[:place],
            token + rng.choice(TOKENS),
            token[:place]
            + chr(rng.choice([0, 9, 10, 44, 45, 61, 101, 955, 0xD800]))
            + token[place:],
        ]
    )


def value(rng: random.Random, depth: int = 0) -> Any:
    """A Python value that somebody may give by mistake."""
    plain = [None, True, -1, 0, 2, 0.5, math.nan, math.inf, 10**400, 10**5000, b"a", 1j, object()]
    if depth < 2 and rng.random() < 0.3:
        several = [value(rng, depth + 1) for _ in range(rng.randrange(3))]
        named = {text(rng): value(rng, depth + 1) for _ in range(rng.randrange(3))}
        return rng.choice([several, tuple(several), named, range(3), Path("x")])
    return rng.choice([rng.choice(plain), text(rng)])


def hold(attempt: Callable[..., object], *places: object, **named: object) -> None:
    """Try it: it gives something, or raises an error meant for the user, in one line."""
    try:
        attempt(*places, **named)
    except (RebalanceError, click.UsageError) as error:
        said = error.message if isinstance(error, click.ClickException) else str(error)
        assert said and "\n" not in said and len(said) < LONGEST, said


@pytest.fixture
def rng() -> random.Random:
    return random.Random(0)


def rounds() -> Iterator[int]:
    """Numbers, for as long as one test has, and twenty at least."""
    end, number = time.monotonic() + SECONDS / SHARES, 0
    while number < 20 or time.monotonic() < end:
        yield number
        number += 1


def test_options_of_the_command_line(rng: random.Random) -> None:
    context = click.Context(group)
    options = [
        each
        for name in COMMANDS
        for each in group.get_command(context, name).params
        if not isinstance(each.type, click.types.BoolParamType | click.Path)
    ]
    for _ in rounds():
        option, given = rng.choice(options), text(rng)
        several = (given,) if option.multiple else given
        hold(option.process_value, context, several)


def test_keywords_of_python(rng: random.Random) -> None:
    given = [getattr(api, name).call for name in api.__all__]
    for _ in rounds():
        call = rng.choice(given)
        keywords = call.keywords()
        plain = {
            name: "2" if each.required else each.field.default for name, each in keywords.items()
        }
        wrong = {rng.choice([*keywords]): value(rng) for _ in range(rng.choice([1, 1, 2]))}
        hold(call.gathered, {**plain, **wrong})


def sized(sizes: Callable[..., object], counts: dict[str, int], kind: type, **given: Any) -> object:
    """The sizes of classes that are asked for by these options."""
    return sizes(counts, kind(**given))


def test_losses_and_class_sizes(rng: random.Random, tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    assert make_loss("ce", [1, 1], {})  # imports torch, which is none of the time
    for _ in rounds():
        counts = {name: rng.choice([0, 1, 2, 9, 10**6]) for name in rng.sample("abcd", 2)}
        name, given = rng.choice([*LOSSES]), rng.choice([text, value])
        options = {
            key: given(rng)
            for key in [*default_options(name), "matrix" if name == "cost" else "x"]
            if rng.random() < 0.5
        }
        hold(make_loss, name, counts, options)
        size, pairs = text(rng), ((rng.choice("abcx"), rng.choice([-1, 0, 1, 10**5000])),)
        rho = rng.choice([1, 1.5, 1e9, math.nan, 10**5000])
        hold(sized, wanted_sizes, counts, Targets, to=size)
        hold(sized, grown_sizes, counts, Growth, to=size)
        hold(sized, wanted_sizes, counts, Targets, per_class=pairs)
        hold(sized, longtail_sizes, counts, LongTail, rho=rho)
        lines = [",".join(text(rng) for _ in range(2)) for _ in range(rng.choice([0, 2, 3]))]
        costs.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
        hold(read_cost_matrix, costs, ["a", "b"])


NAMES = ("none", "prior", "cost:costs.csv", "cost:no.csv", "2x", "hybrid")
KEYS = "name method loss to under over k_max neighbours space gamma alpha matrix"
OPTIONS = "lr epochs arch image_size recipe weights loss init batch_size extractor"
STUDY = {
    "seeds": "2",
    "folds": "3",
    "depth": '"full"',
    "metric": '"accuracy"',
    "extensions": '[".avif"]',
    "as_classes": "true",
    "groups": '"groups.csv"',
}
GRID = {
    "rebalance": '["subclass", "smote", {method = "hybrid", to = 9, over = "eos"}]',
    "loss": '["ce", {loss = "focal", gamma = 1.5}, {loss = "cost", matrix = "costs.csv"}]',
    "regime": '["plain", "drw"]',
    "threshold": '["none", "prior", "cost:costs.csv"]',
}


def toml(rng: random.Random, depth: int = 0) -> str:
    """A value as TOML has it, or nearly."""
    kinds = ["1", "-1", "0.5", "nan", "-inf", "true", '""', "9" * 30, "9" * 5000, "1979-05-27"]
    known = [
        *UNDERSAMPLERS,
        *OVERSAMPLERS,
        *LOSSES,
        *REGIMES,
        "none",
        "prior",
        "cost:costs.csv",
        "2x",
    ]
    if depth < 3 and rng.random() < 0.4:
        inner = [toml(rng, depth + 1) for _ in range(rng.randrange(4))]
        keys = [
            "name",
            "method",
            "loss",
            "to",
            "under",
            "over",
            "k_max",
            "gamma",
            "alpha",
            "matrix",
        ]
        pairs = [f"{rng.choice(keys)} = {each}" for each in inner]
        return rng.choice([f"[{', '.join(inner)}]", f"{{{', '.join(pairs)}}}"])
    return rng.choice([rng.choice(kinds), f'"{rng.choice(known)}"', f'"{rng.choice(known)}"'])


def declared(rng: random.Random) -> str:
    """A study, most of whose lines are as they ought to be."""

    def line(key: str, good: str) -> str:
        return f"{key} = {good if rng.random() < 0.8 else toml(rng)}"

    lines = ["[study]", 'data = "d"']
    lines += [line(key, STUDY[key]) for key in rng.sample([*STUDY], 2)]
    for section in rng.sample(["extractor", "training"], rng.randrange(3)):
        lines += [f"[{section}]", line("image_size", "32")]
        if rng.random() < 0.3:
            lines.append(line(rng.choice(OPTIONS.split()), toml(rng)))
    lines.append("[grid]")
    lines += [line(axis, GRID[axis]) for axis in rng.sample([*GRID], rng.randrange(1, 4))]
    if rng.random() < 0.3:
        axis = rng.choice([*GRID])
        lines += [rng.choice(["[[cell]]", "[cell]", "[more]"]), line(axis, GRID[axis])]
    return "\n".join(lines)


def judged(path: Path) -> object:
    """What a study comes to for a folder of two classes."""
    labels = (0,) * 9 + (1,) * 3
    names = tuple(f"{number}.png" for number in range(len(labels)))
    return checked(read_study(path), ImageFolder(path.parent, ("a", "b"), names, labels))


def test_studies(rng: random.Random, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    (tmp_path / "costs.csv").write_text("0,1\n1,0\n")
    found = 0
    for _ in rounds():
        path.write_text(declared(rng), encoding="utf-8")
        hold(judged, path)
        with suppress(RebalanceError):
            found += bool(read_study(path))
    assert found, "some studies are sound"


def test_bytes_in_place_of_studies(rng: random.Random, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    for number in rounds():
        content = bytearray(declared(rng).encode())
        for _ in range(rng.randrange(1, 9)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        if number % 20 == 0:
            content += b"\nx = " + rng.choice([b"[", b"{a=", b"["]) * 5000
        path.write_bytes(content)
        hold(judged, path)
