"""The command line: parses, calls one library function, prints.

One file per command, loaded when it is called; nothing but this package imports click. Here is the
one place where errors become exit statuses: 0 done, 1 an error, 2 wrong usage, 3 a gate failed.
"""

import sys
from importlib import import_module
from typing import NoReturn

import click

from rebalance import __version__
from rebalance.errors import RebalanceError

COMMANDS = ("inspect", "extract", "undersample", "train", "evaluate", "cache")

EPILOG = """\b
Example:
  rebalance undersample photos/train -o balanced.csv

Shell completion: eval "$(_REBALANCE_COMPLETE=bash_source rebalance)", or zsh_source,
fish_source, in your shell's start-up file."""


class LazyGroup(click.Group):
    """Finds each command in the module of its name, and imports it only when asked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"rebalance.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


@click.command(
    cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="rebalance")
def group() -> None:
    """Rebalance a folder of labelled images, looking inside each class.

    DATA is an image folder with one sub-folder per class, or a manifest written by rebalance.
    The images are never changed.
    """


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    try:
        group.main(prog_name="rebalance", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except RebalanceError as error:
        click.echo(f"rebalance: error: {error}", err=True)
        sys.exit(error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        click.echo("rebalance: interrupted; features computed so far are in the cache", err=True)
        sys.exit(130)
    except OSError as error:  # such as a full disk behind our output
        click.echo(f"rebalance: error: {error}", err=True)
        sys.exit(1)
    sys.exit(0)
