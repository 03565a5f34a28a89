"""The measurements in ``benchmarks/`` still fit the package that they measure."""

from pathlib import Path

import click
import pytest
from launching import finish, start

ROOT = Path(__file__).parent.parent


@pytest.mark.together
def test_every_benchmark_can_be_imported():
    paths = (path.relative_to(ROOT / "benchmarks") for path in ROOT.glob("benchmarks/**/*.py"))
    names = sorted(".".join(path.with_suffix("").parts) for path in paths)
    assert {"by_hand", "coverage.candidates"} <= set(names)
    lines = "\n".join(["import sys", f"sys.path.insert(0, {str(ROOT)!r})"])
    lines += "".join(f"\nimport benchmarks.{name}" for name in names)
    status, _, err = finish(start("-c", lines))
    assert status == 0, err[-2000:]


@pytest.mark.parametrize("beside", ["data", "elsewhere"])
def test_true_subclasses_are_named_relative_to_their_file_or_to_the_data(tmp_path, beside):
    from benchmarks.subclasses import read_truth

    folder = tmp_path / beside
    folder.mkdir()
    (folder / "truth.csv").write_text("file_name,subclass\ncat/1.png,red\ncat/2.png,blue\n")
    truth = read_truth(folder / "truth.csv", tmp_path / "data", ("cat/2.png", "cat/1.png"))
    assert truth.tolist() == ["blue", "red"]
    with pytest.raises(click.UsageError, match=r"it lacks 1 of 1, such as 'dog/1\.png'"):
        read_truth(folder / "truth.csv", tmp_path / "data", ("dog/1.png",))
