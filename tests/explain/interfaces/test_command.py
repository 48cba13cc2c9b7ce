"""The command ``python -m explain``: its output for people and for scripts."""

from __future__ import annotations

import fcntl
import inspect
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explain.analysis import analyze
from explain.interfaces import command
from explain.report.files import DATA, PAGE, folders_for
from explain.settings import Settings
from explain.wording.summary import headline
from model import available
from model.available import MODEL_FOLDER, FoundModel, shipped_models
from model.detector.detector import VERDICTS
from model.i18n.catalogue import VARIABLE, Message, use_language
from model.paths import SHIPPED
from tests.explain.interfaces.photos import ASTRONAUT, CAT, ROOT, VERDICT_ALONE, Explain
from tests.support.folders import files_in
from tests.support.onnx_graphs import hub_folder
from tests.support.worlds import QuickDetector

QUICK = ("--samples", "100", "--superpixels", "10")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "broken.jpg").write_bytes(ASTRONAUT.read_bytes()[:20_000])
    return tmp_path / "broken.jpg"


def verdict(language: str) -> str:
    """The headline that the command must print for the portrait."""
    *_, analysis = analyze(ASTRONAUT, Settings(methods=(), robustness=False), QuickDetector())
    with use_language(language):
        return headline(analysis)


@pytest.mark.slow
def test_the_result_is_a_few_lines_of_text(explain: Explain) -> None:
    code, out, err = explain(ASTRONAUT, *QUICK, "--no-robustness", "--hide-regions", "1,0,1")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"{ASTRONAUT}: {verdict('en')}. P(Fake) 0.")
    assert any(line.startswith("  LIME superpixels, weights for ") for line in lines)
    assert any(line.startswith("  What if: With ") for line in lines)
    assert len(lines) < 20


def test_the_json_output_for_one_photo_is_a_single_object(explain: Explain) -> None:
    code, out, err = explain(
        ASTRONAUT, *QUICK, "--hide-regions", "1,0,1", "--target", "Real", "--no-robustness", "--json", "--seed", "5"
    )
    data = json.loads(out)
    assert (code, err) == (0, "")
    assert data["file"] == str(ASTRONAUT) and data["complete"]
    assert sorted(data["attributions"]) == ["attention", "lime"]
    assert data["what_if"]["hidden"] == [1, 0]
    settings = data["settings"]
    assert (settings["target"], settings["seed"], settings["samples"], settings["superpixels"]) == ("Real", 5, 100, 10)
    assert data["command"].endswith("--json --seed 5") and "numpy" in data["versions"]


@pytest.mark.slow
def test_a_broken_photo_does_not_stop_the_others(explain: Explain, broken: Path, tmp_path: Path) -> None:
    out_folder = tmp_path / "reports"
    code, out, err = explain(ASTRONAUT, broken, CAT, *VERDICT_ALONE, "--json", "--out", out_folder)
    assert code == 1
    assert err == f"Error: {broken}: The photo is damaged or cut off; download or export it again.\n"
    found = [json.loads(line) for line in out.splitlines()]
    assert [data["file"] for data in found] == [str(ASTRONAUT), str(CAT)]
    assert {name.split("/")[0] for name in files_in(out_folder)} == {"astronaut", "cat"}


@pytest.mark.slow
def test_the_report_of_a_single_photo_is_written_directly_into_the_folder(explain: Explain, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "report"
    code, out, err = explain(ASTRONAUT, *QUICK, "--out", folder)
    assert (code, err) == (0, "")
    assert out == f"{ASTRONAUT}: {verdict('en')}. Report: {folder / PAGE}\n"
    pictures = {
        "photo.png",
        "face.png",
        "lime.png",
        "attention.png",
        "regions.png",
    }
    assert files_in(folder) == {PAGE, DATA, *pictures}
    data = json.loads((folder / DATA).read_text(encoding="utf-8"))
    assert data["photo"]["sha256"] in (folder / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize(("option", "measured"), [((), True), (("--robustness",), True), (("--no-robustness",), False)])
def test_robustness_is_measured_unless_it_is_switched_off(
    explain: Explain, option: tuple[str, ...], measured: bool
) -> None:
    code, out, _ = explain(ASTRONAUT, "--methods", "", *option)
    assert code == 0 and ("  Robustness: " in out) is measured


def test_a_photo_without_a_face_is_not_an_error(explain: Explain) -> None:
    code, out, err = explain(CAT)
    assert (code, err) == (0, "")
    assert "No face was found, so there is no score." in out


def test_the_option_whole_picture_judges_a_photo_without_a_face(explain: Explain) -> None:
    code, out, _ = explain(CAT, *VERDICT_ALONE, "--whole-picture")
    assert code == 0 and "P(Fake)" in out and "uncalibrated" in out


def test_the_option_face_selects_the_second_face(
    explain: Explain, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    Image.fromarray(np.hstack([astronaut[:256, 96:352]] * 2)).save(tmp_path / "two.png")
    code, out, _ = explain(tmp_path / "two.png", *VERDICT_ALONE, "--face", "2")
    assert code == 0 and "2 faces were found; number 2 by size is the one judged." in out


def test_the_defaults_are_those_of_the_settings() -> None:
    defaults = {name: parameter.default for name, parameter in inspect.signature(command.main).parameters.items()}
    names = {field.name for field in fields(Settings)} - {"methods", "hidden", "smooth_attention", "face"}
    assert {name: defaults[name] for name in names} == {name: getattr(Settings(), name) for name in names}
    assert tuple(defaults["methods"].split(",")) == Settings().methods and defaults["hide_regions"] == ""
    assert defaults["face"] == Settings().face + 1, "the command numbers faces from 1"


@pytest.mark.parametrize(
    ("photos", "names"),
    [
        (["a/one.jpg"], [""]),
        (["one.jpg", "two.png"], ["one", "two"]),
        (["a/one.jpg", "b/one.jpg", "one.png"], ["one", "one-2", "one-3"]),
        (["one.jpg", "one-2.jpg", "one.png"], ["one", "one-2", "one-3"]),
        (["one.jpg", "ONE.jpg"], ["one", "ONE-2"]),
        (["...jpg", "x.jpg"], ["photo", "x"]),
        ([f"{'漢' * 85}.jpg", f"{'漢' * 85}.png"], ["漢" * 85, "漢" * 84 + "-2"]),
    ],
)
def test_every_photo_gets_its_own_folder(photos: list[str], names: list[str]) -> None:
    folders = folders_for([Path(photo) for photo in photos], Path("out"))
    assert folders == [Path("out") / name for name in names]


@pytest.mark.slow
def test_output_reports_and_errors_are_in_the_chosen_language(explain: Explain, broken: Path, tmp_path: Path) -> None:
    code, out, err = explain(ASTRONAUT, CAT, *QUICK, "--language", "tr", "--trust", "--out", tmp_path / "reports")
    assert (code, err) == (0, "")
    assert f"{ASTRONAUT}: {verdict('tr')}. Rapor: " in out and f"{CAT}: Yüz bulunamadı." in out
    page = (tmp_path / "reports" / "astronaut" / PAGE).read_text(encoding="utf-8")
    assert '<html lang="tr">' in page and "Sahte" in page
    data = json.loads((tmp_path / "reports" / "astronaut" / DATA).read_text(encoding="utf-8"))
    assert data["language"] == "tr" and data["prediction"]["verdict"] in VERDICTS
    for arguments in ((broken,), (ASTRONAUT, "--samples", "5"), (ASTRONAUT, "--model", "nowhere")):
        assert explain(*arguments, "--language", "tr")[2].startswith("Hata: ")
    assert str(ValueError(Message("class.Fake"))) == "Fake", "the command restores the language"


def test_the_environment_variable_sets_the_language(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "tr")
    assert f"{CAT}: Yüz bulunamadı." in explain(CAT)[1]
    assert f"{CAT}: No face found." in explain(CAT, "--language", "en")[1]
    assert "Çıkış kodları" in explain("--help")[1]


@pytest.mark.slow
def test_libraries_print_nothing_when_the_output_is_a_pipe() -> None:
    """LiteRT and TensorFlow (which Grad-CAM loads) print no messages, and there is no progress bar."""
    command_line = [sys.executable, "-m", "explain", ASTRONAUT, "--methods", "gradcam", "--no-robustness", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    ended = subprocess.run(command_line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(json.loads(ended.stdout)["attributions"]) == ["gradcam"]


@pytest.mark.slow
def test_a_terminal_shows_the_progress(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        code, out, _ = explain(ASTRONAUT, *QUICK, "--methods", "lime", "--no-robustness")
        shown = os.read(screen, 100_000).decode()
    os.close(screen)
    assert f"{ASTRONAUT.name}: LIME: " in shown and "100%" in shown
    assert code == 0 and out.startswith(f"{ASTRONAUT}: {verdict('en')}.")


def test_a_model_in_the_model_folder_comes_before_the_shipped_ones(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``tests/model/test_found.py`` tests how models in ``model/`` are found and imported."""
    own_model = FoundModel("best_model_effatt.h5", SHIPPED, MODEL_FOLDER)
    monkeypatch.setattr(available, "found_models", lambda: [own_model, *shipped_models()])
    code, out, _ = explain(ASTRONAUT, *VERDICT_ALONE, "--json")
    assert code == 0 and json.loads(out)["model"]["name"] == "best_model_effatt.h5"


@pytest.mark.slow
def test_an_onnx_model_judges_a_photo_or_is_refused_in_one_sentence(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHYFAKE_CACHE", str(tmp_path / "cache"))
    model = hub_folder(tmp_path / "net", ("A", "B"))
    options = ("--methods", "", "--no-robustness", "--sees", "picture")
    code, _, error = explain(ASTRONAUT, "--model", model, *options)
    assert code == 1 and "--fake-label" in error
    code, out, _ = explain(ASTRONAUT, "--model", model, "--fake-label", "A", *options, "--json")
    found = json.loads(out)
    assert code == 0 and found["model"]["sees"] == "picture" and len(found["model"]["model.onnx"]) == 64
    assert found["prediction"]["calibrated"] is False
    second = ("--second", model, "--fake-label", "A", "--sees", "picture", "--no-robustness", "--hide", "black", *QUICK)
    code, out, _ = explain(ASTRONAUT, *second, "--methods", "lime", "--json")
    found = json.loads(out)
    assert code == 0 and found["second"]["settings"]["target"] == found["settings"]["target"]
    assert -1 <= found["second"]["comparison"]["correlation"] <= 1
    code, out, _ = explain(ASTRONAUT, *second, "--methods", "lime", "--out", tmp_path / "report")
    assert code == 0 and "correlation of" in out and (tmp_path / "report" / "second" / "report.html").is_file()
    code, _, error = explain(tmp_path, "--second", model)
    assert code == 1 and "single photos" in error
