"""Which images repeat others, held against a slow loop over all pairs."""

from hypothesis import given, settings
from hypothesis import strategies as st
from test_inspection_redundancy import WORDS, alike, blank, seen

from rebalance.inspection.copies import copies_among, copies_of
from rebalance.inspection.description import ImageDescription

looks_of = st.lists(
    st.one_of(
        st.sampled_from([blank(b"a"), blank(b"b")]),
        st.builds(
            seen, st.sampled_from(WORDS), st.sampled_from([0, 1, 2]), st.sampled_from([10, 20])
        ),
    ),
    max_size=10,
)


def slow_of(images: list[ImageDescription], known: list[ImageDescription]) -> dict[int, int]:
    found = {}
    for place, one in enumerate(images):
        equal = [i for i, other in enumerate(known) if other.digest == one.digest]
        like = [i for i, other in enumerate(known) if alike(one, other)]
        if equal or like:
            found[place] = (equal or like)[0]
    return found


def slow_among(images: list[ImageDescription]) -> dict[int, int]:
    stays: list[int] = []
    found = {}
    for place, one in enumerate(images):
        like = [i for i in stays if images[i].digest == one.digest or alike(images[i], one)]
        if like:
            found[place] = like[0]
        else:
            stays.append(place)
    return found


@settings(deadline=None, max_examples=30)
@given(looks_of, looks_of)
def test_a_slow_loop_finds_the_same_copies(
    images: list[ImageDescription], known: list[ImageDescription]
) -> None:
    assert copies_of(images, known) == slow_of(images, known)
    assert copies_among(images) == slow_among(images)


def test_a_chain_makes_no_copies() -> None:
    ends, between = (seen(0), seen((1 << 8) - 1)), seen((1 << 4) - 1)
    assert copies_of([ends[1]], [ends[0]]) == {}
    assert copies_of([ends[1], between], [ends[0]]) == {1: 0}
    assert copies_among([ends[0], between, ends[1]]) == {1: 0}
