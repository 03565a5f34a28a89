"""Messages: on one line that can be read, whatever is in them."""

import inspect
import re

import pytest

from rebalance import errors
from rebalance.errors import LONGEST, NAMED, FeatureError, MetricError, RebalanceError, shown, some
from rebalance.progress import warn_of_classes

NAMES = [f"class {number}" for number in range(1000)]


def test_the_tree_that_is_drawn_is_the_one_there_is():
    kinds = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    tree = {each.__name__ for each in kinds if issubclass(each, RebalanceError)}
    drawn = errors.__doc__.split("Every message")[0]
    assert set(re.findall(r"[A-Z]\w*Error|[A-Z]\w*(?:Image|Fault|ed|Lost)\b", drawn)) == tree


@pytest.mark.parametrize("count", [0, 1, NAMED, NAMED + 1, 1000])
def test_a_list_names_some_and_counts_the_others(count):
    text = some(NAMES[:count])
    assert [name for name in NAMES[:count] if repr(name) in text] == NAMES[: min(count, NAMED)]
    assert text.endswith(f" and {count - NAMED} more") == (count > NAMED)


def test_names_are_cut_and_escaped():
    text = some(["x" * 10_000, "a\nb"])
    assert len(text) < LONGEST + 20 and "\n" not in text
    assert some(["x" * 10_000], quoted=False) == "x" * (LONGEST - 3) + "..."


def test_what_is_short_is_shown_as_it_is():
    for value in (1, -2.5, "cat", None, [1, 2], True):
        assert shown(value) == repr(value)


@pytest.mark.parametrize("count", [0, 1, NAMED, NAMED + 1, 120])
def test_many_classes_are_one_warning_with_their_number(caplog, count):
    warn_of_classes({name: f"only {place}" for place, name in enumerate(NAMES[:count])})
    if count <= NAMED:
        assert caplog.messages == [
            f"class {name!r}: only {n}" for n, name in enumerate(NAMES[:count])
        ]
    else:
        (said,) = caplog.messages
        assert said.startswith(
            f"{count} classes such as 'class 0': only 0; the others are 'class 1', "
        )
        assert len(said) < 200


def test_a_class_is_named_in_place_of_its_number():
    found = MetricError("a cost for class 1 is needed", 1).named(["cat", "dog"])
    assert str(found) == "a cost for class 'dog' is needed" and found.label == 1
    assert str(FeatureError("none", 1).named(["cat", "dog"])) == "class 'dog': none"
    assert str(MetricError("none").named(["cat"])) == "none"
