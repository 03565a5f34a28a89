"""The stub of the public calls, for editors and type checkers: ``python -m rebalance.api.stubs``.

Writes ``__init__.pyi`` beside this file from the declarations of options; a test tells when it is
to be written again.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from inspect import Parameter, cleandoc, getsourcefile, unwrap
from pathlib import Path
from textwrap import indent
from typing import Any

from rebalance import api
from rebalance.api.keywords import accepted, spelled
from rebalance.settings.calls import Call, Keyword

STUB = Path(__file__).with_name("__init__.pyi")
HEAD = '''"""The public calls, as ``python -m rebalance.api.stubs`` writes them; never edit it."""

'''
CONTAINERS = ("Iterable", "Mapping", "Sequence")


def stub() -> str:
    """The text of the stub: every public call with its keywords, their types and their helps."""
    calls = [getattr(api, name) for name in api.__all__]
    listed = "".join(f'    "{name}",\n' for name in api.__all__)
    body = "\n".join(map(definition, calls))
    return HEAD + "".join(_imports(calls, body)) + f"\n__all__ = [\n{listed}]\n\n" + body


def definition(function: Any) -> str:
    """The stub of one call."""
    parameters = function.__signature__.parameters.values()
    lines = list(_parameters(parameters, function.call, unwrap(function)))
    listed = "".join(f"    {line},\n" for line in lines)
    returned = _written(unwrap(function).__annotations__["return"])
    text = indent(f'"""{cleandoc(function.__doc__)}\n"""', "    ")
    return f"def {function.__name__}(\n{listed}) -> {returned}:\n{text}\n"


def _parameters(
    parameters: Iterable[Parameter], call: Call, function: Callable[..., Any]
) -> Iterator[str]:
    keywords, starred = call.keywords(), False
    for each in parameters:
        if each.kind is Parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        if each.name in keywords:
            yield _keyword(keywords[each.name])
        else:
            told = _written(function.__annotations__[each.name])
            default = "" if each.default is Parameter.empty else " = ..."
            yield f"{each.name}: {told}{' = None' if each.default is None else default}"


def _keyword(keyword: Keyword) -> str:
    default = "" if keyword.required else f" = {_literal(keyword.default)}"
    return f"{keyword.name}: {accepted(keyword)}{default}"


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value).replace("'", '"')


def _written(annotation: Any) -> str:
    """An annotation as it stands in source, whether it was evaluated or not."""
    if isinstance(annotation, str):
        return annotation
    return spelled(annotation)


def _imports(calls: Iterable[Any], body: str) -> Iterator[str]:
    """An import of every name that the stub uses, from where the calls themselves have it."""
    found = dict.fromkeys(CONTAINERS, "collections.abc") | {"Path": "pathlib", "Any": "typing"}
    for path in {getsourcefile(unwrap(call)) for call in calls}:
        for node in ast.walk(ast.parse(Path(str(path)).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found |= {alias.name: str(node.module) for alias in node.names}
    used = {
        node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)
    } & found.keys()
    modules = sorted(
        {found[name] for name in used}, key=lambda name: (name.startswith("rebalance"), name)
    )
    for before, module in zip(["", *modules], modules, strict=False):
        if module.startswith("rebalance") and not before.startswith("rebalance"):
            yield "\n"
        names = sorted(name for name in used if found[name] == module)
        yield f"from {module} import {', '.join(names)}\n"


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
