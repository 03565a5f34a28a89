"""``fit``: against obvious loops, through every regime, and on again after a stop."""

import io
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from rebalance import seeds
from rebalance.data.folder import scan
from rebalance.errors import DataError, LossError, SettingError, TrainingError
from rebalance.losses import (
    CE,
    COT,
    CRL,
    DOS,
    LDAM,
    LMLE,
    MFE,
    CoSen,
    Weighted,
    class_weights,
    complement_entropy,
)
from rebalance.losses.loss import Answers
from rebalance.models.heads import with_cosine_output
from rebalance.models.network import ConcatPool, Network
from rebalance.models.transforms import Transform
from rebalance.settings import RECIPES, Recipe
from rebalance.training.augmentation import CifarAugmentation, NoAugmentation
from rebalance.training.dataset import ImageDataset
from rebalance.training.first_phase import FirstPhase
from rebalance.training.loop import Epoch, State, fit

SIZE = 12
PLAIN = Transform(SIZE, SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")
COUNTS = {"bird": 12, "cat": 9, "dog": 5}
SCRATCH = replace(RECIPES["scratch"], epochs=3, warmup_epochs=1, batch_size=8, peak_lr=0.05)
CPU = {"seed": 0, "device": "cpu", "precision": "fp32", "workers": 0}

MakeFolder = Callable[..., Path]


def plain_network() -> Network:
    """Without dropout and BatchNorm: each image counts for itself."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU())
    hidden = nn.Sequential(ConcatPool(), nn.Linear(12, 8), nn.ReLU())
    return Network(body, hidden, nn.Sequential(nn.Linear(8, 3)))


def full_network() -> Network:
    """With everything that has a state or draws random numbers."""
    torch.manual_seed(0)
    body = nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 4, 3, stride=2),
            norm=nn.BatchNorm2d(4),
            relu=nn.ReLU(),
            stage=nn.Sequential(nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU()),
        )
    )
    hidden = nn.Sequential(ConcatPool(), nn.BatchNorm1d(12), nn.Linear(12, 8), nn.ReLU())
    return Network(body, hidden, nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 3)))


@pytest.fixture
def dataset(tmp_path: Path, make_folder: MakeFolder) -> ImageDataset:
    root = make_folder(tmp_path / "data", COUNTS, size=(SIZE, SIZE))
    folder = scan(root)
    return ImageDataset(root, folder.paths, folder.labels, PLAIN, NoAugmentation())


def all_images(dataset: ImageDataset) -> tuple[Tensor, Tensor]:
    images = torch.stack([dataset.pixels(position) for position in range(len(dataset))])
    return PLAIN.normalise(images), torch.tensor(dataset.labels)


def slow_orders(dataset: ImageDataset, epochs: int, size: int) -> Iterator[Iterator[Tensor]]:
    for epoch in range(epochs):
        order = seeds.generator(0, "shuffle", epoch).permutation(len(dataset))
        yield torch.from_numpy(order).split(size)


def same(network: nn.Module, other: nn.Module, **tolerance: float) -> bool:
    pairs = zip(network.state_dict().items(), other.state_dict().items(), strict=True)
    if not tolerance:
        return all(name == key and torch.equal(a, b) for (name, a), (key, b) in pairs)
    return all(name == key and torch.allclose(a, b, **tolerance) for (name, a), (key, b) in pairs)


class NotingCE(CE):
    """Cross entropy that keeps the targets and the class weights of every call."""

    def __init__(self) -> None:
        super().__init__(COUNTS)
        self.targets: list[list[int]] = []
        self.seen_weights: list[Tensor] = []

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        self.targets.append(targets.tolist())
        self.seen_weights.append(self.weights.clone())
        return super().forward(logits, targets)


def test_sgd_in_steps_is_the_obvious_loop(dataset: ImageDataset) -> None:
    network, slow = plain_network(), plain_network()
    epochs = list(fit(network, dataset, CE(COUNTS), SCRATCH, counts=COUNTS, **CPU))
    images, labels = all_images(dataset)
    optimiser = torch.optim.SGD(slow.parameters(), lr=9, momentum=0.9, weight_decay=5e-4)
    # Of three epochs, milestones at 0.3, 0.6 and 0.8 come after 1, 2 and 2.
    for lr, batches in zip([0.05, 0.025, 0.0125 / 2], slow_orders(dataset, 3, 8), strict=True):
        optimiser.param_groups[0]["lr"] = lr
        for batch in batches:
            optimiser.zero_grad()
            cross_entropy(slow(images[batch]), labels[batch]).backward()
            optimiser.step()
    assert same(network, slow, rtol=1e-4, atol=1e-6)
    assert [epoch.lr for epoch in epochs] == pytest.approx([0.05, 0.025, 0.00625])
    assert [epoch.number for epoch in epochs] == [1, 2, 3]


def test_complement_training_takes_two_steps_with_two_optimisers(dataset: ImageDataset) -> None:
    recipe = replace(SCRATCH, milestones=(), warmup_epochs=0)
    network, slow = plain_network(), plain_network()
    list(fit(network, dataset, COT(COUNTS), recipe, counts=COUNTS, **CPU))
    images, labels = all_images(dataset)
    first, second = (
        torch.optim.SGD(slow.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
        for _ in range(2)
    )
    for batches in slow_orders(dataset, 3, 8):
        for batch in batches:
            first.zero_grad()
            cross_entropy(slow(images[batch]), labels[batch]).backward()
            first.step()
            second.zero_grad()
            (-complement_entropy(slow(images[batch]), labels[batch]) / 2).backward()
            second.step()
    assert same(network, slow, rtol=1e-4, atol=1e-6)
    alone = plain_network()
    list(fit(alone, dataset, CE(COUNTS), recipe, counts=COUNTS, **CPU))
    assert not same(network, alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("make_loss", [CE, Weighted, COT])
def test_accumulation_changes_nothing_but_memory(dataset: ImageDataset, make_loss) -> None:
    results = []
    for grad_accum in (1, 3):
        network, recipe = plain_network(), replace(SCRATCH, grad_accum=grad_accum)
        found = list(fit(network, dataset, make_loss(COUNTS), recipe, counts=COUNTS, **CPU))
        results.append((network, found[-1]))
    (network, last), (other, other_last) = results
    assert same(network, other, rtol=1e-4, atol=1e-6)
    assert other_last.loss == pytest.approx(last.loss, rel=1e-4)
    assert other_last.accuracy == last.accuracy


def test_accumulation_passes_few_images_at_a_time(dataset: ImageDataset) -> None:
    loss = NotingCE()
    recipe = replace(SCRATCH, grad_accum=3, epochs=1)
    list(fit(plain_network(), dataset, loss, recipe, counts=COUNTS, **CPU))
    assert [len(targets) for targets in loss.targets] == [3, 3, 2] * 3 + [2]


def test_embeddings_are_what_the_last_layer_sees(dataset: ImageDataset) -> None:
    class Noting(CRL):
        def forward(self, logits: Tensor, targets: Tensor, embeddings: Tensor) -> Tensor:
            pairs.append((logits.detach(), embeddings.detach()))
            return super().forward(logits, targets, embeddings)

    recipe = replace(SCRATCH, peak_lr=1e-30, epochs=1, batch_size=26)
    images, _ = all_images(dataset)
    order = torch.from_numpy(seeds.generator(0, "shuffle", 0).permutation(26))
    with_hidden = plain_network()
    without = Network(with_hidden.body, None, nn.Sequential(ConcatPool(), nn.Linear(12, 3)))
    mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    seen: list[Tensor] = []
    for network in (with_hidden, without, Network(with_hidden.body, None, mean)):
        pairs: list[tuple[Tensor, Tensor]] = []
        list(fit(network, dataset, Noting(COUNTS, level="instance"), recipe, counts=COUNTS, **CPU))
        [(logits, embeddings)] = pairs
        network.last.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
        assert torch.allclose(logits, network(images[order]), atol=1e-6)
        assert torch.allclose(embeddings, seen[-1], atol=1e-6)


def test_deferred_weights_come_at_eighty_percent(dataset: ImageDataset) -> None:
    loss = NotingCE()
    recipe = replace(SCRATCH, epochs=5, batch_size=26, grad_accum=1)
    list(fit(plain_network(), dataset, loss, recipe, regime="drw", counts=COUNTS, **CPU))
    expected = class_weights(COUNTS, "effective")
    assert [torch.equal(seen, torch.ones(3)) for seen in loss.seen_weights] == [True] * 4 + [False]
    assert torch.equal(loss.seen_weights[4], expected)


@pytest.mark.parametrize(
    ("first", "alike"), [(FirstPhase("oversample"), 12), (FirstPhase("undersample", "min"), 5)]
)
def test_two_phase_begins_from_either_way_of_resampling(
    dataset: ImageDataset, first: FirstPhase, alike: int
) -> None:
    loss = NotingCE()
    recipe = replace(SCRATCH, epochs=2, batch_size=40)
    how = {"regime": "two-phase", "first": first, "counts": COUNTS}
    list(fit(plain_network(), dataset, loss, recipe, **how, **CPU))
    shown = [Counter(targets) for targets in loss.targets]
    assert shown == [dict.fromkeys(range(3), alike), {0: 12, 1: 9, 2: 5}]


@pytest.mark.parametrize("workers", [0, 2])
def test_dynamic_follows_the_f1_of_the_epoch_before(dataset: ImageDataset, workers: int) -> None:
    f1s = iter([[0.5, 0.5, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])

    def validate(network: Network) -> list[float]:
        assert not network.training
        network.train()  # a careless caller
        return next(f1s)

    loss, how = NotingCE(), {**CPU, "workers": workers}
    recipe = replace(SCRATCH, batch_size=26)
    run = fit(
        plain_network(),
        dataset,
        loss,
        recipe,
        regime="dynamic",
        counts=COUNTS,
        validate=validate,
        **how,
    )
    epochs = list(run)
    shown = [Counter(targets) for targets in loss.targets]
    assert shown == [{0: 12, 1: 9, 2: 5}, {0: 7, 1: 6, 2: 13}, {0: 1, 1: 24, 2: 1}]
    assert [epoch.f1 for epoch in epochs] == [(0.5, 0.5, 0), (1, 0, 1), (0, 0, 0)]


def test_the_sampler_balances_what_is_shown(dataset: ImageDataset) -> None:
    loss = NotingCE()
    recipe = replace(SCRATCH, epochs=20, batch_size=26, peak_lr=1e-30)
    list(fit(plain_network(), dataset, loss, recipe, sampler="balanced", counts=COUNTS, **CPU))
    shown = Counter(target for targets in loss.targets for target in targets)
    assert sum(shown.values()) == 20 * 26
    assert min(shown.values()) > 0.8 * max(shown.values())


def f1_of(network: Network) -> list[float]:
    """Some numbers that depend on the weights."""
    return [0.5 + math.tanh(weight) / 2 for weight in network.output[-1].weight[:, 0].tolist()]


def answers_of(dataset: ImageDataset, network: Network) -> Answers:
    """What the network says of the images themselves."""
    images, labels = all_images(dataset)
    with torch.inference_mode():
        logits, embeddings = network.eval().answer(images)
    return Answers(logits.softmax(dim=1).double(), embeddings, labels)


def through_a_file(state: State) -> State:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


CASES = {
    "transfer": (CE, "none", "plain", Recipe(frozen_epochs=2, epochs=2, batch_size=8)),
    "sgd": (CE, "none", "plain", replace(SCRATCH, frozen_epochs=1, epochs=2)),
    "cot": (COT, "balanced", "two-phase", SCRATCH),
    "ldam-drw": (LDAM, "none", "drw", replace(SCRATCH, epochs=5)),
    "cosen": (CoSen, "none", "plain", SCRATCH),
    "dos": (DOS, "balanced", "drw", replace(SCRATCH, grad_accum=2)),
    "lmle": (LMLE, "balanced", "plain", SCRATCH),
    "dynamic": (Weighted, "sqrt", "dynamic", replace(SCRATCH, grad_accum=2, optimiser="adamw")),
    "remix": (CE, "balanced", "plain", replace(SCRATCH, mix="remix:kappa=1.2", grad_accum=2)),
}


@pytest.mark.parametrize("case", CASES)
def test_after_a_stop_the_weights_end_the_same(dataset: ImageDataset, case: str) -> None:
    make_loss, sampler, regime, recipe = CASES[case]
    varied = replace(dataset, augmentation=CifarAugmentation())

    def network() -> Network:
        return with_cosine_output(full_network()) if make_loss is LDAM else full_network()

    def run(trained: Network, start: State | None) -> Iterator[Epoch]:
        options = {"sampler": sampler, "regime": regime, "counts": COUNTS, "validate": f1_of}
        options["first"] = FirstPhase(limit="min")
        if make_loss in (CoSen, DOS, LMLE):
            options["study"] = partial(answers_of, dataset)
        return fit(trained, varied, make_loss(COUNTS), recipe, start=start, **options, **CPU)

    whole = network()
    states, told = [], []
    for epoch in run(whole, None):
        states.append(through_a_file(epoch.state()))
        told.append((epoch.number, epoch.phase, epoch.loss, epoch.lr, epoch.f1))
    assert len(states) == recipe.frozen_epochs + recipe.epochs
    for state in states:
        torch.manual_seed(99)
        resumed = network()
        nn.init.zeros_(resumed.body[0].weight)  # what the state does not hold would show
        rest = [
            (each.number, each.phase, each.loss, each.lr, each.f1) for each in run(resumed, state)
        ]
        assert rest == told[state["epoch"] :]
        assert same(resumed, whole)


def test_a_state_is_a_copy(dataset: ImageDataset) -> None:
    run = fit(full_network(), dataset, CE(COUNTS), SCRATCH, counts=COUNTS, **CPU)
    state = next(run).state()
    before = {name: value.clone() for name, value in state["network"].items()}
    list(run)
    assert state["epoch"] == 1
    assert all(torch.equal(value, before[name]) for name, value in state["network"].items())


def test_a_state_of_another_run_is_refused(dataset: ImageDataset) -> None:
    state = next(fit(full_network(), dataset, CE(COUNTS), SCRATCH, counts=COUNTS, **CPU)).state()
    for network, loss in ((plain_network(), CE(COUNTS)), (full_network(), COT(COUNTS))):
        with pytest.raises(SettingError, match="a state of the same network, loss and recipe"):
            next(fit(network, dataset, loss, SCRATCH, counts=COUNTS, start=state, **CPU))


@pytest.mark.parametrize(
    "change",
    [{"f1": "high"}, {"epoch": "1"}, {"optimisers": None}, {"optimisers": [3]}, {"network": []}],
)
def test_a_state_of_other_types_is_refused(dataset: ImageDataset, change: dict[str, Any]) -> None:
    state = next(fit(plain_network(), dataset, CE(COUNTS), SCRATCH, counts=COUNTS, **CPU)).state()
    lacking = {key: value for key, value in state.items() if key not in change}
    for spoilt in ({**state, **change}, lacking):
        with pytest.raises(SettingError, match=r"does not fit \(.*\): start anew"):
            next(
                fit(
                    plain_network(),
                    dataset,
                    CE(COUNTS),
                    SCRATCH,
                    counts=COUNTS,
                    start=spoilt,
                    **CPU,
                )
            )


def test_a_loss_that_is_not_finite_names_epoch_and_step(dataset: ImageDataset) -> None:
    class Breaking(NotingCE):
        def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
            broken = math.nan if len(self.targets) == 6 else 1.0
            return super().forward(logits, targets) * broken

    run = fit(plain_network(), dataset, Breaking(), SCRATCH, counts=COUNTS, **CPU)
    with pytest.raises(TrainingError, match="found nan in epoch 2 at step 3: lower the learning"):
        list(run)


def test_choices_that_do_not_go_together(dataset: ImageDataset) -> None:
    def refusal(loss=None, network=None, recipe=SCRATCH, **options) -> str:
        used, trained = loss or CE(COUNTS), network or plain_network()
        with pytest.raises((SettingError, TrainingError, DataError)) as raised:
            next(fit(trained, dataset, used, recipe, counts=COUNTS, **options, **CPU))
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "LDAM needs a network that gives cosines" in refusal(LDAM(COUNTS))
    assert "gives logits" in refusal(network=with_cosine_output(plain_network()))
    assert "can weigh the classes, found MFE" in refusal(MFE(COUNTS), regime="drw")
    assert "CoSen learns from validation images" in refusal(CoSen(COUNTS))
    assert "DOS learns from what the network says of the training" in refusal(DOS(COUNTS))
    assert "needs validation images" in refusal(regime="dynamic")
    assert "no sampler 'all': choose one of none, balanced" in refusal(sampler="all")
    assert "no regime 'all': choose one of plain" in refusal(regime="all")
    assert "no schedule 'flat'" in refusal(recipe=replace(SCRATCH, schedule="flat"))
    assert "no optimiser 'lamb'" in refusal(recipe=replace(SCRATCH, optimiser="lamb"))
    assert "batch_size of at least 10, found 8" in refusal(recipe=replace(SCRATCH, grad_accum=5))


def test_ldam_learns_with_cosines(dataset: ImageDataset) -> None:
    network = with_cosine_output(full_network())
    recipe = replace(SCRATCH, epochs=12, optimiser="adamw", peak_lr=0.02)
    epochs = list(fit(network, dataset, LDAM(COUNTS), recipe, regime="drw", counts=COUNTS, **CPU))
    assert epochs[9].loss < epochs[0].loss / 2
    assert np.mean([epoch.accuracy for epoch in epochs[-3:]]) > 0.8
    assert len(list(islice(network.output.children(), 3))) == 2


def test_a_loss_learns_before_every_epoch_from_the_network_as_it_is(
    dataset: ImageDataset,
) -> None:
    class Noting(CoSen):
        def learn(self, answers: Answers) -> None:
            super().learn(answers)
            seen.append((answers.embeddings, self.costs.clone()))

    seen: list[tuple[Tensor, Tensor]] = []
    network, study = plain_network(), partial(answers_of, dataset)
    run = fit(network, dataset, Noting(COUNTS), SCRATCH, counts=COUNTS, study=study, **CPU)
    before = study(network).embeddings
    for place, epoch in enumerate(run):
        assert len(seen) == epoch.number
        assert torch.equal(seen[place][0], before)
        assert torch.equal(epoch.state()["loss"]["costs"], seen[place][1])
        before = study(network).embeddings


def test_a_loss_that_learns_from_training_images_is_told_which_it_sees(
    dataset: ImageDataset,
) -> None:
    class Noting(DOS):
        def forward(self, logits, targets, embeddings=None, positions=None) -> Tensor:
            seen.append((targets, positions))
            away = self.points[positions] - torch.nn.functional.normalize(embeddings)
            far.append(away.detach().abs().max().item())
            return super().forward(logits, targets, embeddings, positions)

    seen: list[tuple[Tensor, Tensor]] = []
    far: list[float] = []
    network, study = plain_network(), partial(answers_of, dataset)
    recipe = replace(SCRATCH, epochs=1, peak_lr=1e-30, grad_accum=2)
    list(fit(network, dataset, Noting(COUNTS), recipe, counts=COUNTS, study=study, **CPU))
    targets, positions = (torch.cat(parts) for parts in zip(*seen, strict=True))
    assert sorted(positions.tolist()) == list(range(26))
    assert targets.tolist() == [dataset.labels[place] for place in positions.tolist()]
    assert max(far) < 1e-5, "each image's own embedding is that of its position"


@pytest.mark.parametrize("accumulated", [1, 2])
def test_a_label_wholly_of_another_class_is_that_class(
    dataset: ImageDataset, accumulated: int
) -> None:
    recipe = replace(SCRATCH, epochs=1, warmup_epochs=0, grad_accum=accumulated)
    places = range(0, len(dataset), 3)
    shared = replace(dataset, shares=dict.fromkeys(places, (2, 1.0)))
    labels = [2 if place in places else label for place, label in enumerate(dataset.labels)]
    found = []
    for each in (shared, replace(dataset, labels=labels), dataset):
        network = plain_network()
        (epoch,) = fit(network, each, Weighted(COUNTS), recipe, counts=COUNTS, **CPU)
        found.append((epoch.loss, network.state_dict()))
    (loss, network), (expected, other), (plain, _) = found
    assert loss == pytest.approx(expected, abs=1e-6) and abs(loss - plain) > 1e-3
    for name, values in network.items():
        torch.testing.assert_close(values, other[name], rtol=1e-4, atol=1e-6)


def test_a_loss_that_takes_one_class_for_each_says_so(dataset: ImageDataset) -> None:
    shared = replace(dataset, shares={0: (2, 0.5)})
    with pytest.raises(LossError, match="MFE takes one class for each sample"):
        next(fit(plain_network(), shared, MFE(COUNTS), SCRATCH, counts=COUNTS, **CPU))
    mixing = replace(SCRATCH, mix="mixup")
    with pytest.raises(LossError, match=r"COT takes one class .* by --mix or in a manifest's"):
        next(fit(plain_network(), dataset, COT(COUNTS), mixing, counts=COUNTS, **CPU))
    with pytest.raises(SettingError, match=r"two classes share already: leave out --mix, or"):
        next(fit(plain_network(), shared, CE(COUNTS), mixing, counts=COUNTS, **CPU))


def slow_mixed(mix: str, image: Tensor, other: Tensor, own: float, y: int, x: int):
    """The image, pixel by pixel, and how much of it is its own."""
    if not mix.startswith("cutmix"):
        return own * image + (1 - own) * other, own
    half, image = int(SIZE * 0.5 * math.sqrt(1 - own)), image.clone()
    rows = range(max(y - half, 0), min(y + half, SIZE))
    columns = range(max(x - half, 0), min(x + half, SIZE))
    for row in rows:
        for column in columns:
            image[:, row, column] = other[:, row, column]
    return image, 1 - len(rows) * len(columns) / SIZE**2


def slow_label(mix: str, own: float, ratio: float) -> float:
    if mix == "remix" and ratio >= 3 and own < 0.5:
        return 0.0
    return 1.0 if mix == "remix" and ratio <= 1 / 3 and 1 - own < 0.5 else own


@pytest.mark.parametrize(("mix", "parts"), [("mixup", 1), ("cutmix:alpha=.5", 1), ("remix", 3)])
def test_mixing_is_the_obvious_loop(dataset: ImageDataset, mix: str, parts: int) -> None:
    counts = {"bird": 90, "cat": 31, "dog": 30}  # as if: dogs are three times rarer than birds
    recipe = replace(SCRATCH, epochs=2, milestones=(), warmup_epochs=0, mix=mix, grad_accum=parts)
    network, slow = plain_network(), plain_network()
    told = list(fit(network, dataset, CE(counts), recipe, counts=counts, **CPU))
    images, labels = all_images(dataset)
    sizes, alpha = list(counts.values()), 0.5 if ".5" in mix else 1.0
    optimiser = torch.optim.SGD(slow.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for epoch, batches in enumerate(slow_orders(dataset, 2, 8)):
        rng, hits, done = seeds.generator(0, "mix", epoch), 0.0, 0
        shares, corners = rng.beta(alpha, alpha, size=(26, 1)), rng.random((26, 2))
        for batch in map(Tensor.tolist, batches):
            shown, wanted = [], torch.zeros(len(batch), 3)
            for place, position in enumerate(batch):
                partner = batch[place - 1]
                y, x = (int(SIZE * each) for each in corners[done + place])
                pair, own = images[[position, partner]], float(shares[done + place, 0])
                image, own = slow_mixed(mix, *pair, own, y, x)
                mine, theirs = labels[[position, partner]]
                own = slow_label(mix, own, sizes[mine] / sizes[theirs])
                shown.append(image)
                wanted[place, mine] += own
                wanted[place, theirs] += 1 - own
            optimiser.zero_grad()
            logits = slow(torch.stack(shown))
            hits += wanted[torch.arange(len(batch)), logits.argmax(1)].sum().item()
            cross_entropy(logits, wanted).backward()
            optimiser.step()
            done += len(batch)
        assert told[epoch].accuracy == pytest.approx(hits / 26, abs=1e-4)
    assert same(network, slow, rtol=1e-3, atol=1e-5)
