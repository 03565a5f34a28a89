"""Files of features in the place of a network that stays as it is, and what a head sees of them.

Imports torch only in the middle of it; never click.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance import seeds
from rebalance.features.given import opened_file
from rebalance.features.vectors import FileLook, preferred_layer
from rebalance.models.vectors import UNSEEN, VECTORS, vector_network
from rebalance.records import FeatureFileRecord, GivenFeaturesRecord, RunOptionsRecord
from rebalance.runs.sets import Looks
from rebalance.scoring.evaluator import Evaluator
from rebalance.settings import ExtractorOptions, FeatureFiles
from rebalance.workflow.head_evaluators import VectorEvaluator

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform


@dataclass(frozen=True)
class HeadFiles:
    """The files that a head sees images by, each named by options, and what it sees of them.

    validation, tested: where these images have files of their own, or else ``seen``. strict:
    whether each image must be in its file.
    """

    seen: ExtractorOptions
    validation: ExtractorOptions
    tested: ExtractorOptions
    layer: str
    columns: int
    strict: bool

    @classmethod
    def to_train_on(cls, files: FeatureFiles, *, strict: bool) -> "HeadFiles":
        """Find what a head is to see of these files. Raises FeatureFileError for one that is none.

        The layer is that of the training images.
        """
        seen = _named(files.features, files.names)
        layer = preferred_layer(seen)
        return cls(
            seen,
            _named(files.val_features, files.val_names, seen),
            _named(files.test_features, files.test_names, seen),
            layer,
            opened_file(seen).layers.widths[layer],
            strict,
        )

    @classmethod
    def to_score(
        cls, known: GivenFeaturesRecord, files: FeatureFiles, *, strict: bool
    ) -> "HeadFiles":
        """Find what the head of a run saw, and the file of the images to score by it."""
        seen = _known(known)
        tested = _named(files.features, files.names, seen)
        return cls(seen, seen, tested, known["layer"], known["columns"], strict)

    @classmethod
    def to_train_again(
        cls, known: GivenFeaturesRecord, files: FeatureFiles, *, strict: bool
    ) -> "HeadFiles":
        """Find what the head of a run saw, in the files of then or in those that are given now."""
        seen = _known(known)
        validation, tested = (
            _known(known.get("validation", known)),
            _known(known.get("test", known)),
        )
        if files.features is not None:
            seen = _named(files.features, files.names)
            validation = _named(files.val_features, files.val_names, seen)
            tested = _named(files.test_features, files.test_names, seen)
        return cls(seen, validation, tested, known["layer"], known["columns"], strict)

    @property
    def looks(self) -> Looks:
        """What is asked about the images of each set."""
        return Looks(*map(self._look, (self.seen, self.validation, self.tested)))

    def _look(self, file: ExtractorOptions) -> FileLook:
        return FileLook(file, self.layer, self.columns, self.strict)

    def as_record(self) -> GivenFeaturesRecord:
        """Return for ``options.json`` which files they are, and what a head sees of them."""
        seen = _described(self.seen)
        record: GivenFeaturesRecord = {
            "file": seen["file"],
            "digest": seen["digest"],
            "layer": self.layer,
            "columns": self.columns,
        }
        if "names" in seen:
            record["names"] = seen["names"]
        if self.validation != self.seen:
            record["validation"] = _described(self.validation)
        if self.tested != self.seen:
            record["test"] = _described(self.tested)
        return record


@dataclass(frozen=True)
class FileBody:
    """Files of features in the place of the body of a probe: see ``probing.Body``."""

    files: HeadFiles

    @property
    def looks(self) -> Looks:
        """What is asked about images, none of which is opened."""
        return self.files.looks

    def evaluator(self, evaluator: Evaluator) -> VectorEvaluator:
        """Return an evaluator of heads on these features."""
        return VectorEvaluator.beside(evaluator)

    def network(self, classes: int, seed: int) -> "tuple[str, Network, Transform]":
        """Build the network that is a last layer alone, yet to be fitted."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seeds.integer(seed, "head"))
            network = vector_network(self.files.columns, classes).eval()
        return VECTORS, network, UNSEEN

    def told(self, options: RunOptionsRecord) -> RunOptionsRecord:
        """Return the options of the run with the files among them."""
        return {**options, "features": self.files.as_record()}


def _named(
    path: Path | str | None,
    names: Path | str | None,
    instead: ExtractorOptions | None = None,
) -> ExtractorOptions:
    """Return options that name a file; ``instead`` where none is given."""
    if path is None and instead is not None:
        return instead
    return ExtractorOptions(features=path, names=names)


def _known(record: FeatureFileRecord) -> ExtractorOptions:
    return _named(record["file"], record.get("names"))


def _described(file: ExtractorOptions) -> FeatureFileRecord:
    """Return where a file is, and a digest of it."""
    record: FeatureFileRecord = {
        "file": str(Path(str(file.features)).absolute()),
        "digest": opened_file(file).digest,
    }
    if file.names is not None:
        record["names"] = str(Path(file.names).absolute())
    return record
