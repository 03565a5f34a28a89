"""What the documentation shows of Python is run, and every public function shows something."""

import doctest
import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import MakeFolder

import rebalance
from rebalance.losses import LOSSES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "python.md"
# What a user of the library builds on; the functions that these offer have an example each.
PUBLIC = (
    "rebalance.clusters",
    "rebalance.undersampling",
    "rebalance.oversampling",
    "rebalance.losses",
    "rebalance.metrics",
    "rebalance.scoring",
)
MODULES = (
    "rebalance.class_sizes",
    "rebalance.quotas",
    "rebalance.training.regimes",
    "rebalance.training.sampling",
    "rebalance.training.schedules",
)
# umap-learn takes seconds to import and to compile; the example of fast_layout serves for both.
WITHOUT = frozenset({"rebalance.clusters.layouts.umap_learn.umap_layout"})


def modules() -> Iterator[str]:
    found = pkgutil.walk_packages(rebalance.__path__, "rebalance.")
    return (each.name for each in found if not each.name.endswith("__main__"))


def holds_examples(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ">>> " in path.read_text(encoding="utf-8")


WITH_EXAMPLES = [module for module in modules() if holds_examples(module)]


def failures(tests: list[doctest.DocTest]) -> str:
    """What the examples that failed were to print, and did."""
    told: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for test in tests:
        runner.run(test, out=told.append)
    return "".join(told)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_print_what_they_show(module: str) -> None:
    tests = doctest.DocTestFinder(exclude_empty=True).find(import_module(module))
    assert any(test.examples for test in tests)
    assert failures(tests) == ""


def test_the_examples_of_the_page_print_what_they_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_folder: MakeFolder
) -> None:
    make_folder(tmp_path / "photos" / "train", {"cat": 24, "dog": 12})
    make_folder(tmp_path / "photos" / "test", {"cat": 6, "dog": 6}, size=(14, 14))
    make_folder(tmp_path / "gan", {"cat": 0, "dog": 15})  # 12 of them equal to those to train on
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 20
    assert failures([test]) == ""


def test_a_failing_example_is_told_of() -> None:
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "sum", None, 0)
    assert "Expected:\n    3\nGot:\n    2" in failures([test])


def test_every_public_call_has_its_example_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    calls = [name for name in rebalance.__all__ if inspect.isfunction(getattr(rebalance, name))]
    assert len(calls) > 10
    assert [name for name in calls if not re.search(rf">>> .*rebalance\.{name}\(", text)] == []


def functions_of(module: ModuleType) -> Iterator[Any]:
    names = getattr(module, "__all__", None) or [name for name in vars(module) if name[0] != "_"]
    for name in names:
        found = getattr(module, name)
        own = hasattr(module, "__all__") or getattr(found, "__module__", None) == module.__name__
        if own and inspect.isfunction(found):
            yield found


@pytest.mark.parametrize("module", [*PUBLIC, *MODULES])
def test_every_public_function_has_an_example(module: str) -> None:
    found = list(functions_of(import_module(module)))
    without = {
        f"{each.__module__}.{each.__qualname__}"
        for each in found
        if ">>> " not in (inspect.getdoc(each) or "")
    }
    assert without <= WITHOUT


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_an_example(name: str) -> None:
    assert f'LOSSES["{name}"](' in (inspect.getdoc(LOSSES[name]) or "")
