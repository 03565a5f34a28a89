"""The probe: a head that learns what there is to learn, whatever the loss, regime and threshold."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

import rebalance
from rebalance.clusters import InMemory
from rebalance.data.folder import ImageFolder
from rebalance.heads.regression import PENALTIES
from rebalance.losses import LOSSES
from rebalance.metrics import METRICS, score
from rebalance.oversampling import synthesise
from rebalance.scoring.searched_costs import search_costs
from rebalance.scoring.temperature import fit_temperature, tempered
from rebalance.settings import StudyOptions
from rebalance.studies.cells import CellStore
from rebalance.studies.heads import HEADS
from rebalance.studies.heads.descent import head_recipe
from rebalance.studies.heads.linear import _sides
from rebalance.studies.heads.task import Task
from rebalance.studies.outcomes import Treatment
from rebalance.studies.plan import Cell, Choice, Definition
from rebalance.studies.probe import Block, outcomes
from rebalance.studies.rebalancings import named
from rebalance.studies.scoring import decide, rule_of, scores
from rebalance.studies.setup import Setup, View, stream_of

CLASSES = ("a", "b", "c")


@pytest.fixture
def make_setup(tmp_path):
    """Blobs that overlap, 150 : 60 : 30, dealt to three folds; some to test on."""

    def make(definitions, sizes=(150, 60, 30), spread=0.8, width=20):
        rng = np.random.default_rng(0)
        centres = 2 * np.eye(len(sizes), width)

        def draw(name, sizes):
            labels = np.repeat(np.arange(len(sizes)), sizes)
            noise = rng.normal(scale=spread, size=(len(labels), width))
            features = (5 + 3 * (centres[labels] + noise)).astype(np.float16)
            features[:, -1] = 4  # a constant column
            np.save(tmp_path / f"{name}.npy", features)
            paths = tuple(f"{name}{number}" for number in range(len(labels)))
            return ImageFolder(tmp_path, CLASSES[: len(sizes)], paths, tuple(labels.tolist()))

        images, test = draw("train", sizes), draw("test", (40,) * len(sizes))
        cells = CellStore(tmp_path, {}, definitions)
        folds = {0: np.arange(len(images.paths)) % 3}
        return Setup(
            StudyOptions(tmp_path, seeds=(0,), folds=3),
            cells,
            images,
            test,
            None,
            folds,
            {(0, fold): View(*seen(tmp_path)) for fold in range(3)},
            "cpu",
        )

    return make


def seen(folder):
    """The features that lie in a folder, as a study has them."""
    train, test = (InMemory(np.load(folder / f"{side}.npy")) for side in ("train", "test"))
    return {"pool": train}, test


def run(setup, fold=0):
    cells = [Cell(treatment, 0, fold) for treatment in setup.cells.definitions]
    return {found.treatment: found for found in outcomes(setup, cells)}


def of(rebalancing="none", loss="ce", regime="plain", threshold="none", head="sgd", **options):
    treatment = Treatment(rebalancing, loss, regime, threshold, head)
    choice = Choice(loss, tuple(options.items()))
    when = Choice(regime, (("limit", "min"),) if regime == "two-phase" else ())
    key, *amount = head.split()
    fitted = Choice(key, (("whiten", float(amount[0])),) if amount else ())
    return treatment, Definition(named(rebalancing), choice, when, threshold, head=fitted)


def test_it_learns_as_well_as_logistic_regression(make_setup, tmp_path):
    setup = make_setup(dict([of()]))
    differences = []
    for fold in range(3):
        found = run(setup, fold)
        trained, validated = setup.sides(0, fold)
        features, labels = np.load(tmp_path / "train.npy").astype(np.float64), setup.labels
        mean, deviation = features[trained].mean(0), features[trained].std(0)
        scaled = (features - mean) / np.where(deviation > 0, deviation, 1)
        model = LogisticRegression(max_iter=1000).fit(scaled[trained], labels[trained])
        wanted = balanced_accuracy_score(labels[validated], model.predict(scaled[validated]))
        differences.append(found[Treatment()].metrics["balanced_accuracy"] - wanted)
        assert found[Treatment()].metrics["balanced_accuracy"] > 0.5
    assert abs(np.mean(differences)) < 0.03


@pytest.mark.slow
def test_on_real_features_it_learns_as_well_as_logistic_regression(shared, tmp_path):
    """On TrashNet's photographs: the difference is below that of two shuffles of the folds."""
    folder = tmp_path / "some.csv"
    rebalance.undersample(
        shared / "data" / "trashnet" / "images", folder, method="random", to="200"
    )
    weights = shared / "weights" / "squeezenet1_1-fp16rounded.pth"
    how = {"arch": "squeezenet1_1", "image_size": 64, "device": "cpu"}
    table = rebalance.extract(folder, extractor=str(weights), **how)
    features = table.layers["pool"].read(slice(None), slice(None))
    treatment, definition = of()
    setup = Setup(
        StudyOptions(folder, seeds=(0,), folds=5),
        CellStore(tmp_path, {}, {treatment: definition}),
        table.folder,
        None,
        None,
        {0: np.random.default_rng(0).integers(0, 5, len(features))},
        {(0, fold): View(table.layers) for fold in range(2)},
        "cpu",
    )
    ours, theirs = [], []
    for fold in range(2):
        ours.append(run(setup, fold)[treatment].metrics["balanced_accuracy"])
        trained, validated = setup.sides(0, fold)
        values = features.astype(np.float32)
        deviation = values[trained].std(0)
        scaled = (values - values[trained].mean(0)) / np.where(deviation > 0, deviation, 1)
        model = LogisticRegression(max_iter=300).fit(scaled[trained], setup.labels[trained])
        said = model.predict(scaled[validated])
        theirs.append(balanced_accuracy_score(setup.labels[validated], said))
    assert abs(np.mean(ours) - np.mean(theirs)) < 0.03


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "cost"])
def test_every_loss_learns(make_setup, loss):
    options = {"weighting": "inverse"} if loss == "weighted" else {}
    setup = make_setup(dict([of(loss=loss, **options)]))
    (found,) = run(setup).values()
    assert found.metrics["balanced_accuracy"] > 0.5
    assert found.test["balanced_accuracy"] > 0.5


@pytest.mark.parametrize("regime", ["two-phase", "dynamic", "drw"])
def test_every_regime_learns(make_setup, regime):
    (found,) = run(make_setup(dict([of(regime=regime)]))).values()
    assert found.metrics["balanced_accuracy"] > 0.5
    # Dynamic sampling asks about a part of the images, which it so does not learn from.
    assert found.images == {"dynamic": 128}.get(regime, 160)


def test_two_runs_are_equal_and_others_change_nothing(make_setup):
    few = [of("smote"), of("subclass-closest")]
    alone = run(make_setup(dict(few)))
    more = run(make_setup(dict([of("coverage"), *few, of("smote", "focal"), of(regime="drw")])))
    for treatment, found in alone.items():
        assert more[treatment].metrics == found.metrics
        assert more[treatment].test == found.test


def test_what_is_counted(make_setup):
    setup = make_setup(dict([of(), of("random-under"), of("random-over")]))
    found = {treatment.rebalance: each for treatment, each in run(setup).items()}
    assert [(each.images, each.samples) for each in found.values()] == [
        (160, 160),
        (60, 60),
        (160, 300),
    ]
    assert all(each.seconds > 0 for each in found.values())


@pytest.mark.parametrize("head", ["sgd", "logistic 0.4"])
def test_nothing_is_learned_from_the_images_scored_on(make_setup, tmp_path, head):
    """Other validation and test images give the same head: its answers for the rest stay."""
    setup = make_setup(dict([of("smote", threshold="prior", head=head)]))
    definition = next(iter(setup.cells.definitions.values()))
    block = Block(setup, 0, 0)
    before = block._teach(definition.taught)
    features, tested = (np.load(tmp_path / f"{side}.npy") for side in ("train", "test"))
    _, validated = setup.sides(0, 0)
    features[validated[1:]] = 9
    tested[1:] = -9
    view = View({"pool": InMemory(features)}, InMemory(tested))
    after = Block(replace(setup, views={(0, 0): view}), 0, 0)._teach(definition.taught)
    np.testing.assert_allclose(after.validated[0], before.validated[0], atol=1e-6)
    np.testing.assert_allclose(after.tested[0], before.tested[0], atol=1e-6)
    assert after.amounts == before.amounts


def test_a_threshold_decides_again_on_the_same_head(make_setup):
    setup = make_setup(dict([of(), of(threshold="prior")]))
    plain, moved = run(setup).values()
    assert moved.metrics != plain.metrics and moved.images == plain.images
    taught = Block(setup, 0, 0)._teach(Definition())
    np.testing.assert_allclose(taught.amounts.prior(), np.array([100, 40, 20]) / 160)
    shifted = taught.validated / [100, 40, 20]
    decided = decide(taught.validated, rule_of(of(threshold="prior")[1], taught.amounts))
    np.testing.assert_array_equal(decided.predicted, shifted.argmax(axis=1))
    costs = ((0, 9, 9), (1, 0, 1), (1, 1, 0))
    definition = Definition(threshold="cost:costs.csv", costs=costs)
    decided = decide(taught.validated, rule_of(definition, taught.amounts))
    expected = taught.validated @ np.array(costs).T
    np.testing.assert_array_equal(decided.predicted, expected.argmin(axis=1))


def test_costs_are_searched_on_what_the_training_part_held_out(make_setup):
    head = "logistic 0.4"
    setup = make_setup(dict([of(head=head), of(threshold="cost:search", head=head)]))
    plain, moved = run(setup).values()
    assert moved.metrics["balanced_accuracy"] != plain.metrics["balanced_accuracy"]
    block = Block(setup, 0, 0)
    taught = block._teach(of(head=head)[1])
    logits, labels = taught.held
    said = np.exp(logits) * taught.amounts.prior()
    found = search_costs(said / said.sum(axis=1, keepdims=True), labels, "folds", seed=block.stream)
    decided = (taught.tested * found.costs).argmax(axis=1)
    truth = np.array(setup.test.labels)
    hits = [(decided == label)[truth == label].mean() for label in range(3)]
    assert moved.test["balanced_accuracy"] == pytest.approx(np.mean(hits))


def test_after_oversampling_only_the_prior_of_the_fold_moves_decisions(make_setup, caplog):
    thresholds = ("none", "prior", "prior:original")
    setup = make_setup(dict(of("random-over", threshold=each) for each in thresholds))
    plain, prior, original = run(setup).values()
    assert prior.metrics == pytest.approx(plain.metrics, rel=1e-9)
    assert original.metrics != plain.metrics
    assert [each.getMessage() for each in caplog.records] == [
        "the threshold prior changes no decision: training drew and weighed all classes alike; "
        "prior:original divides by the shares that they had before"
    ]
    taught = Block(setup, 0, 0)._teach(of("random-over")[1].taught)
    rule = rule_of(of(threshold="prior:original")[1], taught.amounts)
    expected = (taught.validated / [100, 40, 20]).argmax(axis=1)
    assert decide(taught.validated, rule).predicted.tolist() == expected.tolist()


@pytest.mark.parametrize("regime", ["plain", "drw"])
def test_the_prior_counts_the_weights_of_the_loss(make_setup, regime):
    from rebalance.losses import class_weights

    setup = make_setup(dict([of("random-over", "weighted", weighting="inverse"), of(regime="drw")]))
    block = Block(setup, 0, 0)
    balanced = block._teach(Definition(named("random-over"), Choice("weighted")))
    np.testing.assert_allclose(balanced.amounts.prior(), np.full(3, 1 / 3), rtol=1e-6)
    found = block._teach(Definition(regime=Choice(regime)))
    counts = np.array([100, 40, 20])
    weights = class_weights(counts.tolist(), "effective").numpy() if regime == "drw" else 1
    wanted = counts * weights
    np.testing.assert_allclose(found.amounts.prior(), wanted / wanted.sum(), rtol=1e-5)


def test_metrics_are_those_of_score_and_nan_where_there_are_none(make_setup):
    taught = Block(make_setup({}), 0, 0)._teach(Definition())
    labels = make_setup({}).labels[::3]
    decision = decide(taught.validated, rule_of(Definition(), taught.amounts))
    wanted = score(labels, taught.validated, CLASSES)
    recalls = {f"recall:{name}": wanted["per_class"][name]["recall"] for name in CLASSES}
    known = {name: wanted[name] for name in METRICS}
    assert scores(labels, decision, CLASSES) == {**known, **recalls}
    alone, wanted = (
        scores(labels * 0, decision, CLASSES),
        score(labels * 0, taught.validated, CLASSES),
    )
    absent = {"recall:b", "recall:c"}
    assert {name for name in alone if math.isnan(alone[name])} == {*wanted["undefined"], *absent}
    assert alone["accuracy"] == wanted["accuracy"]


@pytest.mark.parametrize("loss", ["ce", "weighted", "balanced-softmax"])
@pytest.mark.parametrize("rebalancing", ["none", "random-under", "smote", "skew-mix"])
def test_a_head_fitted_to_the_end_is_that_of_scikit_learn(make_setup, tmp_path, rebalancing, loss):
    """Its probabilities are those by one of the penalties that it may choose."""
    block = Block(make_setup({}), 0, 0)
    _, definition = of(rebalancing, loss, head="logistic")
    taught = block._teach(definition)
    side = block._side(inner=False)
    chosen, _ = side.rebalanced(definition.rebalance)
    part, held = side.part.features("pool"), np.load(tmp_path / "train.npy")[block.validated]
    deviation = part.std(axis=0)
    deviation[-1] = 1  # a column that does not vary
    kept, asked = ((each - part.mean(axis=0)) / deviation for each in (part[chosen.kept], held))
    soft = side.labels(chosen)
    counts = np.array(soft.amounts(3))
    # A label that two classes share is one sample of each, in its part.
    values = np.tile(np.concatenate([kept, synthesise(kept, chosen.added)]), (2, 1))
    labels, mass = np.append(soft.own, soft.other), np.append(1 - soft.share, soft.share)
    owned = np.bincount(soft.own)  # what the loss is told of
    mass = mass * (1 / owned)[labels] if loss == "weighted" else mass
    there = mass > 0
    gaps = []
    for penalty in PENALTIES:
        model = LogisticRegression(C=1 / penalty / mass.sum(), tol=1e-6, max_iter=2000)
        model.fit(values[there], labels[there], sample_weight=mass[there])
        said = model.predict_proba(asked)
        if loss == "balanced-softmax":  # whose own probabilities are without the shares
            said /= owned
            said /= said.sum(axis=1, keepdims=True)
        gaps.append(np.abs(said - taught.validated).max())
    assert min(gaps) < 2e-3 and sorted(gaps)[1] > 5e-3
    prior = counts if loss == "ce" else counts / owned
    np.testing.assert_allclose(taught.amounts.prior(), prior / prior.sum(), rtol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_every_head_learns_and_its_prior_is_what_it_knows(make_setup, head, caplog):
    thresholds = ("none", "prior", "prior:original")
    setup = make_setup(dict(of(threshold=each, head=head) for each in thresholds))
    plain, moved, original = run(setup).values()
    assert plain.metrics["balanced_accuracy"] > 0.5 and moved.test["balanced_accuracy"] > 0.5
    knows = head in ("sgd", "logistic", "gaussian")
    assert (plain.metrics["log_loss"] == pytest.approx(moved.metrics["log_loss"])) != knows
    assert original.metrics["log_loss"] == pytest.approx(moved.metrics["log_loss"])
    assert ("knows no class shares" in caplog.text) != knows


@pytest.mark.parametrize("threshold", ["none", "prior"])
def test_a_head_fitted_to_the_end_is_calibrated_by_what_its_parts_did_not_see(
    make_setup, threshold
):
    setup = make_setup(dict(of(threshold=threshold, head=head) for head in ("logistic", "sgd")))
    fitted, descended = run(setup).values()
    assert not any(name.endswith("_calibrated") for name in descended.metrics)
    block = Block(setup, 0, 0)
    taught = block._teach(of(head="logistic")[1])
    logits, truth = taught.held
    assert sorted(truth.tolist()) == setup.labels[block.trained].tolist()  # each held out once
    shares = np.array([100, 40, 20]) / 160
    by_prior = threshold == "prior"
    likely = np.exp(logits) * (1 if by_prior else shares)
    temperature = fit_temperature(
        likely / likely.sum(axis=1, keepdims=True), truth, tau=float(by_prior)
    )
    said = taught.validated / (shares if by_prior else 1)
    told = tempered(said / said.sum(axis=1, keepdims=True), temperature)
    wanted = score(setup.labels[block.validated], told, CLASSES)
    for name in ("ece", "ece_balanced"):
        assert fitted.metrics[f"{name}_calibrated"] == pytest.approx(wanted[name], abs=1e-3)


def test_whitening_is_an_option_of_the_head(make_setup):
    setup = make_setup(dict(of(head=head) for head in ("logistic", "logistic 0.4", "sgd")))
    plain, whitened, descended = (each.metrics["log_loss"] for each in run(setup).values())
    assert abs(plain - whitened) > 1e-4 and abs(plain - descended) > 1e-4


def test_a_blend_with_a_parent_in_a_fold_is_not_fitted_on_where_that_is_compared_by(make_setup):
    setup = make_setup({})
    side = Block(setup, 0, 0)._side(inner=False)
    chosen, _ = side.rebalanced(named("smote"))
    task = Task(side, chosen, Definition(), None, None, 0)
    parents = [{place} for place in range(160)] + [
        {*pair} for pair in zip(chosen.added.base, chosen.added.partner, strict=True)
    ]
    compared = []
    for each in _sides(task):
        held = set(each.compared.tolist())
        assert {place for place, own in enumerate(parents) if not own & held} == {*each.fitted}
        compared += sorted(held)
    assert sorted(compared) == list(range(160))


def test_few_samples_get_as_many_steps_as_many():
    for samples in (3, 128, 129, 1000, 100_000):
        recipe = head_recipe(samples)
        steps = recipe.epochs * math.ceil(samples / recipe.batch_size)
        assert steps >= 300 and recipe.epochs >= 30
        assert recipe.rate(recipe.epochs - 1) < 0.1 * recipe.lr
    assert recipe.epochs == 30


def test_a_stream_belongs_to_a_seed_and_a_fold():
    streams = {stream_of(seed, fold) for seed in range(5) for fold in range(5)}
    assert len(streams) == 25


def test_a_label_that_two_classes_share_counts_for_both(make_setup):
    block = Block(make_setup({}), 0, 0)
    taught = block._teach(of("skew-mix")[1])
    labels = block._side(inner=False).part.labels
    chosen, _ = block._side(inner=False).rebalanced(named("skew-mix"))
    by_hand = np.bincount(labels, minlength=3).astype(float)
    added = chosen.added
    for base, partner, share in zip(added.base, added.partner, added.share, strict=True):
        by_hand[labels[base]] += 1 - share
        by_hand[labels[partner]] += share
    assert taught.samples == 600  # three classes of 100 and as many blends
    np.testing.assert_allclose(taught.amounts.prior(), by_hand / 600)
    assert by_hand.argmax() == 2  # the rarest owns most of what lies between
