"""Tests of the command line's manners: errors that were foreseen are one sentence, others are not hidden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from model.artifact import SHIPPED, ArtifactError
from model.cli import run
from model.dataset import DatasetError
from model.photo import PhotoError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["command"])


@pytest.mark.parametrize("error", [ArtifactError, DatasetError, PhotoError])
def test_foreseen_errors_become_a_sentence(error: type[Exception]) -> None:
    def command() -> None:
        raise error("The thing is broken; mend it.")

    with pytest.raises(SystemExit) as caught:
        run(command)
    assert caught.value.code == "Error: The thing is broken; mend it."


def test_other_errors_keep_their_traceback() -> None:
    def command() -> None:
        raise ZeroDivisionError("a fault of ours")

    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        run(command)


def test_arguments_are_read_by_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    def command(folder: Annotated[Path, typer.Argument()], count: int = 3, write: bool = False) -> None:
        given.extend([folder, count, write])

    monkeypatch.setattr(sys, "argv", ["command", "somewhere", "--count", "7", "--write"])
    with pytest.raises(SystemExit) as caught:
        run(command)
    assert caught.value.code in (0, None)
    assert given == [Path("somewhere"), 7, True]


def test_wrong_arguments_are_refused_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(count: int = 3) -> None:
        pytest.fail("the command must not run")

    monkeypatch.setattr(sys, "argv", ["command", "--count", "many"])
    with pytest.raises(SystemExit) as caught:
        run(command)
    assert caught.value.code == 2 and "--count" in capsys.readouterr().err


def shell(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_command_without_a_model_exits_1_with_one_line(tmp_path: Path) -> None:
    ended = shell("model.evaluate", tmp_path / "nothing", tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == "Error: nothing is no model folder: it has no card.json.\n"


def test_command_without_data_exits_1_with_one_line(tmp_path: Path) -> None:
    ended = shell("model.evaluate", SHIPPED, tmp_path, "--faces", tmp_path / "faces.json")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith("holds no pictures in folders named real or fake.")
    assert "Traceback" not in ended.stderr
