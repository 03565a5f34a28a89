"""How many samples each class is to have, and how they are chosen or made."""

from dataclasses import dataclass

from rebalance.errors import SettingError
from rebalance.settings.checks import check_whole

SPACES = ("embedding", "pixel")
CLUSTER_SPACES = ("map", "pca")
PROFILES = ("exp", "step")
LANDMARKS = 20_000  # images on which the clusters of a large class are found
LANDMARKS_ABOVE = 100_000  # images of a class that count as large
FEWEST_LANDMARKS = 100


@dataclass(frozen=True)
class Targets:
    """How many images a class is to keep (METHODS: a class at or below its target stays whole).

    to: ``min`` (the smallest class), a number, or ``Rx`` (R times the smallest class).
    per_class: (class name, number) pairs that override ``to``.
    classes: only these classes are cut; empty means all.
    """

    to: str = "min"
    per_class: tuple[tuple[str, int], ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, size in self.per_class:
            check_whole(f"the size of class {name!r}", size, 0)


@dataclass(frozen=True)
class Growth:
    """How many samples a class is to grow to; a class at or above its target stays as it is.

    to: ``max`` (the largest class), a number, or ``Rx`` (R times the largest class).
    per_class: (class name, number) pairs that override ``to``.
    classes: only these classes grow; empty means all.
    """

    to: str = "max"
    per_class: tuple[tuple[str, int], ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, size in self.per_class:
            check_whole(f"the size of class {name!r}", size, 0)


@dataclass(frozen=True)
class LongTail:
    """How long a tail to make of a data set (METHODS section 7).

    rho: images of the largest class to each of the smallest. profile: a key of
    ``class_sizes.PROFILES``. n_max: of the largest class; None is as many as all classes allow.
    order: every class, the largest-to-be first; empty is by size, a tie in class order.
    """

    rho: float = 100.0
    profile: str = "exp"
    n_max: int | None = None
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_whole("n_max", self.n_max, 1)
        if not 1 <= self.rho < float("inf"):
            raise SettingError(f"rho is a number from 1 up; got {self.rho!r}")
        if self.profile not in PROFILES:
            raise SettingError(f"a profile is one of {', '.join(PROFILES)}; got {self.profile!r}")


@dataclass(frozen=True)
class SelectionOptions:
    """How the images to keep are chosen.

    method: a key of ``undersampling.UNDERSAMPLERS``.
    pick: for the subclass method, a key of ``undersampling.PICKERS``.
    layer: for the subclass method, body, pool, linear, or auto (best silhouette per class).
    k_max: for the subclass method, the largest number of clusters that is tried.
    criterion: for the subclass method, what chooses among them: a key of ``clusters.CRITERIA``.
    cluster_space: for the subclass method, where they are sought: on the 2-D ``map``, or among the
    principal components (``pca``).
    layout: for the subclass method, what draws that map: a key of ``clusters.LAYOUTS``.
    landmarks: for the subclass method, on how many images of a class its clusters are found, which
    the others then join: a number, ``none`` for all of them, or ``auto``: 20,000 in classes of more
    than 100,000.
    dedupe: of a class that shrinks, near-duplicates go before anything else does.
    suspects: tell which images look out of place in their class; needs features.
    """

    method: str = "subclass"
    pick: str = "closest"
    layer: str = "pool"
    k_max: int = 9
    criterion: str = "silhouette"
    cluster_space: str = "map"
    layout: str = "fast"
    landmarks: str = "auto"
    dedupe: bool = False
    suspects: bool = False

    def __post_init__(self) -> None:
        check_whole("k_max", self.k_max, 2)
        if self.cluster_space not in CLUSTER_SPACES:
            raise SettingError(
                f"a cluster space is one of {', '.join(CLUSTER_SPACES)}; got {self.cluster_space!r}"
            )
        if self.landmarks not in ("auto", "none"):
            number = int(self.landmarks) if self.landmarks.isdecimal() else 0
            if number < FEWEST_LANDMARKS:
                raise SettingError(
                    f"landmarks are auto, none, or a whole number from {FEWEST_LANDMARKS} up; got "
                    f"{self.landmarks!r}"
                )


@dataclass(frozen=True)
class SynthesisOptions:
    """How the samples to add are made.

    method: a key of ``oversampling.OVERSAMPLERS``.
    neighbours: how many of them a partner is drawn from; None is the method's own number.
    layer: whose features tell neighbours and clusters: body, pool or linear.
    space: what a recipe blends, feature vectors (``embedding``) or images (``pixel``).
    exact: find the true neighbours, however many samples there are.
    """

    method: str = "ros"
    neighbours: int | None = None
    layer: str = "pool"
    space: str = "embedding"
    exact: bool = False

    def __post_init__(self) -> None:
        check_whole("neighbours", self.neighbours, 1)
        if self.space not in SPACES:
            raise SettingError(f"a space is one of {', '.join(SPACES)}; got {self.space!r}")
