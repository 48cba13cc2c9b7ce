"""The models that a visitor may choose from, each opened at its first use and kept."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from model.artifact import SHIPPED, ArtifactError
from model.detector import Detector
from model.found import LEGACY_FILE, MODEL_FOLDER, FoundModel, found_models, open_model


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
        self._opened: dict[str, Detector] = {}
        self._lock = threading.Lock()
        self._tell = tell
        self.problems = [model.problem for model in found if model.problem is not None]
        self.first = self._first()
        for problem in self.problems:
            tell(problem)

    @property
    def names(self) -> list[str]:
        """Names of the models that may be chosen, in the order in which they were found."""
        return list(self._found)

    def get(self, name: str) -> Detector:
        """The model of that name, opened at its first use.

        Raises:
            ArtifactError: if there is no such model, or it can't be used after all.
        """
        with self._lock:
            if name not in self._found:
                raise ArtifactError(f"No model is called {name!r}; choose one of {', '.join(self._found)}.")
            if name not in self._opened:
                self._opened[name] = open_model(self._found[name], self._tell)
            return self._opened[name]

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
    """What lies in ``model/``, or the model folder or ``.h5`` file that was given; then the shipped model."""
    if given is None:
        return found_models()
    shipped = FoundModel(SHIPPED.name, SHIPPED, MODEL_FOLDER)
    path = given.resolve()
    if path == SHIPPED:
        return [shipped]
    name = path.name if path.name != SHIPPED.name else f"{path.parent.name}/{path.name}"
    return [FoundModel(name, given, LEGACY_FILE if path.suffix == ".h5" else MODEL_FOLDER), shipped]
