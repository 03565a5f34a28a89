"""README shows commands that run, and what they print."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import rebalance

ROOT = Path(__file__).resolve().parents[1]

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ (.*?)\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def stable(text: str) -> list[str]:
    """The lines without what depends on the processor: the clusters, their counts, and seconds."""
    lines = [re.sub(r"\d+\.\d s", "? s", line).rstrip() for line in text.strip().splitlines()]
    clusters = lines[0].find("  k  silhouette")
    if clusters > 0:
        end = next((i for i, line in enumerate(lines) if not line), len(lines))
        lines[:end] = [line[:clusters].rstrip() for line in lines[:end]]
    return lines


@pytest.fixture(scope="module")
def seen(sample, tmp_path_factory):
    """A cache with what ``lite0`` sees in the sample data."""
    cache = tmp_path_factory.mktemp("seen")
    rebalance.extract(sample, extractor="lite0", layers=["auto"], cache_dir=cache)
    return cache


@pytest.fixture
def checkout(tmp_path, monkeypatch, own_cache, seen):
    """A folder with the sample data to run in, and the features that its commands would compute."""
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    shutil.copytree(seen, own_cache)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_tour_prints_what_it_shows(run, checkout):
    assert len(CONSOLE) >= 5
    for command, shown in CONSOLE:
        program, *arguments = shlex.split(command)
        assert program == "rebalance"
        found = run(*arguments)
        assert found.status == 0, found.err
        if "--method enn" in command:  # how many it removes depends on the features
            assert found.out.splitlines()[0] == shown.splitlines()[0].rstrip()
        else:
            assert stable(found.out) == stable(shown)


@pytest.mark.slow
def test_the_python_example_gives_what_its_comments_say(checkout):
    (example,) = PYTHON
    names: dict[str, object] = {}
    for line in example.replace("\n\n", "\n").splitlines():
        code, _, comment = line.partition("  #")
        if comment:
            assert repr(eval(code, names)) == comment.strip(), line
        else:
            exec(code, names)


def test_every_link_leads_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert target.startswith("http") or (page.parent / target).exists(), (page, target)


def test_every_command_and_option_is_in_the_readme_or_its_help():
    from rebalance.cli import COMMANDS

    for command in COMMANDS:
        assert f"rebalance {command}" in README
