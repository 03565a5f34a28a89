"""Fine-tuning: its schedule against a slow one, what it freezes, and that it learns."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.optimizer import register_optimizer_step_pre_hook

from rebalance.data.folder import scan
from rebalance.errors import DataError, TrainingError
from rebalance.models.building import fresh_network
from rebalance.models.network import ConcatPool, Network
from rebalance.models.transforms import Transform
from rebalance.progress import Item
from rebalance.settings import Recipe
from rebalance.training.augmentation import NoAugmentation, PaperAugmentation
from rebalance.training.dataset import ImageDataset
from rebalance.training.loop import Epoch, fine_tune
from rebalance.training.optimisers import parameter_groups

SIZE = 16
PLAIN = Transform(SIZE, SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")

MakeFolder = Callable[..., Path]


def small_network(classes: int = 2, dropout: float = 0.5) -> Network:
    """The smallest network with a stem, a normalised stage and the paper's head."""
    torch.manual_seed(0)
    body = nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 4, 3, padding=1),
            norm=nn.BatchNorm2d(4),
            relu=nn.ReLU(),
            stage=nn.Sequential(nn.Conv2d(4, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU()),
        )
    )
    hidden = nn.Sequential(ConcatPool(), nn.BatchNorm1d(16), nn.Linear(16, 12), nn.ReLU())
    output = nn.Sequential(nn.Dropout(dropout), nn.Linear(12, classes))
    return Network(body, hidden, output)


@pytest.fixture
def dataset(tmp_path: Path, make_folder: MakeFolder) -> ImageDataset:
    root = make_folder(tmp_path / "data", {"cat": 20, "dog": 12}, size=(SIZE, SIZE))
    folder = scan(root)
    return ImageDataset(root, folder.paths, folder.labels, PLAIN, PaperAugmentation())


def first(dataset: ImageDataset, count: int) -> ImageDataset:
    return replace(dataset, paths=dataset.paths[:count], labels=dataset.labels[:count])


def trained(
    network: Network, dataset: ImageDataset, recipe: Recipe, seed: int = 0, workers: int = 0
) -> list[Epoch]:
    return list(
        fine_tune(
            network, dataset, recipe, seed=seed, device="cpu", precision="fp32", workers=workers
        )
    )


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def changed(before: dict[str, Tensor], network: nn.Module) -> set[str]:
    after = network.state_dict()
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


Step = list[tuple[float, float, int, tuple[float, float]]]


@pytest.fixture
def steps() -> Iterator[list[Step]]:
    """What the optimiser is set to at each step: (lr, decay, widest ndim, betas) per group."""
    seen: list[Step] = []

    def note(optimiser: torch.optim.Optimizer, *_: object) -> None:
        seen.append(
            [
                (
                    part["lr"],
                    part["weight_decay"],
                    max(p.ndim for p in part["params"]),
                    part["betas"],
                )
                for part in optimiser.param_groups
                if part["params"]
            ]
        )

    handle = register_optimizer_step_pre_hook(note)
    yield seen
    handle.remove()


def slow_cycle(values: tuple[float, float, float], rise: float, steps: int) -> list[float]:
    """One-cycle by squares of sines: up over the share ``rise``, then down over the rest."""
    start, peak, end = values
    found = []
    for step in range(steps):
        angle = np.interp(step / steps, [0, rise, 1], [0, math.pi / 2, math.pi])
        foot = start if angle < math.pi / 2 else end
        found.append(foot + (peak - foot) * math.sin(angle) ** 2)
    return found


def test_rates_and_momenta_of_every_step(dataset: ImageDataset, steps: list[Step]) -> None:
    recipe = Recipe(frozen_epochs=2, epochs=3, batch_size=10, weight_decay=0.1)
    trained(small_network(), dataset, recipe)
    assert len(steps) == 5 * 4  # 32 images in batches of 10, 10, 10 and 2
    # Group by group: stem with its norm, stage, head; weights apart from biases and norms.
    frozen_peaks = [0.001, 0.001, 0.01]
    whole_peaks = [0.00005, 0.0005, 0.005]
    for group in range(3):
        low, high = frozen_peaks[group], whole_peaks[group]
        expected = slow_cycle((low / 25, low, low / 1e5), 0.99, 8)
        expected += slow_cycle((high / 5, high, high / 1e5), 0.3, 12)
        for part in (2 * group, 2 * group + 1):
            assert [step[part][0] for step in steps] == pytest.approx(expected, rel=1e-9)
    momenta = slow_cycle((0.95, 0.85, 0.95), 0.99, 8) + slow_cycle((0.95, 0.85, 0.95), 0.3, 12)
    for step, momentum in zip(steps, momenta, strict=True):
        for _, decay, ndim, betas in step:
            assert betas == pytest.approx((momentum, 0.99))
            assert decay == (0.1 if ndim > 1 else 0)


def test_groups_run_from_stem_to_head_and_miss_nothing() -> None:
    network = small_network()
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    groups = [[names[id(p)] for p in group] for group in parameter_groups(network)]
    assert groups[0] == ["body.stem.weight", "body.stem.bias", "body.norm.weight", "body.norm.bias"]
    assert {name.rsplit(".", 2)[0] for name in groups[1]} == {"body.stage"}
    assert {name.split(".")[0] for name in groups[2]} == {"hidden", "output"}
    assert sorted(chain(*groups)) == sorted(names.values())


def test_parameters_of_the_body_itself_are_the_stem() -> None:
    network = small_network()
    network.body.register_parameter("token", nn.Parameter(torch.zeros(1, 1, 4)))
    groups = parameter_groups(network)
    assert groups[0][0] is network.body.token
    assert sum(len(group) for group in groups) == len(list(network.parameters()))


def test_a_frozen_body_learns_only_in_its_batch_norm(dataset: ImageDataset) -> None:
    network = small_network()
    before = weights(network)
    epochs = trained(network, dataset, Recipe(frozen_epochs=2, epochs=0, batch_size=8))
    assert [epoch.phase for epoch in epochs] == ["frozen", "frozen"]
    frozen = {"body.stem.weight", "body.stem.bias", "body.stage.0.weight", "body.stage.0.bias"}
    assert changed(before, network) == set(before) - frozen
    assert {"body.norm.weight", "body.norm.bias", "body.norm.running_mean"} <= set(before) - frozen
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_then_everything_learns(dataset: ImageDataset) -> None:
    network = small_network()
    before = weights(network)
    epochs = trained(network, dataset, Recipe(frozen_epochs=0, epochs=1, batch_size=8))
    assert [epoch.phase for epoch in epochs] == ["whole"]
    assert changed(before, network) == set(before)


def test_it_learns_to_tell_two_classes_apart(dataset: ImageDataset) -> None:
    network = small_network()
    recipe = Recipe(frozen_epochs=1, epochs=12, batch_size=8, peak_lr=0.02, stem_divisor=1)
    epochs = trained(network, dataset, recipe)
    assert [epoch.number for epoch in epochs] == list(range(1, 14))
    assert epochs[-1].loss < epochs[0].loss / 3
    assert not network.training
    images = torch.stack([dataset.pixels(position) for position in range(len(dataset))])
    predicted = network(PLAIN.normalise(images)).argmax(1)
    assert torch.equal(predicted, torch.tensor(dataset.labels))


def test_the_paper_head_on_a_real_body_learns_too(dataset: ImageDataset) -> None:
    torch.manual_seed(0)
    network = fresh_network("cifar_resnet20", 2)
    recipe = Recipe(frozen_epochs=1, epochs=5, stem_divisor=1, batch_size=8)
    assert trained(network, dataset, recipe)[-1].accuracy > 0.9


def test_loss_and_accuracy_are_means_over_images(dataset: ImageDataset) -> None:
    torch.manual_seed(0)
    network = Network(nn.Conv2d(3, 2, 3), None, nn.Sequential(ConcatPool(), nn.Linear(4, 2)))
    some = replace(first(dataset, 20), augmentation=NoAugmentation())
    images = torch.stack([some.pixels(position) for position in range(20)])
    with torch.no_grad():
        logits = network(PLAIN.normalise(images))
    targets = torch.tensor(some.labels)
    # At next to no rate the network that every batch (8, 8 and 4 images) meets is the same.
    [epoch] = trained(network, some, Recipe(frozen_epochs=0, epochs=1, peak_lr=1e-30, batch_size=8))
    assert epoch.loss == pytest.approx(cross_entropy(logits, targets).item(), rel=1e-5)
    assert epoch.accuracy == pytest.approx((logits.argmax(1) == targets).float().mean().item())
    assert epoch.lr < 1e-30
    assert epoch.seconds > 0


def test_the_seed_alone_decides(dataset: ImageDataset) -> None:
    recipe = Recipe(frozen_epochs=1, epochs=1, batch_size=8)

    def run(seed: int, workers: int) -> tuple[nn.Module, list[float]]:
        network = small_network()
        torch.manual_seed(seed + workers + 7)  # the caller's own random state has no part in it
        epochs = trained(network, dataset, recipe, seed, workers)
        return network, [epoch.loss for epoch in epochs]

    network, losses = run(0, workers=0)
    helped, losses_helped = run(0, workers=2)
    assert not changed(weights(network), helped)
    assert losses == losses_helped
    assert changed(weights(network), run(1, workers=0)[0])


def test_the_caller_keeps_its_random_state(dataset: ImageDataset) -> None:
    network = small_network()
    before = torch.get_rng_state()
    recipe = Recipe(frozen_epochs=1, epochs=1)
    for _ in fine_tune(network, dataset, recipe, seed=0, device="cpu", precision="fp32", workers=0):
        assert torch.equal(torch.get_rng_state(), before)


def test_a_last_batch_of_one_image_is_left_out(dataset: ImageDataset, steps: list[Step]) -> None:
    trained(small_network(), first(dataset, 9), Recipe(frozen_epochs=1, epochs=1, batch_size=4))
    assert len(steps) == 2 * 2


def test_bf16_trains(dataset: ImageDataset) -> None:
    network = small_network()
    recipe = Recipe(frozen_epochs=0, epochs=6, peak_lr=0.02, stem_divisor=1, batch_size=8)
    epochs = list(
        fine_tune(network, dataset, recipe, seed=0, device="cpu", precision="bf16", workers=0)
    )
    assert epochs[-1].loss < epochs[0].loss
    assert all(value.dtype != torch.bfloat16 for value in network.state_dict().values())


def test_progress_sees_every_image_and_batch(dataset: ImageDataset) -> None:
    told: list[tuple[str, str, int, int]] = []

    def watch(items: Iterable[Item], *, total: int, what: str, unit: str) -> Iterator[Item]:
        passed = list(items)
        yield from passed
        told.append((what, unit, total, len(passed)))

    recipe = Recipe(frozen_epochs=1, epochs=1, batch_size=10)
    run = fine_tune(
        small_network(),
        dataset,
        recipe,
        seed=0,
        device="cpu",
        precision="fp32",
        workers=0,
        progress=watch,
    )
    assert len(list(run)) == 2
    assert told == [
        ("reading images", "images", 32, 32),
        ("training, epoch 1 of 2", "batches", 4, 4),
        ("training, epoch 2 of 2", "batches", 4, 4),
    ]


def test_refusals(dataset: ImageDataset) -> None:
    with pytest.raises(DataError, match="at least 2 images, found 1"):
        trained(small_network(), first(dataset, 1), Recipe())
    with pytest.raises(TrainingError, match="batch_size of at least 2, found 1"):
        trained(small_network(), dataset, Recipe(batch_size=1))
    with pytest.raises(TrainingError, match="at least one epoch"):
        trained(small_network(), dataset, Recipe(frozen_epochs=0, epochs=0))


def test_a_loss_that_is_not_finite_is_an_error(dataset: ImageDataset) -> None:
    network = small_network()
    nn.init.constant_(network.output[-1].weight, math.inf)
    with pytest.raises(TrainingError, match="finite loss, found nan in epoch 1 at step 1:"):
        trained(network, dataset, Recipe())
