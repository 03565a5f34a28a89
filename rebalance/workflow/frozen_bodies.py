"""A body that stays as it is: the network under a head yet to be fitted, and its features.

Imports torch only in the middle of it; never click.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.data.folder import ImageFolder
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.errors import DataError
from rebalance.heads import Linear
from rebalance.models.pretrained import Wording, find_pretrained
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.outputs import Outputs
from rebalance.settings import ExtractorOptions, RunOptions, TrainOptions
from rebalance.settings.recipes import PROBE
from rebalance.workflow.features import describe

if TYPE_CHECKING:
    from rebalance.losses import Loss
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


@dataclass(frozen=True, kw_only=True)
class CachedEvaluator(Evaluator):
    """An evaluator of heads on one body, whose features come from the cache where it has them.

    The cache keeps them in half precision, and heads are fitted on what it keeps.

    extractor: the body, as features are asked for. run: where the cache is.
    """

    extractor: ExtractorOptions
    run: RunOptions
    _known: dict[int, tuple[TrainingSet | ScoringSet, NDArray[np.float32]]] = field(
        default_factory=dict
    )

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

    def embed(
        self, network: "Network", images: TrainingSet | ScoringSet, transform: "Transform"
    ) -> NDArray[np.float32]:
        """Return the embedding of each sample [N, D], looked up once for these images.

        Blends of images are in no cache: with them the network looks at all samples. Blends of
        feature vectors are made of those of their two images.
        """
        if id(images) not in self._known:
            if not isinstance(images, TrainingSet) or not images.blends:
                found = self._kept(images, images.folder.paths)
            elif images.blends_features:
                found = self._mixed(images)
            else:
                found = super().embed(network, images, transform)
            self._known[id(images)] = images, found
        return self._known[id(images)][1]

    def predict(
        self,
        network: "Network",
        loss: "Loss",
        images: TrainingSet | ScoringSet,
        transform: "Transform",
    ) -> Outputs:
        """Return what the head says of the embedding of each image, as its loss has it."""
        import torch

        features = self.embed(network, images, transform)
        with torch.inference_mode():
            head = network.last.cpu()
            logits = head(torch.from_numpy(features)).double()
            return Outputs(loss.probabilities(logits).numpy(), features)

    def _mixed(self, images: TrainingSet) -> NDArray[np.float32]:
        paths = images.folder.paths
        others = [other or path for path, other in zip(paths, images.partners, strict=True)]
        own, other = np.split(self._kept(images, [*paths, *others]), 2)
        weights = np.array(images.weights, dtype=np.float32)[:, None]
        mixed: NDArray[np.float32] = (1 - weights) * own + weights * other
        return mixed

    def _kept(self, images: TrainingSet | ScoringSet, paths: Sequence[str]) -> NDArray[np.float32]:
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
