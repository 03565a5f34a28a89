"""The story of another head: the body of a run under a head from recipes, as a run of its own.

What ``train --rebalance-head`` comes to, of a body that was trained before: many heads can so share
one training. Imports torch only in the middle of it; never click.
"""

from functools import partial
from pathlib import Path
from typing import Any

from rebalance.bench import Bench
from rebalance.metrics import FeatureRanges
from rebalance.processes import joined
from rebalance.progress import Progress
from rebalance.runs import Run
from rebalance.runs.options import make_loss, reopen_training
from rebalance.samples import ScoringSet, open_scoring
from rebalance.settings import FolderOptions, RunOptions, ScoringOptions
from rebalance.workflow.conclusion import Trained, conclude
from rebalance.workflow.heads import (
    check_recipes,
    describe_recipes,
    open_recipes,
    with_rebalanced_head,
)


def rehead(
    path: Path | str,
    manifest: Path | str,
    test: Path | str,
    output: Path | str,
    *,
    validation: Path | str | None,
    run: RunOptions,
    precision: str,
    progress: Progress,
) -> dict[str, Any]:
    """Put a head trained on ``manifest`` on the body of the run at ``path``; returns the metrics.

    validation: images that the best epoch of the head is chosen by; without them it is the last.
    The seed is that of ``run``, and the same as ``train``'s where all should be as by it.
    """
    with joined(run.device) as processes:
        bench = Bench.of(run, precision, progress, processes)
        by_first, workers = processes.by_first, bench.workers
        body = by_first(partial(Run.open, path))
        saved = by_first(body.load_model)
        seen = by_first(partial(reopen_training, body.options, workers, bench.progress))

        def read(images: Path | str) -> ScoringSet:
            return open_scoring(
                images,
                saved.classes,
                FolderOptions(),
                workers,
                bench.progress,
                strict=run.strict,
            )

        tested = by_first(partial(read, test))
        judged = None if validation is None else by_first(partial(read, validation))
        opened = partial(open_recipes, manifest, saved.classes, FolderOptions(), workers)
        recipes = by_first(partial(opened, bench.progress, strict=run.strict))
        recipes = check_recipes(recipes, judged, tested, allowed=False)
        options = {**body.options, "head": describe_recipes(manifest, recipes)}
        folder = by_first(partial(Run.create, output, options, overwrite=run.overwrite))
        trained = Trained(
            saved.metadata["arch"],
            saved.network,
            saved.transform,
            make_loss(options),
            draws=[],
            weights=[],
            ranges=FeatureRanges({}),
        )
        trained = with_rebalanced_head(
            trained, recipes, seen, judged, tested, options["counts"], run.seed, bench
        )
        return conclude(folder, trained, ScoringOptions(), seen, tested, bench)
