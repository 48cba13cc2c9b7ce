"""From a photo to a verdict with its reasons: the one function that page, API and command line use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.provenance.apart import Reading, expect_files, findings_apart
from explain.result import Analysis
from explain.settings import Settings
from explain.small_faces import size_note
from explain.steps import judge, steps_of
from explain.stopwatch import Stopwatch
from model.artifact.card import FACE, PICTURE, Card
from model.available import Models, available_models
from model.detector.detector import Detector
from model.detector.engine import Interrupted, interrupted_when
from model.errors import PhotoError, SettingsError
from model.i18n.catalogue import Message
from model.photos.faces import CROP_SIZE, Face, crop, find_turned, whole_picture
from model.photos.photo import Photo, open_photo

DEFAULTS = Settings()
Source = bytes | str | PathLike[str] | NDArray[np.uint8] | Photo


def analyze(
    source: Source,
    settings: Settings = DEFAULTS,
    detector: Detector | None = None,
    cancelled: Callable[[], bool] = not_cancelled,
    known: Analysis | None = None,
) -> Iterator[Analysis]:
    """Find the faces, judge one and explain the verdict; each analysis that it yields is more complete.

    The order of the steps: faces; verdict with the attention map; regions; the other maps, the main one followed by the
    reason and robustness; then what-if, smallest flip and trust, if requested. The origin of the file is read at the
    same time. A photo without a face gets no score and ends after the first step, unless ``settings.whole_picture`` is
    set. For a model that judges whole pictures, faces are not searched for.

    Args:
        source: a file's bytes or path, an RGB array, or an open photo.
        settings: see ``Settings``.
        detector: the model; None for the one that the page starts with, which is opened once and kept.
        cancelled: called between steps and within batches; once it is true, no further analysis comes.
        known: an earlier analysis. If it is of the same photo and model, its results are taken over, except those that
            depend on a changed setting.

    Raises:
        PhotoError: if the source is not a usable photo.
        SettingsError: if ``settings`` names a missing face or region.
        ArtifactError: if no model was given and none can be used.
    """
    steps = _analyze(source, settings, detector or _first_detector(), cancelled, known)
    while True:
        with interrupted_when(cancelled):
            try:
                step = next(steps)
            except (StopIteration, Interrupted):
                return
            except PhotoError:
                if cancelled():  # in the middle of decoding
                    return
                raise
        yield step


def first_step(
    source: Source,
    settings: Settings,
    detector: Detector,
    cancelled: Callable[[], bool] = not_cancelled,
    known: Analysis | None = None,
) -> tuple[Analysis, bytes]:
    """The first step of ``analyze``, which runs no network: the photo with its faces and the chosen one.

    For arguments and errors see ``analyze``.

    Returns:
        The analysis, complete but for the file's origin if there is nothing to judge; and the file's bytes if its
        origin is still to be found, else none.
    """
    watch = Stopwatch()
    photo = source if isinstance(source, Photo) else open_photo(source, cancelled)
    card = detector.card
    model = {"name": detector.name, "architecture": card.architecture, **card.sha256}
    if card.sees != FACE:
        model["sees"] = card.sees
    known = _of_same(known, photo, model)
    provenance, file = known.provenance if known else None, photo.file
    photo = replace(photo, file=b"")  # analyses are kept for as long as a visitor stays
    if settings.verdict_alone or provenance is not None:
        file = b""
    if file:
        expect_files()
    watch.lap("open")
    if known is None:
        photo, faces = _faces(photo, card)
    else:
        photo, faces = photo.turned(known.photo.turns - photo.turns), known.faces
    chosen = _choose(photo, faces, settings, known, card)
    note = None if chosen is None else size_note(chosen)
    photo = photo if note is None else replace(photo, notes=(*photo.notes, note))
    watch.lap("faces")
    analysis = Analysis(photo, faces, chosen, settings, model, seconds=watch.seconds, provenance=provenance)
    return replace(analysis, complete=True) if chosen is None else replace(analysis, stage="faces"), file


def later_steps(
    analysis: Analysis,
    detector: Detector,
    cancelled: Callable[[], bool] = not_cancelled,
    known: Analysis | None = None,
    file: bytes = b"",
) -> Iterator[Analysis]:
    """The other steps of ``analyze``: the verdict and its reasons.

    Args:
        analysis: of ``first_step``, not complete.
        detector: the model.
        cancelled: see ``analyze``.
        known: see ``analyze``; the analysis itself if ``explain.predictions.predict`` has added its verdicts.
        file: the file's bytes if its origin is to be found.
    """
    assert analysis.chosen is not None
    watch = Stopwatch(analysis.seconds)
    analysis = judge(analysis, analysis.chosen, detector, known)
    watch.lap("predict")
    steps = steps_of(analysis, detector)
    analysis = replace(analysis, seconds=watch.seconds, complete=not (steps or file))
    watch.pause()  # the caller's time between two steps does not count
    yield analysis
    watch.resume()
    reading = Reading(file, cancelled) if file else None  # while the steps go on
    for step in steps:
        if cancelled():
            return
        if reading is not None:
            analysis = replace(analysis, provenance=reading.found)
        for latest in step(analysis, cancelled):
            analysis = latest
            watch.pause()
            yield analysis
            watch.resume()
        watch.lap(analysis.stage)
        analysis = replace(analysis, seconds=watch.seconds)
    if reading is not None:
        analysis = replace(analysis, provenance=reading.wait())
    if not analysis.complete and not cancelled():
        yield replace(analysis, stage="", progress=None, complete=True)


def _analyze(
    source: Source, settings: Settings, detector: Detector, cancelled: Callable[[], bool], known: Analysis | None
) -> Iterator[Analysis]:
    analysis, file = first_step(source, settings, detector, cancelled, known)
    if analysis.complete:
        if file:
            analysis = replace(analysis, provenance=findings_apart(file, cancelled))
        if not cancelled():
            yield analysis
        return
    yield analysis
    if not cancelled():
        known = _of_same(known, analysis.photo, analysis.model)
        yield from later_steps(analysis, detector, cancelled, known, file)


def _of_same(known: Analysis | None, photo: Photo, model: dict[str, str]) -> Analysis | None:
    """An earlier analysis, if it is of the same photo and model."""
    is_same = known is not None and (known.photo.sha256, known.model) == (photo.sha256, model)
    return known if is_same else None


@cache
def _first_detector() -> Detector:
    models = Models(available_models())
    return models.get(models.first)


def _faces(photo: Photo, card: Card) -> tuple[Photo, tuple[Face, ...]]:
    """The photo turned upright, with its faces; none are looked for if the model judges whole pictures."""
    if card.sees == PICTURE:
        return photo, ()
    turns, found = find_turned(photo.pixels, card.preprocessing.crop_margin)
    photo, size = photo.turned(turns), card.preprocessing.crop_size
    if size != CROP_SIZE:
        found = [replace(face, crop=crop(photo.pixels, face.square, size)) for face in found]
    return photo, tuple(found)


def _choose(
    photo: Photo, faces: tuple[Face, ...], settings: Settings, known: Analysis | None, card: Card
) -> Face | None:
    if not faces:
        if not settings.whole_picture and card.sees == FACE:
            return None
        kept = None if known is None else known.chosen
        return kept or whole_picture(photo.pixels, card.preprocessing.crop_size)
    if not 0 <= settings.face < len(faces):
        raise SettingsError(Message("refused.face", faces=len(faces), face=settings.face + 1))
    return faces[settings.face]
