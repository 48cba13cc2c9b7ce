"""Model cards with known figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.model_card.document import facts
from model.model_card.parts import Section
from model.photos.corruptions import CLEAN


def estimate(value: float, spread: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": round(value - spread, 4), "high": round(value + spread, 4)}


def both(accused: float, missed: float, auc: float, error: float) -> dict[str, Any]:
    """Figures of a set of both classes."""
    return {
        "real": 100,
        "fake": 90,
        "false_accusation_rate": estimate(accused),
        "miss_rate": estimate(missed),
        "accuracy": estimate(1 - (accused + missed) / 2),
        "auc": estimate(auc),
        "expected_calibration_error": estimate(error),
        "verdict_false_accusation_rate": estimate(accused / 2),
        "verdict_miss_rate": estimate(missed / 2),
        "verdict_error_rate": estimate(accused / 2),
        "inconclusive_share": 0.4,
    }


def group(rate: float, real: int = 60) -> dict[str, Any]:
    return {"real": real, "fake": 0, "false_accusation_rate": estimate(rate, 0.05)}


def condition(auc: float, loss: float, accused: float) -> dict[str, Any]:
    return {"real": 50, "fake": 40, "auc": auc, "auc_loss": estimate(loss), "false_accusation_rate": accused}


METRICS = {
    "test": {
        "dfdc": {
            **both(0.18, 0.13, 0.918, 0.084),
            "attention_peak_inside": {"attention": 0.93, "centre": 0.85, "fakes": 555},
        },
        "ciplab": both(0.25, 0.46, 0.705, 0.05),
        "utkface": {
            "real": 495,
            "fake": 0,
            "false_accusation_rate": estimate(0.28),
            "groups": {"age": {"0 to 9": group(0.4), "20 to 39": group(0.2), "90 and over": group(0.99, real=5)}},
        },
    },
    "test_corruptions": {
        "dfdc": {
            CLEAN: condition(0.92, 0.0, 0.18),
            "jpeg 50": condition(0.90, 0.02, 0.2),
            "jpeg 20": condition(0.82, 0.1, 0.3),
            "blur 4": condition(0.7, 0.22, 0.7),
        },
        "utkface": {CLEAN: {"false_accusation_rate": 0.28}, "jpeg 50": {"false_accusation_rate": 0.31}},
    },
    "transfer": {
        "net-a": {"trained_on": ["dfdc"], "auc": {"dfdc": estimate(0.9), "ciplab": estimate(0.53)}},
        "net-b": {"trained_on": ["ciplab"], "auc": {"dfdc": estimate(0.61), "ciplab": estimate(0.7)}},
    },
}
CARD = Card(
    "lite_attention",
    Preprocessing(128),
    ("Fake", "Real"),
    temperature=1.8,
    fake_bias=-0.36,
    inconclusive_band=(0.25, 0.75),
    licence="Research, non-commercial.",
    sha256={"model.tflite": "ab" * 32},
    versions={"keras": "3.15.1"},
    training={
        "data": {"dfdc": "swaps; research", "ciplab": "composites | research"},
        "arguments": {"epochs": 32, "out": "run"},
    },
    metrics=METRICS,
)
BARE = Card("cnn", Preprocessing(128), ("Fake", "Real"))


def section(card: Card, key: str) -> Section:
    (found,) = [section for section in facts(card) if section.key == key]
    return found


def card_text(card: Card, key: str) -> str:
    return " ".join(section(card, key).sentences)


def with_test(change: Callable[[dict[str, Any]], object]) -> Card:
    """A copy of the card with changed figures."""
    metrics = json.loads(json.dumps(METRICS))
    change(metrics)
    return replace(CARD, metrics=metrics)
