"""Models of transformers, built of a configuration or loaded with their weights.

Code that comes with a repository is never run, and nothing is unpickled but tensors. transformers
is imported only by what is called.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rebalance.errors import ExtractorError, shown
from rebalance.models.libraries import hub

if TYPE_CHECKING:
    from rebalance.models.libraries.transformers_processors import Prepared

log = logging.getLogger("rebalance")

CONFIG = "config.json"
# Of a configuration: what no weight depends on, and may be long.
_NEEDLESS = ("id2label", "label2id", "_name_or_path", "transformers_version")


def config_of(repository: hub.Repository) -> Any:
    """Return its configuration; ExtractorError for code of its own, or an unknown kind of model."""
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    said = repository.read(CONFIG) or {}
    kind = said.get("model_type")
    if kind not in CONFIG_MAPPING:
        if "auto_map" in said:
            raise ExtractorError(
                f"{repository.told} needs code that comes with it, and such code is never run: "
                f"name another model, or extract by yourself and give the features as a file"
            )
        raise ExtractorError(
            f"{repository.told} is a {shown(kind)}, which this version of transformers does not "
            "know: update it"
        )
    try:
        config = AutoConfig.from_pretrained(
            repository.folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # a configuration is checked by whatever it configures
        raise repository.damaged(error) from error
    return _all_seen(config)


def config_from(fields: Mapping[str, Any]) -> Any:
    """Make the configuration that ``spelled`` described."""
    from transformers import AutoConfig

    kind = fields["model_type"]
    rest = {name: value for name, value in fields.items() if name != "model_type"}
    return AutoConfig.for_model(kind, **rest)


def _all_seen(config: Any) -> Any:
    """Let a masked autoencoder see all of an image."""
    from rebalance.models.libraries.transformers_towers import MASKED

    if config.model_type == MASKED:
        config.mask_ratio = 0.0
    return config


def spelled(config: Any) -> dict[str, Any]:
    """Return all of a configuration that a network is built of, as JSON types."""
    fields: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return {name: value for name, value in fields.items() if name not in _NEEDLESS}


def _class_of(config: Any) -> Any:
    """Return the class of the model: transformers' choice, but for towers with their projection."""
    import transformers

    for name in config.architectures or ():
        if name.endswith("VisionModelWithProjection") and hasattr(transformers, name):
            return getattr(transformers, name)
    return transformers.AutoModel


def untrained(config: Any) -> Any:
    """Build the model with random weights."""
    from transformers import AutoModel

    own = _class_of(config)
    try:
        return AutoModel.from_config(config) if own is AutoModel else own(config)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ExtractorError(
            f"transformers cannot build a {config.model_type} ({reason}): name another model"
        ) from error


def with_weights(repository: hub.Repository, config: Any, instead: str) -> tuple[Any, set[str]]:
    """Load the model, and the names of its weights that the repository lacks."""
    import torch

    is_here = repository.name is None or repository.has_weights()
    place: dict[str, Any] = {"local_files_only": True}
    if not is_here:
        log.info("fetching the weights of %s from the hub", repository.told)
        place = {"revision": repository.identity, "cache_dir": hub.cache()}
    try:
        model, found = _class_of(config).from_pretrained(
            repository.folder if is_here else repository.name,
            config=config,
            dtype=torch.float32,
            trust_remote_code=False,
            weights_only=True,
            output_loading_info=True,
            **place,
        )
    except Exception as error:  # a foreign file, or the net
        if is_here:
            raise repository.damaged(error) from error
        raise hub.unreachable(str(repository.name), error, instead) from error
    return model, set(found["missing_keys"])


def prepared_by(repository: hub.Repository) -> "Prepared":
    """Find how a repository's own image processor prepares images."""
    from transformers import AutoImageProcessor

    from rebalance.models.libraries.transformers_processors import transform_of

    try:
        processor = AutoImageProcessor.from_pretrained(
            repository.folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        raise repository.damaged(error) from error
    return transform_of(processor, repository.told)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from writing what its loading is like; what matters is told by errors."""
    from transformers.utils import logging as own

    level, bars = own.get_verbosity(), own.is_progress_bar_enabled()
    own.set_verbosity_error()
    own.disable_progress_bar()
    try:
        yield
    finally:
        own.set_verbosity(level)
        if bars:
            own.enable_progress_bar()
