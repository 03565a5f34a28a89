"""The command line: parses, calls one library function, prints.

One file per command, loaded when it is called; nothing but this package imports click. Here is the
one place where errors become exit statuses: 0 done, 1 an error, 2 wrong usage, 3 a gate failed; 128
and the number of a signal that ended it, which is 130 for Ctrl-C and 143 for SIGTERM.
"""

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword
from typing import IO, Any, NoReturn

import click

from rebalance import __version__
from rebalance.cli.colours import ERROR, in_colour, painted
from rebalance.cli.console import end_log
from rebalance.cli.groups import Context
from rebalance.cli.streams import usable_streams
from rebalance.distributed.processes import is_first, several
from rebalance.distributed.shutdown import Ended, ended_in_order, let_another_speak
from rebalance.errors import PeerFailed, RebalanceError, meant, shown

# What `rebalance --help` says of each; listing them imports none of their modules.
COMMANDS = {
    "advise": "Say what to do about imbalance on your data.",
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
    "report": "Write an HTML page about a manifest, runs or advice.",
    "train": "Train a baseline and score it.",
    "evaluate": "Score the network of a run.",
    "study": "Compare ways of rebalancing on your data.",
    "losses": "List every loss with its options.",
    "extractors": "List what can look at images here, or compare it.",
    "choices": "List what else can be chosen, such as regimes.",
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
    "extractors": "features computed so far are in the cache",
    "study": "go on by running it again",
    "advise": "go on by running it again",
}

READER_GONE = 128 + 13  # the number of SIGPIPE, which ends most programs that are not asked

EPILOG = """\b
Example:
  rebalance undersample photos/train -o balanced.csv

Shell completion: eval "$(_REBALANCE_COMPLETE=bash_source rebalance)", or zsh_source,
fish_source, in your shell's start-up file."""


class Interrupted(click.ClickException):
    """A command was told to end; the text says what is left of its work.

    number: of the signal, SIGINT where somebody pressed Ctrl-C. left: what there is to say of what
    is left, where it is not the same whenever the command ends.
    """

    def __init__(
        self, number: int = signal.SIGINT, command: str | None = None, left: str | None = None
    ) -> None:
        told = (
            "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
        )
        left = left or LEFT.get(command or "")
        super().__init__(f"{told}; {left}" if left else told)
        self.number = number
        self.status = 128 + number

    def show(self, file: IO[Any] | None = None) -> None:
        # Several that torchrun ends are told so at once; Ctrl-C reaches one before the others.
        if self.number == signal.SIGINT or is_first():
            click.echo(f"rebalance: {self.message}", err=True)


class LazyGroup(click.Group):
    """Finds each command in the module of its name, and imports it only when asked."""

    context_class = Context

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
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"no command {shown(args[0])}{meant(args[0], COMMANDS)}", ctx)
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
            raise Interrupted(command=ctx.invoked_subcommand) from None
        except Ended as ended:
            raise Interrupted(ended.number, ctx.invoked_subcommand) from None
        finally:
            end_log()


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
    with usable_streams(), ended_in_order():
        status = _status()
    sys.exit(status)


def _status() -> int:
    """Run the command line, say what went wrong, and return the exit status."""
    try:
        group.main(prog_name="rebalance", standalone_mode=False)
    except Interrupted as error:
        _say(error.show)
        return error.status
    except click.ClickException as error:
        if is_first():
            _say(click.echo, in_colour(error, sys.stderr), err=True, nl=False)
        else:
            let_another_speak()
        return error.exit_code
    except PeerFailed as error:  # which another process says
        return error.exit_status
    except RebalanceError as error:
        _say(click.echo, f"rebalance: {_error()} {error}", err=True)
        return error.exit_status
    except (KeyboardInterrupt, click.Abort):
        _say(Interrupted().show)
        return Interrupted().status
    except Ended as ended:
        _say(Interrupted(ended.number).show)
        return Interrupted(ended.number).status
    except SystemExit:  # click's, where whoever reads our output has gone, as head does
        return READER_GONE
    except OSError as error:  # such as a full disk behind our output
        _say(click.echo, f"rebalance: {_error()} {_refusal(error)}", err=True)
        return 1
    return 0


def _say(tell: Callable[..., None], *words: Any, **how: Any) -> None:
    """Say why it ends, if there is anybody left to hear it."""
    with suppress(OSError):
        tell(*words, **how)


def _error() -> str:
    return painted("error:", sys.stderr, ERROR)


def _refusal(error: OSError) -> str:
    """Tell what the system refused; it names no file where it is the output."""
    what = "standard output" if error.filename is None else repr(error.filename)
    return f"{what} cannot be used ({error.strerror or error}): make room, or choose another place"
