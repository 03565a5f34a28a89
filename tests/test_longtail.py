"""``rebalance longtail``: from real folders to manifests."""

import json
from pathlib import Path

import pytest
from conftest import MakeFolder, Run

import rebalance

SIZES = {"a": 40, "b": 40, "c": 40, "d": 40}


def test_a_manifest_with_its_companions(make_folder: MakeFolder, run: Run, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", SIZES)
    done = run("longtail", folder, "-o", tmp_path / "m.csv", "--rho", "8")
    assert done.status == 0
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    assert manifest.counts == {"a": 40, "b": 20, "c": 10, "d": 5}
    files = {f"{name}/{number:03d}.png" for name in SIZES for number in range(40)}
    rows = [row.file_name for row in manifest.rows]
    dropped = [row.file_name for row in manifest.dropped]
    assert sorted([*rows, *dropped]) == sorted(files)
    assert {row.reason for row in manifest.dropped if row.label == "d"} == {
        "longtail: not among the 5 of its class"
    }
    record = json.loads((tmp_path / "m.json").read_text())
    assert record["command"] == "longtail"
    assert record["options"] == {"rho": 8.0, "profile": "exp", "n_max": None, "order": []}
    assert record["imbalance_ratio"] == {"before": 1.0, "after": 8.0}
    assert "imbalance ratio 1.00 -> 8.00" in done.out
    assert [line.split()[:3] for line in done.out.splitlines()[1:5]] == [
        *(["a", "40", "40"], ["b", "40", "20"], ["c", "40", "10"], ["d", "40", "5"])
    ]


def test_a_share_of_small_classes_is_told(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", SIZES)
    manifest = rebalance.longtail(folder, rho=8, profile="step", share=0.25)
    assert manifest.counts == {"a": 40, "b": 40, "c": 40, "d": 5}
    assert manifest.record["options"]["share"] == 0.25


def test_a_longer_tail_of_a_seed_is_part_of_a_shorter_one(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "data", SIZES)

    def kept(**options: object) -> set[str]:
        return {row.file_name for row in rebalance.longtail(folder, n_max=40, **options).rows}

    assert kept(rho=8) < kept(rho=2)
    assert kept(rho=8) == kept(rho=8)
    assert kept(rho=8) != kept(rho=8, seed=1)


def test_it_goes_on_from_a_manifest(make_folder: MakeFolder, run: Run, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", SIZES)
    assert run("undersample", folder, "-o", tmp_path / "u.csv", "--method", "random", "--to", "20")
    options = ("--rho", "4", "--order", "d,c,b,a", "--json")
    done = run("longtail", tmp_path / "u.csv", "-o", tmp_path / "m.csv", *options)
    record = json.loads(done.out)
    assert record["counts"]["after"] == {"a": 5, "b": 7, "c": 12, "d": 20}
    assert record["source"]["command"] == "undersample"
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    assert len(manifest.rows) + len(manifest.dropped) == 160
    assert {row.file_name for row in manifest.rows} <= {
        row.file_name for row in rebalance.read_manifest(tmp_path / "u.csv").rows
    }


def test_unreadable_images_are_left_out_before_it_is_drawn(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "data", {"a": 20, "b": 6})
    for number in range(2):
        (folder / "b" / f"{number:03d}.png").write_bytes(b"no image")
    manifest = rebalance.longtail(folder, rho=5)
    assert manifest.counts == {"a": 20, "b": 4}
    assert [each["file_name"] for each in manifest.record["unreadable"]] == [
        "b/000.png",
        "b/001.png",
    ]
    with pytest.raises(rebalance.RebalanceError, match=r"b/000\.png"):
        rebalance.longtail(folder, rho=5, strict=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--n-max", "50"], "at most --n-max 40 is possible"),
        (["--rho", "90", "--n-max", "30"], "at most --rho 30 is possible"),
        (["--order", "a,b"], "lacks 'c'"),
    ],
)
def test_what_cannot_be_is_one_line_and_no_file(
    make_folder: MakeFolder, run: Run, tmp_path: Path, options: list[str], said: str
) -> None:
    folder = make_folder(tmp_path / "data", SIZES)
    done = run("longtail", folder, "-o", tmp_path / "m.csv", *options)
    assert done.status == 1
    assert said in done.error
    assert not list(tmp_path.glob("m*"))


def test_a_file_that_exists_stays(make_folder: MakeFolder, run: Run, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", SIZES)
    (tmp_path / "m.csv").write_text("mine")
    assert run("longtail", folder, "-o", tmp_path / "m.csv").status == 1
    assert (tmp_path / "m.csv").read_text() == "mine"


@pytest.mark.parametrize("wrong", [["--rho", "0.5"], ["--profile", "cubic"], ["--n-max", "0"]])
def test_wrong_usage(run: Run, tmp_path: Path, wrong: list[str]) -> None:
    assert run("longtail", tmp_path, "-o", tmp_path / "m.csv", *wrong).status == 2
