"""The plain network in the registry, its pictures, and fixtures that skip slow parts of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from model.artifact.preprocessing import Preprocessing
from model.networks.registry import ARCHITECTURES, Architecture
from model.training import epochs as epochs_module
from model.training import runs
from model.training import train as train_module
from tests.model.training.plain import PLAIN, Data, build_plain, make_data


@pytest.fixture(scope="module", autouse=True)
def plain() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ARCHITECTURES, PLAIN, Architecture(build_plain, Preprocessing(16, "RGB", 1 / 255), False))
        yield


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Pictures that a test may change."""
    return make_data(tmp_path / "data")


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips the conversion and the chart in tests of other parts."""
    monkeypatch.setattr(runs, "export", lambda *_: None)
    monkeypatch.setattr(train_module, "save", lambda *_: None)


def make_epochs(monkeypatch: pytest.MonkeyPatch, loss_of: Callable[[int], float]) -> None:
    """Replace epochs by ones without training; their validation loss is a function of their number, from 1."""

    def next_row(self: epochs_module.Epochs) -> dict[str, float]:
        number = len(self.rows) + 1
        rate = float(np.asarray(self._loop.optimizer.learning_rate))
        figures = {"loss": 0.5, "accuracy": 0.5, "val_loss": loss_of(number), "val_accuracy": 0.5, "val_auc": 0.5}
        return {"epoch": number, **figures, "learning_rate": rate, "seconds": 1.0}

    monkeypatch.setattr(epochs_module.Epochs, "_next", next_row)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs without training; each is better than the previous one."""
    make_epochs(monkeypatch, lambda number: 0.5 / number)


@pytest.fixture
def plateau(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs without training; the validation loss improves once, and then never again."""
    make_epochs(monkeypatch, lambda number: {1: 0.6, 2: 0.5}.get(number, 0.7))
