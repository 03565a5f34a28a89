"""What a loss is told of classes by name: every form it may have, and what is wrong in one line."""

from pathlib import Path

import pytest

from rebalance.errors import SettingError
from rebalance.scoring.class_values import read_class_values, with_class_values, with_files_in

CLASSES = ("cat", "dog", "a,b=c")
WANTED = [0.5, 2.0, 4.0]


@pytest.mark.parametrize(
    "value",
    [
        {"dog": 2, "a,b=c": 4.0, "cat": 0.5},
        (("dog", 2), ("cat", 0.5), ("a,b=c", 4)),
        'dog=2,"a,b=c=4",cat=.5',
        'dog=2, cat=0.5, "a,b=c=4"',
    ],
)
def test_classes_are_named_in_any_order(value):
    assert read_class_values(value, CLASSES) == WANTED
    assert with_class_values({"alpha": value, "gamma": 1}, CLASSES) == {"alpha": WANTED, "gamma": 1}


@pytest.mark.parametrize(
    "text",
    [
        'dog,2\ncat,0.5\n"a,b=c",4\n',
        'class,alpha\ndog,2\ncat,0.5\n"a,b=c",4\n',
        "class;alpha\ndog;2\ncat;0,5\na,b=c;4\n",
        "dog\t2\ncat\t0.5\na,b=c\t4\n",
    ],
)
def test_a_file_has_a_line_for_each_class(tmp_path, text):
    path = tmp_path / "x=1.csv"
    path.write_text(text)
    assert read_class_values(str(path), CLASSES) == WANTED


@pytest.mark.parametrize("alpha", ["0.25", 0.25, "balanced", [1.0, 2.0, 3.0], None, "heavy"])
def test_what_is_of_all_classes_or_in_their_order_is_left_as_it_is(alpha):
    assert with_class_values({"alpha": alpha, "beta": "a=b"}, CLASSES)["alpha"] is alpha


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat=1,dog=2", "the list of alpha must name class 'a,b=c' once, but does 0 times"),
        ("cat=1,cat=2,dog=1,owl=1", "names 'owl', which is no class; they are cat, dog, a,b=c"),
        ('cat=1,dog=2,cat=3,"a,b=c=1"', "must name class 'cat' once, but does 2 times"),
        ('cat=1,dog=two,"a,b=c=1"', "'two'"),
        ('cat=1,dog=,"a,b=c=1"', "the weight of class 'dog' must be a number, not ''"),
        ("cat=1,dog", "NAME=NUMBER for each class, with commas between; got 'dog'"),
        ("=1", "got '=1'"),
    ],
)
def test_a_list_that_is_wrong_is_one_line(text, message):
    with pytest.raises(SettingError) as raised:
        read_class_values(text, CLASSES)
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat,1,2\n", "must have a line for each class, its name and its weight, such as cat,1"),
        ("", "must have a line for each class"),
        ("cat,1\ndog,2\nowl,3\n", "alpha.csv' names 'owl', which is no class"),
        ('cat,1\ndog,x\n"a,b=c",3\n', "'x'"),
    ],
)
def test_a_file_that_is_wrong_is_one_line(tmp_path, text, message):
    path = tmp_path / "alpha.csv"
    path.write_text(text)
    with pytest.raises(SettingError) as raised:
        read_class_values(str(path), CLASSES)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_files_lie_beside_the_study():
    found = with_files_in({"matrix": "c.csv", "alpha": "a.csv"}, Path("here"))
    assert found == {"matrix": str(Path("here/c.csv")), "alpha": str(Path("here/a.csv"))}
    for alpha in ("cat=1,dog=2", "0.5", "balanced", {"cat": 1}):
        assert with_files_in({"alpha": alpha}, Path("here")) == {"alpha": alpha}
