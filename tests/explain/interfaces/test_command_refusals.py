"""The command ``python -m explain``: refused arguments, exit codes and Ctrl+C."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explain.analysis import analyze
from explain.interfaces import command
from explain.report.files import DATA
from explain.result import Analysis
from model.cli import until_interrupted
from tests.explain.interfaces.photos import ASTRONAUT, CAT, VERDICT_ALONE, Explain
from tests.support.folders import files_in


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--methods", "lime,gradient"), "methods must be one of attention, lime, "),
        (("--target", "fake"), "The class to explain must be Fake or Real, not 'fake'."),
        (("--samples", "5"), "samples must be 100 to 5000, not 5."),
        (("--hide", "pink"), "hide must be one of "),
        (
            ("--model", "nowhere"),
            "There is no nowhere; give a model folder, a Keras .h5 file, an ONNX file or hf:OWNER/NAME.",
        ),
        (("--out", __file__), f"{__file__} is a file; name a folder for the report."),
    ],
)
def test_an_invalid_setting_is_refused_in_one_sentence(
    explain: Explain, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = explain(ASTRONAUT, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: {sentence}") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--face", "9"), "face must be 1 to 1 for this photo, not 9."),
        (("--face", "0"), "face must be 1 to 1 for this photo, not 0."),
        (("--hide-regions", "99"), "regions must be numbers from 0 to "),
    ],
)
def test_the_refusal_of_a_setting_that_does_not_fit_a_photo_names_the_photo(
    explain: Explain, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = explain(ASTRONAUT, *VERDICT_ALONE, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: {ASTRONAUT}: {sentence}") and err.count("\n") == 1


def test_an_unusable_model_is_refused_in_one_sentence(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").touch()
    (tmp_path / "card.json").write_text("{")
    code, out, err = explain(ASTRONAUT, *VERDICT_ALONE, "--model", tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("Error: ") and "card.json is not JSON" in err and err.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), (ASTRONAUT, "--hide-regions", "nose"), (ASTRONAUT, "--nonsense")])
def test_an_invalid_command_line_exits_with_code_2(explain: Explain, arguments: tuple[str | Path, ...]) -> None:
    code, out, err = explain(*arguments)
    assert (code, out) == (2, "") and "Traceback" not in err


def test_help_lists_the_exit_codes(explain: Explain) -> None:
    code, out, _ = explain("--help")
    assert code == 0
    assert all(f" {number} - " in out for number in (0, 1, 2, 130))


@pytest.mark.slow
def test_ctrl_c_writes_the_partial_result_and_ends_the_command(
    explain: Explain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*arguments: Any) -> Iterator[Analysis]:
        for analysis in analyze(*arguments):
            if "lime" in analysis.attributions:
                signal.raise_signal(signal.SIGINT)
            yield analysis

    monkeypatch.setattr(command, "analyze", interrupted)
    previous_handler = signal.getsignal(signal.SIGINT)
    code, out, err = explain(ASTRONAUT, CAT, "--samples", "5000", "--superpixels", "40", "--out", tmp_path)
    assert (code, err) == (130, "")
    assert "was stopped before it was complete" in out and str(CAT) not in out
    assert {name.split("/")[0] for name in files_in(tmp_path)} == {"astronaut"}
    data = json.loads((tmp_path / "astronaut" / DATA).read_text(encoding="utf-8"))
    assert not data["complete"] and data["attributions"]["lime"]["evidence"]["samples"] < 5000
    assert signal.getsignal(signal.SIGINT) is previous_handler


def test_a_second_ctrl_c_ends_the_command_at_once() -> None:
    with until_interrupted() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
