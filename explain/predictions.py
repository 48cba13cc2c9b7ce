"""The network's verdicts on the faces of one photo, or of several in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from explain.regions.parser import parse_face
from explain.result import MOST_JUDGED, Analysis
from explain.small_faces import judged_by_size
from model.detector.detector import Detector, Prediction
from model.photos.faces import Face
from model.quiet import standard_error_aside


def warm_up(detector: Detector) -> None:
    """Run the networks once: LiteRT writes a line at its first use, and scripts expect only errors there."""
    side = detector.card.preprocessing.input_size
    # Noise: a network that divides by a picture's deviation has no number for one colour.
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    with standard_error_aside():
        detector.predict(noise)
        parse_face(noise)  # the first one that LiteRT runs if the detector is an ONNX network


def predict(analyses: Sequence[Analysis], detector: Detector) -> list[Analysis]:
    """Analyses with the verdicts on their faces: one pass of the network for all of them.

    Args:
        analyses: with their faces and the chosen one, which may be the whole picture.
        detector: the model.
    """
    faces_of_all = [_faces_to_judge(analysis) for analysis in analyses]
    answers = iter(detector.predict_all(np.stack([face.crop for faces in faces_of_all for face in faces])))
    judged = []
    for analysis, faces in zip(analyses, faces_of_all, strict=True):
        predictions = tuple(judged_by_size(face, next(answers)) for face in faces)
        chosen = next(place for place, face in enumerate(faces) if face is analysis.chosen)
        of_faces = predictions[: min(len(analysis.faces), MOST_JUDGED)]
        judged.append(replace(analysis, prediction=predictions[chosen], predictions=of_faces))
    return judged


def _faces_to_judge(analysis: Analysis) -> list[Face]:
    """The faces that the network judges, the chosen one among them."""
    assert analysis.chosen is not None
    faces = list(analysis.faces[:MOST_JUDGED])
    return faces if any(face is analysis.chosen for face in faces) else [*faces, analysis.chosen]


def predictions_of(
    analysis: Analysis, chosen: Face, detector: Detector, known: Analysis | None
) -> tuple[Prediction, tuple[Prediction, ...]]:
    """The prediction for the chosen face, and those for all faces; those that are known are not made again."""
    predictions = () if known is None else known.predictions
    if known is not None and known.chosen is chosen and known.prediction is not None:
        return known.prediction, predictions
    if not predictions:
        (judged,) = predict([analysis], detector)
        assert judged.prediction is not None
        return judged.prediction, judged.predictions
    face = analysis.settings.face
    (prediction,) = predictions[face : face + 1] or (judged_by_size(chosen, detector.predict(chosen.crop)),)
    return prediction, predictions
