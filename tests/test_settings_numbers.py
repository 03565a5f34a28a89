"""Numbers: every one that a user can give is finite, in range and bounded, or one line says so.

The options are found by looking at the commands, so that a new one is tried as soon as it is there.
"""

import math
from types import SimpleNamespace

import click
import pytest

import rebalance
from rebalance import api
from rebalance.class_sizes import grown_sizes
from rebalance.cli import COMMANDS, group
from rebalance.cli.values import ClassSize
from rebalance.errors import LossError, SettingError, TargetError, shown
from rebalance.inspection.gates import Gates, gate_outcomes
from rebalance.losses import LOSSES, default_options, make_loss
from rebalance.settings import Growth, Recipe, StudyOptions, Targets, TrainOptions
from rebalance.settings.numbers import LARGEST, Range, check_number, read_number
from rebalance.settings.option import declared, kind_of
from rebalance.settings.recipes import RANGES
from rebalance.studies.declaration import read_study

NEVER = ("nan", "inf", "-inf", "-1", "9" * 5000, "-" + "9" * 5000, "1e999", "", "one")
WORDS = ("--to", "--landmarks")  # options whose text may be a number
BAD = (math.nan, math.inf, -math.inf, -1, 10**5000, True, "1", b"1", [1])
LONGEST = 400  # characters of a complaint


def numeric_options():
    """Every (command, option) whose value is a number, or may be one."""
    context = click.Context(group)
    for name in COMMANDS:
        for each in group.get_command(context, name).params:
            numeric = isinstance(each.type, click.types.FloatParamType | click.types.IntParamType)
            if numeric or each.opts[0] in WORDS:
                # What export writes for is a name.
                if name != "export":
                    yield name, each
            elif isinstance(each.type, ClassSize):
                yield name, each


OPTIONS = [pytest.param(name, each, id=f"{name}{each.opts[0]}") for name, each in numeric_options()]


def numeric_keywords():
    """Every (call, keyword) of the Python functions whose value is a number, or may be one."""
    for name in api.__all__:
        for keyword, each in getattr(api, name).call.keywords().items():
            if kind_of(each.field.type) in (int, float) or each.told.numbers:
                yield name, keyword


def test_the_options_are_found():
    named = {f"{each.values[0]} {each.values[1].opts[0]}" for each in OPTIONS}
    assert {
        "train --lr",
        "train --val-fraction",
        "inspect --fail-above",
        "undersample --to",
        "undersample --class",
        "oversample --neighbours",
        "longtail --rho",
        "study --workers",
        "materialize --workers",
    } <= named
    assert len(OPTIONS) > 45


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_what_is_no_number_of_an_option_is_wrong_usage_in_one_line(command, option):
    for text in NEVER:
        value = f"cat={text}" if isinstance(option.type, ClassSize) else text
        with pytest.raises(click.UsageError) as error:
            option.type_cast_value(click.Context(group), (value,) if option.multiple else value)
        assert error.value.exit_code == 2
        assert "\n" not in error.value.message and len(error.value.message) < LONGEST


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "x", "--test", "y", "-o", "r", "--lr", "nan"],
        ["train", "x", "--test", "y", "-o", "r", "--lr", "-1"],
        ["train", "x", "--test", "y", "-o", "r", "--val-fraction", "1"],
        ["train", "x", "--test", "y", "-o", "r", "--loss", "focal", "--loss-option", "gamma=nan"],
        ["train", "x", "--test", "y", "-o", "r", "--threshold", "cost"],
        ["train", "x", "--test", "y", "-o", "r", "--classifier", "center"],
        ["inspect", "x", "--fail-above", "nan"],
        ["undersample", "x", "-o", "m.csv", "--to", "9" * 5000],
        ["undersample", "x", "-o", "m.csv", "--class", "cat=" + "9" * 5000],
        ["oversample", "x", "-o", "m.csv", "--to", "min"],
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_a_wrong_number_is_said_before_anything_is_read(run, arguments):
    found = run(*arguments)  # there is no such folder, which comes later
    assert (found.status, found.out) == (2, "")
    assert len(found.error) < LONGEST


@pytest.mark.parametrize(("name", "keyword"), [*numeric_keywords()])
def test_what_is_no_number_of_a_keyword_is_one_error(name, keyword):
    call = getattr(api, name)
    for value in BAD:
        if value == "1" and call.call.keywords()[keyword].told.numbers:
            continue
        places = ["x", "y", "z"][: {"train": 3, "inspect": 1}.get(name, 2)]
        needed = {"to": "1"} if name == "hybrid" and keyword != "to" else {}
        with pytest.raises((SettingError, TargetError)) as error:
            call(*places, **needed, **{keyword: value})
        text = str(error.value)
        assert "\n" not in text and len(text) < LONGEST


@pytest.mark.parametrize("workers", [math.nan, -1, pytest.param(10**5000, id="huge")])
def test_materialize_checks_its_number_too(workers):
    with pytest.raises(SettingError, match="workers must be a whole number from 0 to 1024"):
        rebalance.materialize("x.csv", "y", workers=workers)


@pytest.mark.parametrize("limit", [math.nan, math.inf, 0, "9"])
def test_a_gate_is_a_number(limit):
    with pytest.raises(SettingError, match="fail_above must be a number from 1"):
        gate_outcomes(SimpleNamespace(against=None, similar=None), Gates(limit))


def test_every_number_that_is_declared_has_a_lower_bound():
    for name in api.__all__:
        for keyword, each in getattr(api, name).call.keywords().items():
            if kind_of(each.field.type) in (int, float):
                assert each.told.least is not None or each.told.above is not None, keyword


SIGNED = {("cce", "gamma"), ("cosen", "mu_s"), ("cosen", "mu_r")}  # may be below 0


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_no_number_of_a_loss_is_one_error(name):
    for option, default in default_options(name).items():
        for value in (*NEVER, math.nan, math.inf, 10**5000, 1e30, True, None, [], {}):
            signed = (name, option) in SIGNED and value == "-1"
            if (value is None and default is None) or signed:
                continue
            with pytest.raises(LossError) as error:
                make_loss(name, {"cat": 9, "dog": 3}, {option: value})
            text = str(error.value)
            assert "\n" not in text and len(text) < LONGEST


SECTIONS = {"study": StudyOptions, "training": TrainOptions}
KEYS = [
    (section, key)
    for section, options in SECTIONS.items()
    for key, (found, told) in declared(options).items()
    if told.in_study and kind_of(found.type) in (int, float)
]
IN_CELLS = ["k_max", "neighbours", "to", "landmarks"]


def refused(path, text):
    path.write_text(text)
    with pytest.raises(SettingError) as error:
        read_study(path)
    said = str(error.value)
    assert said.startswith(repr(str(path))) and "\n" not in said
    assert len(said) < LONGEST + len(str(path))
    return said


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "-inf", "-1", "true", *(pytest.param("9" * n, id=str(n)) for n in (4000, 5000))],
)
def test_what_is_no_number_of_a_study_is_one_error(tmp_path, value):
    assert ("training", "lr") in KEYS and ("study", "folds") in KEYS
    path, grid = tmp_path / "study.toml", '[grid]\nloss = ["ce"]\n'
    for section, key in [*KEYS, ("study", "seeds")]:
        data = "" if section == "study" else '[study]\ndata = "x"\n'
        own = 'data = "x"\n' if section == "study" else ""
        said = refused(path, f"{data}[{section}]\n{own}{key} = {value}\n{grid}")
        assert key.rstrip("s") in said or "TOML" in said
    for key in IN_CELLS:
        method = "subclass" if key in ("k_max", "landmarks") else "smote"
        cell = f'[[cell]]\nrebalance = {{method = "{method}", {key} = {value}}}\n'
        refused(path, f'[study]\ndata = "x"\n{cell}')


def test_a_study_has_no_more_cells_than_can_be_listed(tmp_path):
    path = tmp_path / "study.toml"
    text = '[study]\ndata = "x"\n{}\n[grid]\nloss = ["ce", "cce"]\n'
    assert "300000000" in refused(path, text.format("seeds = 300000000"))
    assert "cells" in refused(path, text.format("seeds = 10000\nfolds = 1000"))
    path.write_text(text.format("seeds = 1000\nfolds = 10"))
    assert (
        len(read_study(path).cells) == 30_000
    )  # its losses, nothing and the prior, on 10,000 pairs


@pytest.mark.parametrize("name", RANGES)
def test_a_recipe_is_of_numbers(name):
    for value in (math.nan, math.inf, 10**5000, "1", None):
        with pytest.raises(SettingError, match=f"{name} must be"):
            Recipe(**{name: value})
    good = 0.5 if name == "momentum" else 1
    assert getattr(Recipe(**{name: good}), name) == good


def test_milestones_are_numbers():
    for value in (math.nan, math.inf, -1, 0, 10**5000, True, "1"):
        with pytest.raises(SettingError, match="milestones must be a number above 0"):
            TrainOptions(milestones=(0.5, value))
    with pytest.raises(SettingError, match="a milestone must be a number above 0 and below 1"):
        Recipe(milestones=(0.2, math.nan))


@pytest.mark.parametrize(
    ("bounds", "good", "bad"),
    [
        (Range(least=1), [1, LARGEST], [0, LARGEST + 1]),
        (Range(above=0, most=1), [1e-300, 1], [0, 1.0000001]),
        (Range(above=0, below=1), [0.5], [0, 1, 1.0]),
        (Range(), [-(10**9), 0.0], [math.nan, math.inf]),
    ],
)
def test_the_bounds_of_a_number(bounds, good, bad):
    for value in good:
        check_number("it must be", value, float, bounds)
        assert read_number("it must be", str(value), float, bounds) == value
    for value in bad:
        with pytest.raises(SettingError, match="it must be a number"):
            check_number("it must be", value, float, bounds)


def test_a_complaint_says_the_bound_that_was_exceeded():
    for value, said in [
        (0, "k must be a whole number from 1 up; got 0"),
        (2**31, f"k must be a whole number from 1 to {LARGEST}; got {2**31}"),
        (2.5, "k must be a whole number from 1 up; got 2.5"),
    ]:
        with pytest.raises(SettingError) as error:
            check_number("k must be", value, int, Range(least=1))
        assert str(error.value) == said


def test_whatever_is_shown_is_short_and_on_one_line():
    for value in ("a\nb", "\ud800" * 9999, 10**9999, [10**9999], {"x": "y" * 9999}, math.nan):
        assert len(shown(value)) < 100 and "\n" not in shown(value)


def test_classes_grow_to_what_a_manifest_can_list():
    with pytest.raises(TargetError, match="4000000000 samples were asked for, of 15 images"):
        grown_sizes({"cat": 10, "dog": 5}, Growth(to="2000000000"))
    assert sum(grown_sizes({"cat": 10, "dog": 5}, Growth(to="1000x")).values()) == 20_000


@pytest.mark.parametrize("size", ["-3", "x", "1e3", "", "nan", "inf", "1.5", "0x"])
def test_a_target_that_cannot_be_read_is_refused_at_once(size):
    for options in (Targets, Growth):
        with pytest.raises(TargetError):
            options(to=size)
