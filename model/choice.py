"""The models that a visitor may choose from, each opened at its first use and kept."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from model.artifact import SHIPPED, TFLITE, ArtifactError
from model.detector import Detector
from model.found import LEGACY_FILE, MODEL_FOLDER, NEWER, SUFFIXES, FoundModel, found_models, open_model

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
        self.problems = [model.problem for model in found if model.problem is not None]
        self.first = self._first()
        for problem in self.problems:
            tell(problem)

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
            raise ArtifactError(f"No model is called {name!r}; choose one of {', '.join(self._found)}.")
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
                self.problems.append(str(error))
        raise ArtifactError(self.problems[0] if self.problems else "There is no model to use.")


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
        raise ArtifactError(f"There is no {given}; --model takes a model folder or a Keras .h5 file.")
    if path.is_file() and path.suffix.lower() not in KERAS_FILES:
        raise ArtifactError(f"{path.name} is no .h5 file; save the model with model.save('{path.stem}.h5').")
    if path.is_dir() and not (path / TFLITE).exists():
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in KERAS_FILES]
        if len(files) != 1:
            raise ArtifactError(f"{path.name or path} is no model folder: it has no {TFLITE}, nor a single .h5 file.")
        path = files[0]
    name = path.name if path.name != SHIPPED.name else f"{path.parent.name}/{path.name}"
    return [FoundModel(name, path, LEGACY_FILE if path.is_file() else MODEL_FOLDER), shipped]
