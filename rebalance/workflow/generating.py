"""The story that vets generated images: which of them may be added to a class, and why not others.

They are held against what is trained on, against what is tested on, and against each other.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rebalance.data.folder import ImageFolder
from rebalance.data.generated import GeneratedImages, generated_images
from rebalance.data.naming import numbered
from rebalance.data.source import open_source
from rebalance.data.unreadable import report_unreadable
from rebalance.inspection import ImageDescription, describe_set
from rebalance.inspection.copies import copies_among, copies_of
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions, SynthesisOptions
from rebalance.workflow.reading import Readable, features_by
from rebalance.workflow.vetting import OF_DATA, OF_OTHERS, OF_TEST, OUT, UNREADABLE, Vetting

if TYPE_CHECKING:
    from rebalance.numerics.standardisation import FeatureMatrix, Floats

log = logging.getLogger("rebalance")

READ = FolderOptions(allow_empty=True)  # how test images are read


def vetted(
    images: GeneratedImages,
    readable: Readable,
    wanted: Mapping[int, int],
    synthesis: SynthesisOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> Vetting:
    """Look at the generated images of the classes that are to be raised.

    wanted: by how many samples, by label. Raises UnreadableImage under ``strict``.
    """
    from rebalance.oversampling import OVERSAMPLERS

    folder = images.folder
    raised = (place for place, label in enumerate(folder.labels) if label in wanted)
    images = replace(images, folder=folder.take(raised))
    voters = synthesis.neighbours or OVERSAMPLERS[synthesis.method].neighbours or 1
    found = Vetting(images, voters, wanted)
    found, looks = _readable(found, readable, run, progress)
    found = _without_known(found, looks, readable, synthesis, run, progress)
    found = _in_class(found, readable, synthesis, extractor, run, progress)
    found = _each_once(found, looks)
    log.info("generated images: %d of %d may be added", len(found.left), len(images.folder.paths))
    return found


def listed(
    data: ImageFolder, synthesis: SynthesisOptions, options: FolderOptions
) -> GeneratedImages:
    """List the generated images for ``data``, and see that those to test on can be listed.

    Raises DataError as ``generated_images``, and for images to test on of other classes.
    """
    assert synthesis.generated_from is not None
    for place in synthesis.test:
        _tested(place, data.classes)
    place = Path(synthesis.generated_from)
    return generated_images(place, data.root, data.classes, options)


Looks = dict[int, ImageDescription]


def _readable(
    found: Vetting, readable: Readable, run: RunOptions, progress: Progress
) -> tuple[Vetting, Looks]:
    """Leave out what cannot be read; return what the others look like, by position."""
    folder = found.images.folder
    seen, bad, _ = describe_set(folder, chosen_workers(run.workers), progress, readable.scale)
    report_unreadable(bad, len(folder.paths), strict=run.strict)
    reasons = {image.path: image.reason for image in bad}
    gone = {
        place: f"unreadable: {reasons.get(folder.paths[place], 'cannot be decoded')}"
        for place, look in enumerate(seen)
        if look is None
    }
    return found.without(UNREADABLE, gone), {
        place: look for place, look in enumerate(seen) if look is not None
    }


def _without_known(
    found: Vetting,
    looks: Looks,
    readable: Readable,
    synthesis: SynthesisOptions,
    run: RunOptions,
    progress: Progress,
) -> Vetting:
    """Leave out what repeats an image of the data, of any class, or one to test on."""
    every = dict.fromkeys(range(len(readable.folder.classes)), 0)
    trained = readable.looked_at(every, run, progress)
    known = {readable.folder.paths[place]: look for place, look in trained.items() if look}
    found = _without_copies(found, OF_DATA, looks, known)
    for place in synthesis.test:
        folder = _tested(place, readable.folder.classes)
        seen, _, _ = describe_set(folder, chosen_workers(run.workers), progress, readable.scale)
        known = {
            (folder.root / path).as_posix(): look
            for path, look in zip(folder.paths, seen, strict=True)
            if look is not None
        }
        found = _without_copies(found, OF_TEST, looks, known)
    return found


def _tested(place: Path, classes: Sequence[str]) -> ImageFolder:
    """List images to test on, whose classes must be among those of the data."""
    folder = open_source(place, READ).folder
    numbered(place, folder, classes, "images to test on must be of the classes of the data")
    return folder


def _without_copies(
    found: Vetting, kind: str, looks: Looks, known: Mapping[str, ImageDescription]
) -> Vetting:
    left, names, descriptions = found.left, list(known), list(known.values())
    copies = copies_of([looks[place] for place in left], descriptions)
    return found.without(
        kind,
        {
            left[copy]: _repeats(looks[left[copy]], descriptions[other], names[other])
            for copy, other in copies.items()
        },
    )


def _repeats(one: ImageDescription, other: ImageDescription, name: str) -> str:
    return f"{'duplicate' if one.digest == other.digest else 'near-duplicate'} of {name}"


def _in_class(
    found: Vetting,
    readable: Readable,
    synthesis: SynthesisOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> Vetting:
    """Leave out what the nearest training images take for another class."""
    from rebalance.appraisal.membership import balanced_vote
    from rebalance.neighbours import nearest_of_others
    from rebalance.numerics.contents import contents_of

    left, folder = found.left, found.images.folder
    if not left:
        return found
    layer = synthesis.looks_at
    seen, gone = features_by(readable, folder.take(left), layer, extractor, run, progress)
    found = found.without(UNREADABLE, {left[place]: why for place, why in gone.items()})
    left = found.left
    matrix = readable.matrix(layer)
    labels = np.asarray(readable.folder.labels, np.int64)
    # Equal images of a class have one vote.
    voters = contents_of(matrix).within(labels).first
    near = nearest_of_others(
        _values(matrix.take(voters)),
        _values(seen),
        found.voters,
        device=readable.device,
        progress=progress,
    )
    said = np.array([folder.labels[place] for place in left], np.int64)
    sizes = np.bincount(labels[voters], minlength=len(folder.classes))
    vote = balanced_vote(labels[voters][near.indices], said, sizes)
    asked = near.indices.shape[1]
    return found.without(
        OUT,
        {
            left[place]: f"out of class: of its {asked} nearest training images "
            f"{vote.others[place]} are {folder.classes[vote.winner[place]]!r} and "
            f"{vote.own[place]} of its own class"
            for place in np.flatnonzero(vote.winner != said).tolist()
        },
    )


def _each_once(found: Vetting, looks: Looks) -> Vetting:
    """Leave out what repeats another that may be added; the first stays."""
    left = found.left
    copies = copies_among([looks[place] for place in left])
    return found.without(
        OF_OTHERS,
        {
            left[copy]: _repeats(
                looks[left[copy]], looks[left[other]], found.images.name(left[other])
            )
            for copy, other in copies.items()
        },
    )


def _values(matrix: "FeatureMatrix") -> "Floats":
    values = matrix.read(slice(None), slice(None))
    return values if values.dtype == np.float64 else values.astype(np.float32)
