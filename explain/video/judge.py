"""Judges a clip: each frame is judged as a photo is, then every face gets a verdict over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explain.analysis import analyze
from explain.cancel import not_cancelled
from explain.result import Analysis
from explain.settings import VERDICT_ALONE, Settings
from explain.small_faces import is_too_small
from explain.stopwatch import Stopwatch
from explain.video.change import largest_change
from explain.video.interval import estimate
from explain.video.result import Clip, Moment, Sighting, Track
from explain.video.tracks import Tracker
from model.clips.answers import Facts, Limits, Picture
from model.clips.clip import FRAMES, ON_A_SERVER, Source, digest_of, read_clip
from model.detector.detector import Detector, Prediction
from model.errors import ClipError, SettingsError
from model.i18n.catalogue import Message
from model.photos.faces import Face

MOST_FRAMES = 500  # that may be requested
THUMBNAIL = 128  # pixels
Analyze = Callable[[NDArray[np.uint8], Settings, Detector, Callable[[], bool]], Iterator[Analysis]]


def judge_clip(
    source: Source,
    detector: Detector,
    count: int = FRAMES,
    limits: Limits = ON_A_SERVER,
    cancelled: Callable[[], bool] = not_cancelled,
    whole_picture: bool = False,
    analyze: Analyze = analyze,
) -> Iterator[Clip]:
    """Judge every face in a clip; yield once the clip is open, then after each frame.

    The verdicts were not calibrated for clips.

    Args:
        source: a file's bytes or path.
        detector: the model.
        count: number of even times, 1 to ``MOST_FRAMES``; frames after scene cuts are judged as well.
        limits: what the clip may have.
        cancelled: called between and during frames; once it is true, no further result comes.
        whole_picture: judge the central square of a frame that shows no face.
        analyze: ``explain.analysis.analyze``, or a server's function that limits how many run at the same time.

    Raises:
        ClipError: if the clip can't be used.
        SettingsError: if ``count`` is out of range.
    """
    if not 1 <= count <= MOST_FRAMES:
        raise SettingsError(Message("refused.range", name="frames", low=1, high=MOST_FRAMES, value=count))
    settings, watch = replace(VERDICT_ALONE, whole_picture=whole_picture), Stopwatch()
    run = _Run(detector)
    clip: Clip | None = None
    try:
        digest = digest_of(source, limits, cancelled)
        for answer in read_clip(source, count, limits, cancelled):
            if cancelled():  # frames that are already decoded come without a wait, in which it would be noticed
                return
            if isinstance(answer, Facts):
                band = detector.card.inconclusive_band
                clip = Clip(digest, answer, (), (), {}, (band[0], band[1]), count)
            else:
                assert clip is not None
                analysis = _last(analyze(answer.pixels, settings, detector, cancelled))
                if analysis is None:  # cancelled
                    return
                clip = run.add(clip, answer, analysis)
            yield replace(clip, seconds=watch.elapsed)
    except ClipError:
        if cancelled():
            return
        raise
    if clip is not None and not cancelled():
        tracks = tuple(replace(track, change=largest_change(_series(track.sightings))) for track in clip.tracks)
        yield replace(clip, tracks=tracks, seconds=watch.elapsed, complete=True)


def _last(steps: Iterator[Analysis]) -> Analysis | None:
    """The complete analysis; None if it was cancelled before."""
    analysis = None
    for step in steps:
        analysis = step
    return analysis if analysis is not None and analysis.complete else None


@dataclass
class _Run:
    """What is kept from frame to frame."""

    detector: Detector
    tracker: Tracker = field(default_factory=Tracker)

    def add(self, clip: Clip, picture: Picture, analysis: Analysis) -> Clip:
        """The clip with one more frame."""
        faces = analysis.faces or tuple(filter(None, (analysis.chosen,)))
        predictions = analysis.predictions or tuple(filter(None, (analysis.prediction,)))
        judged = list(zip(faces, predictions, strict=False))  # of a crowd only the largest faces
        seconds = picture.seconds
        moment = Moment(len(clip.moments), picture.at, seconds, picture.after_cut, len(analysis.faces))
        numbers = self.tracker.follow([face.box for face, _ in judged], seconds, picture.after_cut)
        tracks = list(clip.tracks)
        order = sorted(range(len(judged)), key=lambda place: numbers[place])  # new tracks come in their order
        for place in order:
            face, prediction = judged[place]
            sighting = _sighting(moment, place, face, prediction)
            before = tracks[numbers[place]] if numbers[place] < len(tracks) else None
            tracks[numbers[place] : numbers[place] + 1] = [
                _with(before, numbers[place] + 1, sighting, face, self.detector)
            ]
        notes = (*clip.notes, *(note for note in picture.notes if note not in clip.notes))
        return replace(
            clip, moments=(*clip.moments, moment), tracks=tuple(tracks), model=dict(analysis.model), notes=notes
        )


def _sighting(moment: Moment, place: int, face: Face, prediction: Prediction) -> Sighting:
    return Sighting(moment, place, face.box, prediction.probabilities["Fake"], prediction.verdict)


def _with(before: Track | None, number: int, sighting: Sighting, face: Face, detector: Detector) -> Track:
    """A track with one more sighting."""
    sightings = (*before.sightings, sighting) if before is not None else (sighting,)
    found = estimate(_series(sightings))
    track = Track(number, sightings, found, "Inconclusive")
    suspicious, ordinary = (before.suspicious, before.ordinary) if before is not None else (b"", b"")
    if track.most is sighting:
        suspicious = _thumbnail(face.crop)
    if track.least is sighting:
        ordinary = _thumbnail(face.crop)
    return replace(track, verdict=_verdict(track, face, detector), suspicious=suspicious, ordinary=ordinary)


def _series(sightings: tuple[Sighting, ...]) -> NDArray[np.float64]:
    return np.array([sighting.p_fake for sighting in sightings])


def _verdict(track: Track, face: Face, detector: Detector) -> str:
    """That of the whole interval; none for a face that is too small, or was seen too rarely for an interval."""
    found = track.estimate
    if found.low is None or found.high is None or is_too_small(face):
        return "Inconclusive"
    low, high = detector.verdict(found.low), detector.verdict(found.high)
    return low if low == high else "Inconclusive"


def _thumbnail(crop: NDArray[np.uint8]) -> bytes:
    """A face crop ``(S, S, 3) uint8`` as a small JPEG."""
    buffer = BytesIO()
    small = Image.fromarray(crop).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
