"""Tests of a report on two models: both verdicts, both pictures, the sentence, and the data to repeat it."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from explain.comparison import Second
from explain.html.rendering import TEMPLATES
from explain.report.files import DATA, PAGE, report_files, write_report
from explain.report.origin import Origin
from explain.result import Analysis
from explain.wording.comparison import comparison_sentence
from model.i18n.catalogue import use_language
from tests.explain.two_models import CARD, ORDER, UNRELATED, analysed, beside, right_half, weighing

ORIGIN = Origin("photo.jpg", "", "", {})
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def first() -> Analysis:
    return weighing(analysed(right_half), ORDER)


@pytest.fixture(scope="module")
def second(first: Analysis) -> Second:
    return beside(first, UNRELATED, "Real")


class ParsedPage(HTMLParser):
    """The classes, headings and pictures of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.classes: set[str] = set()
        self.pictures = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.classes |= set((dict(attrs).get("class") or "").split())
        self.pictures += tag == "img"


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "tr"])
def test_page_shows_both_verdicts_maps_and_the_sentence(first: Analysis, second: Second, language: str) -> None:
    with use_language(language):
        page = report_files(first, CARD, 5, ORIGIN, second)[PAGE].decode()
        alone = report_files(first, CARD, 5, ORIGIN)[PAGE].decode()
        sentence = comparison_sentence(first, second)
    assert sentence in page and sentence not in alone
    assert page.count('class="beside ') == 2 and 'class="beside ' not in alone
    assert ParsedPage(page).pictures == ParsedPage(alone).pictures + 2
    style = (TEMPLATES / "report.css").read_text("utf-8")
    assert all(f".{name}" in style for name in ParsedPage(page).classes & {"beside", "says", "fake", "real"})


@pytest.mark.slow
def test_data_and_pictures_hold_the_second_model(first: Analysis, second: Second, tmp_path: Path) -> None:
    write_report(first, CARD, tmp_path, 5, ORIGIN, second)
    data = json.loads((tmp_path / DATA).read_text("utf-8"))
    assert data["second"]["model"]["name"] == "other" and data["second"]["prediction"]["verdict"] == "Real"
    assert second.comparison is not None
    assert data["second"]["comparison"] == json.loads(json.dumps(second.comparison.to_dict()))
    assert (tmp_path / "second.png").read_bytes() != (tmp_path / "lime.png").read_bytes()
    write_report(first, CARD, tmp_path, 5, ORIGIN)
    assert "second" not in json.loads((tmp_path / DATA).read_text("utf-8"))
    assert not (tmp_path / "second.png").exists(), "no file of an earlier report stays"


def test_models_digests_and_regions_are_named(first: Analysis, second: Second) -> None:
    marked = replace(second, analysis=replace(second.analysis, model={"name": SCRIPT, "model.onnx": "ef" * 32}))
    page = report_files(first, CARD, 5, ORIGIN, marked)[PAGE].decode()
    assert "ef" * 32 in page and SCRIPT not in page
    for region in (9, 7, 5, 8, 6, 3, 1):
        assert f"region {region}<" in page


def test_second_model_without_a_verdict_says_why(first: Analysis, second: Second) -> None:
    without_face = replace(second.analysis, faces=(), chosen=None, prediction=None, subject=None, attributions={})
    pages = report_files(first, CARD, 5, ORIGIN, Second.of(first, without_face, CARD))
    assert "No face found" in pages[PAGE].decode() and "second.png" not in pages
    assert json.loads(pages[DATA])["second"]["comparison"] is None
