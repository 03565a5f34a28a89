"""An option is declared in one place, and found in all: command, Python, documentation, study."""

import inspect
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import rebalance
from rebalance import api
from rebalance.api import stubs
from rebalance.api.keywords import takes
from rebalance.cli import options
from rebalance.errors import SettingError
from rebalance.settings import LEHMANN_EBNER, SelectionOptions, TrainOptions, calls, keys_of
from rebalance.settings.calls import Call, Part
from rebalance.settings.option import option
from rebalance.settings.spelling import flags
from rebalance.studies.declaration import read_section

INIT = Path(rebalance.__file__)


@dataclass(frozen=True)
class Wider(SelectionOptions):
    """The options of undersampling, and one more."""

    patience: int = option(3, least=1, help="Rounds without a change before it ends.")


CALL = Call(selection=Wider)


@takes(CALL)
def choose(data: str, *, selection: Wider) -> Wider:
    """Choose images."""
    return selection


@click.command()
@options.of(CALL)
def command(**given: object) -> None:
    click.echo(choose("photos", **given).patience)


def test_an_option_is_found_on_the_command_line():
    runner = CliRunner()
    text = " ".join(runner.invoke(command, ["--help"]).output.split())
    assert "Rounds without a change before it ends. [default: 3; x>=1]" in text
    assert runner.invoke(command, ["--patience", "5"]).output == "5\n"
    assert runner.invoke(command, ["--patience", "0"]).exit_code == 2


def test_an_option_is_a_keyword_in_python():
    keyword = inspect.signature(choose).parameters["patience"]
    assert (keyword.default, keyword.annotation) == (3, int)
    assert choose("photos", patience=4).patience == 4
    with pytest.raises(SettingError, match="patience must be a whole number from 1 up; got 0"):
        choose("photos", patience=0)


def test_an_option_is_documented_and_in_the_stub():
    assert "patience: Rounds without a change before it ends. (default 3)" in choose.__doc__
    assert "    patience: int = 3,\n" in stubs.definition(choose)


def test_an_option_is_a_key_of_a_study():
    assert "patience" in keys_of(Wider)
    assert read_section("cut", Wider, {"patience": 7}) == {"patience": 7}
    with pytest.raises(SettingError, match=r"cut\.patience must be a whole number; got 'long'"):
        read_section("cut", Wider, {"patience": "long"})


def test_an_option_is_in_the_command_that_makes_it_again():
    assert list(flags(CALL, {"pick": "typical", "patience": 7})) == ["--patience", "7"]


def test_what_a_grid_varies_is_no_key_of_a_section():
    assert {"loss", "loss_options", "regime"}.isdisjoint(keys_of(TrainOptions))


def test_a_call_may_not_have_two_options_of_one_name():
    with pytest.raises(ValueError, match="two options of one name"):
        Call(one=Wider, other=SelectionOptions).keywords()
    both = Call(one=Part(Wider, only=("patience",)), other=SelectionOptions)
    assert "patience" in both.keywords()


@pytest.mark.parametrize("half", ["undersample", "oversample"])
def test_hybrid_has_every_option_of_its_halves(half):
    # A size is of both; what is as published is one half alone.
    sizes = {"method", "to", "per_class", "classes", "as_published"}
    mine = set(getattr(calls, half.upper()).keywords())
    assert mine - sizes <= set(calls.HYBRID.keywords())


@pytest.mark.parametrize("name", api.__all__)
def test_what_is_left_out_can_be(name):
    call = getattr(api, name).call
    needed = {"to": "1", "rho": 2.0}  # of hybrid and longtail
    given = {
        key: needed[key] if each.required else each.field.default
        for key, each in call.keywords().items()
    }
    made = call.gathered(given).values()
    assert all(getattr(part, "phase_limit", None) is None for part in made)


@pytest.mark.parametrize("call", [rebalance.undersample, rebalance.oversample, rebalance.train])
def test_none_is_nothing_given_where_several_may_be(call):
    several = [name for name, each in call.call.keywords().items() if each.field.default == ()]
    needed = {name: "2" for name, each in call.call.keywords().items() if each.required}
    assert several
    given = call.call.gathered({**each_default(call), **needed, **dict.fromkeys(several)})
    for part in given.values():
        for name in {*several} & {*vars(part)}:
            assert getattr(part, name) == ()


def each_default(call):
    return {name: each.default for name, each in call.call.keywords().items()}


def test_an_unknown_keyword_names_the_close_one():
    with pytest.raises(TypeError, match="no keyword 'k_mx'; did you mean 'k_max'"):
        rebalance.undersample("photos", k_mx=3)


def test_help_lists_every_option_with_its_help():
    for name in api.__all__:
        text = " ".join(getattr(api, name).__doc__.split())
        for keyword in getattr(api, name).call.keywords():
            assert f" {keyword}: " in text


def test_the_stub_is_that_of_the_declarations():
    assert stubs.STUB.read_text(encoding="utf-8") == stubs.stub(), (
        "run python -m rebalance.api.stubs"
    )


def test_mypy_finds_a_wrong_keyword_and_a_wrong_type(tmp_path):
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(
        "import rebalance\n"
        "rebalance.undersample('photos', picks='closest')\n"
        "rebalance.undersample('photos', k_max='9')\n"
        "rebalance.undersample('photos', to=5, classes=['cat'], per_class={'cat': 3}, k_max=4)\n"
    )
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=skip", INIT, stubs.STUB, program],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in found.stdout.splitlines() if ": error:" in line]
    assert ["program.py:2" in lines[0], "program.py:3" in lines[1], len(lines)] == [True, True, 2]
    assert "picks" in lines[0] and "k_max" in lines[1]


def test_a_switch_stands_for_what_is_not_given_beside_it():
    implied = calls.UNDERSAMPLE.implied({"as_published": True, "layer": "pool"})
    assert implied == {name: v for name, v in LEHMANN_EBNER.items() if name != "layer"}
    assert calls.UNDERSAMPLE.implied({"as_published": False}) == {}
    given = {"as_published": True, "layer": "pool", "layout": "umap", "k_max": 9}
    assert list(flags(calls.UNDERSAMPLE, given)) == ["--as-published", "--layer", "pool"]
