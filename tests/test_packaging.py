"""What is published: the source distribution whole, requirements that are true, links that lead."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path

import pytest

import rebalance

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ConfigParser()
CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")
SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


# The names of modules that are not their distribution's.
MODULES = {
    "imbalanced-learn": "imblearn",
    "open_clip_torch": "open_clip",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "umap-learn": "umap",
}


def modules(text: str) -> set[str]:
    """What can be imported of the distributions that a text of setup.cfg requires."""
    names = re.findall(r"^([\w-]+)", text, re.MULTILINE)
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


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
    required = modules(CONFIG["options"]["install_requires"])
    optional = {
        name for each in CONFIG["options.extras_require"].values() for name in modules(each)
    }
    theirs = imported - set(sys.stdlib_module_names) - {"rebalance"}
    # huggingface_hub comes with timm and transformers, and is looked for only beside them.
    assert theirs - required - optional <= {"huggingface_hub"}
    assert required <= set(re.findall(r"\w+", source))


def test_the_index_page_has_whole_links_to_files_that_are_there() -> None:
    page = SETUP["index_page"]()
    (source,) = re.findall(r"^Source = (.+)$", CONFIG["metadata"]["project_urls"], re.MULTILINE)
    pictures = re.findall(rf"!\[[^]]+\]\({source}/raw/v{rebalance.__version__}/([^)#]+)\)", page)
    files = re.findall(rf"\]\({source}/blob/v{rebalance.__version__}/([^)#]+)", page)
    assert len(pictures) == len(re.findall(r"!\[", page)) > 0
    assert all((ROOT / name).is_file() for name in [*pictures, *files])
    assert re.findall(r"\]\((?!https://)[^)]*\)", page) == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    relative = re.sub(rf"{source}/(raw|blob)/v{rebalance.__version__}/", "", page)
    assert relative.replace("](README.md#", "](#") == readme


def test_links_become_whole_whatever_they_lead_to() -> None:
    whole = SETUP["with_whole_links"]
    assert whole("![a](b.png) [c](d/e.md#f)", "https://s", "1.0") == (
        "![a](https://s/raw/v1.0/b.png) [c](https://s/blob/v1.0/d/e.md#f)"
    )
    assert whole("[g](#h)", "https://s", "1.0") == "[g](https://s/blob/v1.0/README.md#h)"
    assert whole("[i](https://j) ![k](http://l)", "https://s", "1.0") == (
        "[i](https://j) ![k](http://l)"
    )


def test_the_recipe_of_conda_requires_what_setup_cfg_does() -> None:
    text = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    named = {"matplotlib": "matplotlib-base", "torch": "pytorch"}  # as conda-forge names them
    declared = set()
    for line in CONFIG["options"]["install_requires"].split("\n")[1:]:
        name, version = re.findall(r"^([\w-]+)([^;]*)", line)[0]
        if version.startswith("=="):  # comes with the recipe, from the index
            exact = f"{name.replace('-', '_')}-{version[2:]}.tar.gz"
            assert f"/{exact}\n    sha256: " in text
        else:
            declared.add(f"{named.get(name, name)} {version}")
    run = re.findall(r"^  run:\n((?:    - .+\n)+)", text, re.MULTILINE)[0]
    python = f"python {CONFIG['options']['python_requires']}"
    assert set(re.findall(r"- (.+)", run)) == declared | {python}
    assert f'version: "{rebalance.__version__}"' in text


def test_the_workflows_run_on_every_python_that_is_promised() -> None:
    promised = re.findall(r":: (3\.\d+)$", CONFIG["metadata"]["classifiers"], re.MULTILINE)
    workflow = (ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
    matrix = re.findall(r"python: \[(.+)\]", workflow)[0]
    assert re.findall(r"3\.\d+", matrix) == promised
    assert promised[0] == CONFIG["options"]["python_requires"].removeprefix(">=")
    for script in re.findall(r"run: (\.ci/[\w-]+)", workflow):
        assert os.access(ROOT / script, os.X_OK), script


def test_the_image_is_made_of_what_the_package_is_built_of_and_is_nobodys() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    built = {"LICENSE", "README.md", "pyproject.toml", "rebalance", "setup.cfg", "setup.py"}
    assert sent == built
    steps = re.findall(r"^([A-Z]+) (.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    last = dict(steps)
    assert last["USER"] not in ("root", "0") and last["ENTRYPOINT"] == '["rebalance"]'
    (version,) = {image.split(" ")[0] for step, image in steps if step == "FROM"}
    assert (
        version.removeprefix("python:").removesuffix("-slim") in CONFIG["metadata"]["classifiers"]
    )
    # What is without CUDA has to be there before anything that would bring CUDA.
    pip = [line for step, line in steps if step == "RUN" and "pip install" in line]
    assert "whl/cpu" in pip[0] and len(pip) == 2


def test_a_release_is_refused_until_all_is_said_and_dated(tmp_path: Path) -> None:
    script = ROOT / ".ci" / "release-ready"
    missing = runpy.run_path(str(script))["missing"]
    version = rebalance.__version__
    said = "\n".join(missing(version))
    assert "must have version" not in said  # all say the same
    files = ["rebalance/__init__.py", "CITATION.cff", "recipe/recipe.yaml", "docs/ci.md"]
    assert [line.split(" must")[0] for line in missing("9.9")][:4] == files
    for name in [*files, "setup.cfg"]:
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        text = (ROOT / name).read_text(encoding="utf-8")
        target.write_text(text.replace("OWNER", "somebody"), encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(f"## [{version}] - 2026-12-24\n", encoding="utf-8")
    (tmp_path / ".ci").mkdir()
    ready = runpy.run_path(str(shutil.copy(script, tmp_path / ".ci")))["missing"]
    assert list(ready(version)) == []
