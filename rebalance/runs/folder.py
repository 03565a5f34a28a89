"""The run folder: what was asked for, how training went, the network, and how good it is.

    RUN/options.json        what the run was begun with; a folder without it is no run
        summary.csv         a row per finished epoch
        state.pt            what training goes on from; tensors and plain values only
        model.safetensors   the trained network, loadable as an extractor
        ranges.safetensors  how far the features of the training images reach, class by class
        decision.json       how predictions are decided: every rule that was fitted
        metrics.json        how good it is on the test set
        predictions.csv     what it says of each test image
        head.csv            a row per epoch of a last layer that was trained anew
        embedding.safetensors  test images as points, which a map is drawn from
        held_out.safetensors  what it says of images that it did not learn from, where there are any
        neighbours.safetensors  training images, where some decision asks for the nearest of them

Every file appears whole or not at all (see ``files``), so that a run that is killed can be gone
on with. Imports torch only for the network and the state; never click.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rebalance import __version__
from rebalance.atomic import LOCK, make_folder
from rebalance.errors import DataError, OutputError, SettingError, meant
from rebalance.manifest import to_json
from rebalance.metrics import FeatureRanges
from rebalance.models.pretrained import MODEL
from rebalance.reading import beside
from rebalance.records import RunOptionsRecord, RunRecord
from rebalance.records.run import FORMAT
from rebalance.records.shape import misfit
from rebalance.runs.arrays import (
    read_embedded,
    read_neighbours,
    read_ranges,
    write_embedded,
    write_neighbours,
    write_ranges,
)
from rebalance.runs.differences import differences
from rebalance.runs.files import (
    delete,
    delete_partial,
    partial_files,
    read_record,
    read_rows,
    read_state,
    read_summary,
    write_epoch,
    write_predictions,
    write_record,
    write_summary,
)
from rebalance.runs.held_out import read_held_out, write_held_out
from rebalance.scoring.classifier import TrainingEmbedding
from rebalance.scoring.embedded import EmbeddedImages
from rebalance.scoring.outputs import HeldOut

if TYPE_CHECKING:
    from rebalance.models.checkpoints import Saved
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

OPTIONS, SUMMARY, STATE, _, RANGES, DECISION, METRICS, PREDICTIONS, HEAD, *_POINTS = FILES = (
    "options.json",  # makes the folder a run: the first to be there, the last to be deleted
    "summary.csv",
    "state.pt",
    MODEL,
    "ranges.safetensors",
    "decision.json",
    "metrics.json",
    "predictions.csv",
    "head.csv",
    "embedding.safetensors",
    "held_out.safetensors",
    "neighbours.safetensors",
)
EMBEDDING, HELD_OUT, NEIGHBOURS = _POINTS


@dataclass(frozen=True)
class Run:
    """A folder that holds a run. options: what it was begun with, as JSON has it."""

    path: Path
    options: RunOptionsRecord

    @classmethod
    def create(cls, path: Path | str, options: RunOptionsRecord, *, overwrite: bool) -> "Run":
        """Begin a run at ``path``, which does not exist or is an empty folder.

        options: of JSON's types. With ``overwrite`` the files of a run that is there are deleted;
        other files stay where they are. Raises OutputError where there is something else, or a run
        without ``overwrite``, and where the system refuses to write.
        """
        path = Path(path)
        _check_free(path, overwrite=overwrite)
        make_folder(path)
        delete(path, FILES)
        run = cls(path, json.loads(to_json(options)))
        described: RunRecord = {"format": FORMAT, "rebalance": __version__, "options": run.options}
        run.write_record(OPTIONS, described)
        return run

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """The run at ``path``. Raises DataError where there is none, or one of a later format."""
        path = Path(path)
        if not path.is_dir():
            found = "is a file" if path.exists() else "does not exist"
            hint = meant(path.name, beside(path))
            raise DataError(
                f"{str(path)!r} {found}; give the folder of a run, as train made it{hint}"
            )
        described = _described(path)
        if described is None:
            raise DataError(
                f"{str(path)!r} is no run, for it holds no {OPTIONS} of ours: give the folder that "
                "train made"
            )
        if described["format"] != FORMAT:
            raise DataError(
                f"{str(path)!r} is a run of format {described['format']}, and {FORMAT} is needed: "
                "update rebalance, or train again"
            )
        if fault := misfit(described["options"], RunOptionsRecord, "options"):
            raise DataError(f"{OPTIONS} of {str(path)!r} is damaged ({fault}): train again")
        return cls(path, described["options"])

    @classmethod
    def resume(
        cls, path: Path | str, options: RunOptionsRecord, *, free: Collection[str] = ()
    ) -> "Run":
        """The run at ``path``, to go on with; what an interrupted writer left there is deleted.

        free: names of options that may differ, since no result depends on them. Raises DataError as
        ``open``, and SettingError where another option differs, naming the first.
        """
        run = cls.open(path)
        given = json.loads(to_json(options))
        for name, before, now in differences(run.options, given):
            if name not in free:
                raise SettingError(
                    f"--resume needs the options that {str(path)!r} was begun with, but {name} was "
                    f"{before} and is now {now}: leave it as it was, or begin another run"
                )
        delete_partial(run.path, FILES)
        return run

    @property
    def remedy(self) -> str:
        """Return what to do where the run has not ended.

        A new head alone cannot be gone on with.
        """
        head = self.options.get("head")
        if head is not None and "of" in head:
            return "run train --from again, with --overwrite"
        return "go on with train --resume"

    @property
    def model_path(self) -> Path:
        """Return where the trained network is, once there is one."""
        return self.path / MODEL

    def record_epoch(self, row: Mapping[str, float | int | str], state: Mapping[str, Any]) -> None:
        """Note that an epoch is finished: its row of ``summary.csv``, and what to go on from.

        row: by column, the same columns each time. state: tensors, numbers, text, lists, tuples and
        dictionaries of these, as ``state_dict`` gives them; not the scalars of numpy.
        """
        rows = [*self.epochs(), {name: str(value) for name, value in row.items()}]
        write_epoch(self.path / SUMMARY, self.path / STATE, rows, state)

    def epochs(self) -> list[dict[str, str]]:
        """The rows of ``summary.csv``, one per finished epoch; none before the first."""
        return read_summary(self.path / SUMMARY)

    def resume_point(self) -> tuple[int, dict[str, Any] | None]:
        """Return how many epochs are finished, and their state; 0 and None before the first.

        A last row of ``summary.csv`` whose state was not written any more is taken back. Tensors
        are on the CPU. Raises DataError for a state that is damaged or holds anything but tensors
        and plain values.
        """
        finished, state = read_state(self.path / STATE)
        rows = self.epochs()
        if len(rows) < finished:
            raise DataError(
                f"{str(self.path)!r} has a row for {len(rows)} epochs but the state after "
                f"{finished}: begin another run"
            )
        if len(rows) > finished:
            write_summary(self.path / SUMMARY, rows[0], rows[:finished])
        return finished, state

    def save_model(
        self,
        network: "Network",
        *,
        arch: str,
        classes: Sequence[str],
        transform: "Transform",
        extra: Mapping[str, str],
    ) -> None:
        """Write the trained network as ``checkpoints.save_network`` does."""
        from rebalance.models.checkpoints import save_network

        save_network(
            self.model_path, network, arch=arch, classes=classes, transform=transform, extra=extra
        )

    def load_model(self) -> "Saved":
        """The trained network, its classes and its transform.

        Raises DataError before training has ended and for a network of other classes than the
        run's, and ExtractorError for a damaged file.
        """
        from rebalance.models.checkpoints import load_network

        if not self.model_path.exists():
            raise DataError(f"{str(self.path)!r} holds no trained network yet: {self.remedy}")
        saved = load_network(self.model_path)
        if saved.classes != tuple(self.options["counts"]):
            raise DataError(
                f"{OPTIONS} and {MODEL} of {str(self.path)!r} are not of the same classes: bring "
                "back the one that was exchanged, or train again"
            )
        return saved

    def save_ranges(self, ranges: FeatureRanges) -> None:
        """Keep how far the features of the training images reach."""
        write_ranges(self.path / RANGES, ranges)

    def load_ranges(self) -> FeatureRanges | None:
        """Return what ``save_ranges`` kept, if anything. Raises DataError for a damaged file."""
        return read_ranges(self.path / RANGES)

    def save_embedded(self, images: EmbeddedImages) -> None:
        """Keep test images as points."""
        write_embedded(self.path / EMBEDDING, images)

    def load_embedded(self) -> EmbeddedImages | None:
        """Return what ``save_embedded`` kept, if anything. Raises DataError for a damaged file."""
        return read_embedded(self.path / EMBEDDING)

    def save_held_out(self, held: HeldOut) -> None:
        """Keep what the run says of images that it did not learn from."""
        write_held_out(self.path / HELD_OUT, held)

    def load_held_out(self) -> HeldOut | None:
        """Return what ``save_held_out`` kept, if anything. Raises DataError for a damaged file."""
        return read_held_out(self.path / HELD_OUT)

    def save_neighbours(self, seen: TrainingEmbedding) -> None:
        """Keep the training images as the network embeds them."""
        write_neighbours(self.path / NEIGHBOURS, seen)

    def load_neighbours(self) -> TrainingEmbedding | None:
        """Return what ``save_neighbours`` kept, if anything.

        Raises DataError for a damaged file.
        """
        return read_neighbours(self.path / NEIGHBOURS, len(self.options["counts"]))

    def write_head_epochs(self, rows: Sequence[Mapping[str, float | int | str]]) -> None:
        """Keep how a last layer was trained anew: a row per epoch, at least one, alike columns."""
        told = [{name: str(value) for name, value in row.items()} for row in rows]
        write_summary(self.path / HEAD, told[0], told)

    def head_epochs(self) -> list[dict[str, str]]:
        """The rows that ``write_head_epochs`` wrote; none where there are none."""
        return read_summary(self.path / HEAD)

    def write_record(self, name: str, record: Mapping[str, Any]) -> None:
        """Write one of the JSON files, ``DECISION`` or ``METRICS``."""
        write_record(self.path / name, record)

    def read_record(self, name: str) -> dict[str, Any]:
        """Return what ``write_record`` wrote.

        Raises DataError where it is not there, or damaged.
        """
        record = read_record(self.path / name)
        if record is None:
            raise DataError(
                f"{str(self.path)!r} has no readable {name}: {self.remedy}, or train again"
            )
        return record

    def holds(self, name: str) -> bool:
        """Tell whether one of ``FILES`` is there."""
        return (self.path / name).is_file()

    def write_predictions(self, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write ``predictions.csv``."""
        write_predictions(self.path / PREDICTIONS, header, rows)

    def predictions(self) -> Iterator[dict[str, str]]:
        """The rows of ``predictions.csv`` by column, one at a time.

        Raises DataError where it is not there, or damaged.
        """
        path = self.path / PREDICTIONS
        try:
            yield from read_rows(path)
        except (OSError, ValueError) as error:
            raise DataError(f"{str(path)!r} cannot be read ({error}): train again") from None


def _check_free(path: Path, *, overwrite: bool) -> None:
    if path.exists() and not path.is_dir():
        raise OutputError(f"{str(path)!r} is a file; a run is a folder: choose another name")
    if not path.is_dir() or set(_entries(path)) <= {*partial_files(path, FILES), path / LOCK}:
        return
    if _described(path) is None:
        raise OutputError(
            f"{str(path)!r} holds files and is no run of ours: choose another name, or empty it"
        )
    if not overwrite:
        raise OutputError(
            f"{str(path)!r} is a run already: choose another name, replace it with --overwrite, or "
            "go on with it with --resume"
        )


def _entries(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError as error:
        raise OutputError(
            f"no permission to look into {str(path)!r}: choose another place"
        ) from error


def _described(path: Path) -> RunRecord | None:
    """Return what ``options.json`` says; None where it is not there or not ours."""
    described = read_record(path / OPTIONS)
    if described is None or not isinstance(described.get("options"), dict):
        return None
    return cast(RunRecord, described) if {"format", "rebalance"} <= described.keys() else None
