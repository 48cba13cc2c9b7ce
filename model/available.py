"""The models that a user can choose from. Each is opened at its first use and stays open."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, takewhile
from pathlib import Path

from model.artifact.card import TFLITE, named_after, read_card
from model.detector.detector import Detector
from model.errors import ArtifactError, message_of
from model.found import (
    KERAS_FILES,
    MODEL_FOLDER,
    ONNX_MODEL,
    FoundModel,
    found_file,
    found_models,
    open_model,
    opens_at_once,
    shipped_models,
)
from model.i18n.catalogue import Message
from model.onnx_models.request import Request, is_onnx
from model.paths import SECOND


@dataclass(frozen=True)
class Importing:
    """A model that is being imported.

    Attributes:
        name: the model's name.
        step: the current step, in a sentence.
        since: ``time.monotonic()`` at the start of the import.
    """

    name: str
    step: Message
    since: float


class Models:
    """Opens the models that were found, by name; threads can share it.

    Args:
        found: the models to choose from; ``first`` is the first one that can be opened.
        notify: called with a message at each slow step, and for each model that can't be used.
        at_once: begin with the first model that opens without an import, and import the models before it in a daemon
            thread. The first of these that can be used then becomes ``first``.

    Raises:
        ArtifactError: if no model can be used; the message is the first problem.
    """

    def __init__(
        self,
        found: Sequence[FoundModel],
        notify: Callable[[Message | str], None] = lambda message: None,
        at_once: bool = False,
    ) -> None:
        self._found = {model.name: model for model in found if model.problem is None}
        self._lime_seconds = _measured_costs(found)
        self._opened: dict[str, Detector | ArtifactError] = {}
        # One lock for each model: a large network's first import takes minutes, and must not block the other models.
        self._locks = {name: threading.Lock() for name in self._found}
        self._notify = notify
        self._problems = [model.problem for model in found if model.problem is not None]
        self.importing: Importing | None = None
        self._pending = self._to_import() if at_once else []
        self.first = self._first()
        for problem in self.problems:
            notify(problem)
        if self._pending:
            self.importing = _begin(self._pending[0])
            threading.Thread(target=self._import, name="import-model", daemon=True).start()

    @property
    def problems(self) -> list[str]:
        """Why models can't be used: one sentence for each, in the current language."""
        return list(map(str, self._problems))

    @property
    def names(self) -> list[str]:
        """Names of the models that can be chosen now, in the order in which they were found."""
        pending = set(self._pending)
        return [name for name in self._found if name not in pending]

    def lime_seconds(self, name: str) -> float | None:
        """Seconds of a LIME map on two cores, from the card of the second shipped model; None for other models."""
        return self._lime_seconds.get(name)

    def is_open(self, name: str) -> bool:
        """Whether the model was opened before (or failed), so that ``get`` takes no time."""
        return name in self._opened

    def get(self, name: str) -> Detector:
        """The model of that name, opened at its first use; a model that failed is not tried again.

        Raises:
            ArtifactError: if there is no such model, if it is still being imported, or if it can't be used.
        """
        if not isinstance(name, str):  # programs can send anything
            raise ArtifactError(Message("model.unknown", name=repr(name)[:100], names=", ".join(self.names)))
        if name in self._pending:
            raise ArtifactError(Message("model.importing", name=name, names=", ".join(self.names)))
        return self._get(name)

    def _get(self, name: str) -> Detector:
        if name not in self._found:
            raise ArtifactError(Message("model.unknown", name=repr(name)[:100], names=", ".join(self.names)))
        with self._locks[name]:
            if name not in self._opened:
                self._opened[name] = self._open(name)
        opened = self._opened[name]
        if isinstance(opened, ArtifactError):
            raise opened
        return opened

    def _open(self, name: str) -> Detector | ArtifactError:
        try:
            return open_model(self._found[name], partial(self._step, name))
        except ArtifactError as error:
            return error

    def _step(self, name: str, step: Message) -> None:
        """Report a step of opening a model; if it is the import that the page shows, keep it in ``importing``."""
        if self.importing is not None and self.importing.name == name:
            self.importing = Importing(name, step, self.importing.since)
        self._notify(step)

    def _first(self) -> str:
        for name in self.names:
            try:
                self._get(name)
                return name
            except ArtifactError as error:
                self._give_up(name, error)
        raise ArtifactError(self._problems[0] if self._problems else Message("model.none"))

    def _give_up(self, name: str, error: ArtifactError) -> None:
        self._found = {other: model for other, model in self._found.items() if other != name}
        self._problems.append(message_of(error))

    def _to_import(self) -> list[str]:
        """Names of the models before the first that opens at once; empty if no model opens at once."""
        before = list(takewhile(lambda model: not opens_at_once(model), self._found.values()))
        return [model.name for model in before] if len(before) < len(self._found) else []

    def _import(self) -> None:
        """Import the pending models until one can be used; the models after it are opened at their first use."""
        while self._pending:
            name = self._pending[0]
            self.importing = _begin(name)
            try:
                self._get(name)
            except ArtifactError as error:
                self._give_up(name, error)
                self._pending = self._pending[1:]
                self._notify(self.problems[-1])
            else:
                self.first, self._pending = name, []
        self.importing = None


def _measured_costs(found: Sequence[FoundModel]) -> dict[str, float]:
    costs = {}
    for model in found:
        if model.path == SECOND:
            with suppress(ArtifactError):  # the page shows the problem when the model is chosen
                costs[model.name] = read_card(SECOND).metrics.get("cost", {})
    return {name: cost["lime_seconds"] for name, cost in costs.items() if "lime_seconds" in cost}


def _is_combined(folder: Path) -> bool:
    """Whether the folder holds the card of a combined model, which has no network of its own."""
    try:
        return bool(read_card(folder).parts)
    except ArtifactError:
        return False


def _begin(name: str) -> Importing:
    return Importing(name, Message("legacy.importing", file=name), time.monotonic())


def available_models(
    given: Path | str | None = None, fake_labels: Iterable[str] = (), sees: str = ""
) -> list[FoundModel]:
    """The models in ``model/``, or the one that was given; then the shipped models.

    Args:
        given: a model folder, a folder with exactly one HDF5 file of Keras, or such a file; an ONNX file, a folder in
            the layout of the Hugging Face Hub, or ``hf:OWNER/NAME[@REVISION]``.
        fake_labels, sees: see ``Request``; used for an ONNX model.

    Raises:
        ArtifactError: if ``given`` does not exist or is none of these, judged by names; its content is not opened here.
    """
    if given is None:
        return found_models()
    shipped = shipped_models()
    request = Request(str(given), tuple(fake_labels), sees)
    if is_onnx(request.source):
        if not request.on_the_hub and not Path(given).exists():
            raise ArtifactError(Message("model.nowhere", path=str(given)))
        return [FoundModel(_free_name(request.name, shipped), Path(given), ONNX_MODEL, request=request), *shipped]
    path = Path(given).resolve()
    if path in {model.path for model in shipped}:
        return sorted(shipped, key=lambda model: model.path != path)
    if not path.exists():
        raise ArtifactError(Message("model.nowhere", path=str(given)))
    if path.is_file() and path.suffix.lower() not in KERAS_FILES:
        raise ArtifactError(Message("model.no_h5", file=path.name, stem=path.stem))
    if path.is_dir() and not (path / TFLITE).exists():
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in KERAS_FILES]
        if len(files) == 1:
            path = files[0]
        elif not _is_combined(path):
            raise ArtifactError(Message("model.no_folder", folder=path.name or str(path), file=TFLITE))
    *_, parent, name = named_after(path).parts
    name = name if name not in {model.name for model in shipped} else f"{parent}/{name}"
    return [found_file(path, name) if path.is_file() else FoundModel(name, path, MODEL_FOLDER), *shipped]


def open_one(
    given: Path | str | None, notify: Callable[[Message | str], None], fake_labels: Iterable[str] = (), sees: str = ""
) -> Detector:
    """The model that was given, opened; without one, the first of those in ``model/`` that can be used.

    Args:
        given, fake_labels, sees: see ``available_models``.
        notify: called with a message at each slow step, and for each model that can't be used and was not given.

    Raises:
        ArtifactError: if the given model, or every other one, can't be used.
    """
    found = available_models(given, fake_labels, sees)
    if given is None:
        models = Models(found, notify)
        return models.get(models.first)
    if found[0].problem is not None:
        raise ArtifactError(found[0].problem)
    return open_model(found[0], notify)


def _free_name(name: str, others: Iterable[FoundModel]) -> str:
    return f"my/{name}" if name in {other.name for other in others} else name


def all_available_models(
    given: Sequence[Path | str] = (), fake_labels: Iterable[str] = (), sees: str = ""
) -> list[FoundModel]:
    """The models that were given, in their order, then the shipped ones; without any, those in ``model/``.

    Args:
        given: see ``available_models``; of two with the same name, the second gets a number.
        fake_labels, sees: see ``Request``; used for ONNX models.

    Raises:
        ArtifactError: see ``available_models``.
    """
    if not given:
        return available_models()
    found: dict[str, FoundModel] = {}
    for source in given:
        first = available_models(source, fake_labels, sees)[0]
        names = (first.name if number == 1 else f"{first.name} ({number})" for number in count(1))
        name = next(name for name in names if name not in found)
        if first.path not in {model.path for model in found.values()}:
            found[name] = replace(first, name=name)
    shipped = [model for model in shipped_models() if model.path not in {each.path for each in found.values()}]
    return [*found.values(), *shipped]
