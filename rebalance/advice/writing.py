"""The files of advice: the record, its page, the script, and the manifest that is recommended.

May not import torch or click.
"""

from dataclasses import replace
from pathlib import Path

from rebalance.advice.candidates import Candidate
from rebalance.advice.commands import MANIFEST, AdviceRequest, script
from rebalance.advice.page import advice_report
from rebalance.advice.reading import JSON
from rebalance.atomic import replacing
from rebalance.errors import OutputError
from rebalance.manifest import companions, to_json
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.records import AdviceRecord
from rebalance.workflow import oversample, undersample

PAGE, SCRIPT = "advice.html", "do.sh"


def write_advice(
    record: AdviceRecord, recommended: Candidate, asked: AdviceRequest, progress: Progress
) -> None:
    """Write ``advice.json``, ``advice.html``, ``do.sh`` and the manifest, over those of before.

    Raises OutputError where the folder cannot be written to.
    """
    _write_manifest(recommended, asked, progress)
    second = record["second"]
    lines = record["do"]["commands"], [] if second is None else second["commands"]
    text = script(*lines, asked, Path.cwd())
    workers = chosen_workers(asked.run.workers)
    page = advice_report(record, workers=workers, progress=progress).text
    places = (asked.output / name for name in (JSON, SCRIPT, PAGE))
    with replacing(*places) as (told, shell, shown):
        told.write_text(to_json(record), encoding="utf-8")
        shown.write_text(page, encoding="utf-8", newline="\n")
        shell.write_text(text, encoding="utf-8", errors="surrogateescape")
        shell.chmod(0o755)


def _write_manifest(recommended: Candidate, asked: AdviceRequest, progress: Progress) -> None:
    """Write the manifest of what is recommended, and take away one that no longer is."""
    place, rebalancing = asked.output / MANIFEST, recommended.definition.rebalance
    how = {
        "extractor": asked.extractor,
        "source": asked.source,
        "run": replace(asked.run, overwrite=True),
        "progress": progress,
    }
    if rebalancing.cut is not None:
        cut = {"targets": rebalancing.targets, "selection": rebalancing.cut}
        undersample(asked.data, place, **cut, **how)  # type: ignore[arg-type]
    elif rebalancing.raised is not None:
        raised = {"growth": rebalancing.growth, "synthesis": rebalancing.raised}
        oversample(asked.data, place, **raised, **how)  # type: ignore[arg-type]
    else:
        _take_away(*companions(place))


def _take_away(*paths: Path) -> None:
    for each in paths:
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot delete {str(each)!r} ({error.strerror}): choose another place"
            ) from error
