"""An option, declared once: its name, type, default, range, choices and help.

A field of a class of ``Options`` that is written ``name: type = option(default, help=...)`` is all
that a new option needs. The command line, the Python functions, their documentation and stub, and
the keys of a study are made of it. Imports nothing but the standard library and our errors.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from importlib import import_module
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args, get_origin

from rebalance.errors import SettingError, choose, meant, shown
from rebalance.settings.numbers import check_number

Value = TypeVar("Value")
Place = Literal["any", "file", "folder"]
# What help lists options under, in this order.
GROUPS = ("What", "How many", "Eyes", "Training", "Scoring", "Data", "Output", "Running")
KINDS: dict[type, tuple[tuple[type, ...], str]] = {  # what a value of a kind may be, and in words
    str: ((str,), "text"),
    bool: ((bool,), "true or false"),
    Path: ((str, PathLike), "a path"),
}


@dataclass(frozen=True)
class Option:
    """What is said of an option beside its name, type and default.

    help: for whoever reads ``--help`` or the documentation; what ``None`` stands for is told by
    its ``[default: ...]``. flag: the name on the command line where it is not the field's own.
    choices: the values, or the dictionary whose keys they are, as ``module:NAME``, which is
    imported only when they are asked for. least, above, most, below: bounds of a number (where no
    upper one is said it is ``numbers.LARGEST``). form: a function, or where it is found as
    ``module:name``, that raises one of our errors for text that is no value of the option. bare:
    the value of an option that is given without one. place: what a path leads to. commas: several
    names or numbers may stand in one value, separated by commas. numbers: Python callers may give a
    number for the text.
    with_option: on the command line one option of a choice may follow it, as NAME:OPTION=VALUE.
    accepts: the annotation of the keyword where callers may give more than the field's own type.
    wrong: how the complaint about a value begins, such as ``a space is``. in_study: whether a study
    fixes it for all its cells; what its grid varies is not. stands_for: of a switch, what it makes
    the defaults of other options of the same call. group: which of ``GROUPS`` help lists it in,
    where that is not the one of its class.
    """

    help: str
    flag: str | None = None
    metavar: str | None = None
    choices: tuple[str, ...] | str | None = None
    least: int | None = None
    most: int | None = None
    above: int | None = None
    below: int | None = None
    form: Callable[[str], Any] | str | None = None
    bare: Any = None
    place: Place = "any"
    commas: bool = False
    numbers: bool = False
    with_option: bool = False
    accepts: str | None = None
    wrong: str | None = None
    in_study: bool = True
    stands_for: Mapping[str, Any] | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        assert self.group is None or self.group in GROUPS, self.group

    def read(self, text: str) -> None:
        """Raise the error that ``form`` has for this text, if it has one."""
        if isinstance(self.form, str):
            module, _, name = self.form.partition(":")
            getattr(import_module(module), name)(text)
        elif self.form is not None:
            self.form(text)

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
    below: int | None = None,
    form: Callable[[str], Any] | str | None = None,
    bare: Any = None,
    place: Place = "any",
    commas: bool = False,
    numbers: bool = False,
    with_option: bool = False,
    accepts: str | None = None,
    wrong: str | None = None,
    in_study: bool = True,
    stands_for: Mapping[str, Any] | None = None,
    group: str | None = None,
) -> Value:
    """Declare an option, as the default of a field; see ``Option`` for what each word means."""
    given = locals()
    told = Option(**{each.name: given[each.name] for each in fields(Option)})
    found: Value = field(default=default, metadata={"option": told})
    return found


def required(
    *,
    help: str,
    metavar: str | None = None,
    numbers: bool = False,
    form: Callable[[str], Any] | None = None,
) -> Any:
    """Declare an option that has no default."""
    told = Option(help, metavar=metavar, numbers=numbers, form=form)
    return field(metadata={"option": told})


def again(of: "type[Options]", name: str, *, default: Any, help: str | None = None) -> Any:
    """Declare an option as another class has it, with its own default and perhaps another help."""
    (found,) = (each for each in fields(of) if each.name == name)
    told: Option = found.metadata["option"]
    return field(default=default, metadata={"option": replace(told, help=help or told.help)})


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

    Whoever makes one is told at once, by SettingError, which value cannot be. Where its options
    stand in help is said once, as in ``class Sizes(Options, group="How many")``.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    help_group: ClassVar[str] = GROUPS[0]

    def __init_subclass__(cls, group: str | None = None) -> None:
        super().__init_subclass__()
        if group is not None:
            assert group in GROUPS, group
            cls.help_group = group

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
    """Tell whether a value is (name, value) pairs."""
    inner = get_args(annotation)
    return kind_of(annotation) is tuple and bool(inner) and get_origin(inner[0]) is tuple


def check(name: str, value: Any, found: "Field[Any]", told: Option) -> None:
    """Raise SettingError where ``value`` is none that the option ``name`` can have."""
    # A default is right without a look, which would import its registry.
    if value is None or (type(value) is type(found.default) and value == found.default):
        return
    kind = kind_of(found.type)
    what = told.wrong or f"{name} must be"
    if kind in (int, float):
        check_number(what, value, kind, told)
        return
    inner = get_args(found.type)[0] if kind is tuple else kind
    for each in value if kind is tuple else (value,):
        if inner in (int, float):
            check_number(what, each, inner, told)
        _check_kind(what, each, found.type)
        if told.choices is not None and each not in told.known:
            raise SettingError(_complaint(name, each, told))
    if told.form is not None:
        told.read(value)


def _check_kind(what: str, value: Any, annotation: Any) -> None:
    """Raise SettingError for a value, or one of several, of another kind than is declared."""
    kind = kind_of(annotation)
    if is_pairs(annotation):
        value, kind = value[0], str
        what = what.replace("must be", "names must be")
    elif kind is tuple:
        kind = get_args(annotation)[0]
    types, needed = KINDS.get(kind, ((object,), ""))
    if not isinstance(value, types):
        raise SettingError(f"{what} {needed}; got {shown(value)}")


def _complaint(name: str, value: Any, told: Option) -> str:
    known = ", ".join(told.known)
    if told.wrong is not None:
        return f"{told.wrong} one of {known}; got {shown(value)}{meant(value, told.known)}"
    word = name.removesuffix("s") if told.flag else name
    return f"no {word.replace('_', ' ')} {shown(value)}: {choose(value, told.known)}"


def converted(value: Any, found: "Field[Any]", told: Option) -> Any:
    """Return what a caller gave, as the field holds it: tuples, and numbers as text."""
    if told.numbers and value is not None and not isinstance(value, str):
        return shown(value)
    if kind_of(found.type) is not tuple:
        return value
    if value is None:  # nothing was given
        return () if found.default == () else None
    try:
        if is_pairs(found.type):
            pairs: Mapping[str, Any] | Iterable[tuple[str, Any]] = value
            return tuple(dict(pairs).items())
        return (value,) if isinstance(value, (str, PathLike)) else tuple(value)
    except (TypeError, ValueError):
        needed = "names with their values" if is_pairs(found.type) else "several values"
        raise SettingError(f"{found.name} must be {needed}; got {shown(value)}") from None
