"""docs/methods.md names every method there is, where it lives, and what the code cites of it."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from rebalance.class_sizes import PROFILES
from rebalance.clusters import CRITERIA, LAYOUTS
from rebalance.heads import HEADS
from rebalance.losses import LOSSES, WEIGHTINGS
from rebalance.metrics import METRICS
from rebalance.models.cifar import CIFAR_NETWORKS
from rebalance.oversampling import OVERSAMPLERS
from rebalance.scoring import THRESHOLDS
from rebalance.scoring.classifiers import CLASSIFIERS
from rebalance.settings import LAYERS_OR_AUTO, LEHMANN_EBNER, RECIPES
from rebalance.training.mixing import MIXES
from rebalance.training.optimisers import OPTIMISERS
from rebalance.training.parts import AUGMENTATIONS
from rebalance.training.regimes import REGIMES
from rebalance.training.sampling import SAMPLERS
from rebalance.training.schedules import SCHEDULES
from rebalance.undersampling import PICKERS, UNDERSAMPLERS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "methods.md"
CITING = ("rebalance", "tests", "benchmarks", "docs")
CHOICES: dict[str, Iterable[str]] = {
    "Features": LAYERS_OR_AUTO,
    "Networks": CIFAR_NETWORKS,
    "Layouts": LAYOUTS,
    "Criteria": CRITERIA,
    "Undersampling": UNDERSAMPLERS,
    "Pickers": PICKERS,
    "Oversamplers": OVERSAMPLERS,
    "Class weights": WEIGHTINGS,
    "All losses": LOSSES,
    "Recipes": RECIPES,
    "Heads of a probe": HEADS,
    "Schedules": SCHEDULES,
    "Optimisers": OPTIMISERS,
    "Augmentations": AUGMENTATIONS,
    "Mixing": MIXES,
    "Samplers": SAMPLERS,
    "Regimes": REGIMES,
    "Decisions": CLASSIFIERS,
    "Thresholds": THRESHOLDS,
    "All metrics": METRICS,
    "Long tails": PROFILES,
}
HEADING = re.compile(r"^(#{1,3}) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# The code cites the page by its path, a comma, and the name of a section in quotes.
CITATION = re.compile(r"docs/methods\.md,\s+(?:#\s+)?\"([^\"]+)\"")


def sections() -> dict[str, str]:
    """The text under each heading, with that under the headings below it."""
    text = PAGE.read_text(encoding="utf-8")
    found = list(HEADING.finditer(text))
    ends = [
        next((later.start() for later in found[place + 1 :] if len(later[1]) <= len(own[1])), None)
        for place, own in enumerate(found)
    ]
    return {own[2]: text[own.end() : end] for own, end in zip(found, ends, strict=True)}


def anchor(heading: str) -> str:
    """The name that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("section", CHOICES)
def test_every_choice_has_its_entry_in_the_section_of_its_kind(section: str) -> None:
    text = sections()[section]
    assert [key for key in CHOICES[section] if f"`{key}`" not in text] == []


def test_what_the_page_links_exists() -> None:
    links = LINK.findall(PAGE.read_text(encoding="utf-8"))
    anchors = {anchor(heading) for heading in sections()}
    own = [link.removeprefix("#") for link in links if link.startswith("#")]
    others = [link for link in links if not link.startswith("#")]
    assert len(others) > 50
    assert [link for link in own if link not in anchors] == []
    for link in others:
        path, _, place = link.partition("#")
        target = PAGE.parent / path
        assert target.is_file(), link
        if place:
            lines = target.read_text(encoding="utf-8").splitlines()
            headings = (line.lstrip("# ") for line in lines if line.startswith("#"))
            assert place in map(anchor, headings), link


def test_a_link_to_a_module_is_called_by_its_path() -> None:
    text = PAGE.read_text(encoding="utf-8")
    called = re.findall(r"\[`(rebalance/[^`]+)`\]\(\.\./([^)]+)\)", text)
    assert len(called) > 40
    assert [pair for pair in called if pair[0] != pair[1]] == []


def test_every_source_that_is_cited_is_listed_and_every_one_listed_is_cited() -> None:
    text, sources = PAGE.read_text(encoding="utf-8"), sections()["Sources"]
    listed = set(re.findall(r"^\| \[(\w+)\]", sources, re.MULTILINE))
    prose = re.sub(r"`[^`]*`", "", text.removesuffix(sources)).replace("\n", " ")
    bracketed = re.findall(r"\[([A-Z]\w+[^\]]*)\](?!\()", prose)
    cited = {part.split(",")[0].strip() for each in bracketed for part in each.split(";")}
    assert cited == listed


def test_every_system_has_a_command_of_real_choices_and_a_test_that_exists() -> None:
    rows = re.findall(
        r"^\| .+`rebalance .+$", sections()["Every system of the sources"], re.MULTILINE
    )
    assert len(rows) > 40
    kinds: dict[str, Iterable[str]] = {
        "loss": LOSSES,
        "regime": REGIMES,
        "head": HEADS,
        "mix": MIXES,
        "profile": PROFILES,
    }
    kinds |= {"rebalance-head": OVERSAMPLERS, "classifier": CLASSIFIERS, "threshold": THRESHOLDS}
    for row in rows:
        found = re.search(
            r"`rebalance (\w+) ([^`]+)` \| \[`(\w+\.py)`\]\([^)]+\)`::(\w+)` \|$", row
        )
        assert found, row
        command, options, file, test = found.groups()
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), row
        methods = UNDERSAMPLERS if command == "undersample" else OVERSAMPLERS
        for option, value in re.findall(r"--([a-z-]+) (\S+)", options):
            choices = {**kinds, "method": methods}.get(option)
            assert choices is None or value.split(":")[0] in {
                key.split(":")[0] for key in choices
            }, row


def citations() -> list[tuple[str, str]]:
    files = (path for folder in CITING for path in (ROOT / folder).rglob("*"))
    return [
        (str(path.relative_to(ROOT)), section)
        for path in files
        if path.suffix in {".py", ".md"}
        for section in CITATION.findall(path.read_text(encoding="utf-8"))
    ]


def test_what_the_code_cites_is_a_section_of_the_page() -> None:
    found = citations()
    assert {path for path, _ in found} >= {"rebalance/losses/weights.py"}
    assert [pair for pair in found if pair[1] not in sections()] == []


def test_nothing_cites_a_page_that_the_repository_does_not_hold() -> None:
    other = re.compile(r"METHODS (§|section)|\(METHODS")
    files = (path for folder in CITING for path in (ROOT / folder).rglob("*.py"))
    found = [
        str(path.relative_to(ROOT))
        for path in files
        if path != Path(__file__) and other.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_readme_links_the_page() -> None:
    assert "(docs/methods.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_as_published_stands_for_is_told_where_users_look() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = readme.split("**As published**")[1].split("\n- **")[0]
    for page in (sections()["As published"], " ".join(told.split())):
        words = page.replace("`", "")
        missing = [
            f"--{name.replace('_', '-')} {value}"
            for name, value in LEHMANN_EBNER.items()
            if f"--{name.replace('_', '-')} {value}" not in words
        ]
        assert not missing, missing
