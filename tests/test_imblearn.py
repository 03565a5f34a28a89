"""Estimators against imbalanced-learn's and scikit-learn's own checks, and against the core."""

import doctest
import pickle
import re
import warnings
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.utils import estimator_checks as checks
from scipy.sparse import csc_array, csr_matrix, issparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import rebalance
from rebalance import imblearn as ours
from rebalance import seeds
from rebalance.clusters import InMemory, find_subclasses
from rebalance.imblearn import (
    EOS,
    ClusterOverSampler,
    CoverageTypicalUnderSampler,
    CoverageUnderSampler,
    EvenOverSampler,
    SafeLevelSMOTE,
    SubclassUnderSampler,
    WilsonEditing,
)
from rebalance.oversampling import OVERSAMPLERS
from rebalance.undersampling import UNDERSAMPLERS

QUICKLY = {"cluster_space": "pca", "k_max": 2, "landmarks": 100}
DRAWING = [
    SubclassUnderSampler(random_state=0, **QUICKLY),
    CoverageUnderSampler(random_state=0),
    CoverageTypicalUnderSampler(random_state=0),
    EOS(random_state=0),
    SafeLevelSMOTE(random_state=0),
    ClusterOverSampler(random_state=0, **QUICKLY),
    EvenOverSampler(random_state=0),
]
ESTIMATORS = [*DRAWING, WilsonEditing()]
SCORE = "balanced_accuracy"
PAGE = Path(__file__).parents[1] / "docs" / "imblearn.md"


def name_of(estimator):
    return type(estimator).__name__


@pytest.fixture(scope="module")
def samples():
    """Three overlapping classes in random order, in single precision, with names for labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(["cat", "dog", "owl"], [40, 24, 12]))
    centres = {"cat": 0.0, "dog": 1.0, "owl": 2.0}
    features = np.array([centres[label] for label in labels])[:, None] + rng.normal(
        size=(len(labels), 5)
    )
    features[labels == "cat", 0] += 9 * (np.arange(40) % 4 == 0)
    return features.astype(np.float32), labels


def test_every_estimator_is_checked():
    assert sorted(map(name_of, ESTIMATORS)) == sorted(ours.__all__)


CHECKS = checks.parametrize_with_checks(ESTIMATORS)
CHECKED = [*CHECKS.args[1]]  # pytest 9 objects to the generator that imbalanced-learn hands it


@pytest.mark.parametrize(CHECKS.args[0], CHECKED, **CHECKS.kwargs)
def test_imbalanced_learn_finds_nothing_wrong(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_scikit_learn_finds_nothing_wrong(estimator):
    found = check_estimator(estimator, on_skip=None)
    assert len([each for each in found if each["status"] == "passed"]) > 30
    checks.check_param_validation(name_of(estimator), estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_names_of_columns_are_kept(estimator):
    pytest.importorskip("pandas")
    checks.check_dataframe_column_names_consistency(name_of(estimator), estimator)


KEEPING = {
    "subclass": SubclassUnderSampler(random_state=7, pick="closest", quotas="equal", **QUICKLY),
    "coverage": CoverageUnderSampler(random_state=7),
    "coverage-typical": CoverageTypicalUnderSampler(random_state=7),
    "enn": WilsonEditing(),
}


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("method", KEEPING)
def test_the_core_keeps_the_same(samples, method, precision):
    features, labels = samples[0].astype(precision), samples[1]
    classes, codes = np.unique(labels, return_inverse=True)
    entry, wanted = UNDERSAMPLERS[method], {0: 12, 1: 12}
    if method == "subclass":
        kept = [np.flatnonzero(codes == 2)]
        for code in wanted:
            members = np.flatnonzero(codes == code)
            seed = seeds.integer(7, "subclasses", classes[code], "pool")
            own = {"space": "pca", "k_max": 2, "landmarks": "100"}
            found = find_subclasses(InMemory(features[members]), seed, **own)
            told = {"pick": "closest", "quotas": "equal", "subclasses": {0: found}}
            rng, none = entry.generator(7, classes[code]), np.zeros(len(members), int)
            kept.append(members[entry(None, none, {0: 12}, rng, **told)])
        kept = np.sort(np.concatenate(kept))
    else:
        kept = entry(features, codes, wanted, entry.generator(7))
    sampler = clone(KEEPING[method])
    left, names = sampler.fit_resample(features, labels)
    assert sampler.sample_indices_.tolist() == kept.tolist()
    assert left.dtype == precision
    assert (left == features[kept]).all() and (names == labels[kept]).all()
    if method != "enn":
        assert set(Counter(names.tolist()).values()) == {12}


def test_clusters_are_told_of_the_classes_that_change(samples):
    under = SubclassUnderSampler(random_state=0, **QUICKLY).fit(*samples)
    assert not hasattr(under, "subclass_labels_")
    under.fit_resample(*samples)
    over = ClusterOverSampler(random_state=0, **QUICKLY)
    over.fit_resample(*samples)
    untouched = {"owl": under, "cat": over}
    for name, sampler in untouched.items():
        found = sampler.subclass_labels_
        assert ((found == -1) == (samples[1] == name)).all()
        assert set(found[found >= 0]) == {0, 1}


ADDING = {
    "eos": (EOS(random_state=7, k_neighbors=8, reach=0.9), {"neighbours": 8, "reach": 0.9}),
    "safe-level": (SafeLevelSMOTE(random_state=7, k_neighbors=4), {"neighbours": 4}),
    "cluster": (ClusterOverSampler(random_state=7, **QUICKLY), {}),
    "ros": (EvenOverSampler(random_state=7), {"copies": "exact"}),
}


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("method", ADDING)
def test_the_core_adds_the_same(samples, method, precision):
    features, labels = samples[0].astype(precision), samples[1]
    classes, codes = np.unique(labels, return_inverse=True)
    sampler, options = clone(ADDING[method][0]), dict(ADDING[method][1])
    if method == "cluster":
        options["subclasses"] = {
            code: find_subclasses(
                InMemory(features[codes == code]),
                seeds.integer(7, "subclasses", classes[code], "pool"),
                **{"space": "pca", "k_max": 2, "landmarks": "100"},
            ).labels
            for code in (1, 2)
        }
    rng = seeds.generator(7, "oversample")
    added = OVERSAMPLERS[method](
        features, codes, {1: 16, 2: 28}, rng, names=classes.tolist(), **options
    )
    grown, names = sampler.fit_resample(features, labels)
    assert sampler.added_.base.tolist() == added.base.tolist()
    assert sampler.added_.partner.tolist() == added.partner.tolist()
    assert sampler.added_.weight.tolist() == added.weight.tolist()
    assert (grown[: len(labels)] == features).all() and grown.dtype == precision
    assert (names == np.concatenate([labels, labels[added.base]])).all()
    for vector, base, partner, weight in zip(
        grown[len(labels) :], added.base, added.partner, added.weight, strict=True
    ):
        start, end = features[base].astype(float), features[partner].astype(float)
        expected = [a + weight * (b - a) for a, b in zip(start, end, strict=True)]
        assert vector.tolist() == np.array(expected).astype(precision).tolist()
    if method in ("cluster", "ros"):
        indices = sampler.sample_indices_
        assert (grown == features[indices]).all() and (names == labels[indices]).all()


def test_commands_choose_the_same_by_the_same_seed(tmp_path, make_folder, samples):
    features, labels = samples
    order = np.argsort(labels, kind="stable")  # as a folder lists them
    features, labels = features[order], labels[order]
    folder = make_folder(tmp_path / "photos", {"cat": 40, "dog": 24, "owl": 12})
    paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    np.savez(tmp_path / "features.npz", features=features, file_name=np.array(paths))
    told = {"features": tmp_path / "features.npz", "seed": 3}
    quickly = {**QUICKLY, "landmarks": "100"}
    for sampler, options in (
        (SubclassUnderSampler(random_state=3, **QUICKLY), {"method": "subclass", **quickly}),
        (CoverageUnderSampler(random_state=3), {"method": "coverage"}),
    ):
        manifest = rebalance.undersample(folder, **options, **told)
        sampler.fit_resample(features, labels)
        kept = [paths[position] for position in sampler.sample_indices_]
        assert [row.file_name for row in manifest.rows] == kept
    manifest = rebalance.oversample(folder, method="eos", **told)
    sampler = EOS(random_state=3)
    sampler.fit_resample(features, labels)
    blends = [row for row in manifest.rows if row.kind == "synthetic"]
    assert [row.file_name for row in blends] == [paths[each] for each in sampler.added_.base]
    assert [row.partner for row in blends] == [paths[each] for each in sampler.added_.partner]


def indices_of(sampler):
    blended = isinstance(sampler, (EOS, SafeLevelSMOTE))
    return (sampler.added_.weight if blended else sampler.sample_indices_).tolist()


@pytest.mark.parametrize("estimator", DRAWING, ids=name_of)
def test_draws_follow_the_random_state(samples, estimator):
    def drawn(random_state):
        sampler = clone(estimator).set_params(random_state=random_state)
        sampler.fit_resample(*samples)
        return indices_of(sampler)

    stream = np.random.RandomState(5)
    first, second = drawn(stream), drawn(stream)
    assert first == drawn(np.random.RandomState(5)) != second
    assert drawn(0) == drawn(0) != drawn(1)


def test_without_a_random_state_numpy_draws(samples, monkeypatch):
    monkeypatch.setattr(np.random.mtrand, "_rand", np.random.RandomState(4))
    sampler = EvenOverSampler(random_state=None)
    sampler.fit_resample(*samples)
    drawn = indices_of(sampler)
    sampler.set_params(random_state=np.random.RandomState(4)).fit_resample(*samples)
    assert drawn == indices_of(sampler)


@pytest.mark.parametrize("estimator", DRAWING, ids=name_of)
def test_labels_may_be_of_any_kind_and_inputs_stay_as_they_are(samples, estimator):
    features, labels = samples
    codes = np.unique(labels, return_inverse=True)[1]
    found = []
    for given in (
        codes,
        codes.astype(str),
        codes.astype(str).astype(object),
        codes.astype(np.uint8),
    ):
        kept, sampler = given.copy(), clone(estimator)
        _, told = sampler.fit_resample(features, given)
        assert (given == kept).all() and told.dtype == given.dtype
        found.append(indices_of(sampler))
    assert found[1:] == found[:-1]
    assert clone(estimator).fit_resample(features, labels)[1].dtype == labels.dtype


def test_sampling_strategies_have_all_their_forms(samples):
    features, labels = samples

    def counted(sampler, among=("cat", "dog", "owl")):
        taken = np.isin(labels, among)
        return dict(Counter(sampler.fit_resample(features[taken], labels[taken])[1].tolist()))

    fewer = CoverageUnderSampler(random_state=0)
    two = ("cat", "owl")
    ratio = fewer.set_params(sampling_strategy=0.5)
    assert counted(ratio, two) == {"cat": 24, "owl": 12}
    majority = fewer.set_params(sampling_strategy="majority")
    assert counted(majority) == {"cat": 12, "dog": 24, "owl": 12}
    some = fewer.set_params(sampling_strategy={"cat": 30, "owl": 2})
    assert counted(some) == {"cat": 30, "dog": 24, "owl": 2}
    halved = fewer.set_params(sampling_strategy=lambda y: {"dog": Counter(y)["dog"] // 2})
    assert counted(halved) == {"cat": 40, "dog": 12, "owl": 12}
    more = EOS(random_state=0, sampling_strategy=0.5)
    assert counted(more, two) == {"cat": 40, "owl": 20}
    assert counted(more.set_params(sampling_strategy="minority"))["owl"] == 40
    assert counted(more.set_params(sampling_strategy={"dog": 25}))["dog"] == 25
    cleaned = counted(WilsonEditing(sampling_strategy=["cat"]))
    assert cleaned["cat"] < 40 and (cleaned["dog"], cleaned["owl"]) == (24, 12)
    with pytest.raises(ValueError, match="must be a float in the range"):
        counted(fewer.set_params(sampling_strategy=["cat"]))
    with pytest.raises(ValueError, match="of a class is kept, but of 'dog' 0 were asked for"):
        counted(fewer.set_params(sampling_strategy={"dog": 0}))


def test_numbers_of_numpy_are_numbers(samples):
    numbers = {"reach": np.float32(1), "k_neighbors": np.int64(6), "exact": np.bool_(True)}
    plain = {"reach": 1, "k_neighbors": 6, "exact": True}
    found = []
    for given in (numbers, plain):
        sampler = EOS(random_state=np.int64(0), **given)
        sampler.fit_resample(*samples)
        found.append(indices_of(sampler))
    assert found[0] == found[1]
    cut = SubclassUnderSampler(cluster_space="pca", k_max=np.int64(2), landmarks=np.int32(100))
    assert len(cut.fit_resample(*samples)[1]) == 36


@pytest.mark.parametrize("convert", [csr_matrix, csc_array])
def test_sparse_samples_stay_sparse(samples, convert):
    features, labels = samples
    dense = np.where(features > 0, features, 0)
    for sampler in (EOS(random_state=0), CoverageUnderSampler(random_state=0)):
        found, _ = sampler.fit_resample(convert(dense), labels)
        assert issparse(found) and found.format == convert(dense).format
        assert (found.toarray() == sampler.fit_resample(dense, labels)[0]).all()
    unchanged, _ = EOS(sampling_strategy={}).fit_resample(convert(dense), labels)
    assert unchanged.shape == dense.shape


def test_what_lies_between_whole_numbers_is_not_cut_off(samples):
    whole, labels = (samples[0] * 3).round().astype(int), samples[1]
    grown, _ = EOS(random_state=0).fit_resample(whole, labels)
    assert grown.dtype == np.float64 and (grown % 1).any()
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(whole, columns=list("abcde"))
    told, _ = EOS(random_state=0).fit_resample(table, pandas.Series(labels))
    assert (told.to_numpy() == grown).all() and list(told.columns) == list("abcde")
    assert {each.kind for each in table.dtypes} == {"i"}
    kept, _ = CoverageUnderSampler(random_state=0).fit_resample(table, labels)
    assert {each.kind for each in kept.dtypes} == {"i"}


def test_even_repetition_takes_samples_of_any_kind():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"word": ["a", "b", None, "d"], "number": [1, 2, 3, 4]}, list("wxyz"))
    grown, labels = EvenOverSampler(random_state=0).fit_resample(table, pandas.Series([0, 0, 0, 1]))
    assert grown["word"].tolist()[4:] == ["d", "d"] and grown.dtypes.equals(table.dtypes)
    assert grown.index.tolist() == labels.index.tolist() == [*range(6)]


def test_what_cannot_be_done_is_a_value_error_and_what_was_done_instead_a_warning(samples):
    features, labels = samples
    alone = np.where(np.arange(len(labels)) == labels.tolist().index("owl"), "fox", labels)
    with pytest.raises(ValueError, match="class 'fox': eos needs at least 2 to start from"):
        EOS().fit_resample(features, alone)
    with pytest.raises(ValueError, match="class 'fox': it would lose all its samples"):
        WilsonEditing(sampling_strategy="all").fit_resample(features, alone)
    with pytest.raises(ValueError, match="landmarks are auto, none, or"):
        SubclassUnderSampler(landmarks="many").fit_resample(features, labels)
    apart = features + 1e3 * (labels == "owl")[:, None]
    with pytest.warns(
        UserWarning, match="class 'owl': no sample has another class among its 2 neighbours; 20"
    ):
        EOS(sampling_strategy={"owl": 20}, random_state=0, k_neighbors=2).fit_resample(
            apart[labels != "dog"], labels[labels != "dog"]
        )


def test_equal_samples_in_single_precision_differ_in_double():
    features = 1e9 + np.arange(12.0)[:, None]
    labels = np.repeat([0, 1], [8, 4])
    sampler = CoverageUnderSampler(random_state=0)
    assert len({float(each) for each in sampler.fit_resample(features, labels)[0][:4, 0]}) == 4
    spread = np.ptp(sampler.sample_indices_[:4])
    assert spread >= 6  # and not the first copies of one content


def test_estimators_work_in_pipelines_searches_and_workers(samples):
    (features, labels), scores = samples, []
    steps = ("scale", StandardScaler()), ("add", EOS()), ("classify", LogisticRegression())
    grid = {"add__reach": [0.2, 1.0], "add__random_state": [0, 1]}
    for n_jobs in (1, 2):
        with joblib.parallel_backend("threading"):
            search = GridSearchCV(Pipeline(steps), grid, cv=2, scoring=SCORE, n_jobs=n_jobs)
            scores.append(search.fit(features, labels).cv_results_["mean_test_score"].tolist())
    assert scores[0] == scores[1] and min(scores[0]) > 0.5
    assert search.best_estimator_["add"].reach == search.best_params_["add__reach"]
    for estimator in ESTIMATORS:
        (copy,) = pickle.loads(pickle.dumps([estimator]))
        whole = make_pipeline(StandardScaler(), copy, LogisticRegression())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = cross_val_score(whole, features, labels, cv=2, error_score="raise")
        assert found.min() > 0.5


def test_the_examples_of_the_page_print_what_they_show():
    text = PAGE.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 5
    told = []
    doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert "".join(told) == ""
    assert all(f"`{name}" in text for name in ours.__all__)
    passed = {checks._check_name(check) for _, check in CHECKED}
    assert {f"`{name}`" for name in passed} <= set(re.findall("`check_[a-z0-9_]+`", text))
