"""transformers' models of images, from the hub's cache, the hub, or a folder: hf:OWNER/NAME.

transformers is imported only to build a network: what commit or which files it is made of is known
without it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.errors import ExtractorError, shown
from rebalance.models.libraries import Kept, hub
from rebalance.models.libraries.transformers_models import (
    CONFIG,
    config_from,
    config_of,
    prepared_by,
    quietly,
    spelled,
    untrained,
    with_weights,
)
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

PREFIX = "hf"
_OPEN_CLIPS = "open_clip_config.json"
_PREPARING = ("preprocessor_config.json", "processor_config.json")
_DESCRIBING = (CONFIG, *_PREPARING, _OPEN_CLIPS)
_ANOTHER = "name another model"


@dataclass(frozen=True)
class TransformersWeights:
    """A model of transformers with its weights. instead: what to do where they cannot be had."""

    repository: hub.Repository
    instead: str
    kind = PREFIX
    resize = None

    @property
    def arch(self) -> str:
        """Return the repository's name with the prefix; of a folder, its type of model.

        So a folder that is moved keeps its features.
        """
        named = self.repository.name or (self.repository.read(CONFIG) or {}).get("model_type")
        return f"{PREFIX}:{named}"

    @property
    def facts(self) -> ExtractorRecord:
        """The facts that decide the weights."""
        return {"weights": self.repository.identity}

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load the network; ExtractorError for no model of images, or weights that lack."""
        from rebalance.models.libraries.transformers_towers import (
            ImageTower,
            network_around,
            read_out,
        )

        with quietly():
            config = config_of(self.repository)
            prepared = prepared_by(self.repository)
            model, missing = with_weights(self.repository, config, self.instead)
            size = prepared.transform.crop
            reading = read_out(model, size, missing, prepared.is_reversed, self.repository.told)
            tower = ImageTower(model, reading, size, spelled(config))
            return network_around(tower, classes=1), prepared.transform


def find(name: str, weights: Path | None, instead: str) -> TransformersWeights:
    """Find the repository or folder called ``name``; transformers is not imported.

    Raises ExtractorError where it is neither, or is no model of images with its image processor.
    """
    if weights is not None:
        raise ExtractorError(
            f"{PREFIX}:{name} has its weights beside its configuration: give their folder, as "
            f"{PREFIX}:FOLDER, in place of a file"
        )
    repository = hub.locate(name, _DESCRIBING, instead)
    if repository.name and not _is_described(repository):  # a part of it was all that was needed
        repository = hub.fetched(repository.name, repository.identity, _DESCRIBING, instead)
    _check_described(repository)
    return TransformersWeights(repository, instead)


def check(name: str) -> None:
    """Let any name pass: a repository is looked for when it is found, and a run needs none."""


def build(name: str, classes: int, description: Mapping[str, Any] | None) -> "Network":
    """Build the model with random weights; ExtractorError where it does not fit.

    description: of the body; None takes the repository's configuration.
    """
    from rebalance.models.libraries.transformers_towers import (
        ImageTower,
        Reading,
        network_around,
        read_out,
    )

    with quietly():
        if description is not None:
            size, reading = int(description["image_size"]), Reading.of(description["reading"])
            config = config_from(description["config"])
            model = untrained(config)
        else:
            repository = find(name, None, _ANOTHER).repository
            config, prepared = config_of(repository), prepared_by(repository)
            model, size = untrained(config), prepared.transform.crop
            reading = read_out(model, size, (), prepared.is_reversed, repository.told)
        return network_around(ImageTower(model, reading, size, spelled(config)), classes)


def usual_transform(name: str) -> "Transform":
    """Return the transform of a repository's own image processor."""
    with quietly():
        return prepared_by(find(name, None, _ANOTHER).repository).transform


def available() -> Iterator[Kept]:
    """Yield the models of images in the hub's cache; those it could fetch are beyond number."""
    for repository in hub.repositories((CONFIG,)):
        if _is_described(repository):
            yield Kept(f"{PREFIX}:{repository.name}", cached=True)


def _is_described(repository: hub.Repository) -> bool:
    return CONFIG in repository and _says_how_to_prepare(repository)


def _says_how_to_prepare(repository: hub.Repository) -> bool:
    plain, nested = _PREPARING
    return plain in repository or "image_processor" in (repository.read(nested) or {})


def _check_described(repository: hub.Repository) -> None:
    """Raise ExtractorError where what it says of itself is no model of images for this library."""
    config = repository.read(CONFIG) or {}
    if "model_type" not in config:
        if "architecture" in config:
            raise ExtractorError(
                f"{repository.told} is timm's: give it as timm:{config['architecture']}, with "
                "--weights FILE where it is not one that timm publishes"
            )
        if _OPEN_CLIPS in repository:
            own = (
                f"hf-hub:{repository.name}" if repository.name else f"local-dir:{repository.folder}"
            )
            raise ExtractorError(f"{repository.told} is open_clip's: give it as open_clip:{own}")
        raise ExtractorError(
            f"{repository.told} has no {CONFIG} that says its model_type, so it is no model of "
            f"transformers: {_ANOTHER}"
        )
    if not _says_how_to_prepare(repository):
        raise ExtractorError(
            f"{repository.told} ({shown(config['model_type'])}) has no {_PREPARING[0]}, so it is a "
            "model of text, or how it wants its images is not known: save its image processor "
            f"beside it, or {_ANOTHER}"
        )
