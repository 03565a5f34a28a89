"""open_clip's image towers: open_clip:MODEL/PRETRAINED, or a repository or folder of its own.

PRETRAINED is a tag that open_clip publishes, or a file. open_clip is imported only to build a
network: what it would fetch is told by its version. The side that reads text is never built.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.errors import ExtractorError, near, shown, some
from rebalance.models.fingerprints import file_digest
from rebalance.models.libraries import LIBRARIES, Kept, hub
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

PREFIX = "open_clip"
HUB, FOLDER = "hf-hub:", "local-dir:"
CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # as the library has it
_ANOTHER = "name another model"


@dataclass(frozen=True)
class OpenClipWeights:
    """A model of open_clip with its weights.

    name: MODEL or MODEL/TAG as open_clip has them, or a repository's. path: of a file of weights.
    repository: where both lie that describe themselves. instead: what to do where weights cannot be
    fetched.
    """

    name: str
    path: Path | None
    digest: str | None
    repository: hub.Repository | None
    instead: str
    kind = PREFIX
    resize = None

    @property
    def arch(self) -> str:
        """Return the name with the library's prefix."""
        return f"{PREFIX}:{self.name}"

    @property
    def facts(self) -> ExtractorRecord:
        """The facts that decide the weights.

        The version of open_clip says what a tag stands for.
        """
        own = self.repository.identity if self.repository else self.digest
        return {"weights": own or f"open_clip {LIBRARIES[PREFIX].version()}"}

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load the network; ExtractorError for unknown names, or weights that cannot be had."""
        from rebalance.models.libraries.open_clip_towers import built, filled, transform_of

        if self.repository is not None:
            config, path = _own_config(self.repository), _own_weights(self.repository, self.instead)
            preparing = config.get("preprocess_cfg", {})
            model = config["model_cfg"]
        else:
            kind, _, tag = self.name.partition("/")
            model, preparing = _model(kind), _preparing(kind, tag)
            path = self.path or _published(kind, tag, self.instead)
        network = built(model, classes=1)
        filled(network, path, self.arch)
        return network, transform_of(preparing, network.image_size, self.arch)


def find(name: str, weights: Path | None, instead: str) -> OpenClipWeights:
    """Find the model called ``name``, with a tag, a file or files of its own; nothing is imported.

    Raises ExtractorError where weights are not named, or their file cannot be read.
    """
    if name.startswith((HUB, FOLDER)):
        if weights is not None:
            raise ExtractorError(f"{PREFIX}:{name} has its own weights: leave out the file")
        return _in_repository(name, instead)
    kind, _, which = name.partition("/")
    if which and weights is not None:
        raise ExtractorError(
            f"{PREFIX}:{name} names its weights: leave out {which!r} or the file of others"
        )
    path = weights
    if path is None and (Path(which).expanduser().is_file() or "/" in which or "." in which):
        path = Path(which).expanduser()
    if path is None:
        if not which:
            raise ExtractorError(
                f"{PREFIX}:{name} does not say which weights: write {PREFIX}:{name}/TAG, "
                f"{PREFIX}:{name}/FILE, or open_clip.list_pretrained() to see the tags"
            )
        return OpenClipWeights(name, None, None, None, instead)
    try:
        return OpenClipWeights(kind, path, file_digest(path), None, instead)
    except OSError as error:
        raise ExtractorError(
            f"no weights can be read at {str(path)!r} ({error.strerror}): give a .pt, .pth, .bin "
            "or .safetensors file, or a tag of open_clip"
        ) from None


def check(name: str) -> None:
    """Raise ExtractorError where open_clip has no such model, or none of such a tag.

    A repository is looked for when it is found, and a run needs none.
    """
    if name.startswith((HUB, FOLDER)):
        return
    kind, _, tag = name.partition("/")
    _model(kind)
    if tag:
        _tagged(kind, tag)


def build(name: str, classes: int, description: Mapping[str, Any] | None) -> "Network":
    """Build the image tower with random weights; ExtractorError where it does not fit.

    description: of the body; None takes the model's configuration.
    """
    from rebalance.models.libraries.open_clip_towers import built

    if description is not None:
        return built(description["config"], classes)
    if name.startswith((HUB, FOLDER)):
        return built(_own_config(_repository(name, _ANOTHER))["model_cfg"], classes)
    return built(_model(name.partition("/")[0]), classes)


def usual_transform(name: str) -> "Transform":
    """Return the transform that the weights of this name were trained with."""
    from rebalance.models.libraries.open_clip_towers import built, transform_of

    if name.startswith((HUB, FOLDER)):
        config = _own_config(_repository(name, _ANOTHER))
        model, preparing = config["model_cfg"], config.get("preprocess_cfg", {})
    else:
        kind, _, tag = name.partition("/")
        model, preparing = _model(kind), _preparing(kind, tag)
    return transform_of(preparing, built(model, classes=1).image_size, f"{PREFIX}:{name}")


def available() -> Iterator[Kept]:
    """Yield every model and tag that open_clip publishes, and repositories in the hub's cache."""
    import open_clip
    from huggingface_hub import try_to_load_from_cache

    for kind, tag in open_clip.list_pretrained():
        place, _, file = open_clip.get_pretrained_cfg(kind, tag).get("hf_hub", "").rpartition("/")
        files = (file,) if file else _WEIGHTS
        kept = bool(place) and any(isinstance(try_to_load_from_cache(place, f), str) for f in files)
        yield Kept(f"{PREFIX}:{kind}/{tag}", kept)
    for repository in hub.repositories((CONFIG,)):
        yield Kept(f"{PREFIX}:{HUB}{repository.name}", cached=True)


def _in_repository(name: str, instead: str) -> OpenClipWeights:
    repository = _repository(name, instead)
    own = f"{HUB}{repository.name}" if repository.name else f"{FOLDER}{repository.folder.name}"
    return OpenClipWeights(own, None, None, repository, instead)


def _repository(name: str, instead: str) -> hub.Repository:
    if name.startswith(HUB):
        return hub.on_hub(name.removeprefix(HUB), (CONFIG,), instead)
    return hub.in_folder(name.removeprefix(FOLDER), (CONFIG,))


def _own_config(repository: hub.Repository) -> dict[str, Any]:
    """Read the configuration of a repository; ExtractorError where it describes no model."""
    config = repository.read(CONFIG) or {}
    if not isinstance(config.get("model_cfg"), dict):
        raise ExtractorError(f"{repository.told} has no model_cfg in {CONFIG}: {_ANOTHER}")
    return config


def _own_weights(repository: hub.Repository, instead: str) -> Path:
    """Return the file of weights of a repository, fetched if it must be."""
    for file in _WEIGHTS:
        if file in repository:
            return repository.folder / file
    if repository.name is None:
        raise ExtractorError(
            f"the folder {repository.told} has no {_WEIGHTS[0]}: copy it beside its configuration"
        )
    return hub.fetched_file(repository, _WEIGHTS, instead)


def _model(kind: str) -> dict[str, Any]:
    """Return the configuration of a model that open_clip knows."""
    import open_clip

    known = open_clip.list_models()
    if kind not in known:
        close = near(kind, known, 3)
        advice = f"try {' or '.join(close)}" if close else "open_clip.list_models() tells which"
        raise ExtractorError(f"open_clip has no model {shown(kind)}: {advice}")
    config: dict[str, Any] = open_clip.get_model_config(kind)
    return config


def _tagged(kind: str, tag: str) -> dict[str, Any]:
    """Return what open_clip says of published weights."""
    import open_clip

    found: dict[str, Any] = open_clip.get_pretrained_cfg(kind, tag)
    if not found:
        tags = open_clip.list_pretrained_tags_by_model(kind)
        known = some(tags) if tags else "none: give a file, or build another model"
        raise ExtractorError(f"open_clip's {kind} has no weights {shown(tag)}: it has {known}")
    return found


def _preparing(kind: str, tag: str) -> dict[str, Any]:
    """Return how a model wants its images; of weights without a tag, where all tags agree on it."""
    import open_clip

    if tag:
        return _tagged(kind, tag)
    keys = ("mean", "std", "interpolation", "resize_mode")
    every = [_tagged(kind, each) for each in open_clip.list_pretrained_tags_by_model(kind)]
    said = [{key: each.get(key) for key in keys} for each in every]
    return said[0] if said and all(each == said[0] for each in said) else {}


def _published(kind: str, tag: str, instead: str) -> Path:
    """Return the file of published weights: in open_clip's cache, or fetched there."""
    import open_clip

    try:
        return Path(open_clip.download_pretrained(_tagged(kind, tag)))
    except Exception as error:  # the net
        reason = type(error.__context__ or error).__name__
        raise ExtractorError(
            f"cannot get open_clip's weights {kind}/{tag} ({reason}): bring the cache of a "
            f"machine that has them (HF_HUB_CACHE), give a file as {PREFIX}:{kind}/FILE, or "
            f"{instead}"
        ) from error
