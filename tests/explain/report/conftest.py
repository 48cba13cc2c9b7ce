"""An analysis with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from explain.cancel import not_cancelled
from explain.maps import lime as lime_map
from explain.maps.attention import attention_map
from explain.maps.occlusion import occlusion
from explain.maps.subject import Subject
from explain.probes.reason import reason_of
from explain.probes.robustness import measure_robustness
from explain.probes.what_if import smallest_flip, without
from explain.result import Analysis
from explain.settings import Settings
from explain.trust.measure import measure
from model.detector.detector import Prediction
from tests.explain.report.known_analysis import CROP, FACE, NAMES, PHOTO, SEGMENTS, SIDE, World


@pytest.fixture(scope="session")
def analysis() -> Analysis:
    """An analysis of one face with all results."""
    subject = Subject(CROP, SEGMENTS, "Fake", World(), names=NAMES)  # type: ignore[arg-type]
    mask = np.array([[0.1, 0.2], [0.9, 0.1]], np.float32)
    attributions = {
        "attention": attention_map(mask, SIDE),
        "lime": list(lime_map.lime(subject, samples=128))[-1],
        "occlusion": list(occlusion(subject, not_cancelled))[-1],
    }
    *_, trusted = measure(subject, attributions, {})
    return Analysis(
        PHOTO,
        (FACE,),
        FACE,
        Settings(target="Fake", methods=("attention", "lime", "occlusion"), trust=True, flip=True, hidden=(2,), seed=7),
        {"name": "a model", "architecture": "lite_attention", "model.tflite": "cd" * 32},
        Prediction({"Fake": 0.8, "Real": 0.2}, "Fake", True, mask),
        subject,
        attributions,
        trusts=trusted.trusts,
        agreement=trusted.agreement,
        reason=reason_of(subject, attributions["lime"]),
        flip=smallest_flip(subject, attributions["lime"]),
        what_if=without(subject, [2]),
        predictions=(Prediction({"Fake": 0.8, "Real": 0.2}, "Fake", True, None),),
        robustness=list(measure_robustness(World(), CROP, None))[-1],  # type: ignore[arg-type]
        seconds={"open": 0.01, "lime": 0.5},
        complete=True,
    )


@pytest.fixture(scope="session")
def no_face(analysis: Analysis) -> Analysis:
    return Analysis(PHOTO, (), None, Settings(), analysis.model, complete=True)
