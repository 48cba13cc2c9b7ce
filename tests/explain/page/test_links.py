"""Tests of links that restore the settings, and of the texts of regions."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from urllib.parse import parse_qsl

import numpy as np
import pytest
from PIL import Image

from explain.analysis import analyze
from explain.examples import examples
from explain.html.regions import pointed_at, regions_table
from explain.page.components.controls import settings_from
from explain.page.links import from_link, link_to
from explain.page.view import View
from explain.result import Analysis
from explain.settings import DEFAULT_MAPS, LIKELIER, Settings
from explain.wording.regions import region_line
from model.detector.detector import Detector
from model.errors import SettingsError
from model.i18n.catalogue import use_language
from model.paths import SECOND

CONTROL_VALUES = {
    **{"language": "tr", "model": "lite_attention", "target": "Real", "superpixels": 20, "samples": 300, "shown": 5},
    **{"smooth": True, "further": ["occlusion", "rise"], "trust": False, "segmentation": "facial", "hide": "blur"},
    **{"robustness": True, "second": SECOND.name},
}


@pytest.fixture(scope="module")
def analysis(detector: Detector) -> Analysis:
    """The analysis of an example with few samples."""
    settings = Settings(samples=100, superpixels=15, robustness=False)
    *_, last = analyze(examples()[0].path, settings, detector)
    return last


def test_link_restores_every_setting() -> None:
    query = dict(parse_qsl(link_to(CONTROL_VALUES).removeprefix("?")))
    assert query["lang"] == "tr"
    assert from_link(query) == {name: value for name, value in CONTROL_VALUES.items() if name != "language"}


def test_link_names_the_photo_only_if_it_is_an_example(analysis: Analysis) -> None:
    assert f"example={examples()[0].path.stem}" in link_to(CONTROL_VALUES, analysis)
    assert "example" not in link_to(CONTROL_VALUES)


def test_controls_become_settings() -> None:
    settings = settings_from(CONTROL_VALUES)
    assert settings.methods == (*DEFAULT_MAPS, "occlusion", "rise")
    assert settings.target == "Real" and settings.hide == "blur"
    assert settings_from({**CONTROL_VALUES, "target": LIKELIER}).target is None
    with pytest.raises(SettingsError, match="hide"):
        settings_from({**CONTROL_VALUES, "hide": "nothing"})


def test_each_pixel_of_a_map_has_the_text_of_its_region(analysis: Analysis) -> None:
    written = re.search(r'data-regions="([^"]*)"', pointed_at(analysis))
    assert written
    data = json.loads(html.unescape(written[1]))
    lime = analysis.attributions["lime"]
    assert lime.segments is not None and lime.weights is not None
    labels = _labels(data["lime"]["labels"])
    np.testing.assert_array_equal(labels, lime.segments)
    assert data["lime"]["lines"] == [region_line(lime, region) for region in range(len(lime.weights))]
    cells = _labels(data["attention"]["labels"])
    assert cells.shape == analysis.attributions["attention"].native_shape
    mask = analysis.prediction.attention if analysis.prediction is not None else None
    assert mask is not None
    row, column = np.unravel_index(mask.argmax(), mask.shape)
    assert f"{mask.max():.2f}" in data["attention"]["lines"][cells[row, column]]


def _labels(url: str) -> np.ndarray:
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))).astype(int)
    return picture[..., 0] + 256 * picture[..., 1]


def test_table_has_every_region_and_the_strongest_is_first(analysis: Analysis) -> None:
    lime = analysis.attributions["lime"]
    assert lime.weights is not None
    weights = [
        float(text.replace("−", "-")) for text in re.findall(r"<span>([+−]\d\.\d{3})</span>", regions_table(lime))
    ]
    assert len(weights) == len(lime.weights)
    assert [abs(weight) for weight in weights] == sorted((abs(weight) for weight in weights), reverse=True)
    with use_language("tr"):
        assert "," in regions_table(lime) and "Region" not in regions_table(lime)


def test_view_scales_the_photo_together_with_its_boxes(analysis: Analysis) -> None:
    view = View.of(analysis)
    height, width = view.analysis.photo.pixels.shape[:2]
    assert max(height, width) <= 1024 and view.display_scale <= 1
    assert analysis.chosen is not None
    x, y, w, h = (value * view.display_scale for value in analysis.chosen.box)
    assert view.face_at(x + w / 2, y + h / 2) == 0 and view.face_at(x + 2 * w, y) is None
    assert view.boxes().shape == (height, width, 3)
