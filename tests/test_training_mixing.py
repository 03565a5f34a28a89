"""Mixes against torchvision's own, what a label then is, and how often each class is one."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from rebalance.errors import SettingError
from rebalance.training.mixing import MIXES, Cutmix, Mixup, Remix, mix_of, spelled_mix


def images() -> torch.Tensor:
    return torch.rand((6, 3, 10, 14), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("own", [0.0, 0.3, 0.9375, 1.0])
def test_mixup_is_torchvisions(own):
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    theirs = v2.MixUp(num_classes=3)
    known = {"labels": labels, "batch_size": len(labels), "lam": own}
    batch = images()
    found, share = Mixup().mixed(batch, batch.roll(1, 0), torch.tensor([[own, 0, 0]] * 6))
    torch.testing.assert_close(found, theirs.transform(batch, known))
    one, other = torch.eye(3)[labels], torch.eye(3)[labels.roll(1)]
    soft = share[:, None] * one + (1 - share[:, None]) * other
    torch.testing.assert_close(soft, theirs.transform(labels, known))


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_is_torchvisions(seed, monkeypatch):
    """Its box comes from draws of its own, in place of which it is given ours."""
    numbers = Cutmix(alpha=0.7).numbers(np.random.default_rng(seed), 6)
    batch = images()
    found, share = Cutmix().mixed(batch, batch.roll(1, 0), torch.from_numpy(numbers))
    theirs = v2.CutMix(num_classes=3)
    for place, (own, down, right) in enumerate(numbers.tolist()):
        theirs._dist = torch.distributions.Normal(own, 1e-12)
        drawn = [torch.tensor([int(10 * down)]), torch.tensor([int(14 * right)])]
        with monkeypatch.context() as patch:
            patch.setattr(torch, "randint", lambda *_, drawn=drawn, **__: drawn.pop())
            params = theirs.make_params([batch])
        params = {"labels": torch.zeros(6, dtype=torch.int64), "batch_size": 6, **params}
        torch.testing.assert_close(found[place], theirs.transform(batch, params)[place])
        assert share[place].item() == pytest.approx(params["lam_adjusted"], abs=1e-6)


def test_the_numbers_are_of_beta():
    numbers = Mixup(alpha=0.4).numbers(np.random.default_rng(0), 20_000)
    assert numbers.dtype == np.float32 and numbers.min() >= 0 and numbers.max() <= 1
    assert numbers[:, 0].var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.03)
    assert MIXES["none"]().numbers(np.random.default_rng(0), 3).shape == (3, 0)


def test_what_remix_gives_each_class_is_what_is_told():
    """By that a threshold divides: held against many pairs, drawn at random."""
    remix, counts, draws = Remix(alpha=0.7, kappa=2.0, tau=0.4), [80, 40, 12, 0], [60, 30, 30, 0]
    rng = np.random.default_rng(0)
    own, other = rng.choice(4, size=(2, 200_000), p=np.array(draws) / 120)
    sizes = torch.tensor(counts)
    part = torch.from_numpy(remix.numbers(rng, len(own))[:, 0])
    share = remix.own_share(part, sizes[own], sizes[other]).numpy()
    found = np.bincount(own, share, 4) + np.bincount(other, 1 - share, 4)
    told = np.array(remix.drawn(draws, counts))
    assert told.sum() == pytest.approx(120)
    np.testing.assert_allclose(found / found.sum(), told / 120, atol=0.003)
    assert told[2] > 33 and Mixup().drawn(draws, counts) == draws


def test_a_mix_is_spelled_in_one_way():
    assert spelled_mix("remix: tau=.60,alpha=1 ") == "remix:tau=0.6"
    assert mix_of(spelled_mix("mixup:alpha=0.12345678")) == Mixup(0.12345678)
    for text in ("remix:", "mixup:alpha", "mixup:alpha=1,alpha=2", "none:alpha=1", "mixup:alpha=0"):
        with pytest.raises(SettingError):
            mix_of(text)
