"""A choice with options in one text, as NAME:OPTION=VALUE,OPTION=VALUE.

Each choice is a dataclass whose fields are its options, numbers with a default. Imports nothing but
the standard library and our errors.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from rebalance.errors import SettingError, choose, meant, shown
from rebalance.settings.numbers import Range, read_number

Chosen = TypeVar("Chosen")


def read_named(
    text: str, choices: Mapping[str, Callable[..., Chosen]], ranges: Mapping[str, Range], what: str
) -> Chosen:
    """Make the choice that a text names, with its options.

    choices: dataclasses by name. ranges: of every option. what: what is chosen, in a word. Raises
    SettingError for a name, an option or a value that cannot be.
    """
    name, colon, told = text.partition(":")
    if name not in choices:
        raise SettingError(f"no {what} {shown(name)}: {choose(name, choices)}")
    known: dict[str, Any] = {each.name: each.default for each in fields(choices[name])}  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for pair in told.split(",") if colon else ():
        option, equals, value = (part.strip() for part in pair.partition("="))
        if option not in known:
            has = f"only {', '.join(known)}{meant(option, known)}" if known else "none at all"
            raise SettingError(f"the {what} {name} has no option {shown(option)}, {has}")
        if not equals or option in given:
            raise SettingError(f"a {what} is NAME:OPTION=VALUE,OPTION=VALUE; got {shown(text)}")
        must = f"the option {option} of a {what} must be"
        given[option] = read_number(must, value, type(known[option]), ranges[option])
    return choices[name](**given)


def spelled_named(name: str, chosen: Any) -> str:
    """Return a text of a choice, equal for equal ones: without what is a default."""
    told = [
        f"{each.name}={str(getattr(chosen, each.name)).removesuffix('.0')}"
        for each in fields(chosen)
        if getattr(chosen, each.name) != each.default
    ]
    return f"{name}:{','.join(told)}" if told else name
