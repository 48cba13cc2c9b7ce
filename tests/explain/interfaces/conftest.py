"""The command ``python -m explain``, run in the process of the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explain.interfaces import command
from model import available
from model.available import FoundModel
from model.available import open_model as original_open_model
from model.cli import run
from model.detector.detector import Detector
from model.i18n.catalogue import VARIABLE, help_text
from tests.explain.interfaces.photos import Explain


@pytest.fixture
def explain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], quick_detector: Detector, detector: Detector
) -> Explain:
    """Run the command in this process with a fast stand-in network; return its exit code, stdout and stderr."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv(VARIABLE, "en")
    detector.predict(np.zeros((8, 8, 3), np.uint8))  # LiteRT prints a message at its first use, before the command

    def open_model(found: FoundModel, notify: Callable[..., None]) -> Detector:
        return quick_detector if found.name == quick_detector.name else original_open_model(found, notify)

    monkeypatch.setattr(available, "open_model", open_model)

    def explain(*arguments: str | Path) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["explain", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            run(command.main, help_text("command.about"))
        out, err = capfd.readouterr()
        code = caught.value.code
        return (1, out, f"{err}{code}\n") if isinstance(code, str) else (int(code or 0), out, err)

    return explain
