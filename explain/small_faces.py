"""What the size of a face allows: a model's figures hold down to one size, a verdict makes sense down to a smaller one.

Measured by ``python -m benchmarks.face_size``, see ``benchmarks/results/face_size.json``.
"""

from __future__ import annotations

from dataclasses import replace

from model.detector.detector import Prediction
from model.i18n.catalogue import Message
from model.photos.faces import Face

MIN_MEASURED = 64  # pixels of the face's longer side; from here on the figures are those of large faces
MIN_JUDGED = 40  # pixels; below, a verdict says more about the size than about the face


def is_too_small(face: Face) -> bool:
    """Whether a face gets no verdict because of its size."""
    return face.pixels < MIN_JUDGED


def judged_by_size(face: Face, prediction: Prediction) -> Prediction:
    """The prediction, without a verdict if the face is too small for one; the probabilities stay."""
    return replace(prediction, verdict="Inconclusive") if is_too_small(face) else prediction


def size_note(face: Face) -> Message | None:
    """What a user has to know about the size of a face; None for a face that is large enough."""
    if face.pixels >= MIN_MEASURED:
        return None
    key = "face.too_small" if is_too_small(face) else "face.small"
    return Message(key, pixels=face.pixels, judged=MIN_JUDGED, measured=MIN_MEASURED)
