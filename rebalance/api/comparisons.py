"""The public call that compares extractors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rebalance.api.keywords import takes
from rebalance.progress import Progress, silent
from rebalance.records import ComparisonRecord
from rebalance.settings import calls


@takes(calls.COMPARE_EXTRACTORS)
def compare_extractors(
    data: Path | str,
    extractors: Sequence[str],
    *,
    progress: Progress = silent,
    **options: Any,
) -> ComparisonRecord:
    """Compare how well extractors tell the classes of these images apart.

    data: an image folder, or a manifest. extractors: each as ``extractor`` of the other calls has
    it, with its ``arch`` after a colon, such as ``imagenet:mobilenet_v2``. All are judged by the
    same folds of the same images: by a probe, and by how far neighbours agree with labels. One that
    cannot be used is among those that ``failed`` in the record, and loses no other.

    Raises DataError, ManifestError, SettingError, ExtractorError where none can be used, and
    UnreadableImage under ``strict``.
    """
    from rebalance.comparison import story

    return story.compare_extractors(data, extractors, progress=progress, **options)
