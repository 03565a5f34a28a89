"""Finished cells on disk: one file each, whole or not there, so that a study can be gone on with.

    DIR/cells/TREATMENT/SEED-FOLD.json

May not import numpy, torch or click.
"""

import json
import math
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rebalance.atomic import make_folder, replacing
from rebalance.errors import OutputError, SettingError, shortened
from rebalance.manifest import to_json
from rebalance.reading import read_object
from rebalance.settings import TrainOptions
from rebalance.studies.applicable import applicable
from rebalance.studies.outcomes import Outcome, Treatment
from rebalance.studies.plan import Cell, Definition

FORMAT = 1  # raised when the same cell would come to something else than before
CELLS = "cells"
WORK = "work"  # of cells that are being run


@dataclass(frozen=True)
class CellStore:
    """The finished cells of one study, kept in its folder.

    facts: what every outcome depends on but for its treatment, seed and fold; of JSON's types.
    definitions: what each treatment stands for.
    """

    folder: Path
    facts: Mapping[str, Any]
    definitions: Mapping[Treatment, Definition]

    def path(self, cell: Cell) -> Path:
        """Return where the outcome of a cell is kept."""
        return self.place(cell) / f"{cell.seed}-{cell.fold}.json"

    def place(self, cell: Cell) -> Path:
        """Return the folder of a cell's treatment."""
        return self.folder / CELLS / slug(cell.treatment)

    def read(self, cell: Cell) -> Outcome | None:
        """Read the outcome of a cell; None if it is not finished, or its treatment was another.

        Raises SettingError for a cell of another study, naming the first fact that differs.
        """
        path = self.path(cell)
        try:
            record = read_object(path)
            outcome = _outcome(record["outcome"])
            facts, number = dict(record["study"].items()), record["format"]
            definition = dict(record["definition"].items())
            definition["rebalance"] = applicable(definition["rebalance"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None  # not there, or damaged: it is run again
        wanted = {**_chosen(_plain(self.facts)), "format": FORMAT}
        for name, before in {**_chosen(facts), "format": number}.items():
            if wanted.get(name) != before:
                raise SettingError(
                    f"{str(self.folder)!r} holds cells of another study, whose {name} was "
                    f"{_told(before)} and is {_told(wanted.get(name))} now: choose another folder, "
                    "or pass --overwrite"
                )
        same = (outcome.treatment, outcome.seed, outcome.fold) == (
            cell.treatment,
            cell.seed,
            cell.fold,
        )
        return outcome if same and definition == self._definition(cell) else None

    def write(self, outcome: Outcome) -> None:
        """Keep an outcome. Raises OutputError where the system refuses."""
        cell = Cell(outcome.treatment, outcome.seed, outcome.fold)
        record = {
            "format": FORMAT,
            "study": _plain(self.facts),
            "definition": self._definition(cell),
            "outcome": _record(outcome),
        }
        make_folder(self.place(cell))
        with replacing(self.path(cell)) as (partial,):
            partial.write_text(to_json(record), encoding="utf-8")

    def clear(self) -> None:
        """Delete every cell there is. Raises OutputError where the system refuses."""
        try:
            for path in self._files():
                path.unlink()
        except OSError as error:
            raise OutputError(
                f"cannot replace {error.filename!r} ({error.strerror}): choose another place"
            ) from error

    def tidy(self) -> None:
        """Delete what processes left behind that were ended; none may be at work."""
        shutil.rmtree(self.folder / WORK, ignore_errors=True)
        for path in (self.folder / CELLS).glob("*/.*.partial"):
            with suppress(OSError):
                path.unlink()

    def _files(self) -> Iterator[Path]:
        return (self.folder / CELLS).glob("*/*.json")

    def _definition(self, cell: Cell) -> Any:
        return _plain(self.definitions[cell.treatment].as_record())


def _chosen(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with the options of training that are not as by default.

    So the cells of a version that lacked an option go with those that leave it out.
    """
    training = facts.get("training")
    if not isinstance(training, dict):
        return dict(facts)
    plain = _plain(asdict(TrainOptions()))
    chosen = {name: each for name, each in training.items() if each != plain.get(name, ...)}
    return {**facts, "training": chosen}


def slug(treatment: Treatment) -> str:
    """Return a folder's name for a treatment: readable, and different for each treatment."""
    names = treatment.names
    plain = [re.sub(r"[^a-z0-9.=-]+", "-", name.lower())[:40].lstrip(".") for name in names]
    text = "_".join(plain)
    if list(names) == plain:
        return text
    digest = blake2b(repr(names).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{text}_{digest}"


def _plain(record: Any) -> Any:
    """Return a value as JSON would give it back."""
    return json.loads(json.dumps(record))


def _told(value: Any) -> str:
    return shortened(json.dumps(value), 60)


def _record(outcome: Outcome) -> dict[str, Any]:
    record = asdict(outcome)
    for name in ("metrics", "test"):
        if record[name] is not None:
            record[name] = {
                key: None if math.isnan(value) else value for key, value in record[name].items()
            }
    return record


def _outcome(record: Mapping[str, Any]) -> Outcome:
    """Read what ``_record`` wrote; LookupError, TypeError and ValueError for anything else."""

    def scores(found: Mapping[str, float | None]) -> dict[str, float]:
        return {key: math.nan if value is None else float(value) for key, value in found.items()}

    return Outcome(
        Treatment(**record["treatment"]),
        int(record["seed"]),
        int(record["fold"]),
        scores(record["metrics"]),
        None if record["test"] is None else scores(record["test"]),
        int(record["images"]),
        int(record["samples"]),
        float(record["seconds"]),
    )


def seconds_of(cells: CellStore, wanted: Iterable[Cell]) -> list[float]:
    """Return how long each wanted cell that is there took, whatever study it is of."""
    found = []
    for cell in wanted:
        with suppress(OSError, ValueError, LookupError, TypeError):
            record = read_object(cells.path(cell))
            found.append(float(record["outcome"]["seconds"]))
    return found
