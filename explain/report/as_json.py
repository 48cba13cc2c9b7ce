"""An analysis as plain data for JSON: everything but pixels."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.comparison import Second
from explain.maps.attribution import Attribution
from explain.maps.subject import Subject
from explain.probes.robustness import Robustness
from explain.probes.what_if import WhatIf
from explain.result import Analysis
from explain.wording.comparison import comparison_sentence
from explain.wording.reason import reason_sentence
from explain.wording.robustness import robustness_sentence
from explain.wording.trust import trust_sentence
from explain.wording.what_if import what_if_sentence
from model.artifact.card import MASK
from model.detector.detector import Prediction
from model.photos.faces import Face

MAX_GRID = 32  # most cells per side of a map's grid that is written


def to_dict(analysis: Analysis, second: Second | None = None) -> dict[str, Any]:
    """Everything except pixels; the same analysis gives the same data, except for times.

    Args:
        analysis: complete or not.
        second: what a second model says; it is under ``second``, with the comparison.
    """
    data = _alone(analysis)
    if second is None:
        return data
    compared = None if second.comparison is None else second.comparison.to_dict()
    sentence = comparison_sentence(analysis, second)
    return {**data, "second": {**_alone(second.analysis), "comparison": compared, "sentence": sentence}}


def _alone(analysis: Analysis) -> dict[str, Any]:
    prediction, subject = analysis.prediction, analysis.subject
    faces = [_face(face, analysis.prediction_for(number)) for number, face in enumerate(analysis.faces)]
    return {
        "photo": {
            "sha256": analysis.photo.sha256,
            "width": analysis.photo.pixels.shape[1],
            "height": analysis.photo.pixels.shape[0],
            "turns": analysis.photo.turns,
            "notes": [str(note) for note in analysis.photo.notes],
        },
        "provenance": None if analysis.provenance is None else analysis.provenance.to_dict(),
        "faces": faces,
        "chosen": None if analysis.chosen is None else _face(analysis.chosen, prediction),
        "prediction": prediction
        and {
            "probabilities": dict(prediction.probabilities),
            "verdict": prediction.verdict,
            "calibrated": prediction.calibrated,
            MASK: None if prediction.attention is None else rounded(prediction.attention),
        },
        "regions": [] if subject is None else _regions(subject),
        "attributions": {name: _attribution(found, subject) for name, found in analysis.attributions.items()},
        "problems": {name: str(problem) for name, problem in analysis.problems.items()},
        "trust": {
            name: {**trust.to_dict(), "sentence": trust_sentence(trust)} for name, trust in analysis.trusts.items()
        },
        "agreement": None if analysis.agreement is None else analysis.agreement.to_dict(),
        "robustness": _robustness(analysis.robustness),
        "reason": _reason(analysis),
        "what_if": _what_if(analysis.what_if, subject),
        "flip": _what_if(analysis.flip, subject),
        "settings": asdict(analysis.settings),
        "model": analysis.model,
        "seconds": {name: round(value, 4) for name, value in analysis.seconds.items()},
        "complete": analysis.complete,
    }


def rounded(array: NDArray[np.floating]) -> list[Any]:
    """An array as lists of numbers with six decimals."""
    values: list[Any] = np.round(array.astype(np.float64), 6).tolist()
    return values


def _face(face: Face, prediction: Prediction | None) -> dict[str, Any]:
    return {
        "box": list(face.box),
        "score": round(face.score, 4),
        "landmarks": np.round(face.landmarks.astype(np.float64), 1).tolist(),
        "probabilities": None if prediction is None else dict(prediction.probabilities),
        "verdict": None if prediction is None else prediction.verdict,
    }


def _regions(subject: Subject) -> list[dict[str, Any]]:
    """Name, share of the crop and centre (x, y as shares of the crop's side) of each region."""
    side, labels = len(subject.segments), subject.segments.ravel()
    sizes = np.bincount(labels)
    rows, columns = np.divmod(np.arange(labels.size), side)
    centres = np.stack([np.bincount(labels, weights=places + 0.5) / sizes / side for places in (columns, rows)], axis=1)
    return [
        {
            "name": None if subject.names is None else subject.names[region],
            "share": round(float(sizes[region] / labels.size), 6),
            "centre": np.round(centres[region], 4).tolist(),
        }
        for region in range(subject.count)
    ]


def _attribution(found: Attribution, subject: Subject | None) -> dict[str, Any]:
    rows, columns = found.native_shape
    coarse = found.segments is None and max(rows, columns) <= MAX_GRID
    centres = [((np.arange(count) + 0.5) * len(found.map) / count).astype(int) for count in (rows, columns)]
    return {
        "target": found.target,
        "native_shape": [rows, columns],
        "weights": None if found.weights is None else rounded(found.weights),
        "intervals": None if found.intervals is None else rounded(found.intervals),
        "grid": rounded(found.map[np.ix_(*centres)]) if coarse else None,
        "region_values": None if subject is None else rounded(found.region_values(subject.segments)),
        "evidence": found.evidence,
    }


def _reason(analysis: Analysis) -> dict[str, Any] | None:
    data = _what_if(analysis.reason, analysis.subject)
    return data and {**data, "sentence": reason_sentence(analysis)}


def _robustness(found: Robustness | None) -> dict[str, Any] | None:
    return None if found is None else {**found.to_dict(), "sentence": robustness_sentence(found)}


def _what_if(what_if: WhatIf | None, subject: Subject | None) -> dict[str, Any] | None:
    if what_if is None or subject is None:
        return None
    return {
        "hidden": list(what_if.hidden),
        "names": None if what_if.names is None else list(what_if.names),
        "target": subject.target,
        "before": round(what_if.before, 6),
        "probability": round(what_if.probability, 6),
        "flipped": what_if.flipped,
        "verdict": what_if.verdict,
        "sentence": what_if_sentence(what_if, subject.target),
    }
