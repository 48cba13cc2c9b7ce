"""The models that a visitor may choose from, each opened at its first use and kept."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from model.artifact.card import CARD, TFLITE, named_after, read_card
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


KERAS_FILES = tuple(suffix for suffix in SUFFIXES if suffix != NEWER)


@dataclass(frozen=True)
class Importing:
    """A model that is being imported.

    Attributes:
        name: of the model.
        said: the step that it is at, in a sentence.
        since: ``time.monotonic()`` when the import began.
    """

    name: str
    said: Said
    since: float


class Models:
    """Opens the models that were found, by name; safe to share between threads.

    Args:
        found: what to choose from; the first that can be opened is the one to start with.
        tell: is given a sentence at each step that takes long, and for each model that can't be used.
        at_once: start with the first model that opens at once, and import those before it in a thread, which ends
            with the program. The first of these that can be used is the one to start with from then on.

    Raises:
        ArtifactError: if none can be used; the message is that of the first.
    """

    def __init__(
        self,
        found: Sequence[FoundModel],
        tell: Callable[[Said | str], None] = lambda said: None,
        at_once: bool = False,
    ) -> None:
        self._found = {model.name: model for model in found if model.problem is None}
        self._lime_seconds = _measured_costs(found)
        self._opened: dict[str, Detector | ArtifactError] = {}
        # One lock each: a large network's first import takes minutes, and who uses another model need not wait.
        self._locks = {name: threading.Lock() for name in self._found}
        self._tell = tell
        self._problems = [model.problem for model in found if model.problem is not None]
        self.importing: Importing | None = None
        self._pending = self._to_import() if at_once else []
        self.first = self._first()
        for problem in self.problems:
            tell(problem)
        if self._pending:
            self.importing = _begin(self._pending[0])
            threading.Thread(target=self._import, name="import-model", daemon=True).start()

    @property
    def problems(self) -> list[str]:
        """Why models can't be used, a sentence each in the language spoken now."""
        return list(map(str, self._problems))

    @property
    def names(self) -> list[str]:
        """Names of the models that may be chosen now, in the order in which they were found."""
        pending = set(self._pending)
        return [name for name in self._found if name not in pending]

    def lime_seconds(self, name: str) -> float | None:
        """How long a LIME map takes on two cores, as the card of a shipped model tells; None where nobody measured."""
        return self._lime_seconds.get(name)

    def is_open(self, name: str) -> bool:
        """Whether ``get`` will answer at once."""
        return name in self._opened

    def get(self, name: str) -> Detector:
        """The model of that name, opened at its first use; one that failed once is not tried again.

        Raises:
            ArtifactError: if there is no such model, it is still being imported, or it can't be used after all.
        """
        if name in self._pending:
            raise ArtifactError(Said("model.importing", name=name, names=", ".join(self.names)))
        return self._get(name)

    def _get(self, name: str) -> Detector:
        if name not in self._found:
            raise ArtifactError(Said("model.unknown", name=repr(name), names=", ".join(self.names)))
        with self._locks[name]:
            if name not in self._opened:
                self._opened[name] = self._open(name)
        opened = self._opened[name]
        if isinstance(opened, ArtifactError):
            raise opened
        return opened

    def _open(self, name: str) -> Detector | ArtifactError:
        try:
            return open_model(self._found[name], self._step)
        except ArtifactError as error:
            return error

    def _step(self, said: Said) -> None:
        """Tell of a step, and keep it for those who look on."""
        if self.importing is not None and said.values.get("file") == self.importing.name:
            self.importing = Importing(self.importing.name, said, self.importing.since)
        self._tell(said)

    def _first(self) -> str:
        for name in self.names:
            try:
                self._get(name)
                return name
            except ArtifactError as error:
                self._give_up(name, error)
        raise ArtifactError(self._problems[0] if self._problems else Said("model.none"))

    def _give_up(self, name: str, error: ArtifactError) -> None:
        self._found = {other: model for other, model in self._found.items() if other != name}
        self._problems.append(told_by(error))

    def _to_import(self) -> list[str]:
        """Names of the models before the first that opens at once; none where no model does."""
        before = list(takewhile(lambda model: not opens_at_once(model), self._found.values()))
        return [model.name for model in before] if len(before) < len(self._found) else []

    def _import(self) -> None:
        """Import the pending models until one can be used; those after it are opened when they are asked for."""
        while self._pending:
            name = self._pending[0]
            self.importing = _begin(name)
            try:
                self._get(name)
            except ArtifactError as error:
                self._give_up(name, error)
                self._pending = self._pending[1:]
                self._tell(self.problems[-1])
            else:
                self.first, self._pending = name, []
        self.importing = None


def _measured_costs(found: Sequence[FoundModel]) -> dict[str, float]:
    costs = {model.name: read_card(model.path).metrics.get("cost", {}) for model in found if model.path == SECOND}
    return {name: cost["lime_seconds"] for name, cost in costs.items() if "lime_seconds" in cost}


def _begin(name: str) -> Importing:
    return Importing(name, Said("legacy.importing", file=name), time.monotonic())


def to_choose_from(given: Path | None = None) -> list[FoundModel]:
    """What lies in ``model/``, or the model folder or Keras file that was given; then the shipped models.

    Raises:
        ArtifactError: if nothing is there, or it is neither a model folder nor a file of the format HDF5.
    """
    if given is None:
        return found_models()
    shipped = shipped_models()
    path = given.resolve()
    if path in (SHIPPED, SECOND):
        return sorted(shipped, key=lambda model: model.path != path)
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
    name = name if name not in {model.name for model in shipped} else f"{parent}/{name}"
    return [found_file(path, name) if path.is_file() else FoundModel(name, path, MODEL_FOLDER), *shipped]
