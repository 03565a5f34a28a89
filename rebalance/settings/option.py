"""An option, declared once: its name, type, default, range, choices and help.

A field of a class of ``Options`` that is written ``name: type = option(default, help=...)`` is all
that a new option needs. The command line, the Python functions, their documentation and stub, and
the keys of a study are made of it. Imports nothing but the standard library and our errors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from importlib import import_module
from math import isfinite
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args, get_origin

from rebalance.errors import SettingError

Value = TypeVar("Value")
Place = Literal["any", "file", "folder"]


@dataclass(frozen=True)
class Option:
    """What is said of an option beside its name, type and default.

    help: for whoever reads ``--help`` or the documentation; what ``None`` stands for is told by
    its ``[default: ...]``. flag: the name on the command line where it is not the field's own.
    choices: the values, or the dictionary whose keys they are, as ``module:NAME``, which is
    imported only when they are asked for. least, most, above: bounds of a number. bare: the value
    of an option that is given without one. place: what a path leads to. commas: several names may
    stand in one value, separated by commas. numbers: Python callers may give a number for the text.
    accepts: the annotation of the keyword where callers may give more than the field's own type.
    wrong: how the complaint about a value begins, such as ``a space is``. in_study: whether a study
    fixes it for all its cells; what its grid varies is not.
    """

    help: str
    flag: str | None = None
    metavar: str | None = None
    choices: tuple[str, ...] | str | None = None
    least: int | None = None
    most: int | None = None
    above: int | None = None
    bare: Any = None
    place: Place = "any"
    commas: bool = False
    numbers: bool = False
    accepts: str | None = None
    wrong: str | None = None
    in_study: bool = True

    @property
    def known(self) -> tuple[str, ...]:
        """The choices, from their registry where they are its keys."""
        return keys(self.choices) if isinstance(self.choices, str) else self.choices or ()


def keys(registry: str) -> tuple[str, ...]:
    """The keys of a dictionary of the library, ``module:NAME``, which is imported for it."""
    module, _, name = registry.partition(":")
    return tuple(getattr(import_module(module), name))


def option(
    default: Value,
    *,
    help: str,
    flag: str | None = None,
    metavar: str | None = None,
    choices: tuple[str, ...] | str | None = None,
    least: int | None = None,
    most: int | None = None,
    above: int | None = None,
    bare: Any = None,
    place: Place = "any",
    commas: bool = False,
    numbers: bool = False,
    accepts: str | None = None,
    wrong: str | None = None,
    in_study: bool = True,
) -> Value:
    """Declare an option, as the default of a field; see ``Option`` for what each word means."""
    given = locals()
    told = Option(**{each.name: given[each.name] for each in fields(Option)})
    found: Value = field(default=default, metadata={"option": told})
    return found


def required(*, help: str, metavar: str | None = None, numbers: bool = False) -> Any:
    """Declare an option that has no default."""
    told = Option(help, metavar=metavar, numbers=numbers)
    return field(metadata={"option": told})


def again(of: "type[Options]", name: str, *, default: Any, help: str) -> Any:
    """Declare an option as another class has it, with another default and help."""
    (found,) = (each for each in fields(of) if each.name == name)
    told = {each.name: getattr(found.metadata["option"], each.name) for each in fields(Option)}
    return field(default=default, metadata={"option": Option(**{**told, "help": help})})


class HasFields(Protocol):
    """A type with fields, as every dataclass is."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def declared(options: HasFields | type[HasFields]) -> dict[str, tuple[Field[Any], Option]]:
    """The options of a class by name; fields that are none are left out."""
    return {
        each.name: (each, each.metadata["option"])
        for each in fields(options)
        if "option" in each.metadata
    }


class Options:
    """Options that travel together; a subclass is a frozen dataclass of them.

    Whoever makes one is told at once, by SettingError, which value cannot be.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __post_init__(self) -> None:
        for name, (found, told) in declared(self).items():
            check(name, getattr(self, name), found, told)


def kind_of(annotation: Any) -> type:
    """The plain type of a value that may also be None, or that callers may give in two ways.

    ``Path | str | None`` is a Path, ``tuple[str, ...]`` a tuple.
    """
    if isinstance(annotation, UnionType):
        return kind_of(next(each for each in get_args(annotation) if each is not NoneType))
    origin = get_origin(annotation) or annotation
    assert isinstance(origin, type), f"{annotation!r}: settings need types, not their names"
    return origin


def is_pairs(annotation: Any) -> bool:
    """Whether a value is (name, value) pairs."""
    inner = get_args(annotation)
    return kind_of(annotation) is tuple and bool(inner) and get_origin(inner[0]) is tuple


def check(name: str, value: Any, found: "Field[Any]", told: Option) -> None:
    """Raise SettingError where ``value`` is none that the option ``name`` can have."""
    # A default is right without a look, which would import its registry.
    if value is None or value == found.default:
        return
    kind = kind_of(found.type)
    if kind in (int, float):
        _check_number(told.wrong or f"{name} must be", value, kind, told)
    elif told.choices is not None:
        for each in value if kind is tuple else (value,):
            if each not in told.known:
                raise SettingError(_complaint(name, each, told))


def _complaint(name: str, value: Any, told: Option) -> str:
    known = ", ".join(told.known)
    if told.wrong is not None:
        return f"{told.wrong} one of {known}; got {value!r}"
    word = name.removesuffix("s") if told.flag else name
    return f"no {word.replace('_', ' ')} {value!r}: choose one of {known}"


def _check_number(what: str, value: Any, kind: type, told: Option) -> None:
    numeric = isinstance(value, int if kind is int else (int, float))
    if numeric and isfinite(value):
        low = told.least is None or value >= told.least
        above = told.above is None or value > told.above
        if low and above and (told.most is None or value <= told.most):
            return
    elif kind is float and told.least is told.most is told.above is None:
        return  # who uses it knows its range
    raise SettingError(f"{what} {_range(kind, told)}; got {value!r}")


def _range(kind: type, told: Option) -> str:
    noun = "a whole number" if kind is int else "a number"
    low = f" above {told.above}" if told.above is not None else ""
    if told.least is not None:
        low = f" from {told.least} up"
    return noun + low + (f" and at most {told.most}" if told.most is not None else "")


def converted(value: Any, found: "Field[Any]", told: Option) -> Any:
    """What a caller gave, as the field holds it: tuples, and numbers as text."""
    if told.numbers:
        return str(value)
    if kind_of(found.type) is not tuple or value is None:
        return value
    if is_pairs(found.type):
        pairs: Mapping[str, Any] | Iterable[tuple[str, Any]] = value
        return tuple(dict(pairs).items())
    return (value,) if isinstance(value, str) else tuple(value)
