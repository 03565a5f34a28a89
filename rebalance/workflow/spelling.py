"""A command as somebody would type it."""

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

TASTE = ("overwrite", "strict", "workers")  # options that change no result


def command_line(command: str, data: Path | str, /, *given: Any, **others: Any) -> str:
    """The shell command that does ``command`` to DATA.

    given: options that travel together; those at their defaults are left out. others: single
    options, left out where they are None. Booleans are flags.
    """
    changed = {
        field.name: getattr(options, field.name)
        for options in given
        for field in fields(options)
        if getattr(options, field.name) != field.default and field.name not in TASTE
    }
    words = ["rebalance", command, str(data)]
    for name, value in {**others, **changed}.items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            words += [flag] if value is True else [flag, str(value)]
    return shlex.join(words)
