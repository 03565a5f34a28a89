"""Docstrings that a newcomer understands alone, and class names that mean one thing."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import rebalance

PACKAGE = Path(rebalance.__file__).parent
RIDDLES = re.compile(r"(Those|That|Of|By|As|Also|Without|And|What there is)\b")
NOT_SWEPT: frozenset[str] = frozenset()  # packages whose docstrings are still to be read

Documented = ast.Module | ast.ClassDef | ast.FunctionDef


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if room(path) not in NOT_SWEPT)


def documented(tree: ast.Module) -> Iterator[tuple[str, Documented]]:
    """The module, and every class and function of it that is not inside a function."""

    def inside(node: Documented, names: tuple[str, ...]) -> Iterator[tuple[str, Documented]]:
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef):
                yield ".".join((*names, child.name)), child
                if isinstance(child, ast.ClassDef):
                    yield from inside(child, (*names, child.name))

    yield "", tree
    yield from inside(tree, ())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_are_understood_alone(path: Path) -> None:
    riddles = []
    for name, node in documented(ast.parse(path.read_text(encoding="utf-8"))):
        text = ast.get_docstring(node)
        if text is None:
            private = any(part.startswith("_") for part in name.split("."))
            overrides = isinstance(node, ast.FunctionDef) and "." in name
            if not (private or overrides or not name):
                riddles.append(f"{name} has no docstring")
        elif RIDDLES.match(text) or not text.split("\n\n")[0].endswith((".", "?", ":")):
            riddles.append(f"{name}: {text.splitlines()[0]}")
    assert riddles == []


def test_a_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
