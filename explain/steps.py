"""The steps of an analysis after the faces: the verdict, each map, the reason, robustness, what-if and trust.

Each step takes what the analysis already holds: results of an earlier analysis of the same face are not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explain.maps.attention import attention_map
from explain.maps.attribution import ExplanationError, progress_of
from explain.maps.registry import MAIN_MAP, METHODS, explainers
from explain.maps.subject import Subject
from explain.predictions import predictions_of
from explain.probes.reason import reason_of
from explain.probes.robustness import measure_robustness
from explain.probes.what_if import smallest_flip, without
from explain.regions.facial import landmarks_in_crop
from explain.regions.hiding import AUTO, TOKENS
from explain.regions.superpixels import FACIAL, named_regions
from explain.result import Analysis
from explain.settings import TARGETS
from explain.small_faces import is_too_small
from explain.trust.agreement import agreement
from explain.trust.measure import measure
from model.detector.detector import Detector
from model.errors import SettingsError, is_out_of_memory
from model.i18n.catalogue import Message
from model.photos.corruptions import Move
from model.photos.faces import Face, crop

NO_ATTENTION = Message("problem.no_attention")
NO_ATTENTION_GIVEN = Message("problem.no_attention_given")
CUTS = ("target", "superpixels", "segmentation", "hide", "seed")  # settings that decide what every map explains

Step = Callable[[Analysis, Callable[[], bool]], Iterator[Analysis]]


def steps_of(analysis: Analysis, detector: Detector) -> list[Step]:
    """The steps that are still missing after the verdict, in order; each yields at least once unless cancelled."""
    settings, done = analysis.settings, analysis.attributions
    missing = [name for name in settings.methods if not METHODS[name].in_verdict_pass and name not in done]
    too_small = analysis.chosen is not None and is_too_small(analysis.chosen)  # there is no verdict to change
    # It is fast, but with a large network the first map and the reason matter more.
    robustness = [_robustness] if settings.robustness and analysis.robustness is None and not too_small else []
    steps: list[Step] = []
    for name in settings.methods:
        if name in missing:
            steps.append(_explain_by(name))
        if name == MAIN_MAP:
            steps += ([_reason] if analysis.reason is None else []) + robustness
    if MAIN_MAP not in settings.methods:
        steps[1:1] = robustness
    if settings.hidden:
        steps.append(_hide)
    if settings.flip and analysis.flip is None:
        steps.append(_flip)
    if settings.trust and (missing or not done or done.keys() != analysis.trusts.keys()):
        steps.append(_trust)
    if analysis.subject is None and (steps or settings.methods):
        steps.insert(0, _cut_by(detector))  # after the verdict, which need not wait
    return steps


def judge(analysis: Analysis, chosen: Face, detector: Detector, known: Analysis | None = None) -> Analysis:
    """The verdicts with the attention mask of the same pass.

    Args:
        analysis: with its faces.
        chosen: the face to explain, one of ``analysis.faces`` or the whole picture.
        detector: the model.
        known: an earlier analysis of the same photo by the same model; its results are taken over where they still
            hold.
    """
    settings = replace(analysis.settings, hide=_hide_with(detector, analysis.settings.hide))
    prediction, predictions = predictions_of(analysis, chosen, detector, known)
    target = settings.target or max(TARGETS, key=lambda name: prediction.probabilities[name])
    settings = replace(settings, target=target)
    analysis = replace(analysis, settings=settings, prediction=prediction, predictions=predictions)
    if known is not None and known.chosen is chosen:
        analysis = _taken_over(analysis, known)
    return _with_attention(analysis, chosen, detector)


def _cut_by(detector: Detector) -> Step:
    def cut(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
        """With the ``Subject`` that the maps explain."""
        chosen, settings = analysis.chosen, analysis.settings
        assert chosen is not None and settings.target is not None
        segments, names = named_regions(chosen, settings.segmentation, settings.superpixels)
        count = None if settings.segmentation == FACIAL else settings.superpixels
        subject = Subject(chosen.crop, segments, settings.target, detector, settings.hide, settings.seed, names, count)
        yield replace(analysis, stage="regions", subject=subject)

    return cut


def _taken_over(analysis: Analysis, known: Analysis) -> Analysis:
    """The analysis with those results of ``known`` that are requested and do not depend on changed settings.

    Trust that was measured stays even if it is not requested now: to measure it again would take long.

    Args:
        analysis: with its verdict and settings.
        known: an earlier analysis of the same face by the same model.
    """
    now, then = analysis.settings, known.settings
    if now.robustness and now.seed == then.seed:
        analysis = replace(analysis, robustness=known.robustness)
    if any(getattr(now, name) != getattr(then, name) for name in CUTS):
        return analysis
    again = {name for name, method in METHODS.items() if method.fitted and now.samples != then.samples}
    kept = {
        name: found
        for name, found in known.attributions.items()
        if name in now.methods and name not in again and found.evidence.get("complete", True)
    }
    analysis = replace(analysis, subject=known.subject, attributions=kept)
    if MAIN_MAP in kept:
        analysis = replace(analysis, reason=known.reason, flip=known.flip if now.flip else None)
    stopped = known.stage == "trust"  # a stopped measurement stays in its stage
    return analysis if stopped or now.smooth_attention != then.smooth_attention else _with_trusts(analysis, known)


def _with_trusts(analysis: Analysis, known: Analysis) -> Analysis:
    """With what ``known`` measured about the maps that were taken over from it."""
    if known.trusts.keys() <= analysis.attributions.keys():
        return replace(analysis, trusts=known.trusts, agreement=known.agreement)
    trusts = {name: trust for name, trust in known.trusts.items() if name in analysis.attributions}
    if not trusts or analysis.subject is None:
        return analysis
    maps = {name: found for name, found in analysis.attributions.items() if name in trusts}
    return replace(analysis, trusts=trusts, agreement=agreement(maps, analysis.subject.segments))


def _with_attention(analysis: Analysis, chosen: Face, detector: Detector) -> Analysis:
    """With the maps of the verdict's own pass, or the sentence that the model has none."""
    settings, prediction = analysis.settings, analysis.prediction
    assert prediction is not None
    attributions, problems = dict(analysis.attributions), dict(analysis.problems)
    for name in settings.methods:
        if not METHODS[name].in_verdict_pass:
            continue
        if prediction.attention is None:
            problems[name] = NO_ATTENTION if detector.card.onnx is None else NO_ATTENTION_GIVEN
        else:
            mask, smooth = prediction.attention, settings.smooth_attention
            attributions[name] = attention_map(mask, len(chosen.crop), smooth, detector.rolls_out_attention)
    return replace(analysis, attributions=attributions, problems=problems)


def _reason(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    """What happens to the verdict without the strongest regions of the main map."""
    found, subject = analysis.attributions.get(MAIN_MAP), analysis.subject
    assert subject is not None
    reason = None if found is None else reason_of(subject, found)
    yield replace(analysis, stage="reason", progress=None, reason=reason)


def _hide_with(detector: Detector, hide: str) -> str:
    """The way in which regions are hidden from this model.

    Raises:
        SettingsError: if ``hide`` is ``tokens`` and the model needs all its tokens.
    """
    leaves_out = detector.patch_grid is not None
    if hide == AUTO:
        return TOKENS if leaves_out else "mean"
    if hide == TOKENS and not leaves_out:
        raise SettingsError(Message("refused.tokens", model=detector.name))
    return hide


def _explain_by(name: str) -> Step:
    def explain(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
        subject = analysis.subject
        assert subject is not None
        analysis = replace(analysis, stage=name, progress=None)
        yield analysis
        try:
            for attribution in explainers(analysis.settings.samples)[name](subject, cancelled):
                attributions = {**analysis.attributions, name: attribution}
                yield replace(analysis, attributions=attributions, progress=progress_of(attribution))
        except ExplanationError as error:
            yield replace(analysis, problems={**analysis.problems, name: error.args[0]})
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            yield replace(analysis, problems={**analysis.problems, name: Message("problem.memory")})

    return explain


def _robustness(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    subject, chosen, prediction = analysis.subject, analysis.chosen, analysis.prediction
    assert subject is not None and chosen is not None and prediction is not None
    analysis = replace(analysis, stage="robustness", progress=0.0)
    yield analysis
    landmarks, known = landmarks_in_crop(chosen), prediction.probabilities["Fake"]

    def cut(move: Move, level: float) -> NDArray[np.uint8]:
        return crop(analysis.photo.pixels, move(chosen.square, level), len(chosen.crop))

    for robustness in measure_robustness(subject.detector, chosen.crop, landmarks, subject.seed, cancelled, cut, known):
        complete = robustness if robustness.complete else None
        yield replace(analysis, robustness=complete, progress=robustness.progress)


def _hide(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    assert analysis.subject is not None
    what_if = without(analysis.subject, analysis.settings.hidden)
    yield replace(analysis, stage="what_if", progress=1.0, what_if=what_if)


def _flip(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    subject, order = analysis.subject, analysis.attributions.get(MAIN_MAP)
    assert subject is not None
    analysis = replace(analysis, stage="flip", progress=None)
    yield analysis
    try:
        if order is None:
            raise ExplanationError(Message("problem.flip_needs_lime"))
        flip = smallest_flip(subject, order, cancelled)
    except ExplanationError as error:
        yield replace(analysis, problems={**analysis.problems, "flip": error.args[0]})
        return
    if not cancelled():
        yield replace(analysis, flip=flip, progress=1.0)


def _trust(analysis: Analysis, cancelled: Callable[[], bool]) -> Iterator[Analysis]:
    subject = analysis.subject
    assert subject is not None
    if not analysis.attributions:
        yield replace(analysis, stage="trust", problems={**analysis.problems, "trust": Message("problem.no_map")})
        return
    analysis = replace(analysis, stage="trust", progress=0.0)
    yield analysis
    methods = explainers(analysis.settings.samples)
    unmeasured = {name: found for name, found in analysis.attributions.items() if name not in analysis.trusts}
    compared = agreement(analysis.attributions, subject.segments)
    if not unmeasured:  # the map that was to be added could not be made
        yield replace(analysis, agreement=compared, progress=1.0)
        return
    for progress in measure(subject, unmeasured, methods, cancelled):
        yield replace(
            analysis,
            trusts={**analysis.trusts, **progress.trusts},
            agreement=compared,
            progress=progress.done / max(progress.planned, 1),
        )
