"""The one road from a photo to a verdict with its reasons; page, API and command line all take it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from explain.cancel import never
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution, ExplanationError, progress_of
from explain.maps.registry import explainers
from explain.maps.subject import Subject
from explain.probes.robustness import Robustness, measure_robustness
from explain.probes.what_if import WhatIf, smallest_flip, without
from explain.regions.facial import landmarks_in_crop, region_names
from explain.regions.hiding import AUTO, TOKENS
from explain.regions.superpixels import segment
from explain.settings import TARGETS, Settings, SettingsError
from explain.stopwatch import Stopwatch
from explain.trust.agreement import Agreement
from explain.trust.measure import Trust, measure
from model.available import Models, to_choose_from
from model.detector.detector import Detector, Prediction
from model.i18n.catalogue import Said
from model.photos.faces import Face, find_faces, whole_picture
from model.photos.photo import Photo, open_photo

DEFAULTS = Settings()
MOST_JUDGED = 20  # faces of one photo; a group of hundreds must not keep the chosen one waiting
NO_ATTENTION = Said("problem.no_attention")


@dataclass(frozen=True)
class Analysis:
    """What is known of a photo so far; each one that ``analyze`` yields knows more.

    Attributes:
        photo: the decoded photo.
        faces: every face found, largest first.
        chosen: the face that was analysed, or None where the photo shows none.
        settings: as asked for, with the class that is explained filled in.
        model: name, architecture and SHA-256 of the model.
        prediction: the model's word on the chosen face, or None before it or without a face.
        subject: the question that every map answers, or None before the verdict.
        attributions: maps by method.
        problems: why a map that was asked for can't be made, by method, in one sentence each.
        trusts: how far each map can be trusted, by method; empty until measured.
        agreement: between the maps; None until measured.
        flip: the smallest set of regions found whose hiding turns the verdict; None where not asked for or none.
        what_if: the face without ``settings.hidden``; None where nothing is hidden.
        predictions: the model's word on each of ``faces``, in their order, on the ``MOST_JUDGED`` largest at the most;
            empty before the verdict.
        robustness: how stable the verdict is under changes to the face; None until all are tried.
        stage: what is being worked on: a method's name, ``faces``, ``robustness``, ``flip`` …; empty once complete.
        progress: share of that stage done, 0..1; None where it can't be told.
        seconds: time spent per step.
        complete: nothing more will come.
    """

    photo: Photo
    faces: tuple[Face, ...]
    chosen: Face | None
    settings: Settings
    model: dict[str, str]
    prediction: Prediction | None = None
    subject: Subject | None = None
    attributions: dict[str, Attribution] = field(default_factory=dict)
    problems: dict[str, Said] = field(default_factory=dict)
    trusts: dict[str, Trust] = field(default_factory=dict)
    agreement: Agreement | None = None
    flip: WhatIf | None = None
    what_if: WhatIf | None = None
    predictions: tuple[Prediction, ...] = ()
    robustness: Robustness | None = None
    stage: str = ""
    progress: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    complete: bool = False

    def word_on(self, face: int) -> Prediction | None:
        """The model's word on ``faces[face]``; None before it, and for a small one among more than ``MOST_JUDGED``."""
        if face < len(self.predictions):
            return self.predictions[face]
        return self.prediction if self.faces[face] is self.chosen else None


def analyze(
    source: bytes | str | PathLike[str] | NDArray[np.uint8] | Photo,
    settings: Settings = DEFAULTS,
    detector: Detector | None = None,
    cancelled: Callable[[], bool] = never,
) -> Iterator[Analysis]:
    """Find the faces, judge one and explain the verdict, yielding an ever more complete analysis.

    First come the faces, then the verdict with the attention map, then each other map as it grows, robustness after the
    first of them, then what was asked for beyond: what-if, the smallest flip, trust. A photo without a face ends after
    the first, without a score, unless ``settings.whole_picture`` asks for one.

    Args:
        source: a file's bytes or path, an RGB array, or a photo opened before.
        settings: see ``Settings``.
        detector: the model to ask; None for the one that the page starts with, opened once and kept.
        cancelled: asked between steps and batches; once true, no further analysis comes.

    Raises:
        PhotoError: if the source is no usable photo.
        SettingsError: if ``settings`` names a face or a region that is not there.
        ArtifactError: if no model was given and none can be used.
    """
    detector = detector or _first_detector()
    watch = Stopwatch()
    photo = source if isinstance(source, Photo) else open_photo(source)
    watch.lap("open")
    faces = tuple(find_faces(photo.pixels, detector.card.preprocessing.crop_margin))
    chosen = _choose(photo, faces, settings)
    watch.lap("faces")
    card = detector.card
    model = {"name": detector.name, "architecture": card.architecture, **card.sha256}
    analysis = Analysis(photo, faces, chosen, settings, model, stage="faces", seconds=watch.seconds)
    if chosen is None:
        yield replace(analysis, stage="", complete=True)
        return
    yield analysis
    if cancelled():
        return
    analysis = _judge(analysis, chosen, detector)
    watch.lap("predict")
    analysis = replace(analysis, seconds=watch.seconds, complete=not _steps(settings))
    yield analysis
    for step in _steps(settings):
        if cancelled():
            return
        for latest in step(analysis, cancelled):
            analysis = latest
            # The caller's time between two pictures is not ours.
            watch.pause()
            yield analysis
            watch.resume()
        watch.lap(analysis.stage)
        analysis = replace(analysis, seconds=watch.seconds)
    if not analysis.complete and not cancelled():
        yield replace(analysis, stage="", progress=None, complete=True)


@cache
def _first_detector() -> Detector:
    models = Models(to_choose_from())
    return models.get(models.first)


Step = Callable[[Analysis, Callable[[], bool]], Iterator[Analysis]]


def _steps(settings: Settings) -> list[Step]:
    """What follows the verdict, in order; each yields at least once unless cancelled."""
    steps: list[Step] = [_explain_by(name) for name in settings.methods if name != "attention"]
    if settings.robustness:
        steps.insert(1, _robustness)  # soon done, but with a large network a first map of why is awaited more
    if settings.hidden:
        steps.append(_hide)
    if settings.flip:
        steps.append(_flip)
    if settings.trust:
        steps.append(_trust)
    return steps


def _hide_with(detector: Detector, hide: str) -> str:
    """How regions are hidden from this model.

    Raises:
        SettingsError: if tokens are to be left out and the model can't do without them.
    """
    leaves_out = detector.patch_grid is not None
    if hide == AUTO:
        return TOKENS if leaves_out else "mean"
    if hide == TOKENS and not leaves_out:
        raise SettingsError(Said("refused.tokens", model=detector.name))
    return hide


def _judge(analysis: Analysis, chosen: Face, detector: Detector) -> Analysis:
    """The verdicts with the attention mask of the same pass, and the question that the maps are to answer."""
    settings = replace(analysis.settings, hide=_hide_with(detector, analysis.settings.hide))
    crops = [face.crop for face in analysis.faces[:MOST_JUDGED]]
    predictions = detector.predict_all(np.stack(crops)) if crops else ()
    (prediction,) = predictions[settings.face : settings.face + 1] or (detector.predict(chosen.crop),)
    target = settings.target or max(TARGETS, key=lambda name: prediction.probabilities[name])
    landmarks = landmarks_in_crop(chosen)
    try:
        segments = segment(chosen.crop, settings.segmentation, settings.superpixels, landmarks)
        names = None if landmarks is None else region_names(segments, landmarks)
    except ValueError as error:
        raise SettingsError(*error.args) from error
    attributions, problems = {}, {}
    if "attention" in settings.methods:
        if prediction.attention is None:
            problems["attention"] = NO_ATTENTION
        else:
            size = len(chosen.crop)
            attributions["attention"] = attention_map(prediction.attention, size, settings.smooth_attention)
    return replace(
        analysis,
        settings=replace(settings, target=target),
        prediction=prediction,
        predictions=predictions,
        subject=Subject(chosen.crop, segments, target, detector, settings.hide, settings.seed, names),
        attributions=attributions,
        problems=problems,
    )


def _explain_by(name: str) -> Step:
    def explain(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
        subject = analysis.subject
        assert subject is not None
        analysis = replace(analysis, stage=name, progress=None)
        yield analysis
        try:
            for found in explainers(analysis.settings.samples)[name](subject, cancelled):
                attributions = {**analysis.attributions, name: found}
                yield replace(analysis, attributions=attributions, progress=progress_of(found))
        except ExplanationError as error:
            yield replace(analysis, problems={**analysis.problems, name: error.args[0]})

    return explain


def _robustness(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    subject, chosen = analysis.subject, analysis.chosen
    assert subject is not None and chosen is not None
    analysis = replace(analysis, stage="robustness", progress=0.0)
    yield analysis
    landmarks = landmarks_in_crop(chosen)
    for found in measure_robustness(subject.detector, chosen.crop, landmarks, subject.seed, cancelled):
        yield replace(analysis, robustness=found if found.complete else None, progress=found.progress)


def _hide(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    assert analysis.subject is not None
    try:
        what_if = without(analysis.subject, analysis.settings.hidden)
    except ValueError as error:
        raise SettingsError(*error.args) from error
    yield replace(analysis, stage="what_if", progress=1.0, what_if=what_if)


def _flip(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    subject, lime = analysis.subject, analysis.attributions.get("lime")
    assert subject is not None
    analysis = replace(analysis, stage="flip", progress=None)
    yield analysis
    try:
        if lime is None:
            raise ExplanationError(Said("problem.flip_needs_lime"))
        flip = smallest_flip(subject, lime, cancelled)
    except ValueError as error:
        yield replace(analysis, problems={**analysis.problems, "flip": error.args[0]})
        return
    if not cancelled():
        yield replace(analysis, flip=flip, progress=1.0)


def _trust(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    subject = analysis.subject
    assert subject is not None
    if not analysis.attributions:
        yield replace(analysis, problems={**analysis.problems, "trust": Said("problem.no_map")})
        return
    analysis = replace(analysis, stage="trust", progress=0.0)
    yield analysis
    ways = explainers(analysis.settings.samples)
    for so_far in measure(subject, analysis.attributions, ways, cancelled):
        yield replace(
            analysis,
            trusts=dict(so_far.trusts),
            agreement=so_far.agreement,
            progress=so_far.done / max(so_far.planned, 1),
        )


def _choose(photo: Photo, faces: tuple[Face, ...], settings: Settings) -> Face | None:
    if not faces:
        return whole_picture(photo.pixels) if settings.whole_picture else None
    if not 0 <= settings.face < len(faces):
        raise SettingsError(Said("refused.face", faces=len(faces), face=settings.face + 1))
    return faces[settings.face]


def is_unmoved(analysis: Analysis) -> bool:
    """Whether any map or measure of trust that asked about many hidden parts found that the answer hardly moves."""
    of_maps = (found.unmoved for found in analysis.attributions.values())
    return any(of_maps) or any(trust.unmoved for trust in analysis.trusts.values())
