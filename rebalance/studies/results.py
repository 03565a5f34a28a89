"""What a study came to: a row for each treatment, beside its controls, with intervals.

Imports numpy; may not import torch or click.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rebalance import seeds
from rebalance.errors import DataError, SettingError, choose
from rebalance.studies.outcomes import BY_CLASS, Controls, Outcome, Treatment
from rebalance.studies.summaries import (
    MetricSummary,
    Pair,
    PairedDifference,
    Values,
    difference,
    sign,
    summary,
)

CONTROLS = ("nothing", "random", "prior")


@dataclass(frozen=True)
class TreatmentRow:
    """One treatment over all seeds and folds that were run.

    role: ``nothing``, ``random`` or ``prior`` for a row that is others' control, else
    ``treatment``.
    metrics: on validation images, by name. test: on the test images; empty without any. outcomes:
    pairs of seed and fold that were run. seconds, images, samples: the median over them.
    """

    treatment: Treatment
    role: str
    metrics: Mapping[str, MetricSummary]
    test: Mapping[str, MetricSummary]
    outcomes: int
    seconds: float
    images: float
    samples: float

    def beside(self, control: str, metric: str, *, test: bool = False) -> PairedDifference | None:
        """On validation or test images; None where there is no such control or no such metric."""
        found = (self.test if test else self.metrics).get(metric)
        return None if found is None else found.beside(control)


@dataclass(frozen=True)
class Results:
    """The rows of a study, the best mean of ``metric`` first.

    metric: what rows are sorted by, on validation images; never on test images. held_out: share of
    the images that a fold is scored on. pairs: of seed and fold, all there are. comparisons: rows
    beside each control. outcomes: what the rows are of.
    """

    metric: str
    held_out: float
    pairs: tuple[Pair, ...]
    comparisons: Mapping[str, int]
    rows: tuple[TreatmentRow, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def nothing(self) -> TreatmentRow | None:
        """The row of doing nothing; None where it was not run."""
        return next((row for row in self.rows if row.role == "nothing"), None)

    @property
    def best(self) -> TreatmentRow | None:
        """The first row that does something and is not random; None where there is none."""
        return next((row for row in self.rows if row.role in ("treatment", "prior")), None)

    @property
    def seeds(self) -> list[int]:
        """The seeds that were run."""
        return sorted({seed for seed, _ in self.pairs})


def summarise(
    outcomes: Sequence[Outcome],
    controls: Mapping[Treatment, Controls],
    *,
    metric: str,
    seed: int,
    held_out: float | None = None,
) -> Results:
    """Every treatment's metrics with their spread, and beside its controls.

    controls: of each treatment. metric: to sort by, on validation images. seed: of the draws of the
    intervals. held_out: the share of the images that a fold is scored on; None is one over the
    number of folds that were run, and a half where that is one, which makes for wide intervals.
    What is not finished is left out, and a pair that one side lacks is no pair.

    Raises DataError for no outcome, one that is there twice, and a treatment that ``controls``
    lacks; SettingError for a metric that no outcome has, and a share that is none.
    """
    outcomes = sorted(outcomes, key=lambda each: (each.treatment, each.seed, each.fold))
    by_treatment = _by_treatment(outcomes, controls)
    share = _share(outcomes, held_out)
    if not any(metric in each.metrics for each in outcomes):
        raise SettingError(_no_metric(metric, outcomes))
    comparisons = _comparisons(by_treatment, controls)
    study = _Study(by_treatment, controls, comparisons, share / (1 - share), seed)
    rows = [
        TreatmentRow(
            treatment,
            _role(treatment, controls.values()),
            dict(study.summaries(treatment, test=False)),
            dict(study.summaries(treatment, test=True)),
            len(own),
            median(each.seconds for each in own.values()),
            median(each.images for each in own.values()),
            median(each.samples for each in own.values()),
        )
        for treatment, own in by_treatment.items()
    ]
    rows.sort(key=lambda row: _rank(row, metric))
    pairs = sorted({pair for own in by_treatment.values() for pair in own})
    return Results(metric, share, tuple(pairs), comparisons, tuple(rows), tuple(outcomes))


def _role(treatment: Treatment, controls: Collection[Controls]) -> str:
    for name in CONTROLS:
        if any(getattr(each, name) == treatment for each in controls):
            return name
    return "treatment"


Own = Mapping[Pair, Outcome]  # the outcomes of one treatment


@dataclass(frozen=True)
class _Study:
    """What every summary needs."""

    by_treatment: Mapping[Treatment, Own]
    controls: Mapping[Treatment, Controls]
    comparisons: Mapping[str, int]
    correction: float
    seed: int

    def summaries(self, treatment: Treatment, *, test: bool) -> Iterator[tuple[str, MetricSummary]]:
        """Yield the summary of each metric, by its name, on validation or on test images."""
        known = (_scores(each, test) for each in self.by_treatment[treatment].values())
        for metric in dict.fromkeys(name for scores in known for name in scores):
            values = self._values(treatment, metric, test)
            stream = (treatment.stream, metric, "test" if test else "validation")
            rng = seeds.generator(self.seed, "study", *stream)
            found = summary(values, metric, self.correction, rng)
            found = replace(found, nothing=self._beside(treatment, "nothing", metric, test))
            if not metric.startswith(BY_CLASS):  # of which there may be hundreds
                random, prior = (
                    self._beside(treatment, each, metric, test) for each in ("random", "prior")
                )
                found = replace(found, random=random, prior=prior)
            yield metric, found

    def _beside(
        self, treatment: Treatment, control: str, metric: str, test: bool
    ) -> PairedDifference | None:
        other = getattr(self.controls[treatment], control)
        if other is None or other == treatment:
            return None
        stream = (treatment.stream, metric, "test" if test else "validation", control)
        return difference(
            self._values(treatment, metric, test),
            self._values(other, metric, test),
            metric,
            self.comparisons[control],
            self.correction,
            seeds.generator(self.seed, "study", *stream),
        )

    def _values(self, treatment: Treatment, metric: str, test: bool) -> Values:
        own = self.by_treatment.get(treatment, {})
        scores = ((pair, _scores(each, test)) for pair, each in own.items())
        return {pair: found[metric] for pair, found in scores if metric in found}


def _scores(outcome: Outcome, test: bool) -> Mapping[str, float]:
    return (outcome.test or {}) if test else outcome.metrics


def _by_treatment(
    outcomes: Sequence[Outcome], controls: Mapping[Treatment, Controls]
) -> dict[Treatment, dict[Pair, Outcome]]:
    if not outcomes:
        raise DataError("a study needs at least one outcome; there is none: run it first")
    found: dict[Treatment, dict[Pair, Outcome]] = {}
    for each in outcomes:
        if each.treatment not in controls:
            raise DataError(
                f"each treatment needs its controls; {each.treatment} has none: name them"
            )
        own = found.setdefault(each.treatment, {})
        if (each.seed, each.fold) in own:
            raise DataError(
                f"each treatment has one outcome for a seed and a fold; {each.treatment} has two "
                f"for seed {each.seed}, fold {each.fold}: keep one"
            )
        own[each.seed, each.fold] = each
    return found


def _share(outcomes: Sequence[Outcome], held_out: float | None) -> float:
    folds = len({each.fold for each in outcomes})
    share = 1 / max(folds, 2) if held_out is None else held_out
    if not 0 < share < 1:
        raise SettingError(f"held_out is a share between 0 and 1; got {share!r}: such as 0.2")
    return share


def _no_metric(metric: str, outcomes: Sequence[Outcome]) -> str:
    known = list(dict.fromkeys(name for each in outcomes for name in each.metrics))
    return f"no outcome has the metric {metric!r}: {choose(metric, known or ['balanced_accuracy'])}"


def _comparisons(
    by_treatment: Mapping[Treatment, Own], controls: Mapping[Treatment, Controls]
) -> dict[str, int]:
    """Return how many treatments that were run stand beside each control."""
    found = Counter(
        name
        for treatment in by_treatment
        for name in CONTROLS
        if getattr(controls[treatment], name) not in (None, treatment)
    )
    return {name: found[name] for name in CONTROLS}


def _rank(row: TreatmentRow, metric: str) -> tuple[bool, float, float, Treatment]:
    """The best mean first, a tie by the median; those without a value last."""
    found = row.metrics.get(metric)
    if found is None or found.median is None or found.mean is None:
        return True, 0.0, 0.0, row.treatment
    return False, -sign(metric) * found.mean, -sign(metric) * found.median, row.treatment
