"""Opens a model that a visitor of the page uploads: within limits, and in a folder that is deleted with it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from model.apart import Cancelled
from model.artifact.card import CARD
from model.detector.detector import Detector
from model.errors import ArtifactError, message_of
from model.found import SUFFIXES
from model.i18n.catalogue import Message
from model.legacy.apart import Limits
from model.legacy.folder import model_folder as keras_folder
from model.onnx_models.apart import examine_apart
from model.onnx_models.config import PREPROCESSOR
from model.onnx_models.folder import Place
from model.onnx_models.folder import model_folder as onnx_folder
from model.onnx_models.request import Request, is_onnx

MAX_BYTES = 400_000_000  # of a model with its weights; a ViT-B has 350 MB
# Bytes of address space of the process that imports. ONNX Runtime alone takes less than one gigabyte, TensorFlow three.
ONNX_MEMORY, KERAS_MEMORY = 1_500_000_000, 4_000_000_000
KERAS_TIMES = 6  # the size of a Keras file, beside that; ``examine_apart`` adds three times that of an ONNX file
ONNX_SECONDS, KERAS_SECONDS = 120, 600
MOST_SECONDS = 2.0  # for one picture: a map asks about hundreds, and other visitors wait for each few of them
TRIES = 3
CACHE = "imported"  # name of the folder for the imported model

Notify = Callable[[Message], None]


def open_uploaded(
    source: Path,
    name: str,
    fake_labels: Sequence[str] = (),
    sees: str = "",
    notify: Notify = lambda message: None,
    cancelled: Cancelled = lambda: False,
) -> Detector:
    """Open an ONNX file, a folder in the Hub's layout, or a Keras file with the files beside it.

    The model folder is made beside ``source``; the uploaded files are deleted.

    Args:
        source: file or folder, in a folder of its own.
        name: of the model on screen.
        fake_labels, sees: see ``Request``; used for an ONNX model.
        notify: called with a message at each slow step.
        cancelled: called meanwhile; once it is true, the process that imports is ended.

    Raises:
        ArtifactError: if it can't be used, is too large or too slow, or was cancelled.
    """
    try:
        folder = _imported(source, source.parent / CACHE, tuple(fake_labels), sees, notify, cancelled)
        detector = Detector(folder, name, shared=False)
        _check_speed(detector)
        return detector
    except ArtifactError as error:
        raise ArtifactError(_for_a_visitor(message_of(error), source)) from error
    except Exception as error:  # a file from elsewhere can cause any error in the libraries
        raise ArtifactError(Message("model.unusable", file=source.name, reason=message_of(error))) from error
    finally:
        shutil.rmtree(source, ignore_errors=True) if source.is_dir() else source.unlink(missing_ok=True)


def _for_a_visitor(reason: Message | str, source: Path) -> Message | str:
    """The same message, unless it helps only someone who can open the server's folders."""
    key = reason.key if isinstance(reason, Message) else ""
    if key == "legacy.not_kept":  # it names a folder
        return Message("own.disk", file=source.name)
    if key in ("onnx.no_preprocessing", "onnx.no_weights") and source.is_file():  # a visitor sends one file
        return Message("own.alone", file=source.name, preprocessor=PREPROCESSOR, card=CARD)
    return reason


def _imported(
    source: Path, cache: Path, fake_labels: tuple[str, ...], sees: str, notify: Notify, cancelled: Cancelled
) -> Path:
    """The model folder that is made of the files."""
    size = sum(path.stat().st_size for path in (source.rglob("*") if source.is_dir() else (source,)) if path.is_file())
    if size > MAX_BYTES:
        raise ArtifactError(Message("own.too_large", file=source.name, size=size / 1e6, limit=MAX_BYTES / 1e6))
    if is_onnx(str(source)):
        examine = partial(examine_apart, memory=ONNX_MEMORY, seconds=ONNX_SECONDS, cancelled=cancelled)
        return onnx_folder(Request(str(source), fake_labels, sees), notify, Place(cache, examine))
    found = sorted(source.rglob("*")) if source.is_dir() else [source]
    keras = [path for path in found if path.suffix.lower() in SUFFIXES]
    if len(keras) != 1:
        raise ArtifactError(Message("own.nothing_in", folder=source.name))
    limits = Limits(KERAS_MEMORY + KERAS_TIMES * size, KERAS_SECONDS, cancelled)
    return keras_folder(keras[0], notify=notify, cache=cache, limits=limits)


def _check_speed(detector: Detector) -> None:
    side = detector.card.preprocessing.crop_size
    crop = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    taken = []
    for _ in range(TRIES):  # the first answer takes longer, and others may keep the processor busy
        started = time.perf_counter()
        detector.predict(crop)
        taken.append(time.perf_counter() - started)
    if (seconds := min(taken)) > MOST_SECONDS:
        detector.close()
        raise ArtifactError(Message("own.too_slow", model=detector.name, seconds=seconds, limit=MOST_SECONDS))
