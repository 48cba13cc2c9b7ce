"""Tests of ``python -m model finish``: one command takes a run from its weights to its model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import load_artifact, write_card
from model.artifact.facts import WHOLE
from model.artifact.views import STEADY
from model.detector.detector import Detector
from model.errors import ArtifactError
from model.evaluation import evaluate as evaluate_module
from model.finish import finish

MakeData = Callable[..., tuple[Path, Path]]
Picture = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def run(tiny_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with an uncalibrated model, in its own working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate_module, "save_charts", lambda *_: [])  # they take seconds
    folder = tmp_path / "my_run"
    artifact = shutil.copytree(tiny_artifact, folder / "artifact")
    write_card(artifact, replace(load_artifact(artifact), temperature=None, fake_bias=0.0))
    return folder


@pytest.fixture
def data(make_data: MakeData, picture: Picture) -> tuple[Path, Path]:
    names = [
        f"faces/{split}/{label}/{n}.png" for split in ("val", "test") for label in ("real", "fake") for n in range(6)
    ]
    return make_data({name: picture(seed) for seed, name in enumerate(names)})


@pytest.mark.slow
def test_run_is_calibrated_evaluated_and_documented(
    run: Path, data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    finish(run, data[0], faces=data[1], steady=True)
    card = load_artifact(run / "artifact")
    assert card.views == STEADY
    fitted = json.loads((run / "calibration" / "calibration.json").read_text())
    assert card.temperature is not None and card.temperature == fitted["temperature"]
    measured = json.loads((run / "evaluation" / "figures.json").read_text())
    assert card.metrics["test"] == measured and set(measured) == {"faces"} and "test_corruptions" not in card.metrics
    document = (run / "model_card.md").read_text()
    assert document.startswith("# Model card: my_run\n") and "| faces |" in document
    assert {path.name for path in tmp_path.iterdir()} == before, "nothing is written beside the run's folder"
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f"Report: {run / 'evaluation' / 'report.md'}", f"Report: {run / 'model_card.md'}"]
    assert "my_run, test pictures" in lines and not any(line.startswith("artifact") for line in lines)


@pytest.mark.slow
def test_model_trained_on_whole_pictures_is_evaluated_on_whole_pictures(
    run: Path, make_data: MakeData, picture: Picture, data: tuple[Path, Path]
) -> None:
    artifact = run / "artifact"
    write_card(artifact, replace(load_artifact(artifact), training={"pictures": WHOLE}))
    finish(run, data[0], faces=run / "no_faces.json")
    assert not (run / "no_faces.json").exists(), "no faces were searched"
    assert load_artifact(artifact).metrics["test"]["faces"]["real"] == 6


def test_folder_without_a_finished_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nothing holds no finished training: there is no artifact/card\.json"):
        finish(tmp_path / "nothing", tmp_path)


def test_page_names_the_model_after_its_run(run: Path) -> None:
    assert Detector(run / "artifact").name == "my_run"
