"""Reads the class names from a pickled label encoder, ``label_transform.pkl``, without running code from it."""

import io
import pickle
import pickletools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.artifact.small_file import read_small
from model.errors import ArtifactError, message_of
from model.i18n.catalogue import Message

MAX_BYTES = 1_000_000  # a label encoder of two names takes 400 bytes
MAX_NAMES, MAX_NAME = 5, 100  # limits: names that are read, characters of each
SKLEARN_MODULES = ("sklearn.preprocessing._label", "sklearn.preprocessing.label")
NUMPY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
NAMES = {"fake": "Fake", "real": "Real"}


class _Record:
    """Replaces every allowed class and function: it only records its arguments."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Encoder(_Record):
    """``LabelBinarizer`` or ``LabelEncoder``; its state is a dict with ``classes_``."""


class _Array(_Record):
    """An array; its state is ``(version, shape, dtype, is_fortran, content)``."""


class _Scalar(_Record):
    """A NumPy scalar; its arguments are ``(dtype, content)``."""


class _DType(_Record):
    """A NumPy dtype; its first argument is a code such as ``U4``, the second element of its state the byte order."""


class _FromBuffer(_Record):
    """An array in the form of pickle protocol 5; its arguments are ``(content, dtype, shape, order)``."""


WAY_OUT = Message("labels.way_out")
ADMITTED: dict[tuple[str, str], type[_Record]] = {
    **{(module, name): _Encoder for module in SKLEARN_MODULES for name in ("LabelBinarizer", "LabelEncoder")},
    **{(module, "_reconstruct"): _Array for module in NUMPY_MODULES},
    **{(module, "scalar"): _Scalar for module in NUMPY_MODULES},
    **{(module, "_frombuffer"): _FromBuffer for module in ("numpy.core.numeric", "numpy._core.numeric")},
    ("numpy", "ndarray"): _Record,
    ("numpy", "dtype"): _DType,
}


class _Unpickler(pickle.Unpickler):
    """Allows only the names in ``ADMITTED``, and replaces even those: no code of any package runs."""

    def find_class(self, module: str, name: str) -> type[_Record]:
        if (module, name) not in ADMITTED:
            raise ArtifactError(Message("labels.not_admitted", name=f"{module}.{name}"))
        return ADMITTED[module, name]


def read_labels(path: Path) -> tuple[str, str]:
    """Class names of a pickled ``LabelBinarizer`` or ``LabelEncoder``, as ``Fake`` and ``Real``, in its order.

    Raises:
        ArtifactError: if the file is not such a pickle, is too large, uses any other name, or has other classes.
    """
    try:
        names = _texts(_classes(_content(path)))
    except ArtifactError as error:
        raise ArtifactError(
            Message("labels.not_used", file=path.name, reason=message_of(error), way_out=WAY_OUT)
        ) from error
    except Exception as error:  # a damaged pickle can raise any error in the unpickler or the decoding below
        raise ArtifactError(Message("labels.no_encoder", file=path.name, way_out=WAY_OUT)) from error
    return as_labels(names, path.name)


def as_labels(names: Sequence[object], source: Message | str) -> tuple[str, str]:
    """``Fake`` and ``Real`` in the order of these names, which may be upper or lower case.

    Raises:
        ArtifactError: if they are not these two.
    """
    texts = [_text(name) for name in names[:MAX_NAMES]]
    labels = tuple(NAMES.get(text.strip().lower(), "") for text in texts)
    if sorted(labels) != ["Fake", "Real"]:
        shown = ", ".join(repr(text[:40]) for text in texts) or Message("labels.nobody")
        raise ArtifactError(Message("labels.classes", source=source, names=shown, way_out=WAY_OUT))
    return labels[0], labels[1]


def _text(name: object) -> str:
    """A name as text; for an object of another type only the type's name, because the object may be huge or nested."""
    if isinstance(name, bytes | str) and len(name) <= MAX_NAME:
        return name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    return str(name) if isinstance(name, int) and abs(name) < 10**MAX_NAME else f"a {type(name).__name__}"


def _content(path: Path) -> bytes:
    try:
        return read_small(path, MAX_BYTES)
    except ArtifactError as error:
        raise ArtifactError(Message("labels.too_large", limit=MAX_BYTES)) from error


def _classes(content: bytes) -> Any:
    for operation, argument, _ in pickletools.genops(content):
        # The unpickler allocates memo entries up to the highest index in the pickle.
        if "PUT" in operation.name and int(argument or 0) > len(content):
            raise ArtifactError(Message("labels.memories"))
    encoder = _Unpickler(io.BytesIO(content)).load()
    if not isinstance(encoder, _Encoder):
        raise ArtifactError(Message("labels.holds_none"))
    return encoder.state["classes_"]


def _texts(value: Any) -> list[object]:
    """The elements of a recorded array or list of names."""
    if isinstance(value, list | tuple):
        return [
            _decode(item.arguments[0], item.arguments[1])[0] if isinstance(item, _Scalar) else item for item in value
        ]
    if isinstance(value, _FromBuffer):
        content, dtype = value.arguments[:2]
        return _decode(dtype, content)
    _, _, dtype, _, content = value.state
    return _texts(content) if isinstance(content, list) else _decode(dtype, content)


def _decode(dtype: _DType, content: bytes) -> list[object]:
    """The names in an array's bytes; ``U`` has four bytes per character, ``S`` has one."""
    kind, width = dtype.arguments[0][0], int(dtype.arguments[0][1:])
    if kind not in "US":
        raise ArtifactError(Message("labels.no_names", kind=str(dtype.arguments[0])[:20]))
    step = width * (4 if kind == "U" else 1)
    big = kind == "U" and dtype.state[1] == ">"
    encoding = "ascii" if kind == "S" else "utf-32-be" if big else "utf-32-le"
    parts = [bytes(content[start : start + step]) for start in range(0, len(content), step)]
    return [part.decode(encoding).rstrip("\0") for part in parts]
