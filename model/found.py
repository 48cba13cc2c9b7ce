"""Models on disk that a user can choose from, and how each kind is opened."""

from dataclasses import dataclass
from pathlib import Path

from model.artifact.card import CARD
from model.detector.detector import Detector
from model.errors import ArtifactError, message_of
from model.i18n.catalogue import Message
from model.legacy.apart import Notify
from model.legacy.check import NEWER, problem_of
from model.legacy.folder import failed_before, is_imported, model_folder
from model.onnx_models.folder import model_folder as onnx_folder
from model.onnx_models.request import Request
from model.paths import CLIP, MODELS, SECOND, SHIPPED

LEGACY_FILE = "legacy file"
MODEL_FOLDER = "model folder"
ONNX_MODEL = "ONNX model"
KERAS_FILES = (".h5", ".hdf5")
SUFFIXES = (*KERAS_FILES, NEWER)


@dataclass(frozen=True)
class FoundModel:
    """A model to choose from.

    Attributes:
        name: the name that is shown.
        path: the ``.h5`` file, or the model folder; for an ``ONNX_MODEL``, ``request`` says what it is made of.
        kind: ``LEGACY_FILE``, ``MODEL_FOLDER`` or ``ONNX_MODEL``.
        problem: why it can't be used, in a sentence; None if no problem is known.
        request: what the user says about an ``ONNX_MODEL``.
    """

    name: str
    path: Path
    kind: str
    problem: Message | str | None = None
    request: Request | None = None


def found_models(folder: Path = MODELS) -> list[FoundModel]:
    """The models to choose from: every Keras file in the folder, sorted by name, then the shipped models.

    Files are only checked: a broken file is listed with its problem, and ``open_model`` does the import.
    """
    paths = folder.iterdir() if folder.is_dir() else ()
    files = sorted(path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())
    found = [found_file(path) for path in files]
    return [*found, *shipped_models()]


def shipped_models() -> list[FoundModel]:
    """The fast model, then the second one if its networks exist: a copy may leave out the 60 MB of ``CLIP``."""
    there = [SHIPPED, *([SECOND] if (SECOND / CARD).exists() and (CLIP / CARD).exists() else [])]
    return [FoundModel(folder.name, folder, MODEL_FOLDER) for folder in there]


def found_file(path: Path, name: str | None = None) -> FoundModel:
    """A Keras file, with the problem that a check finds, or the reason why an earlier import failed."""
    return FoundModel(name or path.name, path, LEGACY_FILE, problem_of(path) or failed_before(path))


def opens_at_once(found: FoundModel) -> bool:
    """Whether ``open_model`` needs no import."""
    return found.kind != LEGACY_FILE or is_imported(found.path)


def open_model(found: FoundModel, notify: Notify = lambda message: None) -> Detector:
    """Make a found model ready to judge faces; an ``.h5`` file or an ONNX model is imported at its first use.

    Args:
        found: one of ``found_models``.
        notify: called with a message at each slow step.

    Raises:
        ArtifactError: if it can't be used.
    """
    try:
        if found.request is not None:
            return Detector(onnx_folder(found.request, notify), found.name)
        legacy = found.kind == LEGACY_FILE
        folder = model_folder(found.path, notify=notify) if legacy else found.path
        return Detector(folder, found.name)
    except ArtifactError:
        raise
    except Exception as error:  # a file from elsewhere can cause any error in the libraries
        raise ArtifactError(Message("model.unusable", file=found.name, reason=message_of(error))) from error
