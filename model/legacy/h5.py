"""Reads the description and the weights of an untrusted Keras ``.h5`` file."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from model.errors import ArtifactError, message_of
from model.i18n.catalogue import Message

WEIGHTS_GROUP = "model_weights"
OPTIMIZER_GROUPS = ("optimizer_weights", "optimizer")
MAX_BYTES = 4_000_000_000  # EfficientNetB7 with Adam's state takes 780 MB
MAX_CONFIG_BYTES = 50_000_000  # of EfficientNetB7: 0.6 MB
MAX_OBJECTS = 50_000  # of EfficientNetB7 without optimizer: 2,800
MAX_DEPTH = 20
MAX_RANK = 5


@dataclass(frozen=True)
class Weight:
    """One array of the file.

    Attributes:
        path: in the file, relative to the group of all weights.
        shape: of the array.
    """

    path: str
    shape: tuple[int, ...]
    _dataset: h5py.Dataset

    @property
    def variable(self) -> str:
        """Name of the variable, such as ``kernel``; a number in Keras 3's own weights files."""
        return self.path.split("/")[-1].split(":")[0]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The groups around it, the layer's own last, without the group ``vars`` of Keras 3's weights files."""
        groups = tuple(self.path.split("/")[:-1])
        return groups[:-1] if groups[-1:] == ("vars",) else groups

    @property
    def group(self) -> str:
        """The layer of the outermost network that contains it; a nested network counts as one layer."""
        return self.path.split("/")[0]

    @property
    def layer(self) -> str:
        """The layer itself, as the path names it."""
        return self.scopes[-1] if self.scopes else self.path

    @property
    def name(self) -> str:
        """Layer and variable, such as ``conv2d/kernel``."""
        return f"{self.layer}/{self.variable}"

    def read(self) -> NDArray[np.float32]:
        """The array as float32.

        Raises:
            ArtifactError: if they can't be read or are not finite.
        """
        try:
            values = np.asarray(self._dataset[()], np.float32)
        except (OSError, RuntimeError, ValueError) as error:
            raise ArtifactError(Message("h5.unread", name=self.name)) from error
        if not np.isfinite(values).all():
            raise ArtifactError(Message("h5.not_finite", name=self.name))
        return values


@dataclass(frozen=True)
class LegacyFile:
    """An open file: its description (None if it holds only weights) and its weights in the order of saving."""

    config: Mapping[str, Any] | None
    weights: tuple[Weight, ...]

    @property
    def size(self) -> int:
        """Count of numbers in all weights."""
        return sum(math.prod(weight.shape) for weight in self.weights)


@contextmanager
def open_legacy(path: Path) -> Iterator[LegacyFile]:
    """Open a file for reading; links are not followed and nothing in the file is executed.

    Raises:
        ArtifactError: if it is not an HDF5 file, is damaged, or has content that no Keras file has.
    """
    if not path.is_file():
        raise ArtifactError(Message("legacy.no_file", file=path.name))
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ArtifactError(Message("h5.too_large", file=path.name, size=size / 1e9, limit=MAX_BYTES / 1e9))
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise ArtifactError(Message("h5.no_hdf5", file=path.name)) from error
    with file:
        try:
            opened = LegacyFile(_config(file), tuple(_weights(file, size)))
        except ArtifactError as error:
            raise ArtifactError(Message("h5.not_used", file=path.name, reason=message_of(error))) from error
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, RecursionError, AttributeError) as error:
            raise ArtifactError(Message("h5.no_keras", file=path.name)) from error
        yield opened


def _config(file: h5py.File) -> Mapping[str, Any] | None:
    if "model_config" not in file.attrs:
        return None
    text = _attribute(file, "model_config")
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    if not isinstance(text, str) or len(text) > MAX_CONFIG_BYTES:
        raise ArtifactError(Message("h5.config_no_text"))
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ArtifactError(Message("h5.config_no_network"))
    return config


def _weights(file: h5py.File, file_bytes: int) -> Iterator[Weight]:
    """Every array of the network, in the order of saving if the file records it."""
    root = _member(file, WEIGHTS_GROUP) if WEIGHTS_GROUP in set(file) else file
    arrays = _arrays(root)
    # Keras does not compress arrays: a file that claims more bytes than it has would only use up memory.
    if sum(dataset.nbytes for dataset in arrays.values()) > file_bytes:
        raise ArtifactError(Message("h5.claims_too_much"))
    for name in _saving_order(root, list(arrays)):
        yield Weight(name, arrays[name].shape, arrays[name])


def _arrays(root: h5py.Group) -> dict[str, h5py.Dataset]:
    """Every array below a group by its path, found link by link."""
    arrays: dict[str, h5py.Dataset] = {}
    waiting: list[tuple[str, h5py.Group]] = [("", root)]
    seen = 0
    while waiting:
        prefix, group = waiting.pop()
        for key in group:
            seen += 1
            path = f"{prefix}{key}"
            if seen > MAX_OBJECTS or path.count("/") > MAX_DEPTH:
                raise ArtifactError(Message("h5.too_deep"))
            if not prefix and key in OPTIMIZER_GROUPS:
                continue
            member = _member(group, key)
            if isinstance(member, h5py.Group):
                waiting.append((f"{path}/", member))
            else:
                arrays[path] = _checked(member, path)
    return arrays


def _member(group: h5py.Group, key: str) -> h5py.Group | h5py.Dataset:
    """A member of a group in this file; links are refused before they are followed."""
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise ArtifactError(Message("h5.link", name=repr(key[:60])))
    member = group[key]
    if not isinstance(member, h5py.Group | h5py.Dataset):
        raise ArtifactError(Message("h5.neither", name=repr(key[:60])))
    return member


def _checked(dataset: h5py.Dataset, path: str) -> h5py.Dataset:
    if dataset.external or dataset.is_virtual:
        raise ArtifactError(Message("h5.elsewhere", name=repr(path)))
    if dataset.id.get_create_plist().get_nfilters():
        raise ArtifactError(Message("h5.compressed", name=repr(path)))
    if dataset.dtype.kind not in "fiub" or dataset.shape is None or len(dataset.shape) > MAX_RANK:
        raise ArtifactError(Message("h5.no_numbers", name=repr(path)))
    return dataset


def _saving_order(root: h5py.Group, names: list[str]) -> list[str]:
    """The arrays' paths in Keras's order of saving, from its lists of names; the others follow by name."""
    members = set(root)  # a test with ``in`` on the group itself would follow a link
    present, listed = set(names), dict[str, None]()
    read = 0
    for layer in dict.fromkeys(_names(root, "layer_names")):
        if layer in members:
            inside = _names(_member(root, layer), "weight_names")
            read += len(inside)
            if read > MAX_OBJECTS:
                raise ArtifactError(Message("h5.names_too_long"))
            listed |= dict.fromkeys(path for name in inside if (path := f"{layer}/{name}") in present)
    return [*listed, *sorted(present - listed.keys())]


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names in an attribute; Keras splits a long list into numbered attributes."""
    if not isinstance(group, h5py.Group):
        return []
    parts = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(f"{attribute}{len(parts)}")
    names: list[str] = []
    for part in parts:
        values = np.ravel(_attribute(group, part))
        if len(names) + len(values) > MAX_OBJECTS:
            raise ArtifactError(Message("h5.names_too_long"))
        names += [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]
    return names


def _attribute(group: h5py.Group, name: str) -> Any:
    """An attribute that holds a text or an array of texts; an empty list if it is empty.

    Texts of variable length may share content, so their size in memory is unknown before they are read. Callers that
    must not run out of memory first check a file in a process with limited memory (``model.legacy.check``).
    """
    attribute = group.attrs.get_id(name)
    text, count = h5py.check_string_dtype(attribute.dtype), math.prod(attribute.shape)
    if not count:
        return []
    if text is None or count > MAX_OBJECTS or count * (text.length or 1) > MAX_CONFIG_BYTES:
        raise ArtifactError(Message("h5.attribute", name=name[:60]))
    return group.attrs[name]
