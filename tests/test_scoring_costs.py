"""Cost matrices from CSV files, in both forms, and those that are refused."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rebalance.errors import SettingError
from rebalance.scoring.costs import read_cost_matrix

CLASSES = ("cat", "dog", "eel")


def write(tmp_path, text):
    path = tmp_path / "costs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_bare_matrix_is_in_class_order(tmp_path):
    path = write(tmp_path, "0,1,2\n3, 0 ,4.5\n\n6,7e1,0\n")
    assert read_cost_matrix(path, CLASSES) == [[0, 1, 2], [3, 0, 4.5], [6, 70, 0]]


def test_names_may_stand_in_any_order(tmp_path):
    path = write(tmp_path, "\ufeffpredicted,dog,cat,eel\neel,7,6,0\ncat,1,0,2\ndog,0,3,4\n")
    assert read_cost_matrix(path, CLASSES) == [[0, 1, 2], [3, 0, 4], [6, 7, 0]]


def test_classes_named_by_numbers_are_told_from_costs_by_the_size(tmp_path):
    bare, named = "0,5\n1,0\n", "0,1,0\n0,1,0\n1,0,5\n"
    assert read_cost_matrix(write(tmp_path, bare), ("0", "1")) == [[0, 5], [1, 0]]
    assert read_cost_matrix(write(tmp_path, named), ("0", "1")) == [[0, 1], [5, 0]]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 5), st.randoms(use_true_random=False))
def test_both_forms_say_the_same(tmp_path, size, rng: random.Random):
    classes = [f"class {number}" for number in range(size)]
    costs = [[0 if i == j else rng.randint(1, 9) / 4 for j in range(size)] for i in range(size)]
    bare = "\n".join(",".join(map(str, row)) for row in costs)
    assert read_cost_matrix(write(tmp_path, bare), classes) == costs
    rows, columns = (rng.sample(range(size), size) for _ in range(2))
    lines = [["", *(classes[column] for column in columns)]]
    lines += [[classes[row], *(str(costs[row][column]) for column in columns)] for row in rows]
    named = "\n".join(map(",".join, lines))
    assert read_cost_matrix(write(tmp_path, named), classes) == costs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "3 classes need as many rows and columns of costs, .* there are 0 rows of no cells"),
        ("0,1\n1,0\n", "there are 2 rows of 2 cells"),
        ("0,1,2\n1,0\n1,2,0\n", "there are 3 rows of 2, 3 cells"),
        ("0,1,2\n1,0,x\n1,2,0\n", "costs must be numbers, but one is 'x'"),
        ("0,1,2\n1,0,\n1,2,0\n", "costs must be numbers, but one is ''"),
        ("0,1,2\n1,0,-1\n1,2,0\n", "finite costs from 0 up, but one is -1"),
        ("0,1,2\n1,0,nan\n1,2,0\n", "costs must be numbers, but one is 'nan'"),
        ("0,1,2\n1,0,inf\n1,2,0\n", "costs must be numbers, but one is 'inf', and a finite"),
        ("0;1;1,500\n1;0;2\n1;2;0\n", "but one is '1,500', which may be 1.500 or 1500"),
        ("0;1;2\n1;0;x\n1;2;0\n", "costs must be numbers, but one is 'x'"),
        ("0,1,2\n1,3,1\n1,2,0\n", "diagonal of zeros, but to be right about class 'dog'"),
        ("0,1,0\n1,0,0\n1,2,0\n", "mistakes about class 'eel' cost nothing"),
        (",cat,dog,fox\ncat,0,1,1\n", "there are 2 rows of 4 cells"),
        (",cat,dog,fox\ncat,0,1,1\ndog,1,0,1\neel,1,1,0\n", "first row names 'fox', which is no"),
        (",cat,dog,eel\ncat,0,1,1\ndog,1,0,1\ndog,1,1,0\n", "first column must .* 'dog' once"),
        ('"0,1\n', "cannot be read as CSV"),
    ],
)
def test_what_is_no_cost_matrix_is_refused(tmp_path, text, told):
    path = write(tmp_path, text)
    with pytest.raises(SettingError, match=told) as refusal:
        read_cost_matrix(path, CLASSES)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingError, match="no cost matrix at"):
        read_cost_matrix(tmp_path / "none.csv", CLASSES)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_costs_are_the_same_however_they_are_written(tmp_path, delimiter, encoding):
    point = "." if delimiter == "," else ","
    lines = [["", "dög", "cat"], ["dög", "0", f"2{point}5"], ["cat", "1e0", "0"]]
    text = "\r\n".join(delimiter.join(cell or '"x"' for cell in line) for line in lines)
    (tmp_path / "costs.csv").write_bytes(text.encode(encoding))
    assert read_cost_matrix(tmp_path / "costs.csv", ("cat", "dög")) == [[0, 1], [2.5, 0]]


def test_costs_that_pandas_counted_from_0_are_in_class_order(tmp_path):
    path = write(tmp_path, ",0,1,2\n0,0,1,2\n1,3,0,4\n2,5,6,0\n")
    assert read_cost_matrix(path, CLASSES) == [[0, 1, 2], [3, 0, 4], [5, 6, 0]]


def test_names_that_only_unicode_tells_apart_are_one(tmp_path):
    path = write(tmp_path, ",cafe\u0301,dog\ncafe\u0301,0,1\ndog,2,0\n")
    assert read_cost_matrix(path, ("caf\u00e9", "dog")) == [[0, 1], [2, 0]]
