"""Tests of the findings about a file's origin: their list, and the other texts that state them."""

from __future__ import annotations

import json
import re
from html import unescape

import numpy as np
import pytest

from explain.analysis import analyze
from explain.html.provenance import provenance_html
from explain.provenance.finding import HINT, NEUTRAL, STATES, Finding, Provenance
from explain.report.as_json import to_dict
from explain.report.files import report_files
from explain.report.origin import Origin
from explain.result import Analysis
from explain.settings import Settings
from explain.wording.provenance import provenance_in_words, statement
from explain.wording.summary import first_sentences, plain_text
from model.i18n.catalogue import Message, translate, use_language
from tests.explain.provenance.files import SCRIPT, exif, picture, saved
from tests.support.worlds import QuickDetector

CAMERA = Finding("camera", NEUTRAL, Message("provenance.camera", camera=SCRIPT))
SIZE = Finding("pixel_size", HINT, Message("provenance.size", width=512, height=512))
STATED = Finding("digital_source_type", STATES, Message("provenance.iptc.generated", type="trainedAlgorithmicMedia"))


def test_texts_of_the_file_are_escaped_and_strengths_are_named() -> None:
    html = provenance_html(Provenance((STATED, SIZE, CAMERA)))
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert re.findall("<strong>(.*?)</strong>", html) == ["Says it was generated", "Hint", "Note"]
    assert translate("provenance.help") in html


@pytest.mark.parametrize("provenance", [None, Provenance(())])
def test_nothing_is_shown_for_a_picture_without_a_file(provenance: Provenance | None) -> None:
    assert provenance_html(provenance) == ""
    assert provenance_in_words(provenance) == statement(provenance) == []


def test_only_a_file_that_states_it_is_called_generated() -> None:
    assert statement(Provenance((SIZE, CAMERA))) == []
    assert statement(Provenance((SIZE, STATED))) == [translate("provenance.stated")]


@pytest.fixture(scope="module")
def generated(quick_detector: QuickDetector) -> Analysis:
    """The analysis of a photo with a generator's text in its EXIF."""
    data = saved(picture(), exif=exif(ImageDescription='prompt:{"1": {"class_type": "KSampler"}}'))
    settings = Settings(methods=("attention",), robustness=False, whole_picture=True)
    *_, last = analyze(data, settings, quick_detector)
    return last


def test_analysis_keeps_the_findings_and_drops_the_file(generated: Analysis) -> None:
    assert generated.provenance is not None and generated.provenance.states_generated
    assert generated.photo.file == b""


def test_provenance_does_not_change_the_probability(generated: Analysis, quick_detector: QuickDetector) -> None:
    *_, plain = analyze(saved(picture()), generated.settings, quick_detector)
    assert plain.provenance is not None and not plain.provenance.states_generated
    assert plain.prediction is not None and generated.prediction is not None
    assert plain.prediction.probabilities == generated.prediction.probabilities


def test_statement_comes_first_among_the_sentences_beside_the_verdict(generated: Analysis) -> None:
    for language in ("en", "tr"):
        with use_language(language):
            assert first_sentences(generated, None)[0] == translate("provenance.stated")


@pytest.mark.slow
def test_text_data_and_report_hold_every_finding(generated: Analysis, quick_detector: QuickDetector) -> None:
    assert generated.provenance is not None
    sentences = [str(finding.message) for finding in generated.provenance.findings]
    assert len(sentences) >= 2
    text = plain_text(generated, quick_detector.card, "photo.jpg")
    data = json.loads(json.dumps(to_dict(generated)))["provenance"]
    page = unescape(report_files(generated, quick_detector.card, 8, Origin())["report.html"].decode())
    assert data["states_generated"] is True
    assert [finding["sentence"] for finding in data["findings"]] == sentences
    assert translate("provenance.stated") in text and translate("provenance.stated") in page
    assert all(sentence in text for sentence in sentences)
    assert translate("provenance.title") in page and "KSampler" in page


def test_an_array_says_nothing_about_its_origin(quick_detector: QuickDetector) -> None:
    *_, last = analyze(np.array(picture()), Settings(methods=(), robustness=False), quick_detector)
    assert last.provenance is None
    assert to_dict(last)["provenance"] is None
