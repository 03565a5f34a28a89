"""Which images can go first: real files, held against a slow loop over all pairs."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rebalance.inspection.description import Appearance, ImageDescription, describe_image
from rebalance.inspection.redundancy import near_duplicates, redundant
from rebalance.inspection.similarity import BITS, CORRELATION

WORDS = [0, 0b1, 0b111, 0b11111, 0b1111111, (1 << 40) - 1, 0x5555555555555555]
RAMPS = [np.arange(64), np.arange(64)[::-1], np.arange(64) ** 2 // 17]


def seen(bits: int, ramp: int = 0, side: int = 10, name: bytes | None = None) -> ImageDescription:
    pixels = RAMPS[ramp].astype(np.uint8).tobytes()
    digest = name or f"{bits}/{ramp}/{side}".encode()
    return ImageDescription(digest, (side, side), "RGB", 50.0, Appearance(bits, pixels))


def blank(name: bytes) -> ImageDescription:
    return ImageDescription(name, (10, 10), "RGB", 0.0, None)


def alike(one: ImageDescription | None, other: ImageDescription | None) -> bool:
    if one is None or other is None:
        return False
    if one.appearance is None or other.appearance is None:
        return one.digest == other.digest
    left, right = (np.frombuffer(each.appearance.miniature, np.uint8) for each in (one, other))
    close = (one.appearance.bits ^ other.appearance.bits).bit_count() <= BITS
    return close and np.corrcoef(left, right)[0, 1] >= CORRELATION


def slow(looks: list[ImageDescription | None]) -> dict[int, int]:
    """The largest first: who looks like one that stays goes, and to the first such."""
    order = sorted(
        range(len(looks)),
        key=lambda i: (-(looks[i].size[0] * looks[i].size[1] if looks[i] else 0), i),
    )
    stays: list[int] = []
    gone = {}
    for position in order:
        like = [other for other in stays if alike(looks[other], looks[position])]
        if like:
            gone[position] = like[0]
        else:
            stays.append(position)
    return dict(sorted(gone.items()))


looks_of = st.lists(
    st.one_of(
        st.none(),
        st.sampled_from([blank(b"a"), blank(b"b")]),
        st.builds(
            seen, st.sampled_from(WORDS), st.sampled_from([0, 1, 2]), st.sampled_from([10, 20])
        ),
    ),
    max_size=14,
)


@settings(deadline=None)
@given(looks_of, st.integers(0, 14))
def test_all_that_goes_looks_like_one_that_stays(
    looks: list[ImageDescription | None], most: int
) -> None:
    whole = redundant(looks, len(looks))
    assert whole == slow(looks)
    some = redundant(looks, most)
    assert len(some) == min(most, len(whole))
    assert some.items() <= whole.items()
    assert list(some) == sorted(some)
    # Whoever has more copies left than another has lost some first.
    left = Counter(stays for gone, stays in whole.items() if gone not in some)
    lost = Counter(some.values())
    for rich in left:
        for poor in lost:
            assert left[rich] <= left[poor] + 1


def test_a_chain_does_not_take_along_what_looks_different() -> None:
    chain = [seen(0b1), seen(0b1111), seen(0b1111111)]  # the ends differ in 6 bits
    assert redundant(chain, 3) == {1: 0}


def test_the_largest_stays_and_of_equal_ones_the_first() -> None:
    assert redundant([seen(1, side=5), seen(1, side=9), seen(1, side=9, name=b"x")], 9) == {
        0: 1,
        2: 1,
    }


def test_nothing_goes_where_nothing_may_or_nothing_is_there() -> None:
    assert redundant([seen(1), seen(1, name=b"x")], 0) == {}
    assert redundant([], 3) == {}
    with pytest.raises(ValueError, match="-1"):
        redundant([], -1)


def test_real_files_scaled_compressed_and_blank(sample: Path, tmp_path: Path) -> None:
    with Image.open(next((sample / "loops").glob("*.png"))) as image:
        photo = image.convert("RGB").resize((96, 96), Image.Resampling.BICUBIC)
    photo.resize((48, 48)).save(tmp_path / "0.jpg", quality=80)
    photo.save(tmp_path / "1.png")
    photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "2.png")
    for name in ("3.png", "4.png"):
        Image.new("RGB", (20, 20), "white").save(tmp_path / name)
    Image.new("RGB", (20, 20), "black").save(tmp_path / "5.png")
    looks = [describe_image(path) for path in sorted(tmp_path.iterdir())]
    assert redundant(looks, 6) == {0: 1, 4: 3}


def test_near_duplicates_go_class_by_class_with_the_reason() -> None:
    looks: dict[int, ImageDescription | None] = {
        0: seen(0, side=10),
        1: seen(0, side=20),
        3: seen(0, side=10, name=b"20"),
        4: blank(b"a"),
        5: blank(b"a"),
        6: None,
    }
    paths, labels = [f"{letter}.png" for letter in "abcdefg"], [0, 0, 1, 0, 0, 0, 0]
    assert near_duplicates(looks, paths, labels, {0: 2}) == {
        0: "near-duplicate of b.png",
        3: "near-duplicate of b.png",
        5: "duplicate of e.png",
    }
    assert len(near_duplicates(looks, paths, labels, {0: 5})) == 1  # none falls below its size
    assert near_duplicates({}, paths, labels, {}) == {}
