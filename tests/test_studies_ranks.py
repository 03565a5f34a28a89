"""The rank correlation of two studies: against scipy, and where it is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import kendalltau, spearmanr
from test_studies_results import EFFECTS, LDAM, NOTHING, SUBCLASS, outcomes, summarised

from benchmarks.ranks import (
    aligned,
    chance,
    correlation_interval,
    kendall,
    main,
    read,
    reliability,
    spearman,
)
from rebalance.errors import DataError
from rebalance.studies.writing import write_results


def test_it_is_scipy_s() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 6, 12).astype(float), rng.normal(size=12)
    assert spearman(one, two) == pytest.approx(spearmanr(one, two).statistic)
    assert kendall(one, two) == pytest.approx(kendalltau(one, two).statistic)
    assert np.isnan(spearman(np.ones(5), one[:5]))


def table(noise: float, pairs: int = 15, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 1, (pairs, 1))  # of a pair, which ranks within it do not see
    return np.arange(8) / 10 + level + rng.normal(0, noise, (pairs, 8))


def test_firm_tables_have_narrow_intervals_and_agree_with_themselves() -> None:
    rng = np.random.default_rng(0)
    firm = correlation_interval(table(0.01), table(0.01, seed=1), spearman, rng, 300)
    loose = correlation_interval(table(1.0), table(1.0, seed=1), spearman, rng, 300)
    assert firm == (1.0, 1.0)
    assert loose[1] - loose[0] > 0.3
    assert reliability(table(0.01), rng) == pytest.approx(1)
    assert reliability(table(1.0), rng) < 0.9
    assert np.isnan(reliability(table(0.01)[:1], rng))


def test_chance_is_exact_for_few_treatments() -> None:
    order = np.arange(4.0)
    assert chance(order, order, np.random.default_rng(0)) == pytest.approx(1 / 24)
    assert chance(order, -order, np.random.default_rng(0)) == pytest.approx(1)


def test_two_studies_are_read_and_compared(tmp_path: Path) -> None:
    write_results(tmp_path / "probe", summarised(outcomes(seeds=2)), {})
    fewer = {each: EFFECTS[each] for each in (NOTHING, SUBCLASS, LDAM)}
    write_results(tmp_path / "full", summarised(outcomes(fewer)), {})
    metric, found = read(tmp_path / "probe")
    assert metric == "balanced_accuracy"
    assert aligned(found, [NOTHING, LDAM]).shape == (10, 2)
    done = CliRunner().invoke(main, [str(tmp_path / "probe"), str(tmp_path / "full")])
    assert done.exit_code == 0, done.output
    assert "3 treatments, 10 and 15 pairs" in done.output
    assert "Spearman: 1.00 (1.00 to 1.00)" in done.output
    assert "first place: subclass, number 1 in full, 0.000 behind" in done.output


def test_pairs_that_a_treatment_lacks_are_left_out(tmp_path: Path) -> None:
    write_results(tmp_path, summarised([*outcomes()[:-1]]), {})
    _, found = read(tmp_path)
    assert aligned(found, list(EFFECTS)).shape == (14, 4)


def test_what_is_no_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no study\.json"):
        read(tmp_path)
    (tmp_path / "study.json").write_text(json.dumps({"metric": "m"}))
    with pytest.raises(DataError, match=r"no study\.json"):
        read(tmp_path)
