"""Sizes of long-tailed data sets: against published tables and the code they come from."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rebalance.class_sizes import PROFILES, longtail_sizes
from rebalance.errors import SettingError, TargetError
from rebalance.settings import LongTail

CIFAR10 = dict.fromkeys("0123456789", 5000)


def ldam_drw(cls_num: int, img_max: float, imb_type: str, imb_factor: float) -> list[int]:
    """``get_img_num_per_cls`` of Cao et al. 2019, as published with LDAM-DRW."""
    found = []
    if imb_type == "exp":
        for cls_idx in range(cls_num):
            num = img_max * (imb_factor ** (cls_idx / (cls_num - 1.0)))
            found.append(int(num))
    elif imb_type == "step":
        for _ in range(cls_num // 2):
            found.append(int(img_max))
        for _ in range(cls_num // 2):
            found.append(int(img_max * imb_factor))
    return found


@pytest.mark.parametrize(
    ("rho", "expected"),
    [
        (100, [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]),
        (10, [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500]),
        (1, [5000] * 10),
    ],
)
def test_cifar_10(rho: float, expected: list[int]) -> None:
    assert list(longtail_sizes(CIFAR10, LongTail(rho)).values()) == expected


def test_step() -> None:
    sizes = longtail_sizes(CIFAR10, LongTail(100, "step"))
    assert list(sizes.values()) == [5000] * 5 + [50] * 5
    odd = longtail_sizes(dict.fromkeys("abc", 30), LongTail(10, "step"))
    assert list(odd.values()) == [30, 3, 3]


@pytest.mark.parametrize("profile", ["exp", "step"])
@pytest.mark.parametrize("rho", [10, 20, 50, 100, 200])
@pytest.mark.parametrize(("classes", "most"), [(10, 5000), (100, 500), (1000, 1280), (8, 2500)])
def test_as_the_code_of_ldam_drw(profile: str, rho: int, classes: int, most: int) -> None:
    counts = {f"{number:04d}": most for number in range(classes)}
    expected = ldam_drw(classes, most, profile, 1 / rho)
    assert list(longtail_sizes(counts, LongTail(rho, profile)).values()) == expected


@given(
    steps=st.integers(0, 50),
    smallest=st.integers(1, 50),
    classes=st.integers(2, 12),
)
def test_linear_goes_down_by_the_same_number(steps: int, smallest: int, classes: int) -> None:
    slow = [smallest]
    while len(slow) < classes:
        slow.insert(0, slow[0] + steps)
    tail = LongTail(slow[0] / smallest, "linear")
    counts = {f"{place:02d}": slow[0] for place in range(classes)}
    assert list(longtail_sizes(counts, tail).values()) == slow


@pytest.mark.parametrize(
    ("share", "small"), [(0.1, 1), (0.2, 2), (0.25, 3), (0.5, 5), (0.7, 7), (0.9, 9)]
)
def test_a_share_of_the_classes_is_small(share: float, small: int) -> None:
    sizes = longtail_sizes(CIFAR10, LongTail(100, "step", share=share))
    assert list(sizes.values()) == [5000] * (10 - small) + [50] * small


def test_a_share_leaves_a_class_of_either_size() -> None:
    for share in (0.01, 0.96):
        with pytest.raises(TargetError, match=r"from 0\.1 to 0\.9"):
            longtail_sizes(CIFAR10, LongTail(10, "step", share=share))
    with pytest.raises(SettingError, match="the profile is linear: choose step"):
        LongTail(10, "linear", share=0.5)


@given(rho=st.integers(1, 500), times=st.integers(1, 50))
def test_the_smallest_class_is_exact_where_it_is_whole(rho: int, times: int) -> None:
    # int(49 * (1 / 49)) is 0 in floating point.
    sizes = longtail_sizes(dict.fromkeys("abc", rho * times), LongTail(rho))
    assert sizes["c"] == times


@given(
    counts=st.lists(st.integers(1, 400), min_size=2, max_size=12),
    rho=st.floats(1, 60),
    profile=st.sampled_from(sorted(PROFILES)),
)
def test_as_many_as_all_classes_allow_and_no_more(
    counts: list[int], rho: float, profile: str
) -> None:
    named = {f"{place:02d}": count for place, count in enumerate(counts)}
    try:
        sizes = longtail_sizes(named, LongTail(rho, profile))
    except TargetError as error:
        assume("no image" not in str(error))
        raise
    assert all(1 <= sizes[name] <= named[name] for name in named)
    with pytest.raises(TargetError, match=f"--n-max {max(sizes.values())} is possible"):
        longtail_sizes(named, LongTail(rho, profile, n_max=max(sizes.values()) + 1))


def test_the_order_is_by_size_and_a_tie_in_class_order() -> None:
    sizes = longtail_sizes({"b": 50, "c": 100, "a": 50}, LongTail(4, n_max=40))
    assert sizes == {"b": 20, "c": 40, "a": 10}
    own = longtail_sizes({"b": 50, "c": 100, "a": 50}, LongTail(4, n_max=40, order=("a", "b", "c")))
    assert own == {"b": 20, "c": 10, "a": 40}


def test_a_class_with_too_few_images_is_named_with_what_is_possible() -> None:
    counts = {"cat": 1000, "dog": 200, "eel": 90}
    with pytest.raises(TargetError, match=r"'dog', number 2 in order, has 200 .* need 316") as told:
        longtail_sizes(counts, LongTail(10, n_max=1000))
    assert "--n-max 635 is possible" in str(told.value)
    assert longtail_sizes(counts, LongTail(10, n_max=635))["dog"] == 200


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (LongTail(100, n_max=60), "at most --rho 60"),
        (LongTail(10, order=("a", "b")), "lacks 'c'"),
        (LongTail(10, order=("a", "b", "c", "a")), "one twice"),
        (LongTail(10, order=("a", "b", "d")), "no class 'd'"),
    ],
)
def test_what_cannot_be_is_an_error(tail: LongTail, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        longtail_sizes({"a": 100, "b": 100, "c": 100}, tail)


def test_one_class_has_no_tail() -> None:
    with pytest.raises(TargetError, match="at least 2 classes"):
        longtail_sizes({"a": 100}, LongTail())


@pytest.mark.parametrize("wrong", [{"rho": 0.5}, {"rho": float("inf")}, {"rho": float("nan")}])
def test_a_ratio_below_one_is_none(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError, match="from 1 "):
        LongTail(**wrong)


def test_other_settings_are_checked() -> None:
    with pytest.raises(SettingError, match="exp, step, linear"):
        LongTail(profile="cubic")
    with pytest.raises(SettingError, match="n_max"):
        LongTail(n_max=0)
