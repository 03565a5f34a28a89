"""The command line: parses, calls one library function, prints.

One file per command, loaded when it is called; nothing but this package imports click. Here is the
one place where errors become exit statuses: 0 done, 1 an error, 2 wrong usage, 3 a gate failed.
"""

import sys
from importlib import import_module
from keyword import iskeyword
from typing import IO, Any, NoReturn

import click

from rebalance import __version__
from rebalance.distributed.processes import is_first, several
from rebalance.distributed.shutdown import let_another_speak
from rebalance.errors import PeerFailed, RebalanceError

# What `rebalance --help` says of each; listing them imports none of their modules.
COMMANDS = {
    "inspect": "Count images, find what is wrong with them.",
    "extract": "Compute the features of every image.",
    "undersample": "Choose which images of the large classes to keep.",
    "oversample": "Choose what to repeat or blend in the small classes.",
    "hybrid": "Cut the large classes and raise the small ones.",
    "longtail": "Make a standard long-tailed subset.",
    "materialize": "Write a manifest as a real folder of images.",
    "export": "Write a manifest as the table another tool reads.",
    "import": "Make a manifest of a table of paths and labels.",
    "diff": "Show what changed between two manifests.",
    "report": "Write an HTML page about a manifest or about runs.",
    "train": "Train a baseline and score it.",
    "evaluate": "Score the network of a run.",
    "study": "Compare ways of rebalancing on your data.",
    "cache": "Show the size of the cache, or clear it.",
}

# What torchrun may start several processes of; others find in the cache what extract put there.
TOGETHER = ("extract", "train", "evaluate")

# What an interrupted command leaves behind.
LEFT = {
    "extract": "features computed so far are in the cache",
    "undersample": "features computed so far are in the cache",
    "oversample": "features computed so far are in the cache",
    "hybrid": "features computed so far are in the cache",
    "train": "go on with --resume",
    "study": "go on by running it again",
}

EPILOG = """\b
Example:
  rebalance undersample photos/train -o balanced.csv

Shell completion: eval "$(_REBALANCE_COMPLETE=bash_source rebalance)", or zsh_source,
fish_source, in your shell's start-up file."""


class Interrupted(click.ClickException):
    """Ctrl-C, in a command; the text says what is left of its work."""

    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"rebalance: {self.message}", err=True)


class LazyGroup(click.Group):
    """Finds each command in the module of its name, and imports it only when asked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = import_module(f"rebalance.cli.{module}").command
        assert isinstance(command, click.Command)
        command.short_help = COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if several() and name not in TOGETHER:
            raise click.UsageError(
                f"torchrun starts several processes, and {name} is one: start "
                f"{', '.join(TOGETHER[:-1])} or {TOGETHER[-1]} that way, {name} alone (WORLD_SIZE "
                "unset); it finds features that were extracted in the cache",
                ctx,
            )
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            left = LEFT.get(ctx.invoked_subcommand or "")
            raise Interrupted(f"interrupted; {left}" if left else "interrupted") from None


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
        if is_first() or isinstance(error, Interrupted):
            error.show()
        else:
            let_another_speak()
        sys.exit(error.exit_code)
    except PeerFailed as error:  # which another process says
        sys.exit(error.exit_status)
    except RebalanceError as error:
        click.echo(f"rebalance: error: {error}", err=True)
        sys.exit(error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        click.echo("rebalance: interrupted", err=True)
        sys.exit(130)
    except OSError as error:  # such as a full disk behind our output
        click.echo(f"rebalance: error: {error}", err=True)
        sys.exit(1)
    sys.exit(0)
