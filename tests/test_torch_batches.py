"""Batches of P classes with M images of each, in any number of processes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from rebalance.errors import SettingError
from rebalance.torch import BalancedBatchSampler

LABELS = np.repeat([0, 1, 3, 4], [13, 4, 2, 1])


@settings(max_examples=60)
@given(
    classes=st.integers(1, 4),
    images=st.integers(1, 6),
    batches=st.integers(1, 30),
    count=st.integers(1, 4),
    seed=st.integers(0, 2),
)
def test_batches_are_as_asked_in_any_number_of_processes(classes, images, batches, count, seed):
    whole = list(BalancedBatchSampler(LABELS, classes, images, batches=batches, seed=seed))
    assert len(whole) == batches
    of_classes, of_images = Counter(), Counter()
    for batch in whole:
        grouped = LABELS[batch].reshape(classes, images)
        assert (grouped == grouped[:, :1]).all()
        assert len(set(grouped[:, 0])) == classes
        often = Counter(batch)
        for label in grouped[:, 0]:
            own = [often[image] for image in np.flatnonzero(label == LABELS)]
            assert max(own) - min(own) <= 1
        of_classes.update(grouped[:, 0].tolist())
        of_images.update(batch)
    counts = [of_classes[label] for label in (0, 1, 3, 4)]
    assert max(counts) - min(counts) <= 1
    for label in (0, 1, 3, 4):
        own = [of_images[image] for image in np.flatnonzero(label == LABELS).tolist()]
        assert sum(own) == of_classes[label] * images
        assert images > len(own) or max(own) - min(own) <= 1
    for rank in range(count):
        options = {"batches": batches, "num_replicas": count, "rank": rank, "seed": seed}
        sampler = BalancedBatchSampler(LABELS, classes, images, **options)
        assert list(sampler) == whole[rank::count]
        assert len(sampler) == len(whole[rank::count])


def test_it_is_a_batch_sampler_of_a_loader_that_is_resumed():
    sampler = BalancedBatchSampler(LABELS, 2, 2)
    loader = DataLoader(range(20), batch_sampler=sampler)
    epochs = [[batch.tolist() for batch in loader] for _ in range(2)]
    assert len(loader) == 5 == len(epochs[0])
    assert epochs[0] != epochs[1]
    sampler.set_epoch(1)
    loading = iter(loader)
    assert [next(loading).tolist() for _ in range(2)] == epochs[1][:2]
    again = BalancedBatchSampler(LABELS, 2, 2)
    again.load_state_dict(sampler.state_dict())
    assert list(again) == epochs[1][2:]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ((5, 1), "5 classes needs as many with images, but there are 4"),
        ((0, 1), "classes_per_batch must be a whole number of at least 1, not 0"),
        ((1, 2.0), "images_per_class must be .* not 2.0"),
        ((1, 1, 0), "batches must be .* not 0"),
    ],
)
def test_what_cannot_be_batched_is_one_line(numbers, says):
    classes, images, *batches = numbers
    with pytest.raises(SettingError, match=says):
        BalancedBatchSampler(LABELS, classes, images, **({"batches": 0} if batches else {}))
