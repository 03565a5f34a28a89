"""The page that every report is: whole in itself, names as text, written whole or not at all."""

import base64
import re
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.errors import OutputError
from rebalance.reports.page import (
    Picture,
    Report,
    Table,
    check_page,
    data_address,
    render,
    svg_address,
    write_page,
)

HOSTILE = "<script>alert('x')</script>&\"<b>"


class Reader(HTMLParser):
    """The tags of a page, and the text that is shown of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside not in ("style", "script"):
            self.text += data


def test_a_title_is_text_and_the_page_stands_alone():
    page = render("base.html", title=HOSTILE)
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags].count("script") == 1  # the page's own
    assert reader.text.count(HOSTILE) == 2  # in the head, and as the heading
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert '<html lang="en">' in page


def test_a_name_that_is_not_utf8_can_be_written():
    page = render("base.html", title="bad \udcff name")
    assert b"bad \\udcff name" in page.encode("utf-8")


@given(st.binary(max_size=300))
def test_addresses_hold_what_they_are_given(data):
    assert base64.b64decode(data_address(data, "image/png").partition(",")[2]) == data
    address = svg_address(data)
    assert unquote_to_bytes(address.partition(",")[2]) == data
    assert not set('"<>#%\n') & set(re.sub(r"%[0-9A-F]{2}", "", address))


def test_a_text_address_is_shorter_than_base64():
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/png;base64,' + (
        b"Ab0+/" * 2000 + b'"/></svg>'
    )
    assert len(svg_address(svg)) < 1.02 * len(svg)


def test_tables_and_facts_are_written_as_people_read_numbers():
    from rebalance.reports.page import _environment

    source = (
        '{% from "parts.html" import table, facts with context %}{{ table(it) }}{{ facts(some) }}'
    )
    it = Table(
        HOSTILE, ("name", "n"), [(HOSTILE, 12345), ("b", 0.25), ("c", None)], [1, 0.5, 0], "s"
    )
    page = _environment().from_string(source).render(it=it, some=[("k", 3), ("t", HOSTILE)])
    reader = Reader(page)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert "12\N{NARROW NO-BREAK SPACE}345" in reader.text and "0.250" in reader.text
    bars = [at["style"] for tag, at in reader.tags if at.get("class") == "bar"]
    assert bars == ["width: 100.0%", "width: 50.0%", "width: 0.0%"]
    assert reader.text.count(HOSTILE) == 3


def test_a_report_knows_its_size_and_pictures():
    text = "<img src='a'> é &lt;img >"
    assert Report(text, {}).size == len(text) + 1
    assert Report(text, {}).pictures == 1


def test_a_picture_is_frozen():
    with pytest.raises(AttributeError):
        Picture("", "", 1, 1).alt = "x"


@pytest.mark.parametrize(
    ("name", "message"),
    [("r.txt", ".html file"), ("no/r.html", "no folder"), ("old.html", "--overwrite")],
)
def test_places_that_a_page_cannot_have(tmp_path, name, message):
    (tmp_path / "old.html").write_text("precious")
    with pytest.raises(OutputError, match=message):
        check_page(tmp_path / name, overwrite=False)
    with pytest.raises(OutputError, match=message):
        write_page(tmp_path / name, "x")
    assert (tmp_path / "old.html").read_text() == "precious"


def test_a_page_is_written_with_unix_lines(tmp_path):
    write_page(tmp_path / "r.html", "a\nb é")
    assert (tmp_path / "r.html").read_bytes() == "a\nb é".encode()
    write_page(tmp_path / "r.html", "new", overwrite=True)
    assert (tmp_path / "r.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
