"""Files of ``torch.save``, of which tensors, texts, lists and dictionaries are read, nothing else.

torch is imported when one is read, which takes seconds.
"""

import pickle
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rebalance.errors import shortened, shown, some
from rebalance.features.files.choosing import LISTED, are_by_name, choose_layers, find_names
from rebalance.features.files.feature_file import Content
from rebalance.features.files.matrices import InArray
from rebalance.features.files.memory import check_room
from rebalance.features.files.npy import check_shape
from rebalance.features.files.steady import SteadyFile
from rebalance.models.archives import check_archive, names_in

if TYPE_CHECKING:
    from torch import Tensor

SAVE = "save {'features': tensor, 'paths': list}"


def read_pt(file: SteadyFile) -> Content:
    """Find the matrices and names in what was saved.

    It is a tensor, a tensor and a list of names, a dictionary of these, or a vector for each image
    under the image's path.
    """
    import torch

    found = _load(file)
    if isinstance(found, torch.Tensor):
        return Content({"pool": _numbers(file, "a tensor", found)})
    if isinstance(found, (list, tuple)):
        found = {_key(each, place): each for place, each in enumerate(found)}
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise file.fault(f"holds {_kind(found)}", SAVE)
    tensors = {key: value for key, value in found.items() if isinstance(value, torch.Tensor)}
    texts = {key: value for key, value in found.items() if _are_texts(value)}
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if tensors and not texts and are_by_name(shapes):
        return _by_name(file, tensors)
    if not tensors:
        raise file.fault(f"holds {some(list(found), LISTED) or 'nothing'}, and no tensor", SAVE)
    key = find_names(file, list(texts))
    return Content(
        {
            layer: _numbers(file, f"a tensor {shown(name)}", tensors[name])
            for layer, name in choose_layers(file, shapes).items()
        },
        None if key is None else list(texts[key]),
    )


def _load(file: SteadyFile) -> Any:
    import torch

    if any(name.endswith("constants.pkl") for name in names_in(file.path)):
        raise file.fault("is a TorchScript program, and was not opened", SAVE)
    try:
        check_archive(file.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's age
            mapped = zipfile.is_zipfile(file.path)
            return torch.load(file.path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise file.fault(
            "is a pickle that holds more than tensors, and was not opened", SAVE
        ) from error
    except Exception as error:  # a damaged or foreign file can make torch raise anything
        reason = f" ({shortened(str(error))})" if isinstance(error, ValueError) else ""
        raise file.fault(
            f"is no file of torch.save, or is damaged{reason}", "save it again"
        ) from error


def _numbers(file: SteadyFile, what: str, tensor: "Tensor") -> InArray:
    import torch

    backed = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta
    if not backed or tensor.nbytes > tensor.untyped_storage().nbytes():
        raise file.fault(f"holds {what} that is sparse, quantised or not all there", SAVE)
    check_shape(file, what, tuple(tensor.shape))
    if tensor.dtype == torch.bfloat16:
        return InArray(tensor.detach().view(torch.int16).numpy().view(np.uint16), brain=True)
    if tensor.is_complex() or tensor.dtype == torch.bool or "float8" in str(tensor.dtype):
        raise file.fault(f"holds {what} of {tensor.dtype}", "save it as float16 or float32")
    return InArray(tensor.detach().numpy())


def _by_name(file: SteadyFile, tensors: Mapping[str, "Tensor"]) -> Content:
    """Stack vectors that are kept under the names of their images."""
    import torch

    first, *_ = tensors
    width, dtype = tensors[first].shape[-1], tensors[first].dtype
    for name, each in tensors.items():
        if each.shape[-1] != width or each.dtype != dtype:
            raise file.fault(
                f"holds {width} numbers of {dtype} for {shown(first)}, and {each.shape[-1]} of "
                f"{each.dtype} for {shown(name)}",
                "save vectors of one length and type",
            )
    check_room(file, len(tensors) * width * tensors[first].element_size())
    whole = torch.stack([each.detach().reshape(-1) for each in tensors.values()])
    return Content({"pool": _numbers(file, "vectors", whole)}, list(tensors))


def _key(value: Any, place: int) -> str:
    """Name what is in a list by what it can be: the names, or something else."""
    return "file_name" if _are_texts(value) else str(place)


def _are_texts(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(isinstance(each, str) for each in value)
    )


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dictionary with keys that are no text, such as {shown(next(iter(value)))}"
    return f"a {type(value).__name__}"
