"""Writes an analysis as JSON with arrays, and reads it again: nothing in such files is executed or unpickled.

The dataclasses define the format: the type of a value decides how it is written, the annotation of its field how it is
read. What the photo and the model already hold is left out: pixels, crops of faces, the network.
"""

from __future__ import annotations

import collections.abc
import json
import types
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from explain.result import Analysis
from model.detector.detector import Detector
from model.errors import UserError
from model.files import replacing
from model.i18n.catalogue import Message, as_data, from_data
from model.photos.faces import crop
from model.photos.photo import Photo

ARRAYS = ".npz"  # the file of the arrays, beside that of the rest
LEFT_OUT = (Photo, Detector)  # the reader has them
Square = tuple[float, float, float]
_UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, RecursionError, UserError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError),  # the last one: a compression that zipfile does not know
)


class StoredError(Exception):
    """Files are missing or damaged, or another version of the program wrote them."""


def write_analysis(analysis: Analysis, file: Path, key: Mapping[str, Any]) -> None:
    """Write an analysis into ``file``, as JSON, and its arrays, if any, into a file with the suffix ``ARRAYS``.

    Each file is written completely or not at all.

    Args:
        analysis: complete or not.
        file: its folder must exist.
        key: plain data that says what the analysis was made of.

    Raises:
        TypeError: if a field has a type without a rule.
    """
    writer = _Writer(analysis)
    text = json.dumps({"key": key, "analysis": writer.plain(analysis)}, indent=1, ensure_ascii=False)
    arrays = file.with_suffix(ARRAYS)
    if writer.arrays:
        with replacing(arrays) as unfinished:
            np.savez_compressed(unfinished, allow_pickle=False, **writer.arrays)
    else:
        arrays.unlink(missing_ok=True)
    with replacing(file) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Stored:
    """A file that ``write_analysis`` wrote; its arrays are not read yet.

    Attributes:
        file: its path.
        key: what ``write_analysis`` was given.
    """

    file: Path
    key: Any
    _data: Any = field(repr=False)

    def analysis(self, photo: Photo, detector: Detector) -> Analysis:
        """The analysis; equal faces, predictions and other values that cannot change become the same object again.

        Args:
            photo: the photo that was analysed.
            detector: its model.

        Raises:
            StoredError: if the arrays are missing or damaged, or the fields are not those of today's ``Analysis``.
        """
        try:
            found = _Reader(_arrays(self.file.with_suffix(ARRAYS)), photo, detector).value(Analysis, self._data)
        except _UNREADABLE as error:
            raise StoredError(f"{self.file.name}: {error!r}") from error
        assert isinstance(found, Analysis)
        return found


def read_stored(file: Path) -> Stored:
    """Read what ``write_analysis`` wrote into ``file``, but not the arrays.

    Raises:
        StoredError: if the file is missing or damaged.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Stored(file, content["key"], content["analysis"])
    except _UNREADABLE as error:
        raise StoredError(f"{file.name}: {error!r}") from error


def _arrays(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays by name; none without a file: an analysis without a face has no arrays."""
    if not file.exists():
        return {}
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


@cache
def _types_of(kind: type) -> dict[str, Any]:
    """The type of each field of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.init}


class _Writer:
    """Turns values into plain data, and collects their arrays, each once."""

    def __init__(self, analysis: Analysis) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        squares = {face.square for face in (*analysis.faces, analysis.chosen) if face is not None}
        self._squares = {crop(analysis.photo.pixels, square).tobytes(): square for square in squares}

    def plain(self, value: Any) -> Any:
        """A value as plain data for JSON."""
        if isinstance(value, LEFT_OUT):
            return None
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, Message):
            return as_data(value)
        if is_dataclass(value) and not isinstance(value, type):
            return {name: self.plain(getattr(value, name)) for name in _types_of(type(value))}
        if isinstance(value, Mapping):
            return {name: self.plain(inner) for name, inner in value.items()}
        if isinstance(value, frozenset):
            return sorted(map(self.plain, value))
        if isinstance(value, tuple | list):
            return [self.plain(inner) for inner in value]
        if isinstance(value, np.generic):
            return value.item()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"no rule says how to write a {type(value).__name__}")

    def _array(self, array: NDArray[Any]) -> Any:
        """The name under which an array is kept, or the square of the photo from which it can be cut again."""
        content = array.tobytes()
        if content in self._squares:
            return list(self._squares[content])
        name = self._names.setdefault((array.dtype.str, array.shape, content), str(len(self._names)))
        self.arrays[name] = array
        return name


class _Reader:
    """Turns plain data into values of given types."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], photo: Photo, detector: Detector) -> None:
        self._arrays, self._photo, self._detector = arrays, photo, detector
        self._crops: dict[Square, NDArray[np.uint8]] = {}
        self._made: dict[tuple[type, str], Any] = {}

    def value(self, kind: Any, data: Any) -> Any:
        """The value of a type.

        Raises:
            LookupError, TypeError, ValueError: if the data are not those of such a value.
        """
        origin, inner = get_origin(kind), get_args(kind)
        if kind is Any:
            return data
        if kind in LEFT_OUT:
            return self._photo if kind is Photo else self._detector
        if kind is Message:
            return from_data(data)
        if origin in (Union, types.UnionType):
            return self._one_of(inner, data)
        if origin is np.ndarray:
            return self._array(get_args(inner[1])[0], data)
        if is_dataclass(kind):
            return self._dataclass(kind, data)
        if origin is tuple:
            kinds = inner[:1] * len(data) if inner[-1] is ... else inner
            return tuple(self.value(part_kind, part) for part_kind, part in zip(kinds, data, strict=True))
        if origin is frozenset:
            return frozenset(self.value(inner[0], part) for part in data)
        if origin in (dict, collections.abc.Mapping):
            return {self.value(inner[0], name): self.value(inner[1], part) for name, part in data.items()}
        return _checked(kind, data)

    def _one_of(self, kinds: tuple[Any, ...], data: Any) -> Any:
        """The value of the first of these types that fits; a number without a point is an ``int``."""
        if data is None and types.NoneType in kinds:
            return None
        exact = [kind for kind in kinds if kind is type(data)]
        (kind, *_) = exact or [kind for kind in kinds if kind is not types.NoneType]
        return self.value(kind, data)

    def _array(self, wanted: Any, data: Any) -> NDArray[Any]:
        if isinstance(data, list):
            x, y, side = map(float, data)
            if (x, y, side) not in self._crops:
                self._crops[x, y, side] = crop(self._photo.pixels, (x, y, side))
            return self._crops[x, y, side]
        array = self._arrays[data]
        if wanted is not Any and not np.issubdtype(array.dtype, wanted):
            raise TypeError(f"array {data} must hold {wanted.__name__}, got {array.dtype}")
        return array

    def _dataclass(self, kind: Any, data: Any) -> Any:
        made = kind, json.dumps(data, sort_keys=True)
        if made not in self._made:
            wanted = _types_of(kind)
            if data.keys() != wanted.keys():
                raise ValueError(f"{kind.__name__} has other fields: {sorted(data.keys() ^ wanted.keys())}")
            self._made[made] = kind(**{name: self.value(wanted[name], part) for name, part in data.items()})
        return self._made[made]


def _checked(kind: Any, data: Any) -> Any:
    """Data of a type that JSON has too."""
    if get_origin(kind) is Literal and data in get_args(kind):
        return data
    if type(data) is kind or (kind is float and type(data) is int):  # a whole number is a float as well
        return data
    raise TypeError(f"{str(data)[:50]!r} is no {kind}")
