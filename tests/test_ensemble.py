"""Several manifests of one command: independent draws, and a cascade of them."""

import json
import shlex

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

import rebalance
from rebalance.clusters import InMemory
from rebalance.errors import FeatureError, OutputError, SettingError
from rebalance.heads import fit_head, sides_of
from rebalance.manifest import companions
from rebalance.manifest.rows import member_path, unit_of
from rebalance.reports.manifests.commands import command_of
from rebalance.resampling import Population, cut, draw_members
from rebalance.resampling.members import member_seed
from rebalance.seeds import integer
from rebalance.settings import EnsembleOptions, SelectionOptions

CLASSES = ("cat", "dog", "owl")
SIZES = (48, 30, 12)
WANTED = {0: 12, 1: 12}


@pytest.fixture(scope="module")
def population():
    """Classes that overlap, in random order."""
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(np.arange(3), SIZES))
    values = rng.normal(size=(len(labels), 4)) + 1.5 * np.eye(3, 4)[labels]
    return Population(labels, CLASSES, {"pool": InMemory(values)}, 5)


def members_of(population, method="random", **options):
    return list(
        draw_members(population, WANTED, SelectionOptions(method), EnsembleOptions(**options))
    )


def test_every_member_is_a_draw_of_a_seed_of_its_own(population):
    found = members_of(population, ensemble=3)
    assert [each.seed for each in found] == [
        5,
        integer(5, "ensemble", 1),
        integer(5, "ensemble", 2),
    ]
    for each in found:
        alone = Population(population.labels, CLASSES, population.layers, each.seed)
        kept = cut(alone, WANTED, SelectionOptions("random")).kept
        np.testing.assert_array_equal(each.kept, kept)
    assert len({tuple(each.kept) for each in found}) == 3


def test_shares_are_those_of_imbalanced_learn(population):
    ensemble = pytest.importorskip("imblearn.ensemble")
    values = population.features("pool")
    learner = DummyClassifier()  # how it draws does not depend on it
    theirs = ensemble.EasyEnsembleClassifier(3, learner, random_state=0).fit(
        values, population.labels
    )
    for pipeline, mine in zip(theirs.estimators_, members_of(population, ensemble=3), strict=True):
        drawn = population.labels[pipeline[0].sample_indices_]
        assert np.bincount(drawn).tolist() == np.bincount(population.labels[mine.kept]).tolist()


def slow_pools(population, members):
    """BalanceCascade by the paper's words, sample by sample."""
    labels, values = population.labels, population.features("pool").astype(float)
    pool = list(range(len(labels)))
    yield pool
    for number, member in enumerate(members[:-1], start=1):
        kept = member.kept
        sides = sides_of(labels[kept], 5, integer(member.seed, "cascade"))
        head = fit_head("logistic", values[kept], labels[kept], 3, whiten=0.4, sides=sides).layer
        prior = [np.log(np.mean(labels[kept] == label)) for label in range(3)]
        for label, size in WANTED.items():
            rate = (size / SIZES[label]) ** (1 / (len(members) - 1))
            wanted = round(SIZES[label] * rate**number)
            surest = []
            for one in pool:
                if labels[one] == label:
                    said = [
                        float(head.weight[k] @ values[one] + head.bias[k] - prior[k])
                        for k in range(3)
                    ]
                    others = max(each for k, each in enumerate(said) if k != label)
                    surest.append((said[label] - others, one))
            right = {one for _, one in sorted(surest)[wanted:]}
            pool = [one for one in pool if one not in right]
        yield pool


def test_a_cascade_drops_what_its_heads_get_right_by_the_published_rates(population):
    found = members_of(population, ensemble=4, cascade=True)
    for member, pool in zip(found, slow_pools(population, found), strict=True):
        assert member.pool.tolist() == pool
        assert np.bincount(population.labels[member.kept]).tolist() == [12, 12, 12]
        assert set(member.kept) <= set(pool)
    # The last one takes what is left, whole.
    np.testing.assert_array_equal(found[-1].kept, found[-1].pool)
    np.testing.assert_array_equal(found[0].kept, members_of(population, ensemble=1)[0].kept)


@pytest.mark.parametrize("method", ["nearmiss-1", "coverage"])
def test_a_cascade_narrows_the_draws_of_any_exact_method(population, method):
    first, last = members_of(population, method, ensemble=2, cascade=True)
    assert last.pool.tolist() != first.pool.tolist() and len(last.pool) == 36
    assert len(first.kept) == len(last.kept) == 36


def test_two_classes_are_the_papers_case_and_one_is_none():
    labels = np.repeat([0, 1], [20, 4])
    values = np.concatenate([np.arange(20.0), np.arange(19.0, 23.0)])[:, None]
    two = Population(labels, ("many", "few"), {"pool": InMemory(values)}, 0)
    options = SelectionOptions("random"), EnsembleOptions(ensemble=3, cascade=True)
    found = list(draw_members(two, {0: 4}, *options))
    # Rates of sqrt(4/20): 9 and then 4 are left, those nearest to the few.
    assert [each.pool[:-4].tolist() for each in found[1:]] == [[*range(11, 20)], [*range(16, 20)]]
    one = Population(labels * 0, ("many",), two.layers, 0)
    with pytest.raises(FeatureError, match="there is one class: leave out --cascade"):
        list(draw_members(one, {0: 4}, *options))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """An image folder with features of its images in a file."""
    from PIL import Image

    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    names, rows = [], []
    for label, (name, count) in enumerate({"cat": 30, "dog": 12, "owl": 6}.items()):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(count):
            path = folder / "data" / name / f"{number:02}.png"
            Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)).save(path)
            names.append(f"{name}/{path.name}")
            rows.append(rng.normal(size=5) + 2 * np.eye(3, 5)[label])
    np.savez(folder / "features.npz", features=np.array(rows, np.float32), names=np.array(names))
    return folder / "data", folder / "features.npz"


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_command_writes_the_manifests_of_all_members(run, photos, tmp_path):
    output = tmp_path / "M.csv"
    words = ["undersample", photos[0], "--method", "random", "--seed", "7"]
    found = run(*words, "--ensemble", "3", "-o", output)
    assert found.status == 0, found.err
    assert "M.2.csv" in found.out and "wrote 3 manifests" in found.out
    tables = {
        f"M.{number}{end}" for number in range(3) for end in (".csv", ".dropped.csv", ".json")
    }
    assert set(files(tmp_path)) == tables
    for number in range(3):
        manifest = rebalance.read_manifest(member_path(output, number))
        assert manifest.counts == {"cat": 6, "dog": 6, "owl": 6}
        assert manifest.record["seed"] == 7 and manifest.record["options"]["ensemble"] == 3
        own = manifest.record["member"]
        assert own == {"number": number, "seed": member_seed(7, number)}
        alone = rebalance.undersample(photos[0], method="random", seed=own["seed"])
        assert (alone.rows, alone.dropped) == (manifest.rows, manifest.dropped)
        assert "member" not in alone.record and "ensemble" not in alone.record["options"]
    command = shlex.split(str(command_of(manifest.record, str(tmp_path / "again.csv"))))
    assert command[-2:] == ["--seed", "7"] and "--ensemble" in command
    assert run(*command[1:]).status == 0
    for name in tables:
        assert (tmp_path / name.replace("M.", "again.")).read_bytes() == files(tmp_path)[name]


def test_a_cascade_says_what_it_drew_from_and_why_the_rest_went(run, photos, tmp_path):
    options = ["--method", "random", "--features", photos[1]]
    found = run(
        *("undersample", photos[0], "-o", tmp_path / "M.csv", *options),
        *("--ensemble", "3", "--cascade", "--json"),
    )
    assert found.status == 0, found.err
    records = json.loads(found.out)["members"]
    pools = [record["member"]["pool"] for record in records]
    assert pools == [
        {"cat": 30, "dog": 12, "owl": 6},
        {"cat": 13, "dog": 8, "owl": 6},
        {"cat": 6, "dog": 6, "owl": 6},
    ]
    assert all(record["options"]["cascade"] for record in records)
    last = rebalance.read_manifest(tmp_path / "M.2.csv")
    reasons = [image.reason for image in last.dropped]
    assert reasons.count("cascade: member 0 gets it right") == 17 + 4
    assert reasons.count("cascade: member 1 gets it right") == 7 + 2
    python = rebalance.undersample_ensemble(
        photos[0], method="random", features=photos[1], ensemble=3, cascade=True
    )
    assert python[2] == last
    assert run("report", tmp_path / "M.1.csv", "-o", tmp_path / "page.html").status == 0
    assert run("diff", tmp_path / "M.0.csv", tmp_path / "M.1.csv").status in (0, 1)
    assert run("materialize", tmp_path / "M.1.csv", tmp_path / "folder").status == 0


def test_all_members_are_written_or_none(run, photos, tmp_path):
    words = ["undersample", photos[0], "--method", "random", "-o", tmp_path / "M.csv"]
    (tmp_path / "M.2.json").write_text("mine")
    refused = run(*words, "--ensemble", "3")
    assert refused.status != 0 and "M.2.json' exists" in refused.err
    assert set(files(tmp_path)) == {"M.2.json"}
    (tmp_path / "M.2.json").unlink()
    assert run(*words, "--ensemble", "4").status == 0
    before = files(tmp_path)
    refused = run(*words, "--ensemble", "2")
    assert refused.status != 0 and files(tmp_path) == before
    for path in companions(tmp_path / "M.0.csv") + companions(tmp_path / "M.1.csv"):
        path.unlink(missing_ok=True)
    refused = run(*words, "--ensemble", "2")
    assert "M.2.csv' is of another ensemble of this name" in refused.err
    # What is replaced goes as a whole, so that no member is left of a larger ensemble.
    (tmp_path / "M.9.csv").write_text("mine")
    assert run(*words, "--ensemble", "2", "--overwrite").status == 0
    tables = {
        f"M.{number}{end}" for number in range(2) for end in (".csv", ".dropped.csv", ".json")
    }
    assert set(files(tmp_path)) == {*tables, "M.9.csv"}
    again = run("undersample", tmp_path / "M.1.csv", *words[2:], "--ensemble", "2", "--overwrite")
    assert again.status != 0 and "belongs to the manifest to read" in again.err


def test_members_are_moved_under_one_name(tmp_path):
    assert unit_of(tmp_path / "M.12.csv") == unit_of(tmp_path / "M.csv") == tmp_path / "M.csv"
    assert unit_of(tmp_path / "M.a1.csv") == tmp_path / "M.a1.csv"
    # A writer who was killed between two files: readers find all of them where they lie.
    (tmp_path / ".new").write_text("file_name,label\ncat/1.png,cat\n")
    (tmp_path / "M.0.csv").write_text("file_name,label\ndog/1.png,dog\n")
    (tmp_path / ".M.csv.moving").write_text(json.dumps([[".new", "M.0.csv"]]))
    assert rebalance.read_manifest(tmp_path / "M.0.csv").counts == {"cat": 1}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--cascade"], "give --ensemble 2 or more beside --cascade"),
        (["--cascade", "--ensemble", "1"], "give --ensemble 2 or more beside --cascade"),
        (["--ensemble", "0"], "it must be a whole number from 1 to 100; got '0'"),
        (["--ensemble", "101"], "it must be a whole number from 1 to 100; got '101'"),
        (["--ensemble", "2", "--method", "tomek"], "draws nothing, so that every member"),
        (["--ensemble", "2", "--method", "oss", "--cascade"], "keeps what its rule leaves"),
        (["--ensemble", "2", "-o", "M"], "a manifest is a .csv file; got 'M'"),
        (["--ensemble", "2", "-o", "-"], "a manifest is a .csv file; got '-'"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(run, photos, tmp_path, monkeypatch, options, told):
    monkeypatch.chdir(tmp_path)
    found = run("undersample", photos[0], "--method", "random", "-o", "M.csv", *options)
    assert found.status != 0 and told in " ".join(found.err.split())
    assert not files(tmp_path)


def test_members_that_are_the_same_are_told_of(run, photos, tmp_path):
    words = ["--method", "random", "--to", "30", "--ensemble", "3", "-o", tmp_path / "M.csv"]
    found = run("undersample", photos[0], *words)
    assert found.status == 0
    assert found.err.count("members 0 and 1 keep the same images") == 1


def test_python_refuses_what_the_command_refuses(photos, tmp_path):
    with pytest.raises(SettingError, match="ensemble must be a whole number from 1 to 100"):
        rebalance.undersample_ensemble(photos[0], ensemble=0)
    with pytest.raises(OutputError, match="no folder"):
        rebalance.undersample_ensemble(photos[0], tmp_path / "no" / "M.csv", method="random")
