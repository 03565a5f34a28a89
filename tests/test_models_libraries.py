"""Networks of other libraries: their names, and what is said where a library is not there."""

import pytest

from rebalance.errors import ExtractorError
from rebalance.models.libraries import LIBRARIES, Library, library_of
from rebalance.models.pretrained import Wording, find_pretrained

OPTION = Wording("--extractor is this or that", "pass another")
ABSENT = Library("timm", "no-such-distribution", "timm", "no.such.module", "timm:NAME")


@pytest.mark.parametrize("name", ["imagenet", "timm", "C:\\weights.pth", "a/timm:b", "other:x", ""])
def test_names_without_a_prefix_are_of_no_library(name: str) -> None:
    assert library_of(name) is None


def test_a_prefix_names_its_library() -> None:
    for prefix, library in LIBRARIES.items():
        assert library.prefix == prefix
        assert library_of(f"{prefix}:x:y") is library


def test_a_library_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIBRARIES, "timm", ABSENT)
    with pytest.raises(ExtractorError, match=r"pip install 'rebalance\[timm\]'"):
        find_pretrained("timm:resnet18", None, OPTION)


@pytest.mark.parametrize(
    ("name", "arch", "weights", "told"),
    [
        ("timm:resnet18", "resnet18", None, "leave out --arch"),
        ("imagenet", None, "w.pth", "--weights is a file of weights for timm:NAME"),
        ("imagenet", "timm:resnet18", None, "give 'timm:resnet18' itself"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    name: str, arch: str | None, weights: str | None, told: str
) -> None:
    with pytest.raises(ExtractorError) as caught:
        find_pretrained(name, arch, OPTION, weights)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_library_has_an_extra() -> None:
    from configparser import ConfigParser
    from pathlib import Path

    setup = ConfigParser()
    setup.read(Path(__file__).parent.parent / "setup.cfg")
    extras = setup["options.extras_require"]
    for library in LIBRARIES.values():
        assert library.distribution in extras[library.extra]
