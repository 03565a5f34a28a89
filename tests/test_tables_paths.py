"""Paths of tables and the files they mean: one way for all rows, or none, or an error of two."""

from unicodedata import normalize

import pytest

from rebalance.tables import PathIndex, as_parts, find_each, nearest
from rebalance.tables.searching import find_files

ENDINGS = (".png", ".jpg")
FILES = ["cat/1.png", "cat/2.png", "dog/1.png"]


def found(paths, files=FILES):
    """The files of the paths, or of each of several ways; None for what is not found."""
    ways = find_each(paths, PathIndex.of(files, ENDINGS))
    names = [[None if p is None else files[p] for p in each.places] for each in ways]
    return names[0] if len(names) == 1 else names


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda file: file, "as they are written"),
        (lambda file: f"./{file}", "as they are written"),
        (lambda file: file.replace("/", "//"), "as they are written"),
        (lambda file: f"x/../{file}", "as they are written"),
        (lambda file: file.replace("/", "\\"), "with backslashes as separators"),
        (lambda file: f" {file} ", "without spaces around them"),
        (lambda file: f"/data/{file}", "without the prefix '/data'"),
        (lambda file: f"../data/{file}", "without the prefix '../data'"),
        (lambda file: "D:\\d\\" + file.replace("/", "\\"), "without the prefix 'D:/d'"),
        (lambda file: "\\\\nas\\d\\" + file.replace("/", "\\"), "without the prefix '/nas/d'"),
        (lambda file: f"https://a.b/{file}?w=3#x", "as the paths of URLs, without the prefix"),
        (lambda file: f"s3://bucket/k/{file}", "without the prefix 's3://bucket/k'"),
        (lambda file: file.upper(), "whatever the case of letters"),
        (lambda file: file[:-4], "whatever their extension"),
        (lambda file: file[:-3] + "JPG", "whatever their extension"),
    ],
)
def test_one_way_finds_every_file(change, how):
    paths = [change(file) for file in (*FILES, FILES[0])]
    (finding,) = find_each(paths, PathIndex.of(FILES, ENDINGS))
    assert [FILES[place] for place in finding.places] == [*FILES, FILES[0]]
    assert how in finding.way.in_words(paths)


def test_unicode_forms_do_not_matter_where_all_rows_need_it():
    files = [normalize("NFD", "café/ü.png"), normalize("NFD", "café/ö.png")]
    paths = [normalize("NFC", file) for file in files]
    assert found(paths, files) == files
    assert found([path.upper() for path in paths], files) == files


def test_a_folder_may_be_left_out():
    assert found(["1.png", "2.png"], ["a/1.png", "b/2.png", "x.csv"]) == ["a/1.png", "b/2.png"]
    assert found(["D:\\x\\1", "D:\\y\\2"], ["a/1.png", "b/2.png"]) == ["a/1.png", "b/2.png"]


def test_what_one_way_does_not_find_in_every_row_is_not_found():
    assert found(["cat/1.png", "cat\\2.png", "dog/9.png"]) == ["cat/1.png", "cat/2.png", None]
    assert found(["a/cat/1.png", "b/cat/2.png"]) == [None, None] or None in found(
        ["a/cat/1.png", "b/cat/2.png", "a/dog/1.png"]
    )


def test_a_path_that_means_two_files_means_none():
    files = ["cat/1.png", "cat/1.jpg", "dog/1.png"]
    (finding,) = find_each(["cat/1", "dog/1"], PathIndex.of(files, ENDINGS))
    assert finding.places == [None, 2]
    assert finding.several == {0: (0, 1)}
    assert found(["1.png"]) == [None]


def test_the_very_name_goes_before_those_like_it():
    files = ["a.png", "A.png", "B.PNG"]
    assert found(["a.png", "b.png"], files) == ["a.png", "B.PNG"]


def test_two_paths_never_become_one_file():
    assert None in found(["x/1.png", "y/1.png"], ["z/1.png"])
    assert None in found(["A.png", "a.png"], ["a.PNG", "b.png"])


def test_ways_that_are_equally_plain_are_all_told():
    first, second = found(["a/b/1.png"], ["b/1.png", "1.png"])
    assert {first[0], second[0]} == {"b/1.png", "1.png"}
    assert found(["Train/1.png"], ["train/1.png", "1.png"]) == [["1.png"], ["train/1.png"]] or (
        sorted(map(str, found(["Train/1.png"], ["train/1.png", "1.png"])))
        == ["['1.png']", "['train/1.png']"]
    )


def test_a_dot_in_a_name_is_no_extension():
    assert found(["v1.2", "v1.3"], ["v1.2.png", "v1.3.png"]) == ["v1.2.png", "v1.3.png"]


def test_files_are_found_among_paths_that_hold_others():
    paths = ["t\\a\\1.png", "t\\a\\2.png", "t\\b\\1.png", "v\\a\\1.png"]
    (finding,) = find_files(["a/2.png", "b/1.png"], paths, ENDINGS)
    assert finding.places == [1, 2]
    (finding,) = find_files(["a/1.png", "b/1.png"], paths, ENDINGS)
    assert finding.places == [None, 2] and finding.several == {0: (0, 3)}


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("", ()),
        ("/", ("/",)),
        ("..", ("..",)),
        ("a/../../b", ("..", "b")),
        (" C:\\a\\.\\b ", ("C:", "a", "b")),
        ("https://x", ("https://x",)),
        ("file:///a/b%20c", ("file://", "a", "b c")),
    ],
)
def test_parts_of_a_path(path, parts):
    assert as_parts(path, tidied=True) == parts


def test_the_nearest_file():
    files = [f"cat/{n:04d}.png" for n in range(5000)] + ["dog/x.jpg"]
    assert nearest("Cat\\4321.PNG", files) == "cat/4321.png"
    assert nearest("dog/x.png", files) == "dog/x.jpg"
    assert nearest("nothing like it", files) in files
    assert nearest("a", []) is None
