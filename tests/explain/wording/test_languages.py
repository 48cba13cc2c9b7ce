"""Tests that every text on an analysis is in the user's language, complete and with its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.examples import Example, examples
from explain.html import captions, fragments
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution, ExplanationError
from explain.maps.registry import METHODS
from explain.maps.subject import Subject
from explain.probes.what_if import WhatIf, smallest_flip, without
from explain.regions.facial import NAMES
from explain.regions.hiding import HIDES
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from explain.regions.superpixels import segment
from explain.result import Analysis
from explain.settings import Settings
from explain.steps import NO_ATTENTION
from explain.trust.agreement import Agreement
from explain.trust.curves import ORDERS, Band, Curves
from explain.trust.localisation import Localisation
from explain.trust.measure import Trust
from explain.trust.stability import Stability
from explain.wording import summary
from explain.wording.localisation import localisation_sentence
from explain.wording.regions import fewer_regions, shown_name
from explain.wording.trust import details, short_answers, trust_sentence
from explain.wording.what_if import what_if_sentence
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.detector.detector import Prediction
from model.errors import SettingsError, UserError
from model.i18n.catalogue import use_language
from model.photos.faces import Face
from model.photos.photo import Photo
from tests.support.html import read

SIDE, K = 24, 4
SEGMENTS = np.arange(K, dtype=np.int32).reshape(2, 2).repeat(SIDE // 2, axis=0).repeat(SIDE // 2, axis=1)
CROP = np.random.RandomState(3).randint(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
FACE = Face((0, 0, SIDE, SIDE), 1.0, np.zeros((5, 2), np.float32), CROP, (0.0, 0.0, float(SIDE)))
WEIGHTS = np.array([-0.1, 0.2, 0.4, 0.05], np.float32)
SURE = np.stack([WEIGHTS - 0.07, WEIGHTS + 0.07], axis=1)
FIGURES = {
    "dfdc": {"attention_peak_inside": {"attention": 0.87, "centre": 0.85, "fakes": 543}},
    "utkface": {"real": 497, "false_accusation_rate": {"value": 0.35}},
    "ciplab": {"fake": 239, "miss_rate": {"value": 0.46}},
}
CARD = Card("lite_attention", Preprocessing(128), ("Fake", "Real"), temperature=1.2, metrics={"test": FIGURES})
BARE = Card("lite_attention", Preprocessing(128), ("Fake", "Real"))
EVIDENCE: dict[str, float | int | str | bool] = {
    **{"samples": 1200, "complete": True, "converged": True, "seed": 4, "halves_rank_correlation": 0.75},
    **{"halves_same_top": 0.8, "r2": 0.62, "intercept": 0.1, "local_prediction": 0.87, "model_prediction": 0.93},
}
PATH = {"steps": 64, "samples": 96, "change": 0.412, "sum": 0.408, "completeness_gap": -0.004}
SPELT_ALIKE = {  # in English and in Turkish: names and loanwords
    *("cam", "grad", "hirescam", "jaccard", "lime", "shap", "rise", "ribeiro", "tensorflow", "whyfake", "fake", "lite"),
    *("model", "p", "r²", "test", "µ"),
}


def map_of(method: str, **changes: object) -> Attribution:
    found = Attribution(method, "Fake", WEIGHTS[SEGMENTS], (SIDE, SIDE), SEGMENTS, WEIGHTS, EVIDENCE, SURE)
    return replace(found, names=("nose", "hair", "mouth", "hair"), **changes)  # type: ignore[arg-type]


def grid(method: str, **evidence: float | int) -> Attribution:
    return Attribution(method, "Real", np.eye(SIDE, dtype=np.float32), (7, 7), None, None, dict(evidence))


MAPS = {
    "LIME": map_of("lime"),
    "LIME without names": replace(map_of("lime"), names=None),
    "LIME that fits badly": map_of("lime", evidence=EVIDENCE | {"r2": 0.1, "converged": False}),
    "LIME with few samples": map_of("lime", evidence=EVIDENCE | {"samples": 30, "converged": False}),
    "LIME that grows": map_of("lime", evidence=EVIDENCE | {"converged": False, "complete": False}),
    "LIME without weights": map_of("lime", weights=np.zeros(K, np.float32), intervals=None),
    "attention": attention_map(np.eye(4, dtype=np.float32), SIDE),
    "flat attention": attention_map(np.full((4, 4), 0.5, np.float32), SIDE),
    "occlusion": map_of("occlusion", intervals=None),
    "RISE": grid("rise", samples=1024),
    "Grad-CAM": grid("gradcam"),
    "integrated gradients": grid("integrated_gradients", **PATH),
    "zeros": replace(grid("gradcam"), map=np.zeros((SIDE, SIDE), np.float32)),
}


def trust(percentile: float = 0.98, hide: str = "mean", **changes: object) -> Trust:
    areas = (np.arange(ORDERS) + 0.5) / ORDERS
    band = Band(np.stack([areas, areas], axis=1), np.array([0.0, 1.0]))
    curves = Curves(hide, np.full(2, 1 - percentile), np.full(2, 0.5), band)
    return replace(Trust("lime", "Fake", (curves,), False), **changes)  # type: ignore[arg-type]


TRUSTS = {
    "good": trust(),
    "perfect": trust(1.0),
    "attention": trust(signed=False),
    "nearly": trust(0.7),
    "chance": trust(0.4),
    "bad": trust(0.01),
    "flat": trust(flat=True),
    "steady": trust(stability=Stability("seed", 3, 1.0, 1.0, -0.25), fidelity=-0.254),
    "resampled": trust(stability=Stability("samples", 20, 0.93, 0.85, 0.9)),
    "often": trust(stability=Stability("noise", 3, 0.8, 0.5, 0.5)),
    "never": trust(stability=Stability("noise", 3, 0.05, 0.5, 0.5)),
    **{hide: trust(hide=hide) for hide in HIDES},
}


def hidden(names: str = "", **changes: object) -> WhatIf:
    parts = tuple(names.split(",")) if names else None
    text = WhatIf((1, 2), 0.38, 0.94, CROP, parts, True, "Inconclusive", "Fake", frozenset({"hair", "chin"}))
    return replace(text, **changes)  # type: ignore[arg-type]


WHAT_IFS = {
    "two": hidden("mouth,left cheek"),
    "patches": hidden("hair,hair,nose,chin,forehead,right eye"),
    "numbers": hidden(),
    "rise": hidden("mouth", probability=0.99, verdict="Fake"),
    "none": hidden(hidden=(), probability=0.94, verdict="Fake"),
    "same": hidden("mouth", probability=0.94, verdict="Fake"),
}


def analysis_at(stage: str = "", **changes: object) -> Analysis:
    photo = Photo(CROP, (), "0" * 64)
    judged = Prediction({"Fake": 0.93, "Real": 0.07}, "Fake", True, None)
    found = Analysis(photo, (FACE,), FACE, Settings(), {}, judged, stage=stage)
    return replace(found, **changes)  # type: ignore[arg-type]


FAKE = Example(Path("fake.jpg"), "Public domain", Path("mask.png"), Path("original.jpg"), has_face=True)
BEFORE = {
    "no face": (analysis_at(faces=(), chosen=None), None),
    "the whole picture": (analysis_at(faces=()), None),
    "many faces": (analysis_at(faces=(FACE, FACE)), None),
    "our fake": (analysis_at(), FAKE),
    "our portrait": (analysis_at(), replace(FAKE, mask=None)),
}
UNSEEN = {
    "reals": {"utkface": {"pictures": 9, "looks_fake": {"value": 0.1}, "inconclusive": {"value": 0.2}}},
    "fakes": {"unseen_flux_dev": {"pictures": 9, "looks_real": {"value": 0.1}, "inconclusive": {"value": 0.2}}},
}
JUDGED = {
    "fake": (analysis_at().prediction, CARD, True),
    "inconclusive": (Prediction({"Fake": 0.5, "Real": 0.5}, "Inconclusive", False, None), CARD, True),
    "by default": (Prediction({"Fake": 0.5, "Real": 0.5}, "Inconclusive", False, None), BARE, True),
    "no face": (analysis_at().prediction, CARD, False),
}
LOCATED = [Localisation(3, inside, peak, 0.2) for inside in (0, 2) for peak in (True, False)]
LOCATED += [Localisation(0, 0, None, 0.2)]
STAGES = ["", "faces", "what_if", "flip", "trust", *METHODS]
TEXTS: dict[str, Callable[[], str]] = {
    **{
        name: getattr(fragments, name)
        for name in ("header", "placeholder", "reading", "what_if_help", "no_flip", "looking")
    },
    "opening": lambda: fragments.opening("lite"),
    "stopped": lambda: fragments.stopped(None),
    "stopped after": lambda: fragments.stopped(analysis_at(attributions={"lime": map_of("lime")})),
    "done": lambda: fragments.progress(analysis_at(complete=True), 34.5),
    "before the verdict": lambda: fragments.progress(analysis_at(prediction=None), 0.0),
    "problem": lambda: fragments.notice(NO_ATTENTION),
    "scope": lambda: fragments.scope(CARD),
    "half the scope": lambda: fragments.scope(replace(CARD, metrics={"test": {"utkface": FIGURES["utkface"]}})),
    "scope on unseen sources": lambda: fragments.scope(replace(CARD, metrics={"unseen": UNSEEN})),
    "no scope": lambda: fragments.scope(BARE),
    "agreement": lambda: captions.agreement_table(Agreement(("attention", "occlusion"), np.full((2, 2), -0.5))),
    **{f"verdict: {name}": lambda case=case: fragments.verdict_card(*case) for name, case in JUDGED.items()},
    **{f"first: {name}": lambda case=case: " ".join(summary.first_sentences(*case)) for name, case in BEFORE.items()},
    **{f"doing: {stage}": lambda stage=stage: fragments.progress(analysis_at(stage), 0.0) for stage in STAGES},
    **{f"found: {located}": lambda located=located: localisation_sentence(located) for located in LOCATED},
    **{f"title: {name}": lambda name=name: captions.title(name, "Real") for name in METHODS},
    **{f"caption: {name}": lambda found=found: captions.caption(found, CARD, 8) for name, found in MAPS.items()},
    "caption: unmeasured": lambda: captions.caption(MAPS["attention"], BARE, 8),
    **{f"trust: {name}": lambda found=found: trust_sentence(found) for name, found in TRUSTS.items()},
    **{f"trust in short: {name}": lambda found=found: " ".join(short_answers(found)) for name, found in TRUSTS.items()},
    **{f"details: {name}": lambda found=found: details(found) for name, found in TRUSTS.items()},
    **{f"what if: {name}": lambda found=found: what_if_sentence(found, "Fake") for name, found in WHAT_IFS.items()},
    **{f"region: {name}": lambda name=name: shown_name(name) for name in (*NAMES, "nose + left cheek")},
    "fewer regions": lambda: fewer_regions(replace(SUBJECT, requested=30)),
    **{f"example: {example.path.stem}": lambda example=example: example.title for example in examples()},
}
SAME_IN_BOTH = {"doing: rise"}  # only a name


class Unlikely:
    """P(Fake) is always 0.12."""

    card = CARD

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        return np.tile([0.12, 0.88], (len(crops), 1))


SUBJECT = Subject(CROP, SEGMENTS, "Fake", Unlikely())  # type: ignore[arg-type]
OPTIONS = {"fake", "real", "face", "seed", "methods", "facial", *SEGMENTATIONS, *METHODS}
REFUSALS: dict[str, Callable[[], object]] = {
    "target": lambda: Settings(target="fake"),
    "range": lambda: Settings(seed=-1),
    "choice": lambda: Settings(methods=("slic",)),
    "landmarks": lambda: segment(CROP, "facial"),
    "region": lambda: without(SUBJECT, [9]),
    "flip": lambda: smallest_flip(SUBJECT, map_of("lime")),
}


def words_of(fragment: str) -> Iterator[str]:
    """Every word that a person reads or hears, without addresses and numbers."""
    reader = read(re.sub(r"https?://\S+", "", fragment))
    yield from re.findall(r"[^\W\d_]+", f"{reader.words} {reader.labels}".lower())


def in_turkish(make_text: Callable[[], str]) -> str:
    with use_language("tr"):
        return make_text()


def test_no_english_word_is_left_in_turkish() -> None:
    for name, make_text in TEXTS.items():
        english, turkish = make_text(), in_turkish(make_text)
        assert (english != turkish) is (name not in SAME_IN_BOTH), name
        assert "{" not in turkish and "  " not in turkish, name
        assert set(words_of(english)) & set(words_of(turkish)) <= SPELT_ALIKE, name


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_in_the_language_of_the_user(name: str) -> None:
    with pytest.raises(UserError) as caught:
        REFUSALS[name]()
    english, turkish = str(caught.value), in_turkish(lambda: str(caught.value))
    assert english != turkish and "{" not in turkish
    options = {word for name in OPTIONS for word in name.split("_")}
    assert set(words_of(english)) & set(words_of(turkish)) <= SPELT_ALIKE | options


def test_errors_can_be_translated_later() -> None:
    for error in (SettingsError, ExplanationError):
        problem = error(NO_ATTENTION)
        assert str(problem).startswith("This model has no attention block")
        assert in_turkish(lambda problem=problem: str(problem)).startswith("Bu modelde")


def test_numbers_and_classes_are_written_in_turkish() -> None:
    caption = in_turkish(TEXTS["caption: LIME"])
    assert "1.200 görüntü" in caption and "tohum 4" in caption
    assert "(ağız) P(Sahte) içindeki payı 0,400 (%95 güven aralığı 0,330 ile 0,470 arası)" in caption
    assert "%62" in caption and "62%" not in caption
    assert in_turkish(TEXTS["what if: two"]) == (
        "Görüntüde ağız ve sol yanak gizlenince Sahte olasılığı %94 düzeyinden %38 düzeyine düşüyor: model bu durumda "
        "“Karar verilemedi” derdi."
    )
    assert "saçtan 2 bölge, burun, çeneden 1 bölge, alın ve 1 bölge daha" in in_turkish(TEXTS["what if: patches"])
    assert "rastgele sıraların %98 kadarına kıyasla" in in_turkish(TEXTS["trust: good"])
    assert "−0,50" in in_turkish(TEXTS["agreement"])
    assert "34,5 saniyede" in in_turkish(TEXTS["done"])


def test_trust_measured_in_one_language_is_described_in_another() -> None:
    measured = in_turkish(lambda: trust())
    assert trust_sentence(measured).startswith("Hiding what this map marks")
