"""How the samples of each class are chosen or made."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rebalance.errors import SettingError, shown
from rebalance.settings.numbers import Range, read_number
from rebalance.settings.option import Options, option
from rebalance.settings.running import LAYERS, LAYERS_OR_AUTO

SPACES = ("embedding", "pixel")
COPIES = ("drawn", "exact")
CLUSTER_SPACES = ("map", "pca")
LANDMARKS = 20_000  # images on which the clusters of a large class are found
LANDMARKS_ABOVE = 100_000  # images of a class that count as large
FEWEST_LANDMARKS = 100
PIXEL_SIDE = 32  # of the squares that images are compared as, pixel by pixel: CIFAR's
LARGEST_PIXEL_SIDE = 256
MEMBERS = 4  # of an ensemble, as Liu, Wu and Zhou (2009) have
MOST_MEMBERS = 100
REACH = 0.5  # of EOS; the paper's is the whole way
OPERATIONS = "rotate,noise"  # by which augmented copies differ
OF_ONE = {  # options that no other method has, and told
    "reach": "eos",
    "operations": "augment",
    "generated_from": "generated",
    "test": "generated",
}
BEFORE: dict[str, Any] = {  # what options that version 0.1 had not were then
    "neighbours_in": "features",
    "danger_neighbours": None,
    "copies": "drawn",
    "reach": 1.0,
}


def read_landmarks(text: str) -> int | None:
    """The number of landmarks that a text asks for; None where it is a word. Else SettingError."""
    if text in ("auto", "none"):
        return None
    what = "landmarks are auto, none, or"
    number: int = read_number(what, text, int, Range(least=FEWEST_LANDMARKS))
    return number


def pixel_side(text: str) -> int | None:
    """The side of the squares whose pixels tell neighbours; None where features do.

    Raises SettingError for a text that says neither.

    >>> from rebalance.settings.rebalancing import pixel_side
    >>> pixel_side("features"), pixel_side("pixels"), pixel_side("pixels:64")
    (None, 32, 64)
    """
    where, colon, side = text.partition(":")
    if text == "features":
        return None
    if where != "pixels":
        raise SettingError(
            f"neighbours_in must be features, pixels or pixels:SIDE; got {shown(text)}"
        )
    if not colon:
        return PIXEL_SIDE
    bounds = Range(least=1, most=LARGEST_PIXEL_SIDE)
    number: int = read_number("neighbours_in: the SIDE of pixels:SIDE is", side, int, bounds)
    return number


@dataclass(frozen=True)
class SelectionOptions(Options):
    """How the images to keep are chosen.

    Those from ``pick`` to ``landmarks`` are for the method ``subclass``.
    """

    method: str = option(
        "subclass",
        choices="rebalance.undersampling:UNDERSAMPLERS",
        help="How the images to keep are chosen.",
    )
    pick: str = option(
        "typical",
        choices="rebalance.undersampling:PICKERS",
        wrong="pick is",
        help="Which images of a subclass: the typical of its regions, by distance to its centre, "
        "or at random.",
    )
    quotas: str = option(
        "sqrt",
        choices="rebalance.quotas:QUOTAS",
        wrong="quotas are",
        help="Shares of the subclasses of a class: equal, or by the root of their size, or by it.",
    )
    layer: str = option(
        "pool",
        choices=LAYERS_OR_AUTO,
        help="Features to cluster: auto is the best silhouette, class by class. "
        "[default: pool; of a run its embedding]",
    )
    k_max: int = option(9, least=2, help="Most clusters that a class may be found to have.")
    criterion: str = option(
        "silhouette",
        choices="rebalance.clusters:CRITERIA",
        help="Criterion that chooses the number of clusters.",
    )
    cluster_space: str = option(
        "map",
        choices=CLUSTER_SPACES,
        wrong="a cluster space is",
        help="Space to cluster in: the 2-D map, or the principal components.",
    )
    layout: str = option(
        "fast",
        choices="rebalance.clusters:LAYOUTS",
        help="Program that draws the map: our parallel UMAP, or umap-learn.",
    )
    landmarks: str = option(
        "auto",
        metavar="auto|none|N",
        numbers=True,
        form=read_landmarks,
        help="Images of a large class to find the clusters on; the others join them: "
        f"auto is {LANDMARKS:,} of more than {LANDMARKS_ABOVE:,}, none is all.",
    )
    dedupe: bool = option(False, help="Drop near-duplicates of the classes to cut first.")
    suspects: bool = option(
        False,
        help="List images that look out of place: outliers, or among another class.",
    )


def pixel_layer(side: int) -> str:
    """Return what the pixels of images are called beside the layers of a network."""
    return f"pixels:{side}"


# What Lehmann & Ebner (2022) do, in our options: all that they say, whatever our defaults are.
LEHMANN_EBNER: dict[str, str | int] = {
    "method": "subclass",
    "pick": "closest",
    "quotas": "equal",
    "layer": "auto",
    "k_max": 9,
    "criterion": "silhouette",
    "cluster_space": "map",
    "layout": "umap",
    "landmarks": "none",
    "extractor": "finetune",
    "init": "imagenet",
    "resize": "stretch",
}


@dataclass(frozen=True)
class Published(Options):
    """Whether a method is the one that was published, in everything that was not said otherwise."""

    as_published: bool = option(
        False,
        stands_for=LEHMANN_EBNER,
        help="The whole configuration of Lehmann & Ebner (2022), for whatever is not given beside "
        "it: " + ", ".join(f"{name} {value}" for name, value in LEHMANN_EBNER.items()) + ".",
    )


@dataclass(frozen=True)
class EnsembleOptions(Options, group="How many"):
    """How many draws are made of the same images, and whether each follows from those before."""

    ensemble: int = option(
        MEMBERS,
        least=1,
        most=MOST_MEMBERS,
        help="Number of manifests, M.0.csv, M.1.csv, ..., each of a draw of its own.",
    )
    cascade: bool = option(
        False,
        help="After each manifest drop what a head that is fitted on it gets right of the classes "
        "to cut, so that the next draws from the harder images (BalanceCascade).",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cascade and (self.ensemble or 0) < 2:
            raise SettingError(
                "a cascade goes from one member of an ensemble to the next: give --ensemble 2 or "
                "more beside --cascade"
            )

    def as_record(self) -> dict[str, Any]:
        """Return the options by name; a cascade only where it was asked for."""
        return {"ensemble": self.ensemble, **({"cascade": True} if self.cascade else {})}


@dataclass(frozen=True)
class SynthesisOptions(Options):
    """How the samples to add are made."""

    method: str = option(
        "ros",
        choices="rebalance.oversampling:OVERSAMPLERS",
        help="Method that chooses the samples to add; ros repeats images and needs no features.",
    )
    neighbours: int | None = option(
        None,
        least=1,
        help="Number of nearest neighbours that a partner is drawn from. [default: 5; 10 for eos; "
        "10 for generated, which lets them vote]",
    )
    layer: str = option(
        "pool",
        choices=LAYERS,
        help="Layer whose features decide neighbours and clusters. "
        "[default: pool; of a run its embedding]",
    )
    space: str = option(
        "embedding",
        choices=SPACES,
        wrong="a space is",
        help="What a recipe blends: feature vectors, or images. "
        "[default: embedding; pixel of remix, cmo and augment]",
    )
    neighbours_in: str = option(
        "features",
        metavar="features|pixels|pixels:SIDE",
        form=pixel_side,
        help="What decides neighbours: the features of --layer, or the pixels of images stretched "
        f"to squares of SIDE, {PIXEL_SIDE} unless told.",
    )
    exact: bool = option(
        False,
        help="Exact neighbours at any size; without it, approximate above 100,000 samples.",
    )
    danger_neighbours: int | None = option(
        None,
        least=1,
        help="Of borderline-1 and borderline-2: neighbours, of all classes, among which those of "
        "others tell whether a sample is in danger. [default: 10]",
    )
    reach: float = option(
        REACH,
        above=0,
        most=1,
        help="Of eos: how far towards the other class a blend goes at most; 1, the paper's, is the "
        "whole way.",
    )
    copies: str = option(
        "drawn",
        choices=COPIES,
        wrong="copies are",
        help="Of ros: drawn with replacement, or exact: each image as often as every other, and "
        "what is left drawn without replacement.",
    )
    operations: str = option(
        OPERATIONS,
        metavar="A,B",
        form="rebalance.oversampling.images:variations_of",
        help="Of augment: what copies are varied by, of flip, vflip, scale, rotate, shift, "
        "brightness, contrast, blur, noise; flip and vflip not where left and right, or up and "
        "down, mean something, as in digits and text.",
    )
    generated_from: Path | str | None = option(
        None,
        flag="--from",
        metavar="FOLDER",
        place="folder",
        help="Of generated: images that a generator made, a folder for each class of DATA.",
    )
    test: tuple[Path, ...] = option(
        (),
        metavar="DATA",
        accepts="Path | str | Iterable[Path | str]",
        help="Of generated: images to be scored later, a folder or a manifest, none of which may "
        "be among those added; repeatable.",
    )

    def as_record(self) -> dict[str, Any]:
        """Return the options by name; those that came later only where they are not as they were.

        So a manifest is written as before, and the cells of an earlier study are known again. EOS
        went all the way: a reach that is not told is 1.
        """
        of_others = {name for name, method in OF_ONE.items() if method != self.method}
        told = {**asdict(self), "test": [str(path) for path in self.test]}
        told["generated_from"] = self.generated_from and str(self.generated_from)
        return {
            name: value
            for name, value in told.items()
            if name not in of_others and (name not in BEFORE or value != BEFORE[name])
        }

    @property
    def looks_at(self) -> str:
        """The layer of a population by which neighbours are told; its pixels are one."""
        side = pixel_side(self.neighbours_in)
        return self.layer if side is None else pixel_layer(side)
