"""Each module says what it may not import; here the modules are held to it.

A new module is covered without a word here: it may not import click, and importing it may not load
a heavy package. ``NEVER`` says what else a module may not import, anywhere in its text, and
``MAY_LOAD`` which modules, being about networks, load torch.
"""

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import rebalance

PACKAGE = Path(rebalance.__file__).parent

TORCH = frozenset({"torch", "torchvision"})
LEARNING = frozenset({"imblearn", "numba", "pynndescent", "sklearn", "umap"})
LIBRARIES = frozenset({"open_clip", "timm", "transformers"})  # whose networks can be used
HEAVY = TORCH | LEARNING | LIBRARIES  # each costs seconds to import
NUMERIC = HEAVY | {"numpy", "scipy", "PIL"}

# A package's rule holds for what is in it; the longest name that fits a module is its rule.
NEVER = {
    "rebalance.errors": NUMERIC,
    "rebalance.settings": NUMERIC,
    "rebalance.progress": NUMERIC,
    "rebalance.reading": NUMERIC,
    "rebalance.tables": NUMERIC,
    "rebalance.frames": NUMERIC,
    "rebalance.parallel": NUMERIC,
    "rebalance.class_sizes": NUMERIC,
    "rebalance.manifest": NUMERIC,
    "rebalance.records": NUMERIC,
    "rebalance.schemas": NUMERIC,
    "rebalance.data": HEAVY,
    "rebalance.data.folder": NUMERIC,
    "rebalance.data.groups": NUMERIC,
    "rebalance.seeds": HEAVY,
    "rebalance.numerics.products": HEAVY,
    "rebalance.numerics.half_precision": HEAVY,
    "rebalance.features.cache": HEAVY,
    "rebalance.features.blocks": HEAVY,
    "rebalance.features.notes": NUMERIC,
    "rebalance.features.sharding": HEAVY,
    "rebalance.resampling": TORCH,
    "rebalance.imblearn": TORCH,
    "rebalance.studies.answer": HEAVY,
    "rebalance.studies.intervals": HEAVY,
    "rebalance.studies.results": HEAVY,
    "rebalance.studies.summaries": HEAVY,
    "rebalance.studies.tables": HEAVY,
    "rebalance.studies.words": HEAVY,
    "rebalance.studies.writing": HEAVY,
    "rebalance.oversampling": HEAVY,
    "rebalance.oversampling.relabelling": TORCH,
    "rebalance.neighbours": (LEARNING - {"numba", "pynndescent"}) | {"torchvision"},
    "rebalance.figures": HEAVY,
    "rebalance.reports": HEAVY,
    "rebalance.inspection": HEAVY,
    "rebalance.materialization": HEAVY,
    "rebalance.exchange": NUMERIC,
    "rebalance.numerics.compiled": TORCH,
    "rebalance.clusters": TORCH,
    "rebalance.collection": TORCH,
    "rebalance.undersampling": TORCH,
    "rebalance.models": LEARNING,
    "rebalance.forward": LEARNING,
    "rebalance.training": LEARNING,
    "rebalance.losses": LEARNING | {"torchvision"},
    "rebalance.torch": LEARNING | {"torchvision"},
    "rebalance.training.drawing": HEAVY,
    "rebalance.training.schedules": HEAVY,
    "rebalance.training.sampling": HEAVY,
    "rebalance.training.regimes": HEAVY,
    "rebalance.scoring.costs": HEAVY,
    "rebalance.training.augmentation": LEARNING | {"torchvision"},
    "rebalance.training.parts": HEAVY,
    "rebalance.metrics": TORCH,
    "rebalance.scoring": LEARNING,
    "rebalance.scoring.centres": TORCH,
    "rebalance.scoring.machines": TORCH,
    "rebalance.scoring.thresholds": TORCH,
    "rebalance.scoring.voters": TORCH,
    "rebalance.appraisal": TORCH,
    "rebalance.numerics": TORCH,
    "rebalance.quotas": HEAVY,
    "rebalance.advice.meanings": NUMERIC,
    "rebalance.advice.plain_text": NUMERIC,
    "rebalance.advice.quantities": NUMERIC,
    "rebalance.advice.reading": NUMERIC,
    "rebalance.advice.recommendation": NUMERIC,
    "rebalance.advice.sights": NUMERIC,
    "rebalance.advice.trials": NUMERIC,
    "rebalance.advice.words": NUMERIC,
    "rebalance.advice.page": HEAVY,
}
MAY_LOAD = {
    "rebalance.models": TORCH,
    "rebalance.models.archives": frozenset[str](),
    "rebalance.models.devices": frozenset[str](),
    "rebalance.models.fingerprints": frozenset[str](),
    "rebalance.models.headers": frozenset[str](),
    "rebalance.models.libraries": frozenset[str](),
    "rebalance.models.libraries.open_clip_towers": TORCH,
    "rebalance.models.libraries.timm_bodies": TORCH,
    "rebalance.models.libraries.timm_files": TORCH,
    "rebalance.models.packaged": frozenset[str](),
    "rebalance.models.libraries.transformers_processors": TORCH,
    "rebalance.models.libraries.transformers_towers": TORCH,
    "rebalance.models.pretrained": frozenset[str](),
    "rebalance.models.transforms": frozenset[str](),
    "rebalance.models.vectors": frozenset[str](),
    "rebalance.forward": TORCH,
    "rebalance.forward.memory": frozenset[str](),
    "rebalance.training": TORCH,
    "rebalance.training.drawing": frozenset[str](),
    "rebalance.training.initial_network": frozenset[str](),
    "rebalance.training.parts": frozenset[str](),
    "rebalance.training.regimes": frozenset[str](),
    "rebalance.training.sampling": frozenset[str](),
    "rebalance.training.schedules": frozenset[str](),
    "rebalance.losses": TORCH,
    "rebalance.torch": TORCH,
    "rebalance.imblearn": frozenset({"imblearn", "sklearn"}),
    "rebalance.numerics.compiled": frozenset({"numba"}),
    "rebalance.neighbours.kernels": frozenset({"numba"}),
    "rebalance.clusters.layouts.descent": frozenset({"numba"}),
    "rebalance.clusters.kernels": frozenset({"numba"}),
    "rebalance.clusters.nearest": frozenset({"numba"}),
}

IMPORT_AND_TELL = """
import importlib, json, sys
culprits = {}
for modules, forbidden in json.load(sys.stdin):
    for module in modules:
        before = set(sys.modules)
        importlib.import_module(module)
        if loaded := (sys.modules.keys() - before) & set(forbidden):
            culprits[module] = sorted(loaded)
print(json.dumps(culprits))
"""


def source_of(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def all_modules() -> list[str]:
    names = (path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(name.parts).removesuffix(".__init__") for name in names)


def rule(table: dict[str, frozenset[str]], module: str) -> frozenset[str]:
    fitting = [name for name in table if f"{module}.".startswith(f"{name}.")]
    return table[max(fitting, key=len)] if fitting else frozenset()


def is_command_line(module: str) -> bool:
    return f"{module}.".startswith(("rebalance.cli.", "rebalance.__main__."))


def never(module: str) -> frozenset[str]:
    click = frozenset() if is_command_line(module) else frozenset({"click", "rebalance.cli"})
    return rule(NEVER, module) | click


def not_loaded_by(module: str) -> frozenset[str]:
    return never(module) | HEAVY - rule(MAY_LOAD, module)


def imports(module: str) -> Iterator[str]:
    """Every name that the module's text imports, with the packages it is in."""
    for node in ast.walk(ast.parse(source_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} line {node.lineno}: write imports in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def groups() -> dict[frozenset[str], list[str]]:
    """Modules by what importing them may not load."""
    found = defaultdict(list)
    for module in all_modules():
        if module != "rebalance.__main__":  # importing it runs the command line
            found[not_loaded_by(module)].append(module)
    return found


def checked_together() -> list[list[tuple[list[str], list[str]]]]:
    """Groups that a fresh interpreter imports one after the other, with what each may not load.

    None may load what a later one may not.
    """
    chains: list[list[tuple[frozenset[str], list[str]]]] = []
    for group in sorted(groups().items(), key=lambda each: -len(each[0])):
        chain = next((chain for chain in chains if chain[-1][0] >= group[0]), None)
        if chain is None:
            chains.append(chain := [])
        chain.append(group)
    return [[(modules, sorted(forbidden)) for forbidden, modules in chain] for chain in chains]


@pytest.mark.parametrize("name", sorted({*NEVER, *MAY_LOAD}))
def test_rules_are_about_modules_that_exist(name: str) -> None:
    assert name in all_modules()


@pytest.mark.parametrize("module", all_modules())
def test_text_imports_nothing_that_it_never_may(module: str) -> None:
    assert never(module).isdisjoint(imports(module))


@pytest.mark.parametrize(
    "chain", [pytest.param(chain, id=f"{chain[-1][0][0]}...") for chain in checked_together()]
)
def test_importing_loads_nothing_heavy(chain: list[tuple[list[str], list[str]]]) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_TELL],
        input=json.dumps(chain),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["undersample", "--help"]])
def test_asking_for_help_loads_nothing_heavy(arguments: list[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "rebalance", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


LOOSE = 10  # modules directly in the package, at most


def test_few_modules_are_outside_a_package() -> None:
    loose = sorted(path.name for path in PACKAGE.glob("*.py"))
    assert len(loose) <= LOOSE, loose


def test_contributing_has_a_row_for_every_package_and_for_no_other() -> None:
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)/`", " ".join(rows))
    assert sorted(named) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def package_of(module: str) -> str:
    """The package directly in rebalance that a module is in, or the loose module itself."""
    return ".".join(module.split(".")[:2])


def imported_packages() -> dict[str, set[str]]:
    """Which packages each one imports, for types or later too; who offers them all is left out."""
    rooms = {package_of(module) for module in all_modules()} - {"rebalance"}
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for module in all_modules():
        if (own := package_of(module)) in rooms:
            found[own] |= {package_of(name) for name in imports(module)} & rooms - {own}
    return found


def test_no_circles_between_packages() -> None:
    left = imported_packages()
    while free := [room for room, needs in left.items() if needs.isdisjoint(left)]:
        for room in free:
            del left[room]
    circling = {room: sorted(needs & left.keys()) for room, needs in left.items()}
    assert not circling
