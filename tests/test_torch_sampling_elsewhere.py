"""Samplers under trainers that divide or replace what they are given, and beside their own."""

from itertools import chain, zip_longest

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler, WeightedRandomSampler

from rebalance.torch import BalancedBatchSampler, BalancedSampler, sample_weights

LABELS = np.repeat([0, 1, 2], [70, 20, 10])

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # they are told of what the trainers do
]


def loader_of(sampler):
    return DataLoader(range(100), batch_size=4, sampler=sampler)


def test_imbalanced_dataset_sampler_neither_divides_nor_meets_the_shares():
    torchsampler = pytest.importorskip("torchsampler")
    given = {"labels": LABELS.tolist(), "num_samples": 3000}
    torch.manual_seed(0)
    theirs = torchsampler.ImbalancedDatasetSampler(range(100), **given)
    assert not hasattr(theirs, "set_epoch") and not hasattr(theirs, "state_dict")
    assert len(theirs) == 3000  # in each process of any number
    counts = [np.bincount(LABELS[list(theirs)]) for _ in range(5)]
    assert min(abs(each - 1000).max() for each in counts) > 10  # of 1000: over 1 %
    ours = BalancedSampler(LABELS, length=3000)
    assert np.bincount(LABELS[list(ours)]).tolist() == [1000] * 3
    # It takes the weights in the order of the indices, and the images in the order given.
    swapped = {"labels": [0, 0, 0, 1], "indices": [3, 2, 1, 0], "num_samples": 4000}
    drawn = list(torchsampler.ImbalancedDatasetSampler(range(4), **swapped))
    assert np.bincount(drawn)[3] > 1500  # 0 is the rare one


@pytest.fixture(scope="module")
def prepare():
    """What Lightning does with a loader under DDP in two processes."""
    lightning = pytest.importorskip("lightning.pytorch")
    from lightning.pytorch.trainer.states import RunningStage

    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(accelerator="cpu", devices=2, strategy="ddp", **quiet)
    connector = trainer._data_connector
    return lambda loader: connector._prepare_dataloader(loader, True, RunningStage.TRAINING)


def test_lightning_leaves_the_sampler_alone(prepare):
    loader = loader_of(BalancedSampler(LABELS))
    assert prepare(loader) is loader


def test_lightning_says_that_batches_are_divided_already(prepare):
    batches = BalancedBatchSampler(LABELS, 2, 2)
    with pytest.raises(TypeError, match="use_distributed_sampler=False"):
        prepare(DataLoader(range(100), batch_sampler=batches))


def test_lightning_divides_draws_that_are_not_one(prepare):
    def dealt(make):
        parts = []
        for rank in range(2):  # each process goes its own way with its random numbers
            torch.manual_seed(rank)
            sampler = prepare(loader_of(make())).sampler
            sampler.rank = rank
            parts.append(list(sampler))
        return list(chain(*zip_longest(*parts)))

    assert type(prepare(loader_of(RandomSampler(range(100)))).sampler).__name__ != "RandomSampler"
    found = dealt(lambda: WeightedRandomSampler([1.0] * 100, 100, replacement=False))
    assert len(set(found)) < 85  # of 100 images: the rest is lost, and as many are seen twice
    weights = sample_weights(LABELS).tolist()
    counts = np.bincount(LABELS[dealt(lambda: WeightedRandomSampler(weights, 100))])
    assert abs(counts - 100 / 3).max() > 1
    ours = [list(BalancedSampler(LABELS, 0, num_replicas=2, rank=rank)) for rank in (0, 1)]
    assert sorted(chain(*ours)) == list(range(100))


def test_lightning_trains_on_one_epoch_after_the_other():
    lightning = pytest.importorskip("lightning.pytorch")

    class Listener(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer, self.heard = torch.nn.Linear(1, 1), []

        def training_step(self, batch, _):
            self.heard += batch.tolist()
            return self.layer(batch[:, None].float()).mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    listener = Listener()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    quiet |= {"enable_checkpointing": False, "accelerator": "cpu", "devices": 1}
    lightning.Trainer(max_epochs=3, **quiet).fit(listener, loader_of(BalancedSampler(LABELS)))
    expected = BalancedSampler(LABELS)
    assert listener.heard == list(chain(*(list(expected) for _ in range(3))))


def test_accelerate_divides_one_draw():
    prepare = pytest.importorskip("accelerate.data_loader").prepare_data_loader
    loaders = []
    for rank in range(2):
        where = {"num_processes": 2, "process_index": rank, "put_on_device": False}
        whole = BalancedSampler(LABELS, num_replicas=1, rank=0)
        loaders.append(prepare(loader_of(whole), torch.device("cpu"), rng_types=[], **where))
    alone = BalancedSampler(LABELS)
    for _ in range(2):
        parts = [[batch.tolist() for batch in loader] for loader in loaders]
        batches = [batch for pair in zip_longest(*parts) for batch in pair]
        # 25 batches do not divide: the last process has the first one once more.
        assert list(chain(*batches[:25])) == list(alone)
        assert [len(part) for part in parts] == [13, 13]
