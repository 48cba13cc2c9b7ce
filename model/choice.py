"""The models that a visitor may choose from, each opened at its first use and kept."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from model.artifact import SHIPPED, TFLITE, ArtifactError, named_after, told_by
from model.detector import Detector
from model.found import LEGACY_FILE, MODEL_FOLDER, NEWER, SUFFIXES, FoundModel, found_models, open_model
from model.language import Said

KERAS_FILES = tuple(suffix for suffix in SUFFIXES if suffix != NEWER)


class Models:
    """Opens the models that were found, by name; safe to share between threads.

    Args:
        found: what to choose from; the first that can be opened is the one to start with.
        tell: is given a sentence at each step that takes long, and for each model that can't be used.

    Raises:
        ArtifactError: if none can be used; the message is that of the first.
    """

    def __init__(self, found: Sequence[FoundModel], tell: Callable[[str], None] = lambda sentence: None) -> None:
        self._found = {model.name: model for model in found if model.problem is None}
        self._opened: dict[str, Detector | ArtifactError] = {}
        # One lock each: a large network's first import takes minutes, and who uses another model need not wait.
        self._locks = {name: threading.Lock() for name in self._found}
        self._tell = tell
        self._problems = [model.problem for model in found if model.problem is not None]
        self.first = self._first()
        for problem in self.problems:
            tell(problem)

    @property
    def problems(self) -> list[str]:
        """Why models can't be used, a sentence each in the language spoken now."""
        return list(map(str, self._problems))

    @property
    def names(self) -> list[str]:
        """Names of the models that may be chosen, in the order in which they were found."""
        return list(self._found)

    def is_open(self, name: str) -> bool:
        """Whether ``get`` will answer at once."""
        return name in self._opened

    def get(self, name: str) -> Detector:
        """The model of that name, opened at its first use; one that failed once is not tried again.

        Raises:
            ArtifactError: if there is no such model, or it can't be used after all.
        """
        if name not in self._found:
            raise ArtifactError(Said("model.unknown", name=repr(name), names=", ".join(self._found)))
        with self._locks[name]:
            if name not in self._opened:
                self._opened[name] = self._open(name)
        opened = self._opened[name]
        if isinstance(opened, ArtifactError):
            raise opened
        return opened

    def _open(self, name: str) -> Detector | ArtifactError:
        try:
            return open_model(self._found[name], self._tell)
        except ArtifactError as error:
            return error

    def _first(self) -> str:
        for name in self.names:
            try:
                self.get(name)
                return name
            except ArtifactError as error:
                del self._found[name]
                self._problems.append(told_by(error))
        raise ArtifactError(self._problems[0] if self._problems else Said("model.none"))


def to_choose_from(given: Path | None = None) -> list[FoundModel]:
    """What lies in ``model/``, or the model folder or Keras file that was given; then the shipped model.

    Raises:
        ArtifactError: if nothing is there, or it is neither a model folder nor a file of the format HDF5.
    """
    if given is None:
        return found_models()
    shipped = FoundModel(SHIPPED.name, SHIPPED, MODEL_FOLDER)
    path = given.resolve()
    if path == SHIPPED:
        return [shipped]
    if not path.exists():
        raise ArtifactError(Said("model.nowhere", path=str(given)))
    if path.is_file() and path.suffix.lower() not in KERAS_FILES:
        raise ArtifactError(Said("model.no_h5", file=path.name, stem=path.stem))
    if path.is_dir() and not (path / TFLITE).exists():
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in KERAS_FILES]
        if len(files) != 1:
            raise ArtifactError(Said("model.no_folder", folder=path.name or str(path), file=TFLITE))
        path = files[0]
    *_, parent, name = named_after(path).parts
    name = name if name != SHIPPED.name else f"{parent}/{name}"
    return [FoundModel(name, path, LEGACY_FILE if path.is_file() else MODEL_FOLDER), shipped]
