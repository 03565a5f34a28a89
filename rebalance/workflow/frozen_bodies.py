"""A body that stays as it is: the network under a head yet to be fitted, and its features.

Imports torch only in the middle of it; never click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.data.folder import ImageFolder
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.errors import DataError
from rebalance.heads import Linear
from rebalance.models.pretrained import Wording, find_pretrained
from rebalance.records import RunOptionsRecord
from rebalance.runs.sets import Looks
from rebalance.scoring.evaluator import Evaluator
from rebalance.settings import ExtractorOptions, RunOptions, TrainOptions
from rebalance.settings.recipes import PROBE
from rebalance.workflow.features import describe
from rebalance.workflow.head_evaluators import HeadEvaluator

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

_WEIGHTS = Wording(
    f"with --recipe {PROBE} --weights is imagenet, lite0, or the path of a checkpoint or of a run",
    "pass --weights lite0, which are installed, a downloaded checkpoint or a run of yours as "
    "--weights PATH, or features of your own as --features FILE",
)
LAYER = "embedding"  # what a network's last layer sees


def frozen(training: TrainOptions, classes: int, seed: int) -> "tuple[str, Network, Transform]":
    """Load the network whose body stays, under a last layer that is yet to be fitted."""
    import torch

    from rebalance.models.heads import with_fresh_output
    from rebalance.models.network import take
    from rebalance.models.transforms import with_view
    from rebalance.progress import silent

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.integer(seed, "head"))
        found = find_pretrained(training.weights or "imagenet", training.arch, _WEIGHTS)
        body, transform = found.load(silent)
        network = with_fresh_output(body, classes).eval()
    if training.image_size is not None:
        take(network, training.image_size)
    view = with_view(transform, training.image_size, training.resize or found.resize)
    return found.arch, network, view


def put(network: "Network", layer: Linear) -> None:
    """Give the network this layer as its last."""
    import torch

    state = {"weight": torch.from_numpy(layer.weight), "bias": torch.from_numpy(layer.bias)}
    network.last.load_state_dict({name: value.float() for name, value in state.items()})


@dataclass(frozen=True)
class FrozenBody:
    """The network that a probe leaves as it is: see ``probing.Body``."""

    training: TrainOptions
    run: RunOptions
    looks = Looks()

    def evaluator(self, evaluator: Evaluator) -> "CachedEvaluator":
        """Return an evaluator of heads on its features."""
        return CachedEvaluator.beside(evaluator, self.training, self.run)

    def network(self, classes: int, seed: int) -> "tuple[str, Network, Transform]":
        """Load it, under a last layer that is yet to be fitted."""
        return frozen(self.training, classes, seed)

    def told(self, options: RunOptionsRecord) -> RunOptionsRecord:
        """Return the options of the run, which have it already."""
        return options


@dataclass(frozen=True, kw_only=True)
class CachedEvaluator(HeadEvaluator):
    """An evaluator of heads on one body, whose features come from the cache where it has them.

    The cache keeps them in half precision, and heads are fitted on what it keeps.

    extractor: the body, as features are asked for. run: where the cache is.
    """

    extractor: ExtractorOptions
    run: RunOptions

    @classmethod
    def beside(
        cls, evaluator: Evaluator, training: TrainOptions, run: RunOptions
    ) -> "CachedEvaluator":
        """Return one that works as ``evaluator`` does, for the body that training keeps."""
        extractor = ExtractorOptions(
            training.weights or "imagenet",
            training.arch,
            image_size=training.image_size,
            resize=training.resize,
            precision=training.precision,
        )
        return cls(**vars(evaluator), extractor=extractor, run=run)

    def looked_up(
        self, images: TrainingSet | ScoringSet, paths: Sequence[str]
    ) -> NDArray[np.float32]:
        """The embeddings of images at these paths, each of which the network looks at once."""
        folder = images.folder
        label_of = dict.fromkeys(paths, 0)  # which a partner does not tell, and nobody asks
        once = ImageFolder(folder.root, folder.classes, tuple(label_of), tuple(label_of.values()))
        table = describe(
            once,
            [LAYER],
            self.extractor,
            self.run,
            self.progress,
            self.processes,
            scale=images.scale,
        )
        row = {path: place for place, path in enumerate(table.folder.paths)}
        if lost := [path for path in label_of if path not in row]:
            raise DataError(
                f"{lost[0]!r} could be read at first, and cannot be any more: leave the images in "
                "place until the command is done"
            )
        values = table.layers[LAYER].read(slice(None), slice(None))
        return values[[row[path] for path in paths]].astype(np.float32)
