"""From keywords to the options that travel together."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

Options = TypeVar("Options")


def gather(options: type[Options], given: Mapping[str, Any]) -> Options:
    names = [field.name for field in fields(options)]  # type: ignore[arg-type]
    return options(**{name: given[name] for name in names if name in given})
