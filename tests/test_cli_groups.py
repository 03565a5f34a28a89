"""Help lists options in groups: each is stated once, where the option is declared."""

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from rebalance.cli import COMMANDS, group, groups, options
from rebalance.settings.calls import Call
from rebalance.settings.option import GROUPS, Options, option


@dataclass(frozen=True)
class Sizes(Options, group="How many"):
    """Options of which one is listed elsewhere."""

    most: int = option(3, least=1, help="At most so many.")
    shown: bool = option(False, help="Show them.", group="Output")


@dataclass(frozen=True)
class Plain(Options):
    """Options that say nothing of groups."""

    kind: str = option("a", choices=tuple(f"choice-{n}" for n in range(12)), help="Which kind.")
    a: bool = option(False, help="A.")
    b: bool = option(False, help="B.")
    c: bool = option(False, help="C.")
    d: bool = option(False, help="D.")


@groups.command("numbers")
@groups.option("What", "--own", is_flag=True, help="Of the command line alone.")
@options.of(Call(sizes=Sizes, plain=Plain))
def numbers(**given: object) -> None:
    """Count."""


def sections(columns: int = 80) -> dict[str, str]:
    """The text of help under each heading."""
    text = CliRunner().invoke(numbers, ["--help"], terminal_width=columns).output
    assert max(map(len, text.splitlines())) <= columns
    parts = [part.partition(":\n") for part in text.split("\n\n")]
    return {heading: body for heading, _, body in parts}


def test_an_option_stands_where_its_declaration_or_its_class_says():
    found = sections()
    assert [heading for heading in found if heading in GROUPS] == [
        "What",
        "How many",
        "Output",
        "Running",
    ]
    assert "--most" in found["How many"] and "--shown" in found["Output"]
    assert found["What"].split()[0] == "--own" and "--kind" in found["What"]
    assert "--help" in found["Running"]


def test_a_narrow_terminal_leaves_room_for_what_an_option_does():
    lines = sections(50)["What"].splitlines()
    text = next(line for line in lines if "Which kind" in line)
    assert text.index("Which") <= 20
    assert "|choice-11]" in "".join(sections(50)["What"].split())


def test_few_options_stand_in_one_list(run):
    text = run("diff", "--help").out
    assert "Options:\n" in text and "Running:" not in text


def test_a_group_that_there_is_not_is_found_as_the_option_is_declared():
    with pytest.raises(AssertionError, match="Whatever"):
        option(1, help="One.", group="Whatever")
    with pytest.raises(AssertionError, match="Whatever"):
        type("Other", (Options,), {}, group="Whatever")


def test_every_option_of_every_command_says_its_group():
    context = click.Context(group)
    for name in COMMANDS:
        for parameter in group.get_command(context, name).params:
            if isinstance(parameter, click.Option):
                assert isinstance(parameter, groups.GroupedOption), (name, parameter.name)
