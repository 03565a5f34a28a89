"""The studies that come with the source: each can be read, and README tells of each."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks.npz_folder import main
from rebalance.studies.declaration import read_study

STUDIES = Path(__file__).resolve().parents[1] / "studies"


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.stem)
def test_each_can_be_read_and_has_its_controls(path: Path) -> None:
    plan = read_study(path, data="photos")
    assert len(plan.treatments) >= 5
    assert set(plan.controls) == set(plan.treatments)
    readme = (STUDIES / "README.md").read_text(encoding="utf-8")
    assert f"`{path.name}`" in readme
    cells = len(plan.cells)
    assert f"{cells} cells" in readme.split(f"`{path.name}`")[1].splitlines()[0]


def test_a_folder_is_made_of_arrays(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=images, y=[0, 1, 1, 0, 1], classes=["cat", "dog"])
    done = CliRunner().invoke(main, [str(tmp_path / "a.npz"), str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in tmp_path.glob("out/*/*"))
    assert files == [
        *("cat/000000.png", "cat/000003.png"),
        *("dog/000001.png", "dog/000002.png", "dog/000004.png"),
    ]
    with Image.open(tmp_path / "out/dog/000002.png") as image:
        assert np.array_equal(np.asarray(image), images[2])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((1, 8, 8), np.uint8), "y": [0]}, "no array 'classes'"),
        ({"x": np.zeros((1, 8, 8)), "y": [0], "classes": ["a"]}, "uint8"),
    ],
)
def test_what_is_no_such_npz_is_told(tmp_path: Path, arrays: dict[str, object], said: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    done = CliRunner().invoke(main, [str(tmp_path / "a.npz"), str(tmp_path / "out")])
    assert done.exit_code == 1
    assert said in done.output
    assert not (tmp_path / "out").exists()
