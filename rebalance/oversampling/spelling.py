"""A way to oversample as one text: ``eos``, ``smote:k=5`` or ``ros:to=0.5x``.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rebalance.errors import SettingError, meant, shown
from rebalance.oversampling.oversamplers import OVERSAMPLERS
from rebalance.settings import Growth, SynthesisOptions
from rebalance.settings.numbers import read_number
from rebalance.settings.option import declared, kind_of

LAYER = "embedding"  # what a network's own last layer sees
SHORT = {"k": "neighbours"}
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class Sampling:
    """How far classes are raised, and by which samples, in the embedding of a network itself.

    by_chance: as many of each class are repeated at random instead.
    """

    growth: Growth
    synthesis: SynthesisOptions
    by_chance: bool = False

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        told = {**asdict(self.growth), "by_chance": self.by_chance}
        said = {name: value for name, value in told.items() if value}
        return {**said, **self.synthesis.as_record()}


def as_sampling(text: Path | str) -> Sampling | None:
    """Return what a method of ``OVERSAMPLERS`` with its options asks for; None for a manifest.

    Options follow a colon, commas between them: ``to``, the class size, and those of the method.
    Raises SettingError for a method that makes images, an option that it has not, a value that
    cannot be, and text that can be neither a method nor a manifest.

    >>> from rebalance.oversampling.spelling import as_sampling
    >>> found = as_sampling("smote:k=3,to=200")
    >>> found.synthesis.method, found.synthesis.neighbours, found.growth.to
    ('smote', 3, '200')
    >>> as_sampling("larger.csv") is None
    True
    """
    method, colon, told = str(text).partition(":")
    if method not in OVERSAMPLERS:
        _check_manifest(Path(text))
        return None
    OVERSAMPLERS[method].check_space(SynthesisOptions.space)
    given = _pairs(str(text), told) if colon else {}
    growth = Growth(to=given.pop("to", Growth.to))
    options = {name: _value(method, name, value) for name, value in given.items()}
    return Sampling(growth, SynthesisOptions(method=method, layer=LAYER, **options))


def _check_manifest(path: Path) -> None:
    if path.suffix.lower() != ".csv" or path.is_dir():
        raise SettingError(
            f"{shown(str(path))} is neither a manifest nor a method: give an M.csv, or one of "
            f"{', '.join(OVERSAMPLERS)}{meant(str(path).partition(':')[0], OVERSAMPLERS)}"
        )


def _pairs(text: str, told: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in told.split(","):
        name, equals, value = each.partition("=")
        name = SHORT.get(name.strip(), name.strip()).replace("-", "_")
        if not (name and equals and value.strip()) or name in found:
            raise SettingError(
                f"options are METHOD:NAME=VALUE,NAME=VALUE, each once; got {shown(text)}"
            )
        found[name] = value.strip()
    return found


def _value(method: str, name: str, text: str) -> Any:
    known = (*OVERSAMPLERS[method].options, "exact")
    if name not in known:
        raise SettingError(
            f"{method} has no option {shown(name)}, only {', '.join(('to', *known))}"
            f"{meant(name, known)}"
        )
    found, told = declared(SynthesisOptions)[name]
    kind = kind_of(found.type)
    if kind in (int, float):
        return read_number(f"{name} must be", text, kind, told)
    return _truth(name, text, TRUTHS) if kind is bool else text


def _truth(name: str, text: str, truths: Mapping[str, bool]) -> bool:
    if text not in truths:
        raise SettingError(f"{name} must be {' or '.join(truths)}; got {shown(text)}")
    return truths[text]
