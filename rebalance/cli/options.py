"""Options of commands, made of their declarations in ``settings``."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from rebalance.cli import groups
from rebalance.cli.values import (
    ChoiceWithOption,
    ClassSize,
    Names,
    NameValue,
    Numbers,
    OptionalNumber,
    Real,
    Registry,
    Text,
    Whole,
    different,
    distinct,
    flattened,
)
from rebalance.settings.calls import Call, Keyword
from rebalance.settings.option import GROUPS, Option, is_pairs, kind_of

Command = TypeVar("Command", bound=Callable[..., Any])

data = click.argument("data", type=click.Path(path_type=Path))

manifest = groups.option(
    "Output",
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Manifest to write (.csv); M.dropped.csv and M.json go beside it.",
)


def of(
    call: Call,
    *,
    first: Sequence[str] = (),
    after: Mapping[str, Callable[[Any], Any]] | None = None,
) -> Callable[[Command], Command]:
    """Give a command the options of ``call``, in the order in which its help lists them.

    That is the order of their declarations, but for those named in ``first``. after: by the name of
    an option, another one, of the command line only, that is to follow it.
    """
    keywords = call.keywords()
    order = [*first, *(name for name in keywords if name not in first)]

    def decorate(command: Command) -> Command:
        for name in reversed(order):
            if after and name in after:
                command = after[name](command)
            command = made(keywords[name])(command)
        return command

    return decorate


def made(keyword: Keyword) -> Callable[[Command], Command]:
    """The click option of a declaration."""
    told, annotation = keyword.told, keyword.field.type
    how: dict[str, Any] = {"help": told.help, "metavar": told.metavar}
    if keyword.required:
        how["required"] = True
    else:
        how["default"] = keyword.default
        told_nothing = keyword.default in (None, ()) or keyword.default is False
        how["show_default"] = not told_nothing
    if kind_of(annotation) is bool:
        how["is_flag"] = True
    else:
        how["type"] = _type_of(keyword)
    if kind_of(annotation) is tuple:
        how["multiple"] = True
        how["callback"] = _gathering(keyword)
    if told.stands_for is not None:
        how |= {"is_eager": True, "callback": partial(_defaults, told.stands_for)}
    if told.bare is not None:
        how |= {"is_flag": False, "flag_value": told.bare}
    return groups.option(told.group or GROUPS[0], keyword.flag, keyword.name, **how)


def _defaults(
    stands_for: Mapping[str, Any], context: click.Context, _: click.Parameter, value: bool
) -> bool:
    """Let a switch that is given change the defaults of options, before those are looked at."""
    if value:
        context.default_map = {**(context.default_map or {}), **stands_for}
    return value


def _type_of(keyword: Keyword) -> Any:
    told, annotation = keyword.told, keyword.field.type
    kind = kind_of(annotation)
    if is_pairs(annotation):
        _, value = get_args(get_args(annotation)[0])
        return ClassSize() if value is int else NameValue()
    if told.commas and get_args(annotation)[0] is float:
        return Numbers(told)
    if told.commas:
        return Names(Registry(partial(_known, told)) if told.choices else None)
    if told.choices is not None:
        return (ChoiceWithOption if told.with_option else Registry)(partial(_known, told))
    if kind is int:
        return Whole(told)
    if kind is float:
        return Real(told) if told.bare is None else OptionalNumber(told)
    if kind is Path and told.form is None:
        places = {"file": {"dir_okay": False}, "folder": {"file_okay": False}, "any": {}}
        return click.Path(path_type=Path, **places[told.place])
    return str if told.form is None else Text(told)


def _known(told: Option) -> Sequence[str]:
    return told.known


def _gathering(keyword: Keyword) -> Callable[[Any, Any, Any], Any] | None:
    """Return what becomes of the values of an option that may be repeated."""
    if keyword.told.commas:
        return distinct if keyword.told.choices else flattened
    return different if keyword.flag == "--class" else None
