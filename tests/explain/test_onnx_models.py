"""Tests of everything that needs only predictions, on an ONNX network with a known reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explain.analysis import analyze
from explain.batch.judge import judge_many
from explain.report.files import PAGE, report_files
from explain.report.origin import Origin
from explain.result import Analysis
from explain.settings import Settings
from explain.wording.summary import plain_text
from model.detector.detector import Detector
from model.legacy.folder import CACHE_VARIABLE
from model.onnx_models import folder as onnx_folder
from model.onnx_models.apart import examine
from model.onnx_models.folder import model_folder
from model.onnx_models.request import Request
from tests.support.onnx_graphs import describe, hub_folder, transformer

SIDE = 192


def photo() -> NDArray[np.uint8]:
    """A blue picture with a red square in its upper left corner; only the square speaks for Fake."""
    pixels = np.full((SIDE, SIDE, 3), (30, 30, 120), np.uint8)
    pixels[:96, :96] = (250, 30, 30)
    return pixels


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Detector]:
    """An AI-image detector, a detector of fake faces, and a transformer with attentions."""
    place = tmp_path_factory.mktemp("onnx")
    hub_folder(place / "pictures", ("artificial", "human"))
    hub_folder(place / "faces", ("Fake", "Real"))
    transformer(place / "vit" / "onnx" / "model.onnx")
    describe(place / "vit", ("ai", "hum"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(CACHE_VARIABLE, str(place / "cache"))
        patched.setattr(onnx_folder, "examine_apart", examine)
        return {name: Detector(model_folder(Request(str(place / name))), name) for name in ("pictures", "faces", "vit")}


def last_analysis(detector: Detector, settings: Settings) -> Analysis:
    (*_, final) = analyze(photo(), settings, detector)
    return final


@pytest.mark.slow
def test_every_map_of_predictions_finds_the_reason(opened: dict[str, Detector]) -> None:
    names = ("attention", "lime", "occlusion", "rise", "gradcam")
    settings = Settings(
        target="Fake", methods=names, trust=True, flip=True, hidden=(0,), superpixels=12, samples=200, robustness=True
    )
    final = last_analysis(opened["pictures"], settings)
    assert final.complete and final.prediction is not None and not final.prediction.calibrated
    assert final.attributions.keys() == {"lime", "occlusion", "rise"} == final.trusts.keys()
    for found in final.attributions.values():
        half = len(found.map) // 2
        assert found.map[:half, :half].mean() > found.map[half:, half:].mean()
    assert "gives no attention" in str(final.problems["attention"])
    assert "gradients" in str(final.problems["gradcam"])
    assert final.what_if is not None and final.robustness is not None and final.reason is not None


def test_a_model_of_whole_pictures_searches_no_face(opened: dict[str, Detector]) -> None:
    final = last_analysis(opened["pictures"], Settings(methods=(), robustness=False))
    assert final.faces == () and final.chosen is not None and final.model["sees"] == "picture"
    text = plain_text(final, opened["pictures"].card, "photo")
    assert "judges whole pictures" in text and "No face was found" not in text
    pages = report_files(final, opened["pictures"].card, 5, Origin("a.png", "", ""))
    page = pages[PAGE].decode() if isinstance(pages[PAGE], bytes) else str(pages[PAGE])
    assert "no faces looked for" in page and "judges whole pictures" in page
    for wrong in ("no face found", "made for faces", "judges one face", "without a face"):
        assert wrong not in page
    face = last_analysis(opened["faces"], Settings(methods=(), robustness=False))
    assert face.chosen is None, "a model of faces still needs one"


def test_rollout_is_the_attention_map_and_says_so(opened: dict[str, Detector]) -> None:
    from explain.html.captions import caption

    final = last_analysis(opened["vit"], Settings(methods=("attention",), robustness=False))
    found = final.attributions["attention"]
    assert found.evidence["rollout"] and found.native_shape == (4, 4)
    assert found.map[:96, :96].min() > found.map[128:, 128:].max()
    assert "rollout" in str(caption(found, opened["vit"].card, 5))


def test_many_photos_are_judged(opened: dict[str, Detector], tmp_path: Path) -> None:
    Image.fromarray(photo()).save(tmp_path / "a.png")
    *_, progress = judge_many([tmp_path], opened["pictures"])
    (row,) = progress.rows
    assert row.verdict == "Real", "most of it is blue"
    assert any("judges whole pictures" in str(note) for note in row.notes)
