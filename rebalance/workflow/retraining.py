"""The story of train --from: a finished run, its last layer trained anew on rebalanced embeddings.

Imports torch only in the middle of it; never click.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from rebalance.data.looks import Look
from rebalance.data.samples import ScoringSet, open_scoring
from rebalance.data.separation import check_overlap
from rebalance.distributed.processes import joined
from rebalance.errors import SettingError
from rebalance.metrics import FeatureRanges
from rebalance.models.fingerprints import file_digest
from rebalance.oversampling.spelling import Sampling, as_sampling
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.records import MetricsRecord, RunOptionsRecord
from rebalance.runs import Run
from rebalance.runs.options import reopen_training, scale_from, scoring_loss
from rebalance.runs.sets import Looks
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.classifiers import spelled_classifier
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import check_rule
from rebalance.settings import (
    FeatureFiles,
    FolderOptions,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.workflow.beginning import begun_folder
from rebalance.workflow.conclusion import (
    Trained,
    check_held_out,
    check_validation,
    conclude,
    warn_of_one_class,
)
from rebalance.workflow.file_bodies import HeadFiles
from rebalance.workflow.head_evaluators import VectorEvaluator
from rebalance.workflow.head_samples import HeadSamples
from rebalance.workflow.heads import with_rebalanced_head
from rebalance.workflow.own_samples import own_samples
from rebalance.workflow.recipes import Recipes, check_recipes, open_recipes, warn_of_other_eyes


def retrain_head(
    begun: Path | str,
    asked: Path | str | Sampling,
    test: Path | str,
    output: Path | str,
    *,
    training: TrainOptions,
    files: FeatureFiles,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> MetricsRecord:
    """Give the network of a run a head trained on rebalanced embeddings; the metrics.

    asked: a manifest, or a method of oversampling with its options, which samples the run's own
    training images. files: of features in place of images, where the run was trained on such and
    they are not where they were. The run itself stays as it is; the result is a run of its own.
    """
    _check(begun, output, training, scoring)
    check_validation(scoring)
    with joined(run.device) as processes, ExitStack() as holding:
        evaluator = Evaluator.of(run, training.precision, progress, processes)
        former = processes.by_first(partial(Run.open, begun))
        seen_by = _files(former, files, strict=run.strict)
        looks = Looks() if seen_by is None else seen_by.looks
        if seen_by is not None:
            evaluator = VectorEvaluator.beside(evaluator)
        saved = processes.by_first(former.load_model)
        by = asked if isinstance(asked, Sampling) else as_sampling(asked) or asked
        read = partial(
            _sets, by, test, former, saved.classes, scoring, source, run, looks, evaluator
        )
        samples, validation, tested = processes.by_first(read)
        seen = samples.seen
        at_first = [float(seen.at_first[name]) for name in saved.classes]
        amounts = Amounts.of_samples(samples.expected, at_first)
        check_rule(scoring.classifier, scoring.threshold, saved.classes, amounts, seen.counts)
        if validation is not None:
            check_held_out(scoring, validation.folder.labels, saved.classes)
        warn_of_one_class(tested)
        options: RunOptionsRecord = {
            **former.options,
            "threshold": scoring.threshold,
            "classifier": spelled_classifier(scoring.classifier),
            # The run's own seed stays: by it its training images are found again.
            "head": {
                **samples.as_record(),
                "of": file_digest(former.model_path),
                "seed": run.seed,
            },
        }
        if seen_by is not None:
            options["features"] = processes.by_first(seen_by.as_record)
        folder = begun_folder(output, options, holding, processes, overwrite=run.overwrite)
        counts = options["counts"]
        network = Trained(
            saved.metadata["arch"],
            saved.network,
            saved.transform,
            scoring_loss(former.options),
            amounts=amounts,
            ranges=FeatureRanges({}),
        )
        trained = with_rebalanced_head(
            network, samples, seen, validation, tested, counts, run.seed, evaluator
        )
        return conclude(folder, trained, scoring, seen, tested, evaluator, validation=validation)


def _check(
    begun: Path | str, output: Path | str, training: TrainOptions, scoring: ScoringOptions
) -> None:
    """Raise SettingError for a choice that a head alone has no use for."""
    if Path(output).resolve() == Path(begun).resolve():
        raise SettingError(
            f"--from leaves its run as it is, and {str(output)!r} is that run: write to another "
            "folder"
        )
    plain = TrainOptions(
        precision=training.precision,
        in_memory=training.in_memory,
        rebalance_head=training.rebalance_head,
    )
    for name in vars(plain):
        if getattr(training, name) != getattr(plain, name):
            option = "loss-option" if name == "loss_options" else name.replace("_", "-")
            raise SettingError(f"--from takes the network as it was trained: leave out --{option}")
    if replace(scoring, val_fraction=None, groups=None, group_column=None) != scoring:
        raise SettingError("--from trains on all that the manifest has: validate with --val")


def _files(former: Run, files: FeatureFiles, *, strict: bool) -> HeadFiles | None:
    known = former.options.get("features")
    if known is None:
        if files.features is not None:
            raise SettingError(
                f"{str(former.path)!r} looks at images by a network: leave out --features"
            )
        return None
    return HeadFiles.to_train_again(known, files, strict=strict)


def _sets(
    asked: Path | str | Sampling,
    test: Path | str,
    former: Run,
    classes: tuple[str, ...],
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    looks: Looks,
    evaluator: Evaluator,
) -> tuple[HeadSamples, ScoringSet | None, ScoringSet]:
    workers, progress = chosen_workers(run.workers), evaluator.progress
    strict, scale = run.strict, scale_from(former.options)

    def opened(path: Path | str, look: Look | None) -> ScoringSet:
        alike = replace(source, root=None)
        return open_scoring(
            path, classes, alike, workers, progress, strict=strict, scale=scale, look=look
        )

    validation = None if scoring.val is None else opened(scoring.val, looks.validation)
    tested = opened(test, looks.tested)
    if isinstance(asked, Sampling):
        seen = reopen_training(former.options, workers, progress, look=looks.seen)
        check_overlap(seen, tested, allowed=scoring.allow_overlap)
        return own_samples(asked, seen, validation, run.seed), validation, tested
    found = open_recipes(
        *(asked, classes, source, workers, progress),
        strict=strict,
        scale=scale,
        look=looks.seen,
    )
    known = former.options.get("features")
    sees = {} if known is None else {"sees": known["layer"]}
    warn_of_other_eyes(asked, own=_digests(former), **sees)
    recipes = check_recipes(found, validation, tested, allowed=scoring.allow_overlap)
    return Recipes(asked, recipes), validation, tested


def _digests(former: Run) -> list[str]:
    """The digests of the run's network, and of the one whose body it has where its head is anew.

    Of a run on features that is the file which they are in.
    """
    if (known := former.options.get("features")) is not None:
        return [known["digest"]]
    head = former.options.get("head") or {}
    return [file_digest(former.model_path), *([head["of"]] if "of" in head else [])]
