"""Colour on terminals alone, and warnings that come again."""

import logging
import sys
from io import StringIO

import pytest

from rebalance.cli import console, main

RED, BOLD, YELLOW = "\x1b[31m", "\x1b[1m", "\x1b[33m"


class Terminal(StringIO):
    """A stream that says that somebody looks at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch):
    """``on_terminal("inspect", folder)``: what both streams show on terminals."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["rebalance", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdout", Terminal())
        monkeypatch.setattr(sys, "stderr", Terminal())
        with pytest.raises(SystemExit):
            main()
        return sys.stdout.getvalue() + sys.stderr.getvalue()

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return call


def test_errors_warnings_and_headings_are_in_colour(on_terminal, make_folder, tmp_path):
    assert f"{RED}{BOLD}error:\x1b[0m" in on_terminal("inspect", tmp_path / "nothing")
    assert f"{RED}{BOLD}Error:\x1b[0m Missing" in on_terminal("inspect")
    assert f"\n{BOLD}Eyes, what looks at the images:\x1b[0m" in on_terminal("inspect", "-h")
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    (data / "dog" / "zero.png").touch()
    text = on_terminal("inspect", data)
    assert f"{YELLOW}{BOLD}warning:\x1b[0m unreadable: 'dog/zero.png'" in text
    assert f"{BOLD}class  images  unreadable  share  group\x1b[0m\ncat " in text


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colour_gets_none(on_terminal, monkeypatch, tmp_path, name, value):
    monkeypatch.setenv(name, value)
    assert "\x1b[" not in on_terminal("inspect", tmp_path / "nothing") + on_terminal("-h")


def test_an_empty_no_color_says_nothing(on_terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert BOLD in on_terminal("-h")


def test_files_and_pipes_have_no_colour(run, make_folder, tmp_path):
    found = run("inspect", make_folder(tmp_path / "data", {"cat": 3, "dog": 1}))
    assert found.status == 0 and "\x1b[" not in found.out + found.err


def test_a_warning_that_comes_again_is_counted(capfd, monkeypatch):
    log = logging.getLogger("rebalance")
    monkeypatch.setattr(log, "handlers", [*log.handlers])  # what the start of a command changes
    for name in ("propagate", "level"):
        monkeypatch.setattr(log, name, getattr(log, name))
    console.start(quiet=False, verbose=False)
    for number in (1, 2, 3):
        log.warning("%s is odd", "'a.png'")
        log.warning("number %d", number)
        log.info("done")
    console.end_log()
    lines = capfd.readouterr().err.splitlines()
    assert lines.count("rebalance: warning: 'a.png' is odd") == 1
    assert lines.count("rebalance: done") == 3
    assert [line for line in lines if "number" in line] == [
        f"rebalance: warning: number {number}" for number in (1, 2, 3)
    ]
    assert lines[-1] == "rebalance: warning: 3 times: 'a.png' is odd"
    console.end_log()
    assert capfd.readouterr().err == ""
