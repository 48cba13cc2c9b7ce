"""Finds the models that can be used: files of the owner first, the shipped models last."""

from dataclasses import dataclass
from pathlib import Path

from model.artifact.card import CARD
from model.detector.detector import Detector
from model.errors import ArtifactError, told_by
from model.i18n.catalogue import Said
from model.legacy.apart import Tell
from model.legacy.check import NEWER, problem_of
from model.legacy.folder import failed_before, is_imported, model_folder
from model.paths import MODELS, SECOND, SHIPPED

LEGACY_FILE = "legacy file"
MODEL_FOLDER = "model folder"
SUFFIXES = (".h5", ".hdf5", NEWER)


@dataclass(frozen=True)
class FoundModel:
    """A model that may be chosen.

    Attributes:
        name: to show.
        path: the ``.h5`` file, or the model folder.
        kind: ``LEGACY_FILE`` or ``MODEL_FOLDER``.
        problem: why it can't be used, in a sentence; None where nothing speaks against it.
    """

    name: str
    path: Path
    kind: str
    problem: Said | str | None = None


def found_models(folder: Path = MODELS) -> list[FoundModel]:
    """The models to choose from: every file of Keras that lies in the folder by name, then the shipped ones.

    Files are only looked at: a broken one is listed with its problem, and importing waits for ``open_model``.
    """
    lying = folder.iterdir() if folder.is_dir() else ()
    files = sorted(path for path in lying if path.suffix.lower() in SUFFIXES and path.is_file())
    found = [found_file(path) for path in files]
    return [*found, *shipped_models()]


def shipped_models() -> list[FoundModel]:
    """The fast model, then the second one where it is there: a copy may do without its 60 MB."""
    there = [SHIPPED, *([SECOND] if (SECOND / CARD).exists() else [])]
    return [FoundModel(folder.name, folder, MODEL_FOLDER) for folder in there]


def found_file(path: Path, name: str | None = None) -> FoundModel:
    """A file of Keras, with what its description shows to be wrong, or why an earlier import of it failed."""
    return FoundModel(name or path.name, path, LEGACY_FILE, problem_of(path) or failed_before(path))


def opens_at_once(found: FoundModel) -> bool:
    """Whether ``open_model`` takes no import."""
    return found.kind != LEGACY_FILE or is_imported(found.path)


def open_model(found: FoundModel, tell: Tell = lambda said: None) -> Detector:
    """Make a found model ready to judge faces; an ``.h5`` file is imported at its first use.

    Args:
        found: one of ``found_models``.
        tell: is given a sentence at each step that takes long.

    Raises:
        ArtifactError: if it can't be used.
    """
    try:
        legacy = found.kind == LEGACY_FILE
        folder = model_folder(found.path, tell=tell) if legacy else found.path
        return Detector(folder, found.name)
    except ArtifactError:
        raise
    except Exception as error:  # whatever files of others make the libraries stumble over
        raise ArtifactError(Said("model.unusable", file=found.name, reason=told_by(error))) from error
