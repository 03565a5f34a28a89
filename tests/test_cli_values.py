"""What is typed not quite as it is called: small and capital letters, and names that are close."""

import pytest


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("undersampel", "undersample"),
        ("Inspekt", "inspect"),
        ("undersample x -o m.csv --method randm", "random"),
        ("undersample x -o m.csv --method Nearmis-1", "nearmiss-1"),
        ("train x --test y -o r --loss focl", "focal"),
        ("train x --test y -o r --loss focal:gama=2", "gamma"),
        ("train x --test y -o r --mix remx", "remix"),
        ("train x --test y -o r --mix remix:kapa=2", "kappa"),
        ("train x --test y -o r --threshold priorr", "prior"),
        ("train x --test y -o r --augment crop,flp", "flip"),
        ("train x --test y -o r --rebalance-head smoot:k=2", "smote"),
        ("train x --test y -o r --rebalance-head smote:neighbour=2", "neighbours"),
        ("oversample x -o m.csv --operations nois", "noise"),
        ("inspect x --fail-on conflict", "conflicts"),
        ("choices oversampler", "oversamplers"),
        ("export x -o t.csv --to lightly-trian", "lightly-train"),
    ],
)
def test_the_close_name_is_asked_after(run, typed, meant):
    found = run(*typed.split())
    assert (found.status, found.out) == (2, "")
    assert found.error.endswith(f"; did you mean {meant!r}?")


def test_nothing_close_is_not_asked_after(run):
    assert "did you mean" not in run("undersample", "x", "-o", "m.csv", "--method", "zzz").err
    assert "did you mean" not in run("zzz").err


def test_a_class_a_column_an_extractor_and_files_that_are_close(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"curves": 3, "lines": 2})
    table = tmp_path / "labels.csv"
    table.write_text("file_name,species\ncurves/000.png,a\n")
    output = ["-o", tmp_path / "m.csv"]
    (tmp_path / "runs").mkdir()
    wrong = {
        "'curves'": ["undersample", data, *output, "--classes", "curve", "--method", "random"],
        "'species'": ["import", table, *output, "--root", data, "--label-column", "speces"],
        "'imagenet'": ["undersample", data, *output, "--extractor", "imagnet"],
        "'data'": ["inspect", tmp_path / "dtaa"],
        "'labels.csv'": ["report", tmp_path / "label.csv", "-o", tmp_path / "page.html"],
        "'runs'": ["evaluate", tmp_path / "ruins", data],
    }
    for meant, arguments in wrong.items():
        assert run(*arguments).error.endswith(f"; did you mean {meant}?")


def test_a_variable_that_is_close(run, make_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REBALANCE_CACHEDIR", "x")
    monkeypatch.setenv("REBALANCE_HOME", "y")
    found = run("inspect", make_folder(tmp_path / "data", {"cat": 2, "dog": 2}))
    (line,) = (line for line in found.err.splitlines() if "REBALANCE" in line)
    told = "nothing reads REBALANCE_CACHEDIR; did you mean REBALANCE_CACHE_DIR?"
    assert line == f"rebalance: warning: {told}"


@pytest.mark.parametrize(
    "typed",
    [
        "undersample DATA -o OUT --method Random --to MIN --pick TYPICAL",
        "oversample DATA -o OUT --method ROS --to 0.9X --copies Exact",
        "inspect DATA --fail-on Conflicts,Elongated --device CPU",
    ],
)
def test_choices_may_be_in_capital_letters(run, make_folder, tmp_path, typed):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    names = {"DATA": data, "OUT": tmp_path / "m.csv"}
    assert run(*(names.get(word, word) for word in typed.split())).status == 0


def test_a_file_after_a_choice_keeps_its_capitals():
    from rebalance.cli.values import Text
    from rebalance.settings import TrainOptions
    from rebalance.settings.option import declared
    from rebalance.settings.training import ScoringOptions

    threshold = Text(declared(ScoringOptions)["threshold"][1])
    assert threshold.convert("Cost:Costs.CSV", None, None) == "cost:Costs.CSV"
    assert threshold.convert("PRIOR:VAL", None, None) == "prior:val"
    head = Text(declared(TrainOptions)["rebalance_head"][1])
    assert head.convert("M.CSV", None, None) == "M.CSV"
    assert head.convert("EOS", None, None) == "eos"
