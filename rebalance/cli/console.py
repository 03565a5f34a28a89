"""What a person sees: results on stdout, log and progress on stderr."""

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from unicodedata import combining, east_asian_width

import click

from rebalance.cli import groups
from rebalance.cli.colours import ERROR, HEADING, WARNING, painted
from rebalance.errors import NAMED, near, shortened, some
from rebalance.progress import Item, Progress, silent

if TYPE_CHECKING:
    from rebalance.records import MetricsRecord

PREFIX, VARIABLE = "REBALANCE_", "CACHE_DIR"  # of the environment

Command = TypeVar("Command", bound=Callable[..., Any])


class _Lines(logging.Handler):
    """One line per record, between progress bars rather than through them.

    A warning that comes again is only counted. Work goes on where nobody can be told of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.warned: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self._write(record)

    def _write(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno == logging.WARNING:
            self.warned[text] += 1
            if self.warned[text] > 1:
                return
        self._say(text, record.levelno)

    def close(self) -> None:
        """Say how often warnings came that were said once."""
        again = {text: times for text, times in self.warned.items() if times > 1}
        self.warned.clear()
        with suppress(OSError):
            for text, times in list(again.items())[:NAMED]:
                self._say(f"{times} times: {shortened(text)}", logging.WARNING)
            if len(again) > NAMED:
                more = f"{len(again) - NAMED} more came several times"
                self._say(more, logging.WARNING)
        super().close()

    def _say(self, text: str, level: int) -> None:
        if level >= logging.WARNING:
            style = WARNING if level == logging.WARNING else ERROR
            label = painted(f"{logging.getLevelName(level).lower()}:", sys.stderr, style)
            text = f"{label} {text}"
        text = f"rebalance: {text}"
        if _on_terminal():
            from tqdm import tqdm

            tqdm.write(text, file=sys.stderr)
        else:
            click.echo(text, err=True)


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _bar(items: Iterable[Item], *, total: int, what: str, unit: str) -> Iterable[Item]:
    from tqdm import tqdm

    bar: Iterable[Item] = tqdm(
        items, desc=what, total=total, unit=f" {unit}", leave=False, file=sys.stderr
    )
    return bar


def start(*, quiet: bool, verbose: bool) -> Progress:
    """Set the log up; progress bars only on a terminal, and not when quiet."""
    log = logging.getLogger("rebalance")
    log.handlers[:] = [_Lines()]
    log.propagate = False
    log.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    _check_variables(log)
    return _bar if _on_terminal() and not quiet else silent


def _check_variables(log: logging.Logger) -> None:
    """Warn of a variable that nothing reads, and that was meant for the one that there is."""
    for name in sorted(os.environ.keys() - {PREFIX + VARIABLE}):
        if name.startswith(PREFIX) and near(name.removeprefix(PREFIX), [VARIABLE]):
            log.warning("nothing reads %s; did you mean %s?", name, PREFIX + VARIABLE)


def talk(command: Command) -> Command:
    """The options -q, -v and --json."""
    for option in (
        groups.option("Output", "--json", "as_json", is_flag=True, help="Print one JSON document."),
        groups.option("Running", "-v", "--verbose", is_flag=True, help="Log more to stderr."),
        groups.option("Running", "-q", "--quiet", is_flag=True, help="Log only errors."),
    ):
        command = option(command)
    return command


def print_json(record: Any) -> None:
    """One document on stdout, and nothing else."""
    click.echo(json.dumps(record, indent=2, allow_nan=False))


def print_record(manifest: Path) -> None:
    """Print the record of a manifest that was written, as it stands beside it."""
    from rebalance.manifest.rows import companions

    _, _, record, _ = companions(manifest)
    print_json(json.loads(record.read_bytes()))


def printable(text: str) -> str:
    """A name as it can be shown on one line: control characters and lone surrogates escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> str:
    """Columns under their header, the first ``left`` to the left, numbers to the right."""
    lines = [list(header), *([printable(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    first, *others = (
        "  ".join(
            cell + " " * (width - _width(cell)) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return "\n".join([heading(first), *others])


def heading(text: str) -> str:
    """A text that others stand under, as stdout shows it."""
    return painted(text, sys.stdout, HEADING)


def end_log() -> None:
    """Say what the log has still to say, when a command has ended."""
    for handler in logging.getLogger("rebalance").handlers:
        handler.close()


SUMMARY = (
    "accuracy",
    "balanced_accuracy",
    "gmean",
    "gmean_macro",
    "f1_macro",
    "roc_auc_ovr_macro",
    "average_precision_macro",
    "log_loss",
    "brier",
    "ece",
    "ece_balanced",
)


def scores(metrics: "MetricsRecord") -> str:
    """The metrics of a network as two tables, each class and the whole, beside a former head's."""
    before = metrics.get("before")
    text = _classes(metrics, before) + "\n\n" + _whole(metrics, before)
    if "divided_by" in metrics:
        text += f"\n\n{_divided(metrics)}"
    if metrics["absent"]:
        absent = some([printable(name) for name in metrics["absent"]], quoted=False)
        text += f"\n\nleft out of the means, without images: {absent}"
    for name, reason in metrics.get("undefined", {}).items():
        text += f"\n\n{name} is not defined: {reason}"
    return text


def _classes(metrics: "MetricsRecord", before: "MetricsRecord | None") -> str:
    gaps = [
        (label, gap["per_class"])
        for label, each in (("gap before", before), ("gap", metrics))
        if each is not None and (gap := each.get("generalization_gap")) is not None
    ]
    rows = [
        (
            name,
            *(
                "" if each is None else f"{each:.3f}"
                for each in (own["precision"], own["recall"], own["f1"])
            ),
            own["support"],
            *(f"{by_class[name]:.1f}" if name in by_class else "" for _, by_class in gaps),
        )
        for name, own in metrics["per_class"].items()
    ]
    return table(
        ("class", "precision", "recall", "f1", "images", *(label for label, _ in gaps)), rows
    )


def _whole(metrics: "MetricsRecord", before: "MetricsRecord | None") -> str:
    sides = [metrics] if before is None else [before, metrics]
    values: list[dict[str, Any]] = [dict(each) for each in sides]
    rows = [
        (name, *(_value(each[name]) for each in values))
        for name in SUMMARY
        if all(name in each for each in values)
    ]
    gaps = [gap["net"] for each in sides if (gap := each.get("generalization_gap")) is not None]
    if len(gaps) == len(sides):
        rows.append(("generalization_gap", *(f"{net:.2f}" for net in gaps)))
    return table(("metric", "value") if before is None else ("metric", "before", "after"), rows)


def _divided(metrics: "MetricsRecord") -> str:
    """Say by which class shares the threshold divided."""
    from rebalance.scoring.thresholds import THRESHOLDS, recorded

    asked, shares = recorded(metrics["threshold"]), metrics["divided_by"]
    tau = metrics.get("power", asked.tau)
    power = "" if tau == 1 else f", to the power of {tau:g}"
    listed = [f"{printable(name)} {share:.3g}" for name, share in shares.items()]
    return (
        f"the threshold {asked} divided by the class shares of "
        f"{THRESHOLDS[asked.name].divides_by}{power}: {some(listed, quoted=False)}"
    )


def _value(metric: float | None) -> str:
    return "undefined" if metric is None else f"{metric:.4f}"


def _width(text: str) -> int:
    """The columns that ``text`` takes on a terminal."""
    wide = sum(east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(combining(character) > 0 for character in text)
