"""The streams that a command is started with: perhaps closed, full, or unable to show a letter."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


@contextmanager
def usable_streams() -> Iterator[None]:
    """Let no stream stop a command, whatever it was started with.

    One that is closed leads nowhere instead, lest the next file that is opened take its place; a
    letter that an encoding lacks is escaped. At the end, what a full disk or a reader who has gone
    did not take is let go of, which Python would complain of as it ends.
    """
    _fill_gaps()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            _let_go(stream)


def _fill_gaps() -> None:
    if all(getattr(sys, name) is not None for name, _ in STREAMS):
        return
    file = os.open(os.devnull, os.O_RDWR)
    while file < len(STREAMS):  # the system gives the lowest number that is free
        os.set_inheritable(file, True)
        file = os.dup(file)
    os.close(file)
    for number, (name, mode) in enumerate(STREAMS):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _let_go(stream: object) -> None:
    if not isinstance(stream, TextIOWrapper):
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
