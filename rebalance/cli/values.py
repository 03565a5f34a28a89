"""What values options take: the types that click checks them by, and lists of names.

May not import anything heavy: a registry's module is imported only when a value is to be checked.
"""

import csv
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click


class Registry(click.ParamType):  # type: ignore[type-arg]
    """The keys of a dictionary in the library, imported only when a value is to be checked."""

    name = "name"

    def __init__(self, module: str, attribute: str) -> None:
        self.module = module
        self.attribute = attribute

    @property
    def keys(self) -> list[str]:
        return list(getattr(import_module(self.module), self.attribute))

    def get_metavar(self, param: click.Parameter, ctx: Any = None) -> str:
        return "[" + "|".join(self.keys) + "]"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value not in self.keys:
            self.fail(f"{value!r} is not one of {', '.join(self.keys)}", param, ctx)
        return value

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(key) for key in self.keys if key.startswith(incomplete)]


class ClassSize(click.ParamType):  # type: ignore[type-arg]
    """NAME=N; a name may itself hold an equals sign."""

    name = "NAME=N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, int]:
        name, found, size = value.rpartition("=")
        if not found or not name or not size.isdecimal():
            self.fail(f"{value!r} is not of the form NAME=N", param, ctx)
        return name, int(size)


class NameValue(click.ParamType):  # type: ignore[type-arg]
    """NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        name, found, text = value.partition("=")
        if not found or not name:
            self.fail(f"{value!r} is not of the form NAME=VALUE", param, ctx)
        return name, text


def split_names(values: Sequence[str]) -> tuple[str, ...]:
    """A,B and repeated options alike; a name with a comma goes in double quotes."""
    try:
        names = tuple(name for value in values for line in csv.reader([value]) for name in line)
    except csv.Error as error:
        raise click.BadParameter(f"{error}: put such a name in double quotes") from None
    if not all(names) or (values and not names):
        raise click.BadParameter("an empty name")
    return names


def check_class_sizes(sizes: Sequence[tuple[str, int]]) -> None:
    """Raise BadParameter where a class has two sizes."""
    named = [name for name, _ in sizes]
    if len(set(named)) < len(named):
        raise click.BadParameter("--class names the same class twice")
