"""The result of an analysis: everything that page, reports and programs show."""

from __future__ import annotations

from dataclasses import dataclass, field

from explain.maps.attribution import Attribution
from explain.maps.subject import Subject
from explain.probes.robustness import Robustness
from explain.probes.what_if import WhatIf
from explain.provenance.findings import Provenance
from explain.settings import Settings
from explain.trust.agreement import Agreement
from explain.trust.measure import Trust
from model.artifact.card import PICTURE
from model.detector.detector import Prediction
from model.i18n.catalogue import Message
from model.photos.faces import Face
from model.photos.photo import Photo

MOST_JUDGED = 20  # faces of one photo; a group of hundreds must not delay the chosen face


@dataclass(frozen=True)
class Analysis:
    """The result for a photo so far; each one that ``analyze`` yields is more complete.

    Attributes:
        photo: the decoded photo.
        faces: every face found, largest first.
        chosen: the face that was analysed, or None where the photo shows none.
        settings: the caller's, with the explained class filled in.
        model: name, architecture and SHA-256 of the model; ``sees`` if it judges whole pictures.
        prediction: the model's prediction for the chosen face; None before the verdict or without a face.
        subject: the question that every map answers; None until the face is cut; a verdict alone needs no regions.
        attributions: maps by method.
        problems: why a requested map can't be made, one sentence by method.
        trusts: how far each map can be trusted, by method; empty until measured.
        agreement: between the maps; None until measured.
        reason: the face without the regions that speak most for the verdict, by the main map; None before that map is
            complete, and if no region clearly does.
        flip: the smallest set of regions found that flips the verdict when hidden; None if not requested or not found.
        what_if: the face without ``settings.hidden``; None if nothing is hidden.
        predictions: the model's predictions for ``faces``, in their order, at most for the ``MOST_JUDGED`` largest;
            empty before the verdict.
        robustness: how stable the verdict is under changes to the face; None until all changes are tried.
        stage: the current step: a method's name, ``faces``, ``reason``, ``flip`` …; empty once complete.
        progress: share of that stage that is done, 0..1; None if unknown.
        seconds: time spent per step.
        complete: whether this is the last one.
        provenance: what the photo's file says about its origin; never part of the verdict. None before it is read,
            for an array, and where only the verdict was requested.
    """

    photo: Photo
    faces: tuple[Face, ...]
    chosen: Face | None
    settings: Settings
    model: dict[str, str]
    prediction: Prediction | None = None
    subject: Subject | None = None
    attributions: dict[str, Attribution] = field(default_factory=dict)
    problems: dict[str, Message] = field(default_factory=dict)
    trusts: dict[str, Trust] = field(default_factory=dict)
    agreement: Agreement | None = None
    reason: WhatIf | None = None
    flip: WhatIf | None = None
    what_if: WhatIf | None = None
    predictions: tuple[Prediction, ...] = ()
    robustness: Robustness | None = None
    stage: str = ""
    progress: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    complete: bool = False
    provenance: Provenance | None = None

    @property
    def fits_model(self) -> bool:
        """Whether the model was made for what it judged: a face, or a whole picture."""
        return bool(self.faces) or self.model.get("sees") == PICTURE

    def prediction_for(self, face: int) -> Prediction | None:
        """The prediction for ``faces[face]``; None before it, and for a small face among more than ``MOST_JUDGED``."""
        if face < len(self.predictions):
            return self.predictions[face]
        return self.prediction if self.faces[face] is self.chosen else None


def is_unmoved(analysis: Analysis) -> bool:
    """Whether any map or trust measure that hid many parts found that the answer hardly changes."""
    maps = (attribution.unmoved for attribution in analysis.attributions.values())
    return any(maps) or any(trust.unmoved for trust in analysis.trusts.values())


def whole_picture_note(analysis: Analysis) -> Message:
    """Why the whole picture was judged, and no face."""
    return Message("first.sees_picture" if analysis.model.get("sees") == PICTURE else "first.whole_picture")
