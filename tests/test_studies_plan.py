"""A study as it is declared: its grid, its controls, and every mistake in one line."""

import json
from dataclasses import replace
from itertools import chain

import pytest

from rebalance.errors import SettingError
from rebalance.oversampling import OVERSAMPLERS
from rebalance.settings import (
    ExtractorOptions,
    Growth,
    SelectionOptions,
    SynthesisOptions,
    Targets,
)
from rebalance.studies import words
from rebalance.studies.declaration import read_study
from rebalance.studies.outcomes import Treatment
from rebalance.studies.plan import NOTHING, Definition
from rebalance.studies.rebalancing import NONE, Rebalancing
from rebalance.studies.rebalancings import named, names
from rebalance.undersampling import PICKERS, UNDERSAMPLERS

PRIOR = Treatment(threshold="prior")


@pytest.fixture
def declare(tmp_path):
    """``declare(grid)``: what a file with this text after [study] is read as."""

    def read(text, study='data = "images"', **options):
        path = tmp_path / "study.toml"
        path.write_text(f"[study]\n{study}\n{text}", encoding="utf-8")
        return read_study(path, **options)

    return read


def labels(plan):
    return [treatment.rebalance for treatment in plan.treatments if treatment != PRIOR]


def test_every_method_of_the_library_has_a_name():
    known = {each.cut.method for each in names().values() if each.cut is not None}
    assert known == set(UNDERSAMPLERS)
    picks = {each.cut.pick for name, each in names().items() if name.startswith("subclass")}
    assert picks == set(PICKERS)
    making = {name for name, method in OVERSAMPLERS.items() if not method.given}
    assert {each.raised.method for each in names().values() if each.raised} == making
    assert names()["none"] == NONE and not NONE.changes


def test_images_that_were_vetted_for_other_folds_take_no_part(declare):
    for one in ('"generated"', '{method = "generated", generated_from = "gan"}'):
        with pytest.raises(SettingError, match="a study trains on another part in every fold"):
            declare(f"[grid]\nrebalance = [{one}]")


@pytest.mark.parametrize(
    ("name", "full"),
    [("random", "random-under"), ("ros", "random-over"), ("subclass", "subclass-typical")],
)
def test_short_names_stand_for_the_same(declare, name, full):
    assert named(name) == named(full)
    plan = declare(f'[grid]\nrebalance = ["{name}", "{full}"]')
    assert full in labels(plan) and name not in labels(plan)


def test_the_defaults_and_the_paths(declare, tmp_path):
    plan = declare('[grid]\nrebalance = ["smote"]', 'data = "images"\ntest = "more/test"')
    options = plan.options
    assert options.data == tmp_path / "images" and options.test == tmp_path / "more" / "test"
    assert (options.seeds, options.folds, options.depth) == (tuple(range(10)), 5, "probe")
    assert options.metric == "balanced_accuracy"
    other = declare('[grid]\nrebalance = ["smote"]', data="elsewhere", test="there")
    assert (str(other.options.data), str(other.options.test)) == ("elsewhere", "there")


def test_a_grid_is_every_combination_and_single_cells_join_it(declare):
    plan = declare(
        '[grid]\nrebalance = ["none", "smote"]\nloss = ["ce", "focal"]\n'
        'threshold = ["none", "prior"]\n[[cell]]\nregime = "drw"\nloss = "ldam"\n'
    )
    wanted = {
        Treatment(rebalance, loss, "plain", threshold)
        for rebalance in ("none", "smote", "random-over")
        for loss in ("ce", "focal")
        for threshold in ("none", "prior")
    } | {Treatment("none", "ldam", "drw")}
    assert set(plan.treatments) == wanted
    assert len(plan.cells) == len(wanted) * 10 * 5
    assert len(set(plan.cells)) == len(plan.cells)


def test_the_controls_are_always_there_and_shared(declare):
    plan = declare(
        '[grid]\nrebalance = ["subclass-farthest", "coverage", "eos", "tomek", "cluster"]\n'
        'loss = ["focal"]'
    )
    assert next(iter(plan.treatments)) == NOTHING == Treatment()
    random = {
        treatment.rebalance: each.random and each.random.rebalance
        for treatment, each in plan.controls.items()
    }
    assert random == {
        "none": None,
        "subclass-farthest": "random-under",
        "coverage": "random-under",
        "eos": "random-over",
        "tomek": "random as tomek",
        "cluster": "random as cluster",
        "random-under": None,
        "random-over": None,
        "random as tomek": None,
        "random as cluster": None,
    }
    for treatment, controls in plan.controls.items():
        assert controls.nothing == NOTHING
        if controls.random is not None:
            assert controls.random.loss == treatment.loss == "focal"
    assert set(plan.controls) == set(plan.treatments)
    assert plan.treatments[Treatment("random as tomek", "focal")].rebalance == Rebalancing(
        like=named("tomek")
    )


def test_the_threshold_prior_is_a_control_of_every_treatment_and_of_no_control(declare):
    three = 'rebalance = ["smote", "random-over", "random-under"]'
    plan = declare(f'[grid]\n{three}\nthreshold = ["none", "prior"]')
    assert list(plan.treatments)[:2] == [NOTHING, PRIOR]
    assert plan.treatments[PRIOR] == Definition(threshold="prior")
    priors = {treatment: each.prior for treatment, each in plan.controls.items()}
    assert priors.pop(NOTHING) is None and priors.pop(PRIOR) is None
    assert set(priors.values()) == {PRIOR} and len(priors) == 6  # declared, if by chance
    alone = declare('[grid]\nrebalance = "smote"')
    assert alone.controls[Treatment("random-over")].prior is None
    assert declare('[[cell]]\nthreshold = "prior"').controls.keys() == {NOTHING, PRIOR}


def test_a_control_follows_its_sizes_and_takes_the_name_it_has(declare):
    plan = declare(
        '[grid]\nrebalance = [{name = "mine", method = "random-under", to = "2x"}, '
        '{method = "coverage", to = "2x"}, {method = "smote", to = 50, neighbours = 3}, '
        '{method = "hybrid", to = 30, over = "smote", pick = "farthest"}]'
    )
    assert labels(plan) == [
        "none",
        "mine",
        "coverage to=2x",
        "smote to=50 neighbours=3",
        "hybrid to=30 over=smote pick=farthest",
        "random-over to=50",
        "random-hybrid to=30",
    ]
    hybrid = plan.treatments[Treatment("hybrid to=30 over=smote pick=farthest")].rebalance
    assert hybrid.cut == SelectionOptions(pick="farthest")
    assert hybrid.raised == SynthesisOptions("smote") and hybrid.to == "30"
    control = plan.treatments[Treatment("random-hybrid to=30")].rebalance
    assert (control.cut.method, control.raised.method, control.to) == ("random", "ros", "30")


def test_a_control_cuts_the_classes_that_its_treatment_cuts(declare):
    plan = declare(
        '[grid]\nrebalance = [{method = "coverage", to = 9, classes = ["b", "a"]}, '
        '{method = "smote", per_class = {b = 50}}]'
    )
    assert labels(plan)[1:] == [
        "coverage to=9 classes=b,a",
        "smote per_class=b:50",
        "random-under to=9 classes=a,b",
        "random-over per_class=b:50",
    ]
    cut, raised = (each.rebalance for each in list(plan.treatments.values())[4:])
    assert cut.targets == Targets("9", classes=("a", "b"))
    assert raised.growth == Growth(per_class=(("b", 50),))
    record = named("coverage").as_record()
    assert sorted(record) == ["cut", "like", "raised", "to"]  # as it was before there were classes


def test_what_is_cut_is_recorded_with_the_options_of_its_method(declare):
    plan = declare(
        '[grid]\nrebalance = ["subclass-closest", "coverage", "subclass-typical", '
        '{method = "subclass-random", quotas = "sqrt"}]'
    )
    cuts = [each.rebalance.as_record()["cut"] for each in list(plan.treatments.values())[2:6]]
    assert cuts[0] == {
        "method": "subclass",
        "pick": "closest",
        "layer": "pool",
        "k_max": 9,
        "criterion": "silhouette",
        "cluster_space": "map",
        "layout": "fast",
        "landmarks": "auto",
    }
    assert cuts[1] == {"method": "coverage"}
    assert cuts[2] == {**cuts[0], "pick": "typical", "quotas": "sqrt"}
    assert cuts[3] == {**cuts[0], "pick": "random", "quotas": "sqrt"}
    assert labels(plan)[4] == "subclass-random quotas=sqrt"
    for name in ("closest", "farthest", "random"):
        assert named(f"subclass-{name}").cut.quotas == "equal"


EYES = '[extractor]\nextractor = "finetune"\ninit = "imagenet"\n'


def test_as_published_is_one_key_and_what_is_given_beside_it_holds(declare):
    plan = declare(
        EYES + '[grid]\nrebalance = [{method = "subclass", as_published = true}, '
        '{method = "subclass-farthest", as_published = true, layout = "fast"}, '
        '{method = "subclass", as_published = false}]'
    )
    assert labels(plan)[1:4] == [
        "subclass-closest as_published",
        "subclass-farthest as_published layout=fast",
        "subclass-typical as_published=False",
    ]
    cuts = [each.rebalance.cut for each in list(plan.treatments.values())[2:5]]
    paper = {"quotas": "equal", "layer": "auto", "layout": "umap", "landmarks": "none"}
    assert cuts == [
        SelectionOptions(pick="closest", **paper),
        SelectionOptions(pick="farthest", **{**paper, "layout": "fast"}),
        SelectionOptions(),
    ]
    assert plan.options.extractor == ExtractorOptions("finetune", init="imagenet")


def test_at_full_depth_a_control_is_trained_as_its_treatment_is(declare):
    study = 'data = "images"\ndepth = "full"'
    plan = declare(
        '[grid]\nrebalance = ["eos", "ros", {name = "pixels", method = "smote", space = "pixel"}]',
        study,
    )
    assert labels(plan) == [
        "none",
        "eos",
        "random-over",
        "pixels",
        "random-over of embeddings",
    ]
    blended = {t.rebalance: each for t, each in plan.treatments.items() if each.rebalance.blends}
    assert list(blended) == ["eos", "random-over of embeddings"]
    # They are sampled among the embeddings of the network itself, on which they put a head.
    assert {each.rebalance.raised.layer for each in blended.values()} == {"embedding"}
    assert {each.body for each in blended.values()} == {Definition().body}
    assert plan.controls[Treatment("pixels")].random == Treatment("random-over")


def test_losses_have_options_and_names(declare):
    plan = declare(
        '[grid]\nloss = ["ce", {loss = "focal", gamma = 1}, {name = "soft", loss = "focal"}]'
    )
    found = {treatment.loss: each.loss for treatment, each in plan.treatments.items()}
    assert set(found) == {"ce", "focal gamma=1", "soft"}
    assert found["focal gamma=1"].options == (("gamma", 1),)
    assert found["soft"].key == "focal"


@pytest.mark.parametrize("alpha", ["{dog = 4, cat = 0.5}", '"dog=4,cat=0.5"', '"alpha.csv"'])
def test_a_loss_is_told_of_each_class_by_name(declare, tmp_path, alpha):
    (tmp_path / "alpha.csv").write_text("class,alpha\ndog,4\ncat,0.5\n")
    plan = declare(f'[grid]\nloss = [{{name = "mine", loss = "focal", alpha = {alpha}}}]')
    read = plan.treatments[Treatment(loss="mine")].with_costs(("cat", "dog"))
    assert dict(read.loss.options) == {"alpha": (0.5, 4.0)} and hash(read.taught)
    with pytest.raises(SettingError, match="'dog', which is no class; they are cat, owl"):
        plan.treatments[Treatment(loss="mine")].with_costs(("cat", "owl"))


def test_options_of_oversampling_that_came_later_are_told_where_they_change_something(declare):
    plan = declare(
        '[grid]\nrebalance = ["ros", {method = "ros", copies = "exact"}, '
        '{method = "borderline-1", danger_neighbours = 4}, "eos", {method = "eos", reach = 1}]'
    )
    told = {
        treatment.rebalance: definition.as_record()["rebalance"]["raised"] or {}
        for treatment, definition in plan.treatments.items()
    }
    assert not told["random-over"].keys() & {"copies", "danger_neighbours"}  # as in version 0.1
    assert told["random-over copies=exact"]["copies"] == "exact"
    assert told["borderline-1 danger_neighbours=4"]["danger_neighbours"] == 4
    assert told["eos"]["reach"] == 0.5 and "reach" not in told["random-over"]
    assert "reach" not in told["eos reach=1"]  # the whole way, as in version 0.1


def test_a_definition_is_json_and_reads_its_costs(declare, tmp_path):
    (tmp_path / "costs.csv").write_text("0,5\n1,0\n")
    plan = declare('[grid]\nthreshold = ["cost:costs.csv"]\nloss = [{loss = "cost", '
                   'matrix = "costs.csv"}]')  # fmt: skip
    treatment = list(plan.treatments)[-1]
    assert treatment.threshold == "cost:costs.csv"  # as it was written, whatever the folder
    read = plan.treatments[treatment].with_costs(("cat", "dog"))
    assert read.costs == ((0.0, 5.0), (1.0, 0.0)) == dict(read.loss.options)["matrix"]
    assert str(tmp_path) not in json.dumps(read.as_record())
    assert hash(read.taught)
    other = Definition().as_record()
    assert other != read.as_record() and json.loads(json.dumps(other)) == other


def test_a_first_phase_is_told_by_a_table(declare):
    two = (
        '{regime = "two-phase", by = "oversample"}, {name = "cut", regime = "two-phase", limit = 9}'
    )
    plan = declare(f'[grid]\nregime = ["drw", {two}]\nloss = "ldam"')
    found = {each.regime: plan.treatments[each].as_record()["regime"] for each in plan.treatments}
    assert found == {
        "plain": "plain",  # the control
        "drw": "drw",
        "two-phase by=oversample": {"key": "two-phase", "options": {"by": "oversample"}},
        "cut": {"key": "two-phase", "options": {"limit": "9"}},
    }


def test_nothing_has_the_first_head_and_a_random_control_that_of_its_treatment(declare):
    plan = declare(
        '[grid]\nrebalance = "smote"\nhead = ["logistic", {head = "logistic", whiten = 0.4}, '
        '{name = "none at all", head = "logistic", whiten = 0}, "sgd"]'
    )
    heads = {"logistic": {}, "logistic whiten=0.4": {"whiten": 0.4}, "none at all": {}}
    assert {each.head: dict(plan.treatments[each].head.options) for each in plan.treatments} == {
        **heads,
        "sgd": {},
    }
    nothing = Treatment(head="logistic")
    assert list(plan.treatments)[:2] == [nothing, Treatment(threshold="prior", head="logistic")]
    for treatment, controls in plan.controls.items():
        assert controls.nothing == nothing
        if treatment.rebalance == "smote":
            assert controls.random == replace(treatment, rebalance="random-over")
            assert controls.prior == Treatment(threshold="prior", head=treatment.head)
            assert plan.treatments[controls.prior].head == plan.treatments[treatment].head
    assert words.name(nothing) == "nothing + logistic" and words.name(Treatment()) == "nothing"
    record = plan.treatments[nothing].as_record()
    assert record["head"] == {"key": "logistic", "options": {}}
    with pytest.raises(SettingError, match="head is how the last layer of a probe is fitted"):
        declare('[grid]\nhead = "sgd"', 'data = "images"\ndepth = "full"')


def test_images_of_a_step_are_mixed_by_the_treatment_that_says_so(declare):
    full = 'data = "images"\ndepth = "full"'
    plan = declare('[grid]\nrebalance = "smote"\nmix = ["remix:tau=0.50,kappa=4", "none"]', full)
    mixed = Treatment("smote", mix="remix:kappa=4")
    assert {each.mix for each in plan.treatments} == {"remix:kappa=4", "none"}
    assert plan.treatments[mixed].body.as_record()["mix"] == "remix:kappa=4"
    assert "mix" not in plan.treatments[NOTHING].as_record()
    random = plan.controls[mixed].random
    assert random == replace(mixed, rebalance="random-over of embeddings")
    assert (
        plan.treatments[random].mix == "remix:kappa=4" and plan.controls[mixed].nothing == NOTHING
    )
    assert words.name(mixed) == "smote + mix=remix:kappa=4"
    with pytest.raises(SettingError, match=r"grid.mix: no mix 'blur': choose one of none, mixup"):
        declare('[grid]\nmix = "blur"', full)
    with pytest.raises(SettingError, match=r"training.mix of all: leave out one of them"):
        declare('[grid]\nmix = "mixup"\n[training]\nmix = "mixup"', full)


def test_classifiers_are_treatments_that_share_a_training(declare):
    full = 'data = "images"\ndepth = "full"'
    plan = declare('[grid]\nloss = "lmle"\nclassifier = ["head", "clusters:k=05", "svm"]', full)
    by_clusters = Treatment(loss="lmle", classifier="clusters")
    assert {each.classifier for each in plan.treatments} == {"head", "clusters", "svm"}
    found = plan.treatments[by_clusters]
    assert found.as_record()["classifier"] == "clusters"
    assert found.taught == plan.treatments[Treatment(loss="lmle")].taught == found.body
    assert "classifier" not in plan.treatments[NOTHING].as_record()
    assert plan.controls[by_clusters].nothing == NOTHING
    assert words.name(by_clusters) == "lmle + by clusters"
    with pytest.raises(SettingError, match=r"grid.classifier: no classifier 'best': choose one of"):
        declare('[grid]\nclassifier = "best"', full)


MISTAKES = {
    '[grid]\nclassifier = "knn"': 'in the place of a network.s head, .* or give depth = "full"',
    '[grid]\nmix = "mixup"': 'grid.mix is how images of a step .* give depth = "full"',
    '[grid]\nhead = "svm"': "grid.head: no 'svm', choose one of sgd, logistic",
    '[grid]\nhead = {head = "sgd", whiten = 0.4}': "no option 'whiten' of sgd, which has no opti",
    '[grid]\nhead = {head = "logistic", tau = 1}': "no option 'tau' of logistic, which has whiten",
    '[grid]\nhead = {head = "logistic", whiten = 2}': "grid.head: whiten must be",
    '[grid]\nregime = [{regime = "drw", limit = 3}]': "no option 'limit' of drw, which has no opti",
    '[grid]\nregime = [{regime = "two-phase", to = 3}]': "of two-phase, which has by, limit",
    '[grid]\nregime = [{regime = "two-phase", limit = "max"}]': "regime: a first phase by undersam",
    '[grid]\nregime = [{regime = "two-phase", by = "luck"}]': "no first phase by 'luck': choose",
    "[grid]\nregime = [3]": "an entry is a name or a table; got 3",
    '[gird]\nloss = ["ce"]': "no section 'gird': choose one of study, extractor",
    "[grid]\nlosses = []": "no key in grid 'losses'",
    '[grid]\nrebalance = ["smoat"]': r"grid.rebalance: no rebalancing 'smoat'.*nearmiss-1.*eos",
    "[grid]\nrebalance = []": "grid.rebalance must name at least one",
    "[grid]\nrebalance = [3]": "an entry is a name or a table; got 3",
    '[grid]\nrebalance = [{to = "2x"}]': "an entry needs method = a name",
    '[grid]\nrebalance = [{method = "smote", pick = "farthest"}]': "smote has no option 'pick'",
    '[grid]\nrebalance = [{method = "ros", neighbours = 3}]': "ros has no option 'neighbours'",
    '[grid]\nrebalance = [{method = "subclass", pick = "best"}]': "pick is one of typical, clo",
    '[grid]\nrebalance = [{method = "none", to = 3}]': "none has no options",
    '[grid]\nrebalance = [{method = "hybrid"}]': "hybrid needs to, the class size",
    '[grid]\nrebalance = [{method = "hybrid", to = 3, over = "tomek"}]': "over, which raises",
    '[grid]\nrebalance = [{method = "smote", space = "pixel"}]': "a space only at depth full",
    '[grid]\nrebalance = [{name = "a", method = "smote"}, {name = "a", method = "eos"}]': (
        "two are called 'a'"
    ),
    '[grid]\nloss = ["mse"]': "grid.loss: no 'mse', choose one of ce, weighted",
    '[grid]\nregime = ["slow"]': "grid.regime: no 'slow', choose one of plain, two-phase",
    '[grid]\nthreshold = ["half"]': r"grid.threshold is none, .* or cost:search; got 'half'",
    '[grid]\nthreshold = "cost:search"': "folds within a fold, and sgd holds out none: give head",
    '[grid]\nloss = [{name = "cost", matrix = "search"}]': "costs of a loss are searched by train",
    '[grid]\nthreshold = "prior:val"': "prior:val chooses a power on validation images, and th",
    '[grid]\nrebalance = [{name = "none", method = "smote"}]': "are the control",
    '[cell]\nloss = "ce"': r"write \[\[cell\]\]",
    '[[cell]]\nloss = "ce"\n[[cell]]\nlos = "ce"': "no key in cell 2 'los'",
    '[grid]\nloss = ["ce"]\n[extractor]\nlayer = "pool"': r"no key in \[extractor\] 'layer'",
    '[grid]\nrebalance = [{method = "eos", as_published = true}]': "eos has no option 'as_pub",
    '[grid]\nrebalance = [{method = "subclass", as_published = 1}]': "must be true or false; got 1",
    '[grid]\nrebalance = [{method = "subclass", as_published = true}]': (
        r"under \[extractor\] give extractor = \"finetune\" and init = \"imagenet\""
    ),
    '[grid]\nrebalance = [{method = "subclass", layer = "last"}]': "layer 'last': choose one of bo",
    '[grid]\nrebalance = [{method = "coverage", layer = "pool"}]': "coverage has no option 'layer'",
    '[grid]\nrebalance = [{method = "hybrid", to = 3, layer = "pool"}]': "ros has no option",
    '[grid]\nrebalance = [{method = "subclass", layout = "tsne"}]': "no layout 'tsne'",
    '[grid]\nrebalance = [{method = "coverage", classes = 3}]': "classes must be several values",
    '[grid]\nrebalance = [{method = "coverage", classes = [3]}]': "classes must be text; got 3",
    '[grid]\nrebalance = [{method = "smote", per_class = 3}]': "per_class must be names with their",
    '[grid]\nrebalance = [{method = "ros", per_class = {a = "b"}}]': "size of class 'a' must be",
    '[grid]\nloss = ["ce"]\n[extractor]\nimage_size = "big"': "image_size must be a whole number",
    '[grid]\nloss = ["ce"]\n[training]\nloss = "focal"': r"no key in \[training\] 'loss'",
    "": "a study needs treatments",
    "[grid\n": "is not TOML",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_with_the_file(declare, tmp_path, text):
    with pytest.raises(SettingError, match=MISTAKES[text]) as error:
        declare(text)
    assert str(tmp_path / "study.toml") in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("study", "said"),
    [
        ("", "study.data is needed"),
        ("data = 3", "study.data must be text; got 3"),
        ('data = "x"\ngroup_column = "p"', "study.group_column is a column of study.groups"),
        ('data = "x"\nseeds = 0', "whole number from 1 to 10000; got 0"),
        ('data = "x"\nseeds = [1, 1]', "must be different"),
        ('data = "x"\nseeds = "ten"', "study.seeds must be a list of seeds, or"),
        ('data = "x"\nseeds = [-1]', "a seed must be a whole number from 0 up"),
        ('data = "x"\nseeds = true', "whole number from 1 to 10000; got True"),
        ('data = "x"\nfolds = 1', "folds must be a whole number from 2 to 1000"),
        ('data = "x"\nfolds = 2.5', "study.folds must be a whole number; got 2.5"),
        ('data = "x"\ndepth = "deep"', "depth must be one of probe, full"),
        ('data = "x"\nmetric = "auc"', "study.metric: no 'auc', choose one of accuracy"),
        ('data = "x"\nfold = 3', r"no key in \[study\] 'fold'"),
    ],
)
def test_a_mistake_in_study_is_one_line(declare, study, said):
    with pytest.raises(SettingError, match=said) as error:
        declare('[grid]\nloss = ["ce"]', study)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(SettingError, match="no study at"):
        read_study(tmp_path / "no.toml")


def test_names_are_told_apart_by_what_they_mean():
    specifications = list(chain(names().values()))
    assert len(set(specifications)) == len(specifications)


def test_what_makes_images_is_for_networks_and_has_a_control_of_images(declare):
    full = 'data = "images"\ndepth = "full"'
    one = '[grid]\nrebalance = [{method = "augment", operations = "flip,noise"}, "cmo", "remix"]'
    with pytest.raises(SettingError, match=r"augment makes images, and .* give depth = \"full\""):
        declare(one)
    plan = declare(one, full)
    assert {
        "augment operations=flip,noise",
        "cmo",
        "remix",
        "random-over",
    } <= set(labels(plan))
    assert not any(each.rebalance.blends for each in plan.treatments.values())
    with pytest.raises(SettingError, match="cmo makes images, of which there are no features"):
        declare('[grid]\nrebalance = [{method = "cmo", space = "embedding"}]', full)
    assert declare('[grid]\nrebalance = "remix"').treatments


def test_neighbours_by_pixels_are_of_images_that_are_blended_and_of_methods_that_blend(declare):
    full = 'data = "images"\ndepth = "full"'
    one = '[grid]\nrebalance = [{method = "%s", %s}]'
    with pytest.raises(SettingError, match='give space = "pixel" as well, or leave out'):
        declare(one % ("eos", 'neighbours_in = "pixels"'), full)
    declare(one % ("eos", 'neighbours_in = "pixels:8", space = "pixel"'), full)
    with pytest.raises(SettingError, match="ros has no option 'neighbours_in'"):
        declare(one % ("ros", 'neighbours_in = "pixels"'))
    with pytest.raises(SettingError, match="must be features, pixels or pixels:SIDE; got 'dots'"):
        declare(one % ("smote", 'neighbours_in = "dots"'))
