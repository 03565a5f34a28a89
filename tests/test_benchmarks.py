"""The measurements in ``benchmarks/`` still fit the package that they measure."""

from pathlib import Path

import click
import numpy as np
import pytest
from launching import finish, start

from rebalance.heads.examples import Examples
from rebalance.heads.logistic import fit_logistic
from rebalance.oversampling.soft_labels import SoftLabels

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


POINTS = np.random.default_rng(3).standard_normal((60, 4)).astype(np.float32)
LABELS = np.repeat(np.arange(3), (40, 14, 6))


def test_a_head_learns_from_a_shared_label_as_from_repeated_whole_ones():
    from benchmarks.heads.soft import fit_soft

    rng = np.random.default_rng(4)
    often = rng.integers(0, 4, (60, 3)) + np.eye(3, dtype=int)[LABELS]
    found = fit_soft(POINTS, often / 7, 0.03, tolerance=1e-6)
    rows, labels = (np.repeat(each, often.ravel()) for each in np.divmod(np.arange(180), 3))
    whole = Examples(POINTS[rows].astype(float), SoftLabels.plain(labels), np.ones(3))
    expected = fit_logistic(whole, 0.03)
    np.testing.assert_allclose(found.weight, expected.weight, atol=2e-3)
    np.testing.assert_allclose(np.diff(found.bias), np.diff(expected.bias), atol=2e-3)


def test_rows_of_heads_treat_the_images_as_they_say():
    from benchmarks.heads.images import Images
    from benchmarks.heads.treatments import Row

    images = Images(POINTS, LABELS)
    repeated = Row.parsed("ros")(images, 0)
    np.testing.assert_array_equal(repeated.features, POINTS)
    assert repeated.mass.sum(axis=0).tolist() == [40, 40, 40]
    assert Row.parsed("nothing+whiten+prior") == Row("nothing", "", 0.4, prior=True)
    near, far = (Row.parsed(f"eos:{reach}")(images, 0).features[60:] for reach in (0.5, 1))
    assert len(near) == 60 and not np.array_equal(near, far)
    assert Row.parsed("random:2x")(images, 0).mass.sum(axis=0).tolist() == [12, 12, 6]
    # Half of what a head sees of each class are blends, whose labels add up to one.
    blended = Row.parsed("skew-mix")(images, 0)
    assert len(blended.features) == 180
    np.testing.assert_allclose(blended.mass[60:].sum(axis=1), 1)
    np.testing.assert_allclose(blended.mass[:60].sum(axis=0), 40)
    with pytest.raises(ValueError, match=r"a row is TREATMENT\[:TOLD\].*got 'ros\+white'"):
        Row.parsed("ros+white")


def test_a_power_of_class_sizes_leads_from_mixup_to_skew_mix():
    from benchmarks.heads.images import Images
    from benchmarks.heads.transfers import skewed

    images = Images(POINTS, LABELS)
    blends = {told: skewed(images, told, 0).mass[60:] for told in ("0", "0.5", "1")}
    for mass in blends.values():
        np.testing.assert_allclose(mass.sum(axis=1), 3 / 120)  # 40 of each class, for as much as 60
    both = (blends["0"][:, [0, 2]] > 0).all(axis=1)
    assert both.sum() > 20
    odds = {told: np.diff(np.log(mass[both][:, [0, 2]])) for told, mass in blends.items()}
    rarer = odds["1"] - odds["0"]
    np.testing.assert_allclose(rarer, np.log(40 / 6), rtol=1e-6)
    np.testing.assert_allclose(odds["0.5"] - odds["0"], rarer / 2, rtol=1e-6)


def test_what_larger_classes_lend_lies_about_the_borrower():
    from benchmarks.heads.images import Images
    from benchmarks.heads.transfers import cloud

    apart = Images(POINTS + 100 * np.eye(4, dtype=np.float32)[LABELS], LABELS)
    made = cloud(apart, "", 0)
    new = made.features[60:]
    np.testing.assert_array_equal((new > 50).argmax(axis=1), made.mass[60:].argmax(axis=1))
    np.testing.assert_allclose(made.mass.sum(axis=0), 2)
    own = new[made.mass[60:].argmax(axis=1) == 2]
    # As wide as its own images and the lender's are together.
    spread = POINTS[LABELS == 2].var(axis=0) + POINTS[LABELS == 1].var(axis=0)
    np.testing.assert_allclose(own.var(axis=0), spread, rtol=0.9)


def test_classes_can_be_the_kinds_of_a_larger_one():
    from benchmarks.coverage.kept import cases, merged

    labels = np.array([0] * 8 + [1] * 8 + [2] * 8)
    groups, kinds = merged("a,c", ("a", "b", "c"), labels)
    assert groups.tolist() == [0] * 8 + [-1] * 8 + [0] * 8
    ((name, _, members, numbers),) = cases(("a,c",), groups, kinds, 4.0, 1)
    assert name == "a,c"
    assert np.bincount(numbers).tolist() == [8, 2]  # the second is thinned to a quarter
    assert set(kinds[members]) == {"a", "c"}
    with pytest.raises(click.UsageError, match="which has no d"):
        merged("a,d", ("a", "b", "c"), labels)
