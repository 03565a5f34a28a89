"""What is published: the source distribution whole, requirements that are true, links that lead."""

import re
import runpy
import subprocess
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import rebalance

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ConfigParser()
CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")
SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


def requirements(text: str) -> set[str]:
    """The names of what is required, as the index normalises them."""
    names = re.findall(r"^([\w-]+)", text, re.MULTILINE)
    return {name.lower().replace("_", "-") for name in names}


def test_every_file_of_git_is_in_the_source_distribution() -> None:
    filelist = pytest.importorskip("setuptools._distutils.filelist")
    if not (ROOT / ".git").exists():
        pytest.skip("needs a checkout; this is the source distribution itself")
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    tracked = [name for name in told.stdout.decode().split("\0") if (ROOT / name).is_file()]
    found = filelist.FileList()
    found.set_allfiles(tracked)
    for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            found.process_template_line(line)
    always = {"MANIFEST.in", "README.md", "pyproject.toml", "setup.cfg", "setup.py"}
    assert set(tracked) - set(found.files) - always == set()


def test_every_file_of_the_package_is_installed() -> None:
    patterns = CONFIG["options.package_data"]["rebalance"].split()
    folder = ROOT / "rebalance"
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            assert any(fnmatch(name, pattern) for pattern in patterns), name


def test_every_package_that_is_imported_is_required_and_no_other() -> None:
    files = (ROOT / "rebalance").rglob("*.py")
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    imported = set(re.findall(r"^ *(?:import|from) (\w+)[\w.]*(?: import| as|$)", source, re.M))
    known = packages_distributions()
    distributions = {name for each in imported for name in known.get(each, ())}
    required = requirements(CONFIG["options"]["install_requires"])
    extras = CONFIG["options.extras_require"]
    optional = {name for each in extras.values() for name in requirements(each)}
    undeclared = requirements("\n".join(distributions)) - required - optional
    assert undeclared <= {"rebalance", "huggingface-hub"}  # the latter is timm's and transformers'
    named = requirements("\n".join(re.findall(r"\w+", source)))
    assert required - requirements("\n".join(distributions)) - named == set()


def test_the_index_page_has_whole_links_to_files_that_are_there() -> None:
    page = SETUP["index_page"]()
    source = "https://github.com/OWNER/rebalance"
    pictures = re.findall(rf"!\[[^]]+\]\({source}/raw/v{rebalance.__version__}/([^)#]+)\)", page)
    files = re.findall(rf"\]\({source}/blob/v{rebalance.__version__}/([^)#]+)", page)
    assert len(pictures) == len(re.findall(r"!\[", page)) > 0
    assert all((ROOT / name).is_file() for name in [*pictures, *files])
    assert re.findall(r"\]\((?!https://)[^)]*\)", page) == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.sub(rf"{source}/(raw|blob)/v{rebalance.__version__}/", "", page) == readme


def test_links_within_the_page_and_to_elsewhere_stay() -> None:
    text = "![a](b.png) [c](#d) [e](https://f) [g](h/i.md#j)"
    assert SETUP["with_whole_links"](text, "https://s", "1.0") == (
        "![a](https://s/raw/v1.0/b.png) [c](#d) [e](https://f) [g](https://s/blob/v1.0/h/i.md#j)"
    )
