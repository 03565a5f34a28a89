"""What can be chosen, as the registries themselves tell it, on the command line and from Python."""

import json

import pytest

import rebalance
from rebalance.errors import SettingError
from rebalance.losses import LOSSES, default_options
from rebalance.scoring.costs import EXAMPLE, read_cost_matrix
from rebalance.settings import StudyOptions, calls
from rebalance.settings.calls import Call
from rebalance.settings.option import declared
from rebalance.workflow.choices import KINDS, choices

# Kinds of findings are listed by inspect --help, layouts of folders by materialize --help.
ELSEWHERE = {"rebalance.inspection:KINDS", "rebalance.materialization.layouts:LAYOUTS"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_of_a_registry_is_told_in_a_sentence(kind):
    listed = choices(kind)
    assert [each.name for each in listed] == list(KINDS[kind].entries)
    for each in listed:
        assert each.says.endswith(".") and "``" not in each.says and ">>>" not in each.says
        assert len({option.name for option in each.options}) == len(each.options)
        assert all(option.says for option in each.options), each


def test_every_registry_that_an_option_offers_is_listed():
    told = [told for _, told in declared(StudyOptions).values()]
    for call in vars(calls).values():
        if isinstance(call, Call):
            told += [each.told for each in call.keywords().values()]
    offered = {each.choices for each in told if isinstance(each.choices, str)}
    assert offered - {kind.registry for kind in KINDS.values()} == ELSEWHERE
    assert all(KINDS[kind].asked for kind in KINDS if kind != "weightings")


@pytest.mark.parametrize("name", LOSSES)
def test_the_options_of_a_loss_are_those_of_its_constructor(name):
    (listed,) = (each for each in choices("losses") if each.name == name)
    defaults = {each.name: each.default for each in listed.options if not each.needed}
    assert defaults == default_options(name)
    assert [each.name for each in listed.options if each.needed] == ["matrix"] * (name == "cost")


def test_what_an_entry_needs_and_takes_is_told():
    regimes = {each.name: each for each in choices("regimes")}
    assert regimes["plain"].needs == () and "--val" in regimes["dynamic"].needs[0]
    assert [each.name for each in regimes["two-phase"].options] == ["--phase-by", "--phase-limit"]
    oversamplers = {each.name: each for each in choices("oversamplers")}
    assert [each.name for each in oversamplers["borderline-1"].options] == [
        "--neighbours",
        "--danger-neighbours",
    ]
    assert [each.name for each in oversamplers["ros"].options] == ["--copies"]


def test_the_matrix_of_costs_that_is_shown_means_what_is_said_of_it(tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text(EXAMPLE.split("\n\n")[1])
    assert read_cost_matrix(path, ("dog", "cat")) == [[0, 1], [9, 0]]  # [predicted][true]
    assert read_cost_matrix(path, ("cat", "dog"))[0][1] == 9


def test_losses_are_listed_with_their_options(run):
    found = run("losses")
    assert found.status == 0, found.err
    lines = found.out.splitlines()
    assert lines[0] == "losses, by train --loss:"
    assert [line for line in lines if line in LOSSES] == list(LOSSES)
    text = " ".join(found.out.split())
    assert "gamma=2.0: how much less what is classified well counts, at least 0" in text
    assert "matrix (needed): cost[predicted][true]" in text and "cat=2,dog=1 by name" in text
    assert EXAMPLE.split("\n\n")[1] in found.out
    record = json.loads(run("losses", "--json").out)
    assert list(record) == ["losses"] and [each["name"] for each in record["losses"]] == [*LOSSES]


def test_other_kinds_are_listed_and_named(run):
    found = run("choices", "regimes", "thresholds")
    assert found.status == 0, found.err
    assert "thresholds, by train --threshold or evaluate --threshold:" in found.out.splitlines()
    assert "needs a CSV of costs, as cost:FILE" in found.out and "dog,1,0" in found.out
    named = run("choices").out
    assert all(any(line.startswith(kind) for line in named.splitlines()) for kind in KINDS)
    asked = json.loads(run("choices", "--json").out)
    assert asked["metrics"] == ["[study] metric"] and asked["samplers"] == ["train --sampler"]
    assert set(json.loads(run("choices", "pickers", "--json").out)) == {"pickers"}
    assert run("choices", "colours").status == 2
    with pytest.raises(SettingError, match="no kind of choice 'colours': choose one of losses"):
        rebalance.choices("colours")


def test_train_says_where_they_are_listed(run):
    text = " ".join(run("train", "--help").out.split())
    assert "rebalance losses lists them, with their options" in text
    assert "regimes and thresholds, by rebalance choices" in text
