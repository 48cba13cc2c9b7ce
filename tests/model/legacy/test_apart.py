"""Tests of the process that imports a file: it reports its steps and its problem."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from model.errors import ArtifactError
from model.i18n.catalogue import Message
from model.legacy import apart
from model.legacy.apart import Limits, convert_apart

H5 = Path("mine.h5")
START = subprocess.Popen


def replace_process(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Replace the importing process by a program of the test."""

    def popen(command: list[str], **options: object) -> subprocess.Popen[str]:
        return START([sys.executable, "-c", program], **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(apart.subprocess, "Popen", popen)


def test_steps_are_reported_until_the_import_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    step = '["step", ["legacy.step.network", {"file": "mine.h5", "step": 2, "of": 3}]]'
    replace_process(monkeypatch, f"print('{step}'); print('[\"done\", \"\"]')")
    messages: list[Message] = []
    convert_apart(H5, None, Path("made"), messages.append)
    assert messages == [Message("legacy.step.network", file="mine.h5", step=2, of=3)]


def test_problems_of_the_file_and_of_the_system_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_process(monkeypatch, """print('["problem", ["legacy.no_file", {"file": "mine.h5"}]]')""")
    with pytest.raises(ArtifactError, match=r"There is no file mine\.h5\."):
        convert_apart(H5, None, Path("made"), print)
    replace_process(monkeypatch, """print('["system", "No space left on device"]')""")
    with pytest.raises(OSError, match="No space left"):
        convert_apart(H5, None, Path("made"), print)


def test_crash_of_the_process_is_an_error_message(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_process(monkeypatch, "import os; os.abort()")
    with pytest.raises(ArtifactError) as caught:
        convert_apart(H5, None, Path("made"), print)
    assert caught.value.args[0] == Message("legacy.import_broke_off", file="mine.h5")


@pytest.mark.parametrize(("seconds", "cancelled"), [(0, False), (600, True)])
def test_process_ends_at_its_time_limit_or_when_the_caller_cancels(
    monkeypatch: pytest.MonkeyPatch, seconds: float, cancelled: bool
) -> None:
    replace_process(monkeypatch, "import time; time.sleep(300)")
    with pytest.raises(ArtifactError, match="can't be imported"):
        convert_apart(H5, None, Path("made"), print, Limits(10**9, seconds, lambda: cancelled))
