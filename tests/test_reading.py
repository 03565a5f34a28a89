"""Files that others wrote or damaged: read as what they are, or refused without waiting."""

import os

import pytest

from rebalance.reading import DEEPEST, check_regular, parse_json, read_json, read_object, read_whole

SOUND = '{"a": [1, -0.5, 1e300, "\\ud800", null, true, 18446744073709551615]}'
BAD = {
    "empty": "",
    "cut short": '{"a": 1',
    "two": "{} {}",
    "deep": "[" * 100_000,
    "deep and whole": '{"a":' * 500 + "1" + "}" * 500,
    "just too deep": "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
    "NaN": "[NaN]",
    "infinite": "[-Infinity]",
    "infinite in digits": "[1e999]",
    "a long number": f"[{10**400}]",
    "a longer number": "9" * 5000,
}


def test_json_is_read_as_the_standard_has_it(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(SOUND)
    assert read_object(path) == {"a": [1, -0.5, 1e300, "\ud800", None, True, 2**64 - 1]}
    path.write_text("[" * DEEPEST + "]" * DEEPEST)
    found = read_json(path)
    for _ in range(DEEPEST - 1):
        (found,) = found
    assert found == []
    with pytest.raises(ValueError, match="no JSON object"):
        read_object(path)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_json_that_nobody_can_work_with_is_a_value_error(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        read_json(path)
    assert len(str(error.value)) < 200
    with pytest.raises(ValueError):
        parse_json(text)


def test_bytes_that_are_no_text_are_a_value_error(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError):
        read_json(tmp_path / "a.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_what_is_no_regular_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for ever
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link", "."):
        with pytest.raises(ValueError, match="no regular file"):
            read_json(tmp_path / name)
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("nothing", "dangling"):
        with pytest.raises(FileNotFoundError):
            read_whole(tmp_path / name)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(2**33)  # takes no room
    with pytest.raises(ValueError, match="8589934592 bytes, and 2147483648 at most"):
        read_json(path)
    check_regular(path)
