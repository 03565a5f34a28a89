import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rebalance.losses import MFE, MSFE

COUNTS = [90, 9, 4, 1]
LOGITS = 2 * torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


def error(row: Tensor, target: int) -> float:
    truth = [float(c == target) for c in range(4)]
    pairs = zip(truth, row.softmax(dim=0).tolist(), strict=True)
    return sum((t - p) ** 2 for t, p in pairs) / 2


def test_every_class_present_counts_once_however_many_samples_it_has() -> None:
    targets = [0, 0, 0, 2, 2]
    errors = [error(row, target) for row, target in zip(LOGITS, targets, strict=True)]
    means = [sum(errors[:3]) / 3, sum(errors[3:]) / 2]
    given_targets = torch.tensor(targets)
    assert MFE(COUNTS)(LOGITS, given_targets).item() == pytest.approx(sum(means))
    assert MSFE(COUNTS)(LOGITS, given_targets).item() == pytest.approx(sum(m * m for m in means))


def test_a_class_absent_from_the_batch_adds_nothing() -> None:
    targets = torch.tensor([0, 1, 1, 0, 1])
    wide = torch.cat([LOGITS, torch.full((5, 3), -1e4)], dim=1)
    for kind in (MFE, MSFE):
        value, wider = kind(COUNTS)(LOGITS, targets), kind([*COUNTS, 5, 5, 5])(wide, targets)
        torch.testing.assert_close(value, wider)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_repeating_the_batch_changes_nothing(targets: list[int]) -> None:
    logits, labels = LOGITS[: len(targets)], torch.tensor(targets)
    for kind in (MFE, MSFE):
        once, thrice = (
            kind(COUNTS)(logits, labels),
            kind(COUNTS)(logits.repeat(3, 1), labels.repeat(3)),
        )
        torch.testing.assert_close(once, thrice)


def test_a_perfect_batch_costs_0_and_a_wrong_one_1_per_class() -> None:
    targets = torch.tensor([0, 1, 2, 2])
    sure = 1e4 * torch.eye(4)[[0, 1, 2, 2]]
    for kind in (MFE, MSFE):
        assert kind(COUNTS)(sure, targets).item() == 0
        assert kind(COUNTS)(1e4 * torch.eye(4)[[3, 3, 3, 3]], targets).item() == 3
