"""What holds for every loss of the dictionary, and what making one refuses."""

import inspect
import subprocess
import sys
from typing import Any

import pytest
import torch

from rebalance import losses
from rebalance.errors import LossError
from rebalance.losses import (
    LOSSES,
    ClassCounts,
    Loss,
    SampleLoss,
    class_weights,
    complement_entropy,
    default_options,
    make_loss,
)
from rebalance.losses.arguments import counts_of
from rebalance.losses.loss import SoftTargets
from rebalance.losses.registry import LossRegistry

COUNTS = {"glass": 40, "paper": 9, "trash": 3}
MATRIX = [[0, 1, 2], [4, 0, 5], [3, 2, 0]]
REQUIRED: dict[str, dict[str, Any]] = {"cost": {"matrix": MATRIX}}
TARGETS = torch.tensor([0, 2, 1, 2, 0, 0, 1])
every_loss = pytest.mark.parametrize("name", LOSSES)


def made(name: str, counts: ClassCounts = COUNTS) -> Loss:
    return make_loss(name, counts, REQUIRED.get(name, {}))


def logits(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return 2 * torch.randn(len(TARGETS), 3, generator=torch.Generator().manual_seed(0)).to(dtype)


ONE_CLASS_EACH = ("mfe", "msfe", "crl", "cot", "dos", "lmle")


@every_loss
def test_a_label_that_two_classes_share_is_the_loss_under_either(name: str) -> None:
    loss = made(name)
    if name in ONE_CLASS_EACH:
        with pytest.raises(LossError, match=f"{type(loss).__name__} takes one class for each"):
            loss.soft_steps()
        return
    (step,) = loss.soft_steps()
    others = TARGETS.roll(1)
    share = torch.linspace(0, 1, len(TARGETS))
    value = step.loss(wide := logits(torch.float64), SoftTargets(TARGETS, others, share))
    total, amount = 0.0, 0.0
    for row, own, other, part in zip(wide, TARGETS, others, share.tolist(), strict=True):
        for label, much in ((own, 1 - part), (other, part)):
            weight = loss.amount(label[None]).item()
            total += much * weight * loss(row[None], label[None]).item()
            amount += much * weight
    torch.testing.assert_close(value.item(), total / amount, rtol=1e-5, atol=1e-6)
    plain = step.loss(wide, SoftTargets(TARGETS, others, torch.zeros(len(TARGETS))))
    torch.testing.assert_close(plain, loss(wide, TARGETS), rtol=1e-5, atol=1e-6)


def test_the_cross_entropy_is_that_to_the_soft_label() -> None:
    others, share = TARGETS.roll(1), torch.linspace(0, 1, len(TARGETS))
    soft = torch.zeros(len(TARGETS), 3)
    for row, (own, other, part) in enumerate(zip(TARGETS, others, share, strict=True)):
        soft[row, own] += 1 - part
        soft[row, other] += part
    expected = torch.nn.functional.cross_entropy(logits(), soft)
    (step,) = made("ce").soft_steps()
    torch.testing.assert_close(step.loss(logits(), SoftTargets(TARGETS, others, share)), expected)


def test_the_names_are_read_without_torch() -> None:
    code = (
        "import sys, rebalance.losses as losses; print(*losses.LOSSES); "
        "assert 'torch' not in sys.modules"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == list(LOSSES)


def test_the_classes_are_offered_by_their_names() -> None:
    for name in LOSSES:
        assert getattr(losses, LOSSES[name].__name__) is LOSSES[name]
    assert losses.CE(COUNTS)(logits(), TARGETS) == made("ce")(logits(), TARGETS)
    with pytest.raises(AttributeError, match="no attribute 'Dice'"):
        _ = losses.Dice


def test_an_entry_is_a_class_or_where_it_is_found() -> None:
    entries = LossRegistry({"ce": "rebalance.losses.cross_entropy:CE"})
    entries["mine"] = LOSSES["focal"]
    assert list(entries) == ["ce", "mine"]
    assert entries["ce"] is LOSSES["ce"] and entries["mine"] is LOSSES["focal"]
    del entries["ce"]
    assert "ce" not in entries and len(entries) == 1
    with pytest.raises(KeyError):
        _ = entries["ce"]


@every_loss
def test_a_key_is_the_name_of_its_class(name: str) -> None:
    assert LOSSES[name].__name__.lower() == name.replace("-", "")
    assert issubclass(LOSSES[name], Loss)


@every_loss
def test_a_loss_is_made_from_a_list_or_a_mapping(name: str) -> None:
    from_list = LOSSES[name](list(COUNTS.values()), **REQUIRED.get(name, {}))
    assert torch.equal(from_list(logits(), TARGETS), made(name)(logits(), TARGETS))


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_logits_are_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    loss, narrow = made(name), logits(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(narrow, TARGETS)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(narrow.float(), TARGETS))
    value.backward()
    assert narrow.grad is not None
    assert narrow.grad.dtype == dtype


def test_a_new_loss_is_computed_outside_autocast_too() -> None:
    class Product(SampleLoss):
        def per_sample(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return logits @ torch.ones(3)  # which autocast would do in bfloat16

    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = Product(COUNTS)(logits(), TARGETS)
    assert torch.equal(value, (logits() @ torch.ones(3)).mean())


@every_loss
def test_inputs_stay_as_they_are(name: str) -> None:
    values, targets = logits(), TARGETS.clone()
    made(name)(values, targets)
    assert torch.equal(values, logits())
    assert torch.equal(targets, TARGETS)


@every_loss
def test_a_loss_has_nothing_to_learn_and_moves_as_a_whole(name: str) -> None:
    loss = made(name)
    assert not list(loss.parameters())
    moved = loss.to("meta")
    assert all(buffer.is_meta for buffer in moved.buffers())
    assert not [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]


@every_loss
def test_probabilities_are_rows_that_rank_as_the_logits_do(name: str) -> None:
    extreme = torch.tensor([[1e4, -1e4, 0.0], [-1e4, -2e4, -3e4]])
    for values in (logits(), extreme, logits(torch.bfloat16)):
        rows = made(name).probabilities(values)
        assert rows.dtype == torch.float32
        torch.testing.assert_close(rows.sum(dim=1), torch.ones(len(values)))
        assert torch.equal(rows.argmax(dim=1), values.argmax(dim=1))


def test_probabilities_are_those_that_the_loss_trains() -> None:
    values = logits()
    sigmoids = values.sigmoid()
    expected = {
        "ce": values.softmax(dim=1),
        "ldam": (30 * values).softmax(dim=1),
        "focal-sigmoid": sigmoids / sigmoids.sum(dim=1, keepdim=True),
    }
    for name, rows in expected.items():
        torch.testing.assert_close(made(name).probabilities(values), rows)


def test_only_ldam_takes_cosines_and_dos_and_lmle_by_themselves_embeddings() -> None:
    losses = {name: made(name) for name in LOSSES}
    assert [name for name, loss in losses.items() if loss.takes_cosines] == ["ldam"]
    assert [name for name, loss in losses.items() if loss.takes_embeddings] == [
        "dos",
        "lmle",
    ]


@every_loss
def test_batches_that_do_not_fit_are_refused(name: str) -> None:
    loss = made(name)
    with pytest.raises(ValueError, match=r"logits must be \[N, 3\], not \[7, 4\]"):
        loss(torch.zeros(7, 4), TARGETS)
    with pytest.raises(ValueError, match=r"logits must be \[N, 3\], not \[7\]"):
        loss(torch.zeros(7), TARGETS)
    with pytest.raises(ValueError, match=r"targets must be int64 \[7\], not torch.int64 \[6\]"):
        loss(logits(), TARGETS[:6])
    with pytest.raises(ValueError, match=r"targets must be int64 \[7\], not torch.float32"):
        loss(logits(), TARGETS.float())
    with pytest.raises(ValueError, match="the batch is empty"):
        loss(torch.zeros(0, 3), TARGETS[:0])


ADJUSTED = ("balanced-softmax", "logit-adjusted")  # the shares stand in the softmax
SAMPLE_LOSSES = [name for name in LOSSES if issubclass(LOSSES[name], SampleLoss)]


@every_loss
def test_a_loss_says_whether_it_sees_the_batch_as_a_whole(name: str) -> None:
    assert LOSSES[name].sees_whole_batch == (name not in SAMPLE_LOSSES)
    loss, values = made(name), logits(torch.float64)
    singles = [slice(i, i + 1) for i in range(len(TARGETS))]
    amounts = torch.stack([loss.amount(TARGETS[i]) for i in singles]).double()
    parts = torch.stack([loss(values[i], TARGETS[i]) for i in singles]) @ (amounts / amounts.sum())
    assert torch.allclose(loss(values, TARGETS), parts) != loss.sees_whole_batch


@every_loss
def test_a_loss_says_whether_it_weighs_the_classes(name: str) -> None:
    loss = made(name)
    assert loss.weighs_classes == (name in SAMPLE_LOSSES)
    if loss.weighs_classes:
        loss.reweight([2.0, 0.0, 0.5])
        shares = [1 / count for count in COUNTS.values()] if name in ADJUSTED else [1.0] * 3
        expected = [weight * share for weight, share in zip([2.0, 0.0, 0.5], shares, strict=True)]
        found = loss.weights_of_classes()
        assert [each / max(found) for each in found] == pytest.approx(
            [each / max(expected) for each in expected], rel=1e-6
        )
    else:
        with pytest.raises(LossError, match="cannot weigh the classes"):
            loss.reweight([2.0, 0.0, 0.5])
        assert loss.weights_of_classes() == [1.0] * 3


def test_only_complement_training_has_a_second_step() -> None:
    assert [name for name in LOSSES if len(made(name).steps()) == 2] == ["cot"]
    first, second = (loss := made("cot")).steps()
    assert first.loss is loss
    assert torch.equal(second.loss(logits(), TARGETS), -complement_entropy(logits(), TARGETS) / 2)
    loss.reweight([2.0, 0.0, 0.5])
    assert first.amount(TARGETS) == loss.weights[TARGETS].sum()
    assert second.amount(TARGETS) == len(TARGETS)


@pytest.mark.parametrize("name", SAMPLE_LOSSES)
def test_the_mean_of_a_batch_is_that_of_its_halves(name: str) -> None:
    loss, values = made(name), logits(torch.float64)[:6]
    one, two = (loss.amount(half) for half in (TARGETS[:3], TARGETS[3:6]))
    halves = loss(values[:3], TARGETS[:3]) * one + loss(values[3:], TARGETS[3:6]) * two
    torch.testing.assert_close(loss(values, TARGETS[:6]), halves / (one + two))


@pytest.mark.parametrize("name", SAMPLE_LOSSES)
def test_reweighting_replaces_the_weights_of_the_classes(name: str) -> None:
    loss, values = made(name), logits()
    loss.reweight([2.0, 0.0, 0.5])
    alone = torch.stack(
        [loss.per_sample(values[i : i + 1], TARGETS[i : i + 1])[0] for i in range(len(TARGETS))]
    )
    expected = (alone * torch.tensor([2.0, 0.0, 0.5])[TARGETS]).sum() / loss.amount(TARGETS)
    torch.testing.assert_close(loss(values, TARGETS), expected)
    counted = sum([2.0, 0.0, 0.5][target] for target in TARGETS.tolist())
    wanted = len(TARGETS) if name in ("focal", "focal-sigmoid") else counted
    assert loss.amount(TARGETS) == wanted


@pytest.mark.parametrize("name", SAMPLE_LOSSES)
def test_new_weights_are_kept_in_the_state(name: str) -> None:
    loss, fresh = made(name), made(name)
    loss.reweight(class_weights(COUNTS, "effective"))
    assert not torch.equal(fresh(logits(), TARGETS), loss(logits(), TARGETS))
    fresh.load_state_dict(loss.state_dict())
    assert torch.equal(fresh(logits(), TARGETS), loss(logits(), TARGETS))


@pytest.mark.parametrize(
    "weights",
    [[1.0, 1.0], [1.0, 1.0, -1.0], [1.0, float("nan"), 1.0], [[1.0, 1.0, 1.0]], "abc", ["a"] * 3],
)
def test_weights_that_cannot_be_are_refused(weights: Any) -> None:
    loss = made("ce")
    with pytest.raises(LossError, match="class weights must be 3 finite numbers of at least 0, "):
        loss.reweight(weights)
    assert loss.weights.tolist() == [1, 1, 1]


@every_loss
def test_text_is_as_good_as_numbers(name: str) -> None:
    options = default_options(name) | REQUIRED.get(name, {})
    as_text = {
        option: str(value) if isinstance(value, (int, float)) else value
        for option, value in options.items()
    }
    value = make_loss(name, COUNTS, as_text)(logits(), TARGETS)
    assert torch.equal(value, made(name)(logits(), TARGETS))


def test_defaults_can_be_read_without_making_a_loss() -> None:
    top = {"top": None}
    assert default_options("ce") == top
    assert default_options("weighted") == {"weighting": "balanced", "beta": 0.9999} | top
    assert default_options("cce") == {"gamma": -1} | top
    assert default_options("focal") == {"gamma": 2, "alpha": None, "beta": 0.9999} | top
    assert default_options("focal-sigmoid") == {"gamma": 2, "alpha": 0.25} | top
    assert default_options("ldam") == {"max_margin": 0.5, "scale": 30} | top
    assert default_options("balanced-softmax") == top
    assert default_options("logit-adjusted") == {"tau": 1} | top
    assert default_options("asl") == {"gamma_pos": 0, "gamma_neg": 4, "smoothing": 0.1} | top
    assert default_options("cost") == top
    assert default_options("mfe") == {}
    assert default_options("cosen") == top | {
        "rate": 0.1,
        "drop": 0.01,
        **dict.fromkeys(("mu_s", "sigma_s", "mu_r", "sigma_r"), 1),
    }
    assert default_options("dos") == {"pull": 0.1, "k": 5, "raised": "minority"} | top
    margins = {"g1": 0.1, "g2": 0.2, "g3": 0.4}
    assert default_options("lmle") == top | margins | {"size": 20, "share": 0.5, "ce": 1}
    assert default_options("crl") == {"eta": 0.01, "margin": 0.5, "kappa": 3, "level": "class"}


@every_loss
def test_every_option_is_explained(name: str) -> None:
    text = inspect.getdoc(LOSSES[name])
    assert text is not None
    assert all(option in text for option in default_options(name) if option != "top")


def slow_largest(loss: SampleLoss, values: torch.Tensor, targets: list[int], many: int) -> float:
    """The mean of the largest losses, one by one, in double precision."""
    rows = []
    for place, label in enumerate(targets):
        alone = loss.per_sample(values[place : place + 1], torch.tensor([label])).item()
        weight = loss.weights.tolist()[label]
        rows.append((weight * alone, weight))
    rows.sort(key=lambda row: -row[0])
    total = sum(value for value, _ in rows[:many])
    return total / (sum(part for _, part in rows[:many]) if loss.divides_by_weights else many)


@pytest.mark.parametrize("name", SAMPLE_LOSSES)
def test_the_largest_losses_alone_are_averaged(name: str) -> None:
    values, plain = logits(torch.float64), made(name)
    assert isinstance(plain, SampleLoss)
    options = REQUIRED.get(name, {})
    for top, many in ((".3", 3), (2, 2), (0.01, 1), (50, 7)):
        loss = make_loss(name, COUNTS, {**options, "top": top})
        assert loss.sees_whole_batch and not loss.is_cross_entropy and loss.amount(TARGETS) == 7
        shown = values.clone().requires_grad_()
        found = loss(shown, TARGETS)
        wanted = slow_largest(plain, values, TARGETS.tolist(), many)
        assert found.item() == pytest.approx(wanted, rel=1e-6)
        (slopes,) = torch.autograd.grad(found, shown)
        assert int(slopes.any(dim=1).sum()) == many
        if name not in ("cot", "dos", "lmle"):  # which take no shared labels
            (step,) = loss.soft_steps()
            soft = SoftTargets(TARGETS, TARGETS.roll(1), torch.zeros(7))
            torch.testing.assert_close(step.loss(values, soft), found)
            assert step.amount(soft) == 7


@pytest.mark.parametrize("name", SAMPLE_LOSSES)
def test_the_largest_losses_are_finite_at_the_extremes(name: str) -> None:
    options = {"matrix": [[0, 1], [2, 0]]} if name == "cost" else {}
    loss = make_loss(name, [9, 3], {**options, "top": 0.5})
    for rows in ([[1e4, -1e4], [-1e4, 1e4], [0.0, 0.0]], [[-1e4, 1e4]]):
        values = torch.tensor(rows, requires_grad=True)
        found = loss(values, torch.tensor([0] * len(rows)))
        found.backward()
        assert found.isfinite() and values.grad is not None and values.grad.isfinite().all()


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in SAMPLE_LOSSES])
def test_a_loss_of_the_whole_batch_has_no_largest(name: str) -> None:
    assert "leave out the option top, or choose another loss" in refusal(name, {"top": 0.5})


def refusal(name: str, options: dict[str, Any], counts: ClassCounts = COUNTS) -> str:
    with pytest.raises(LossError) as caught:
        make_loss(name, counts, options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_unknown_losses_and_options_are_refused() -> None:
    assert refusal("dice", {}).startswith("no loss 'dice': choose one of ce, weighted, cce, cot,")
    assert refusal("ce", {"gamma": 1}) == "the loss ce has no option 'gamma', only top"
    assert refusal("mfe", {"gamma": 1}) == "the loss mfe has no option 'gamma', none at all"
    wrong = refusal("asl", {"gamma": 1})
    has = "the loss asl has no option 'gamma', only gamma_pos, gamma_neg, smoothing, top"
    assert wrong == f"{has}; did you mean 'gamma_pos'?"
    assert refusal("focal", {"class_counts": 1}).endswith("only gamma, alpha, beta, top")
    assert refusal("cost", {}) == "the loss cost needs the option matrix, and it was not given"
    with pytest.raises(LossError, match="no loss 'dice'"):
        default_options("dice")


IMPOSSIBLE = [
    ("weighted", "beta", 1.0),
    ("weighted", "beta", -0.1),
    ("weighted", "weighting", "sqrt"),
    ("weighted", "weighting", 1),
    ("ce", "top", 0),
    ("weighted", "top", "1.5"),
    ("cce", "gamma", float("nan")),
    ("cce", "gamma", "minus one"),
    ("cce", "gamma", "inf"),
    ("cce", "gamma", None),
    ("focal", "gamma", -0.5),
    ("focal", "alpha", 0),
    ("focal", "alpha", "sqrt"),
    ("focal-sigmoid", "gamma", "-2"),
    ("focal-sigmoid", "alpha", 1),
    ("focal-sigmoid", "alpha", 0),
    ("ldam", "max_margin", -1),
    ("ldam", "scale", 0),
    ("logit-adjusted", "tau", -1),
    ("logit-adjusted", "tau", "nan"),
    ("asl", "gamma_pos", -1),
    ("asl", "gamma_neg", -1),
    ("asl", "smoothing", 1),
    ("asl", "smoothing", -0.1),
    ("cosen", "rate", 0.6),
    ("cosen", "rate", 0),
    ("cosen", "drop", -0.1),
    ("cosen", "mu_s", "nan"),
    ("cosen", "sigma_s", 0),
    ("cosen", "mu_r", "one"),
    ("cosen", "sigma_r", -1),
    ("dos", "pull", -1),
    ("dos", "k", 0),
    ("dos", "k", 2.5),
    ("dos", "raised", "none"),
    ("lmle", "g1", -1),
    ("lmle", "size", 0),
    ("lmle", "size", 2.5),
    ("lmle", "share", 0),
    ("lmle", "share", 1.5),
    ("lmle", "ce", -1),
    ("crl", "eta", 1.1),
    ("crl", "eta", -0.1),
    ("crl", "margin", -0.5),
    ("crl", "kappa", 0),
    ("crl", "kappa", "2.5"),
    ("crl", "level", "batch"),
    ("crl", "level", 1),
]


@pytest.mark.parametrize(("name", "option", "value"), IMPOSSIBLE)
def test_impossible_values_are_refused(name: str, option: str, value: Any) -> None:
    text = refusal(name, {option: value})
    assert text.startswith(f"the loss option {option} must be ")
    assert text.endswith(f", not {value!r}")


NEEDS_IMAGES = {
    "weighted": {},
    "ldam": {},
    "balanced-softmax": {},
    "logit-adjusted": {},
    "focal": {"alpha": "balanced"},
}


@every_loss
def test_a_class_without_images_is_named_where_it_cannot_be_weighed(name: str) -> None:
    counts = {"glass": 40, "paper": 0, "trash": 3}
    if name in NEEDS_IMAGES:
        text = refusal(name, NEEDS_IMAGES[name], counts)
        assert text.startswith("class 'paper' has 0 training images")
        assert refusal(name, NEEDS_IMAGES[name], [40, 2, 0]).startswith("class 2 has 0 training")
    else:
        loss = make_loss(name, counts, REQUIRED.get(name, {}))
        assert loss(logits(), TARGETS).isfinite()


@every_loss
@pytest.mark.parametrize("counts", [[], [5]])
def test_one_class_is_no_classification(name: str, counts: list[int]) -> None:
    options = {"matrix": [[0]]} if name == "cost" else {}
    expected = f"a loss needs at least two classes, but there are {len(counts)}"
    assert refusal(name, options, counts) == expected


@pytest.mark.parametrize("count", [-1, 2.5, "7", None])
def test_counts_that_are_none_are_refused(count: Any) -> None:
    text = refusal("ce", {}, {"glass": 40, "paper": count})
    assert text.startswith("class 'paper' needs a whole number of training images, at least 0, ")


def test_counts_may_be_of_any_integer_type() -> None:
    assert counts_of(torch.tensor([3, 1])) == [3, 1]
    assert counts_of({"b": 2, "a": 1}) == [2, 1]
