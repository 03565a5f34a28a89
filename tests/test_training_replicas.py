"""Two processes train as one, whatever looks at the whole batch."""

from pathlib import Path

import pytest
import torch
from launching import finish, start

pytestmark = pytest.mark.together

# Both processes, and the one alone, run this: argv is the folder, the rank and how many there are.
TRAIN = """
import sys
from collections import OrderedDict
from pathlib import Path
import torch
from torch import distributed, nn
from rebalance.training.augmentation import CifarAugmentation
from rebalance.training.dataset import ImageDataset
from rebalance.data.folder import scan
from rebalance.losses import COT, Weighted
from rebalance.models.network import ConcatPool, Network
from rebalance.models.transforms import Transform
from rebalance.settings import Recipe
from rebalance.training.loop import fit

root, rank, world = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
if world > 1:
    store = f"file://{root.parent / 'store'}"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=world)

def network(seed):
    torch.manual_seed(seed)
    body = nn.Sequential(OrderedDict(
        stem=nn.Conv2d(3, 4, 3, stride=2), norm=nn.BatchNorm2d(4), relu=nn.ReLU(),
        stage=nn.Conv2d(4, 6, 3), norm2=nn.BatchNorm2d(6),
    ))
    hidden = nn.Sequential(ConcatPool(), nn.BatchNorm1d(12), nn.Linear(12, 8), nn.ReLU())
    return Network(body, hidden, nn.Sequential(nn.Dropout(0.4), nn.Linear(8, 2)))

folder = scan(root)
plain = Transform(12, 12, (0.5,) * 3, (0.25,) * 3, "bilinear")
dataset = ImageDataset(root, folder.paths, folder.labels, plain, CifarAugmentation())
counts = [34, 10]
found = {}
sgd = dict(optimiser="sgd", schedule="step", peak_lr=0.02, whole_divisor=1.0, stem_divisor=1.0)
cases = {
    "frozen": (Weighted, Recipe(frozen_epochs=1, epochs=1, batch_size=6, **sgd), "none"),
    "mix": (Weighted, Recipe(frozen_epochs=0, epochs=1, batch_size=7, mix="remix", **sgd), "none"),
    "passes": (COT, Recipe(frozen_epochs=0, epochs=2, batch_size=8, grad_accum=2, **sgd), "sqrt"),
}
for name, (loss, recipe, sampler) in cases.items():
    trained = network(rank)  # they start as the first does
    told = []
    for epoch in fit(
        trained, dataset, loss(counts), recipe, sampler=sampler, regime="dynamic", counts=counts,
        seed=0, device="cpu", precision="fp32", workers=0, validate=lambda _: [0.5, 0.25],
    ):
        told.append((epoch.loss, epoch.accuracy))
    found[name] = (trained.state_dict(), told)
torch.save(found, root.parent / f"{rank}of{world}.pt")
if world > 1:
    distributed.destroy_process_group()
"""


@pytest.fixture
def results(tmp_path: Path, make_folder) -> list[dict]:
    root = make_folder(tmp_path / "data", {"cat": 17, "dog": 10}, size=(12, 12))
    ranks = [(0, 1), (0, 2), (1, 2)]
    running = [start("-c", TRAIN, root, rank, world) for rank, world in ranks]
    for process in running:
        status, _, errors = finish(process)
        assert status == 0, errors
    return [torch.load(tmp_path / f"{rank}of{world}.pt") for rank, world in ranks]


def test_two_processes_end_with_the_weights_of_one(results: list[dict]) -> None:
    alone, *both = results
    for case, (state, told) in alone.items():
        for found in both:
            other, other_told = found[case]
            for name, value in state.items():
                assert torch.allclose(other[name], value, rtol=1e-3, atol=1e-5), (case, name)
            assert other_told == [pytest.approx(epoch, rel=1e-4) for epoch in told]
        first, second = (found[case][0] for found in both)
        assert all(torch.equal(value, second[name]) for name, value in first.items())
