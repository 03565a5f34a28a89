"""The types that click checks the values of options by.

May not import anything heavy: a registry's module is imported only when a value is to be checked.
"""

import csv
from collections.abc import Callable, Sequence
from typing import Any

import click

from rebalance.errors import RebalanceError, SettingError, meant, shown
from rebalance.settings.numbers import LARGEST, Range, read_number
from rebalance.settings.option import Option


class Registry(click.ParamType):  # type: ignore[type-arg]
    """Names, such as the keys of a dictionary, imported only when a value is to be checked.

    Whether letters are small or capital does not matter.
    """

    name = "name"

    def __init__(self, keys: Callable[[], Sequence[str]]) -> None:
        self._keys = keys

    @property
    def keys(self) -> list[str]:
        return list(self._keys())

    def get_metavar(self, param: click.Parameter, ctx: Any = None) -> str:
        return "[" + "|".join(self.keys) + "]"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        known = self.keys
        as_known = {key.casefold(): key for key in known}
        found = value if value in known else as_known.get(str(value).casefold())
        if found is None:
            told = f"{shown(value)} is not one of {', '.join(known)}{meant(value, known)}"
            self.fail(told, param, ctx)
        return found

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(key) for key in self.keys if key.startswith(incomplete.lower())]


class Names(click.ParamType):  # type: ignore[type-arg]
    """A,B: names separated by commas; one with a comma goes in double quotes."""

    name = "A,B"

    def __init__(self, each: Registry | None = None) -> None:
        self.each = each

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        try:
            names = tuple(name for line in csv.reader([value]) for name in line)
        except csv.Error as error:
            self.fail(f"{error}: put such a name in double quotes", param, ctx)
        if not names or not all(names):
            self.fail("an empty name", param, ctx)
        if self.each is not None:
            return tuple(self.each.convert(name, param, ctx) for name in names)
        return names


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """A,B: numbers in the range of their option, separated by commas."""

    name = "A,B"

    def __init__(self, told: Option) -> None:
        self.told = told

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        try:
            each = str(value).split(",")
            return tuple(read_number("each must be", text, float, self.told) for text in each)
        except SettingError as error:
            self.fail(str(error), param, ctx)


class ClassSize(click.ParamType):  # type: ignore[type-arg]
    """NAME=N; a name may itself hold an equals sign."""

    name = "NAME=N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, int]:
        name, found, size = value.rpartition("=")
        if not found or not name or not size.isdecimal():
            self.fail(f"{shown(value)} is not of the form NAME=N", param, ctx)
        try:
            return name, read_number(f"the size of {shown(name)} is", size, int, Range(least=0))
        except SettingError as error:
            self.fail(str(error), param, ctx)


class NameValue(click.ParamType):  # type: ignore[type-arg]
    """NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        name, found, text = value.partition("=")
        if not found or not name:
            self.fail(f"{shown(value)} is not of the form NAME=VALUE", param, ctx)
        return name, text


class ChoiceWithOption(Registry):
    """NAME, or NAME:OPTION=VALUE, one option of what is named; see ``divided``."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        name, colon, option = value.partition(":")
        name = super().convert(name, param, ctx)
        if colon:
            NameValue().convert(option, param, ctx)
        return f"{name}{colon}{option}"


def divided(value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Divide what ``ChoiceWithOption`` let through into the name and its options.

    >>> from rebalance.cli.values import divided
    >>> divided("focal:alpha=cat=2,dog=1"), divided("ce")
    (('focal', (('alpha', 'cat=2,dog=1'),)), ('ce', ()))
    """
    name, colon, option = value.partition(":")
    found, _, text = option.partition("=")
    return name, ((found, text),) if colon else ()


class Text(click.ParamType):  # type: ignore[type-arg]
    """Text of which the option itself says whether it can be a value.

    Where it cannot as it is, but in small letters, it is that.
    """

    name = "text"

    def __init__(self, told: Option) -> None:
        self.told = told

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        text = str(value)
        name, colon, rest = text.partition(":")  # a file that follows has its name as it is
        wrong = []
        for spelled in (text, name.lower() + colon + rest, text.lower()):
            try:
                self.told.read(spelled)
                return spelled
            except RebalanceError as error:
                wrong.append(str(error))
        return self.fail(wrong[0], param, ctx)


class _Number:
    """The check of numbers, whatever kind they are of; click's own lets NaN through any range."""

    kind: type
    told: Option

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return read_number("it must be", value, self.kind, self.told)
        except SettingError as error:
            raise click.BadParameter(str(error), ctx, param) from None


class Whole(_Number, click.IntRange):
    """A whole number in the range of its option."""

    kind = int

    def __init__(self, told: Option) -> None:
        self.told = told
        above = None if told.above is None else told.above + 1
        worth_telling = told.most is not None and told.most < LARGEST
        most = told.most if worth_telling else None
        super().__init__(told.least if above is None else above, most)


class Real(_Number, click.FloatRange):
    """A finite number in the range of its option."""

    kind = float

    def __init__(self, told: Option) -> None:
        self.told = told
        low = told.least if told.above is None else told.above
        high = told.most if told.below is None else told.below
        super().__init__(
            low, high, min_open=told.above is not None, max_open=told.below is not None
        )


class OptionalNumber(Real):
    """A number of an option that may also be given without one, and so may swallow DATA."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            float(value)
        except ValueError:
            option = param.opts[0] if param else "the option"
            self.fail(f"{shown(value)} is no number: write DATA before {option}", param, ctx)
        return super().convert(value, param, ctx)


def flattened(ctx: Any, param: Any, values: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of a repeated option, as one list."""
    return tuple(name for names in values for name in names)


def distinct(ctx: Any, param: Any, values: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of a repeated option, each once."""
    return tuple(dict.fromkeys(flattened(ctx, param, values)))


def different(
    ctx: Any, param: click.Parameter, pairs: Sequence[tuple[str, int]]
) -> Sequence[tuple[str, int]]:
    """The pairs as they are. Raises BadParameter where a class has two sizes."""
    named = [name for name, _ in pairs]
    if len(set(named)) < len(named):
        raise click.BadParameter(f"{param.opts[0]} names the same class twice")
    return pairs
