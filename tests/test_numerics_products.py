"""Products in threads: right, and with the same bytes for any number of threads."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from rebalance.numerics import products
from rebalance.numerics.products import mirror, one_blas_thread, side_by_side, slices, threads


def blas_threads():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture(params=[1, 2, 5])
def workers(request, monkeypatch):
    monkeypatch.setattr(products, "_workers", lambda: request.param)
    return request.param


def test_products_are_numpys(workers, monkeypatch):
    monkeypatch.setattr(products, "RUN", 100)
    left, right = np.random.default_rng(0).standard_normal((2, 700, 30))
    with threads() as team:
        np.testing.assert_allclose(team.multiply(left, right[:30]), left @ right[:30])
        np.testing.assert_allclose(team.inner(left, right), left.T @ right)
        total = np.zeros((700, 700))
        team.add_gram(total, left)
        team.add_gram(total, right)
    mirror(total)
    np.testing.assert_allclose(total, left @ left.T + right @ right.T, atol=1e-12)
    np.testing.assert_array_equal(total, total.T)


def test_any_number_of_threads_gives_the_same_bytes(monkeypatch):
    left = np.random.default_rng(0).standard_normal((9000, 90)).astype(np.float32)
    found = []
    for workers in (1, 2, 3, 7):
        monkeypatch.setattr(products, "_workers", lambda workers=workers: workers)
        total = np.zeros((90, 90))
        with threads() as team:
            team.add_gram(total, left.T)
            both = team.multiply(left, left[:90].T), team.inner(left, left)
        found.append([each.tobytes() for each in (*both, total)])
    assert all(each == found[0] for each in found)


def test_results_are_in_the_order_of_the_items(workers):
    with threads() as team:
        assert team.each(lambda item: item * item, range(50)) == [i * i for i in range(50)]


def test_blas_has_one_thread_within_and_those_it_had_after(workers):
    before = blas_threads()
    with threads() as team:
        assert team.each(lambda _: blas_threads(), range(3)) == [{1}] * 3
        with threads() as again:
            assert again is team
    with one_blas_thread(), one_blas_thread():
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_an_error_in_a_thread_is_raised_and_ends_the_threads(workers):
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), threads() as team:
        team.each(lambda item: 1 // item, [1, 0, 2])
    assert threading.active_count() == before


@pytest.mark.parametrize(("length", "step"), [(0, 3), (1, 3), (3, 3), (10, 3)])
def test_slices_cover_everything_once(length, step):
    parts = [range(length)[part] for part in slices(length, step)]
    assert [i for part in parts for i in part] == list(range(length))
    assert all(len(part) == step for part in parts[:-1])


def test_one_thread_of_blas_leaves_ours_as_many():
    with threads() as team:
        expected = team.workers
    with one_blas_thread(), threads() as team:
        assert team.workers == expected
        assert blas_threads() == {1}


def test_who_works_for_a_team_shares_out_nothing_again():
    with threads() as team:
        outer = team.workers

        def look(_):
            with threads() as inner:
                return inner.workers

        found = set(team.each(look, range(8)))
    assert found == ({1} if outer > 1 else {outer})
    assert blas_threads() == {outer}


def test_small_items_share_the_threads_and_large_ones_have_them_all(workers):
    def work(item):
        with threads() as team:
            return item * 10, team.workers

    found = list(side_by_side(work, {1: 9, 2: 3, 3: 4, 4: 2}, small=3))
    assert found == [(2, (20, 1)), (4, (40, 1)), (1, (10, workers)), (3, (30, workers))]
    assert list(side_by_side(work, {5: 1, 6: 9}, small=3)) == [
        (5, (50, workers)),
        (6, (60, workers)),
    ]


def test_what_fails_in_a_thread_is_raised(workers):
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda item: 1 // item, {0: 1, 1: 1}))
