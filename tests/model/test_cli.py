"""Tests of errors and arguments on the command line: expected errors become one sentence, others keep a traceback."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
import typer

from model.cli import run
from model.errors import ArtifactError, DatasetError, PhotoError
from model.paths import SHIPPED

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["command"])


@pytest.mark.parametrize("error", [ArtifactError, DatasetError, PhotoError])
def test_expected_errors_become_one_sentence(error: type[Exception]) -> None:
    def command() -> None:
        raise error("The thing is broken; mend it.")

    with pytest.raises(SystemExit) as caught:
        run(command)
    assert caught.value.code == "Error: The thing is broken; mend it."


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda folder: (folder / "nothing").read_text(), "Error: No such file or directory: {folder}/nothing."),
        (lambda folder: folder.read_text(), "Error: Is a directory: {folder}."),
        (lambda folder: raise_(OSError(28, "No space left on device")), "Error: No space left on device."),
        (lambda folder: json.loads("{"), "Error: A file of an earlier run is not JSON"),
        (
            lambda folder: importlib.import_module("no_such_package.part"),
            "Error: The package no_such_package is missing; `pip install -r requirements-train.txt` installs it.",
        ),
    ],
)
def test_missing_file_disk_space_or_package_becomes_one_sentence(
    act: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    def command() -> None:
        act(tmp_path)

    with pytest.raises(SystemExit) as caught:
        run(command)
    assert str(caught.value.code).startswith(words.format(folder=tmp_path))


def raise_(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("error", [OSError("h5py stumbled"), ModuleNotFoundError("gone", name="model.gone")])
def test_internal_errors_keep_their_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(lambda: raise_(error))


def test_package_that_is_missing_at_the_start_is_named(tmp_path: Path) -> None:
    """A module with the package's name, found first, raises the error of a missing package."""
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('No module named typer', name='typer')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "model", "model_card"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    sentence = "Error: The package typer is missing; `pip install -r requirements-train.txt` installs it.\n"
    assert (ended.returncode, ended.stderr) == (1, sentence)


def test_unexpected_errors_keep_their_traceback() -> None:
    def command() -> None:
        raise ZeroDivisionError("a fault of ours")

    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        run(command)


def test_arguments_are_converted_to_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    def command(folder: Annotated[Path, typer.Argument()], count: int = 3, write: bool = False) -> None:
        given.extend([folder, count, write])

    monkeypatch.setattr(sys, "argv", ["command", "somewhere", "--count", "7", "--write"])
    with pytest.raises(SystemExit) as caught:
        run(command)
    assert caught.value.code in (0, None)
    assert given == [Path("somewhere"), 7, True]


def test_help_joins_the_lines_of_a_paragraph(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        """Do it.

        The first line
        and the second.
        """

    monkeypatch.setattr(sys, "argv", ["command", "--help"])
    with pytest.raises(SystemExit):
        run(command)
    assert "The first line and the second." in capsys.readouterr().out


def test_wrong_arguments_are_refused_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(count: int = 3) -> None:
        pytest.fail("the command must not run")

    monkeypatch.setattr(sys, "argv", ["command", "--count", "many"])
    with pytest.raises(SystemExit) as caught:
        run(command)
    assert caught.value.code == 2 and "--count" in capsys.readouterr().err


def test_command_without_a_model_exits_1_with_one_line(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, err = command("evaluate", tmp_path / "nothing", tmp_path)
    assert (code, err) == (1, "Error: nothing is no model folder: it has no card.json.\n")


def test_command_without_data_exits_1_with_one_line(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, err = command("evaluate", SHIPPED, tmp_path, "--faces", tmp_path / "faces.json")
    assert code == 1
    assert err.splitlines()[-1].endswith("holds no pictures in folders named real or fake.")
