"""Samplers for loops of one's own: one draw for all processes, resumable, of the right length."""

import json
import logging
import pickle
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from launching import finish, start_ranks
from torch.utils.data import DataLoader, Subset, TensorDataset, WeightedRandomSampler

from rebalance.errors import DataError, RebalanceError, SettingError
from rebalance.manifest import Manifest, Row, write_manifest
from rebalance.torch import BalancedBatchSampler, BalancedSampler, sample_weights

LABELS = np.repeat([0, 1, 2], [70, 20, 10])
ABSENT = object()


def dealt(parts):
    """The sequence of which each process took every n-th place."""
    return [each for each in chain(*zip_longest(*parts, fillvalue=ABSENT)) if each is not ABSENT]


def ranks_of(count, **options):
    return [
        BalancedSampler(LABELS, num_replicas=count, rank=rank, **options) for rank in range(count)
    ]


JOINED = """
import json
from torch import distributed
from torch.utils.data import DataLoader
from rebalance.torch import BalancedBatchSampler, BalancedSampler

labels = [0] * 70 + [1] * 20 + [2] * 10
sampler = BalancedSampler(labels, length=101)  # before the processes know of each other
batches = BalancedBatchSampler(labels, 2, 4)
distributed.init_process_group("gloo")
loader = DataLoader(range(100), batch_size=8, sampler=sampler)
drawn = []
for epoch in (0, 1):
    sampler.set_epoch(epoch)
    drawn.append([each for batch in loader for each in batch.tolist()])
    assert len(sampler) == len(drawn[-1])
drawn = json.dumps([drawn, list(batches)])
distributed.destroy_process_group()
print(drawn)
"""


@pytest.mark.together
def test_one_two_and_four_processes_draw_the_same():
    sampler, batches = BalancedSampler(LABELS, length=101), BalancedBatchSampler(LABELS, 2, 4)
    found = [([list(sampler), list(sampler)], list(batches))]
    running = [start_ranks(count, "-c", JOINED) for count in (2, 4)]
    for processes in running:
        ended = [finish(process) for process in processes]
        assert [status for status, _, _ in ended] == [0] * len(processes), ended
        told = [json.loads(out) for _, out, _ in ended]
        epochs = [dealt([each[0][epoch] for each in told]) for epoch in (0, 1)]
        found.append((epochs, dealt([each[1] for each in told])))
    assert found[0] == found[1] == found[2]
    assert len(found[0][0][0]) == 101


@settings(max_examples=60)
@given(
    length=st.integers(1, 60),
    count=st.integers(1, 7),
    batch_size=st.integers(1, 9),
    drop_last=st.booleans(),
    equal=st.booleans(),
)
def test_lengths_are_right(length, count, batch_size, drop_last, equal):
    samplers = ranks_of(count, length=length, equal=equal)
    loaders = [
        DataLoader(range(100), batch_size, sampler=sampler, drop_last=drop_last)
        for sampler in samplers
    ]
    assert [len(loader) for loader in loaders] == [len(list(each)) for each in loaders]
    for sampler in samplers:
        sampler.set_epoch(0)
    parts = list(map(list, samplers))
    assert [len(sampler) for sampler in samplers] == list(map(len, parts))
    assert {sampler.total_size for sampler in samplers} == {sum(map(len, parts))}
    assert len(set(map(len, parts))) <= (1 if equal else 2)
    alone = BalancedSampler(LABELS, length=length)
    following = [place for _ in range(count + 1) for place in alone]
    assert dealt(parts) == following[: sum(map(len, parts))]
    assert length <= sum(map(len, parts)) < length + (count if equal else 1)


@settings(max_examples=60)
@given(
    length=st.integers(1, 60),
    before=st.integers(1, 5),
    after=st.integers(1, 5),
    steps=st.integers(0, 60),
    equal=st.booleans(),
)
def test_what_was_interrupted_goes_on_in_another_number_of_processes(
    length, before, after, steps, equal
):
    first = ranks_of(before, length=length, equal=equal)
    taking = [iter(sampler) for sampler in first]
    steps = min(steps, length // before)
    taken = [[next(each) for _ in range(steps)] for each in taking]
    states = [pickle.loads(pickle.dumps(sampler.state_dict())) for sampler in first]
    assert all(state == states[0] for state in states)
    then = ranks_of(after, length=length, equal=equal)
    for sampler in then:
        sampler.load_state_dict(states[0])
        sampler.set_epoch(0)  # as a loop over the epochs that are left does
    parts = list(map(list, then))
    alone = BalancedSampler(LABELS, length=length)
    whole = [place for _ in range(after + 1) for place in alone]
    ended = dealt(taken) + dealt(parts)
    assert ended == whole[: len(ended)]
    assert length <= len(ended) < length + (after if equal else 1)
    assert len(set(map(len, parts))) <= (1 if equal else 2)
    alone.set_epoch(1)
    assert dealt(list(map(list, then)))[:length] == list(alone)  # the next one is whole again


def test_each_iteration_is_the_next_epoch_unless_it_is_said():
    sampler = BalancedSampler(LABELS)
    epochs = [list(sampler) for _ in range(3)]
    assert len(set(map(tuple, epochs))) == 3
    for epoch in (2, 0, 0, 1):
        sampler.set_epoch(epoch)
        assert list(sampler) == epochs[epoch]
    assert list(sampler) == epochs[2]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_is_resumed_where_training_was(workers):
    def loader_of(sampler):
        ahead = {"num_workers": workers, "prefetch_factor": 3} if workers else {}
        return DataLoader(range(100), batch_size=4, sampler=sampler, **ahead)

    sampler = BalancedSampler(LABELS)
    loading = iter(loader_of(sampler))
    seen = [next(loading).tolist() for _ in range(5)]
    state = sampler.state_dict(taken=5 * 4)
    if workers:  # they have fetched more
        assert sampler.state_dict()["place"] > state["place"]
    else:
        assert sampler.state_dict() == state
    del loading
    again = BalancedSampler(LABELS)
    again.load_state_dict(state)
    rest = [batch.tolist() for batch in loader_of(again)]
    assert list(chain(*seen, *rest)) == list(BalancedSampler(LABELS))


@pytest.mark.filterwarnings("ignore:'set_vital'")  # by torchdata
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ended", [False, True])
def test_a_stateful_loader_is_resumed_where_training_was(workers, ended):
    stateful = pytest.importorskip("torchdata.stateful_dataloader")

    def loader_of():
        sampler = BalancedSampler(LABELS)
        return stateful.StatefulDataLoader(
            range(100), batch_size=4, sampler=sampler, num_workers=workers
        )

    plain = BalancedSampler(LABELS)
    whole = [list(plain) for _ in range(3)]
    loader = loader_of()
    seen = []
    for batch in loader:
        seen.append(batch.tolist())
        if len(seen) == 5:
            state = loader.state_dict()
    state = loader.state_dict() if ended else state
    assert list(chain(*seen)) == whole[0]
    assert torch.cat(list(loader)).tolist() == whole[1]
    again = loader_of()
    again.load_state_dict(state)
    rest = [batch.tolist() for batch in again]
    if not ended:
        assert list(chain(*seen[:5], *rest)) == whole[0]
        rest = list(again)
    assert list(chain(*map(list, rest))) == whole[1]


def test_labels_are_those_of_a_manifest_a_dataset_or_a_list(tmp_path):
    rows = tuple(Row(f"{name}/{i}.jpg", name) for name in ("dog", "cat") for i in range(4))
    manifest = Manifest(tmp_path, ("cat", "dog"), rows)
    write_manifest(tmp_path / "m.csv", manifest)
    numbers = [1] * 4 + [0] * 4

    class Photos(TensorDataset):
        classes, targets = ("cat", "dog"), numbers

    photos = Photos(torch.zeros(8))
    sources = [manifest, tmp_path / "m.csv", str(tmp_path / "m.csv"), photos]
    sources += [Subset(photos, range(8)), torch.tensor(numbers), np.array(numbers, dtype=np.uint8)]
    for source in sources:
        assert list(BalancedSampler(source)) == list(BalancedSampler(numbers))
    assert list(BalancedSampler(["d"] * 4 + ["c"] * 4)) == list(BalancedSampler(numbers))
    assert BalancedSampler(Subset(photos, [7, 0])).labels.tolist() == [0, 1]
    assert BalancedSampler(photos).classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: BalancedSampler([]), DataError, "there must be an image"),
        (lambda: BalancedSampler(np.eye(3)), DataError, r"have the shape \(3, 3\)"),
        (lambda: BalancedSampler([0, -1]), DataError, "whole number from 0 on"),
        (lambda: BalancedSampler([0.5, 1]), DataError, "whole number from 0 on"),
        (lambda: BalancedSampler(TensorDataset(torch.zeros(2))), DataError, "needs targets"),
        (lambda: BalancedSampler([0], 1, 0.1), SettingError, "not by both"),
        (lambda: BalancedSampler([0], rank=0), SettingError, "together"),
        (lambda: BalancedSampler([0], num_replicas=2, rank=2), SettingError, "from 0 to 1"),
        (lambda: BalancedSampler([0], seed=-1), SettingError, "seed is a whole number"),
        (lambda: BalancedSampler([0]).state_dict(taken=1), SettingError, "0 were drawn"),
        (
            lambda: BalancedSampler([0, 1]).load_state_dict(BalancedSampler([0]).state_dict()),
            SettingError,
            "state is of a sampler of other images",
        ),
        (lambda: BalancedSampler([0]).load_state_dict(None), SettingError, "not from None"),
        (lambda: BalancedSampler([0]).load_state_dict({"place": "x"}), SettingError, "gave, not"),
        (lambda: BalancedSampler([0]).set_epoch(-1), SettingError, "epoch is a whole number"),
        (lambda: BalancedSampler([0]).set_epoch(0.5), SettingError, "epoch is a whole number"),
        (lambda: _taken(0.5), SettingError, "0.5 cannot have"),
        (lambda: BalancedSampler(Path("no.csv")), RebalanceError, "no.csv"),
    ],
)
def test_what_cannot_be_is_one_line(call, error, says):
    with pytest.raises(error, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


def _taken(number):
    sampler = BalancedSampler([0, 1])
    list(sampler)
    return sampler.state_dict(taken=number)


def test_a_place_beyond_the_sequence_has_nothing_left():
    sampler = BalancedSampler([0, 1])
    sampler.load_state_dict({**sampler.state_dict(), "place": 10**12})
    assert list(sampler) == []


def test_what_is_never_drawn_and_unequal_shares_are_told(caplog):
    caplog.set_level(logging.WARNING, logger="rebalance")
    rows = (Row("cat/1.jpg", "cat"),)
    BalancedSampler(Manifest(Path("photos"), ("cat", "dog"), rows))
    BalancedSampler(LABELS, power=0, length=3)
    list(BalancedSampler(LABELS, num_replicas=3, rank=0))
    list(BalancedSampler(LABELS, num_replicas=3, rank=0, equal=True))
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "without images, and so never drawn",
        "an epoch of 3 places has none for some classes, which are never drawn",
        "3 processes share a sequence of 100 places",
    ]


def test_weighted_random_sampler_neither_divides_nor_meets_the_shares():
    weights = sample_weights(LABELS).tolist()
    ranks = []
    for _ in range(2):  # as every process seeds itself
        torch.manual_seed(0)
        ranks.append(list(WeightedRandomSampler(weights, 100)))
    assert ranks[0] == ranks[1]  # the same images in both, and an epoch of twice the length
    ranks[1] = list(WeightedRandomSampler(weights, 100))  # or else a draw of its own
    assert len(list(chain(*ranks))) == 200
    assert not hasattr(WeightedRandomSampler, "set_epoch")

    def farthest(drawn, shares):
        return abs(np.bincount(LABELS[drawn], minlength=3) / len(drawn) / shares - 1).max()

    torch.manual_seed(0)
    theirs = [list(WeightedRandomSampler(weights, 3000)) for _ in range(5)]
    assert min(farthest(drawn, 1 / 3) for drawn in theirs) > 0.01
    ours = BalancedSampler(LABELS, length=3000)
    assert max(farthest(list(ours), 1 / 3) for _ in range(5)) == 0
    # Every image once, where all weigh the same: by chance 37 of 100 are not seen.
    assert len(set(WeightedRandomSampler([1.0] * 100, 100))) < 75
    assert len(set(BalancedSampler(LABELS, power=0))) == 100


@pytest.mark.parametrize(
    "labels",
    [[[0], [1, 2]], ["a", 1], {"a": 3, "b": 1}, {"a", "b"}, [0, 10**9], ["a", float("nan")], 5],
)
def test_what_would_be_mistaken_for_labels_is_refused(labels):
    with pytest.raises(DataError, match="label is"):
        BalancedSampler(labels)


def test_datasets_in_one_have_the_labels_of_each():
    class Labelled(TensorDataset):
        targets, classes = (0, 0, 1), ("cat", "dog")

    both = Labelled(torch.zeros(3)) + Labelled(torch.zeros(3))
    assert BalancedSampler(both).labels.tolist() == [0, 0, 1, 0, 0, 1]
    other = Labelled(torch.zeros(3))
    other.classes = ("dog", "cat")
    with pytest.raises(DataError, match="alike"):
        BalancedSampler(both + other)


@pytest.mark.parametrize(
    "options",
    [
        {"num_replicas": 0, "rank": 0},
        {"num_replicas": "2", "rank": 0},
        {"num_replicas": 1.5, "rank": 0},
        {"repeat_thresholds": "x"},
    ],
)
def test_numbers_that_are_none_are_refused(options):
    with pytest.raises(SettingError, match=r"whole number|thresholds"):
        BalancedSampler([0, 1], **options)
    assert len(BalancedSampler([0, 1], np.float32(0.5))) == 2
