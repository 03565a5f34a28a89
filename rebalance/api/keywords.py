"""Keywords of the public calls, made of the options that each of them takes.

A function is written with its places and ``**options``; ``takes`` gives it the keywords of a
``Call``, their documentation, and the options gathered under the names that its story knows.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from inspect import Parameter, Signature, cleandoc, signature
from textwrap import fill
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin

from rebalance.errors import meant
from rebalance.settings.calls import Call, Keyword
from rebalance.settings.option import is_pairs, kind_of

Function = TypeVar("Function", bound=Callable[..., Any])
WIDTH = 90  # columns of the documentation
PAIRS = "Mapping[str, {0}] | Iterable[tuple[str, {0}]]"


def takes(
    call: Call, closed: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
) -> Callable[[Function], Function]:
    """Give a function the keywords of ``call``, and hand it the options that are made of them.

    closed: from all that is given to what stands for the keywords that the call leaves open.
    """

    def decorate(function: Function) -> Function:
        complete, gathered = _signature(function, call), call.keywords().keys()

        @wraps(function)
        def called(*places: Any, **given: Any) -> Any:
            _check_names(function.__name__, given, complete)
            bound = complete.bind(*places, **given)
            bound.arguments |= call.implied(bound.arguments)
            bound.apply_defaults()
            every = bound.arguments
            if closed is not None:
                every |= closed(every)
            own = {name: value for name, value in every.items() if name not in gathered}
            return function(**own, **call.gathered(every))

        called.__signature__ = complete  # type: ignore[attr-defined]
        called.call = call  # type: ignore[attr-defined]
        called.__doc__ = documentation(function.__doc__ or "", call)
        return called  # type: ignore[return-value]

    return decorate


def _signature(function: Callable[..., Any], call: Call) -> Signature:
    """The places of ``function``, the keywords of ``call``, and then the function's own."""
    found = signature(function)
    own = [
        each
        for each in found.parameters.values()
        if each.kind is not Parameter.VAR_KEYWORD and each.name not in call.parts
    ]
    places = [each for each in own if each.kind is not Parameter.KEYWORD_ONLY]
    more = [each for each in own if each.kind is Parameter.KEYWORD_ONLY]
    keywords = [
        Parameter(
            each.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if each.required else each.default,
            annotation=each.field.type,
        )
        for each in call.keywords().values()
    ]
    return found.replace(parameters=[*places, *keywords, *more])


def _check_names(name: str, given: dict[str, Any], complete: Signature) -> None:
    """Raise TypeError for a keyword that there is not, and name the one that may be meant."""
    for each in given:
        if each not in complete.parameters:
            raise TypeError(f"{name}() has no keyword {each!r}{meant(each, complete.parameters)}")


def documentation(text: str, call: Call) -> str:
    """The docstring ``text`` with a line on every option of ``call``, as its declaration has it."""
    return cleandoc(text) + "\n\nOptions:\n" + "".join(map(_line, call.keywords().values()))


def _line(keyword: Keyword) -> str:
    told = keyword.told
    text = told.help.replace("; repeatable", "")
    text = re.sub(r"--([a-z][a-z-]*)", lambda found: found[1].replace("-", "_"), text)
    notes = []
    if isinstance(told.choices, str):
        notes.append(f"a key of {told.choices.replace(':', '.')}")
    elif told.choices is not None:
        notes.append("one of " + ", ".join(told.choices))
    if not keyword.required and keyword.default not in (None, ()):
        notes.append(f"default {keyword.default!r}")
    line = f"{keyword.name}: {text}" + (f" ({'; '.join(notes)})" if notes else "")
    return fill(line, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8) + "\n"


def accepted(keyword: Keyword) -> str:
    """The annotation of a keyword: what callers may give, which can be more than is kept."""
    told, annotation = keyword.told, keyword.field.type
    if told.accepts is not None:
        return told.accepts
    if keyword.default is None and keyword.field.default is not None:
        closed = replace(keyword, default=keyword.field.default)
        return f"{accepted(closed)} | None"
    if is_pairs(annotation):
        _, value = get_args(get_args(annotation)[0])
        return PAIRS.format(spelled(value))
    if kind_of(annotation) is tuple:
        return f"Sequence[{spelled(get_args(annotation)[0])}]"
    found = spelled(annotation)
    return found.replace("str", "str | int", 1) if told.numbers else found


def spelled(annotation: Any) -> str:
    """A type as it is written in source."""
    return " | ".join(_parts(annotation))


def _parts(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, UnionType):
        for each in get_args(annotation):
            yield from _parts(each)
    elif inner := get_args(annotation):
        yield f"{get_origin(annotation).__name__}[{', '.join(map(spelled, inner))}]"
    else:
        names = {NoneType: "None", Any: "Any"}
        yield names.get(annotation) or annotation.__name__
