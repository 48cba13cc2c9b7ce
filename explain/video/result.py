"""The result for a clip so far: what page, report, command line and HTTP show."""

from __future__ import annotations

from dataclasses import dataclass, field

from explain.video.change import Change
from explain.video.interval import Estimate
from explain.video.tracks import Box
from model.clips.answers import Facts
from model.i18n.catalogue import Message


@dataclass(frozen=True)
class Moment:
    """One judged frame.

    Attributes:
        number: from 0, in order of time.
        at: its timestamp in the file, see ``model.clips.clip.frame_of``.
        seconds: after the first frame of the clip.
        after_cut: whether a scene cut lies between it and the moment before.
        faces: number of faces found.
    """

    number: int
    at: int
    seconds: float
    after_cut: bool = False
    faces: int = 0


@dataclass(frozen=True)
class Sighting:
    """One face at one moment.

    Attributes:
        moment: when.
        face: its place among the frame's faces, 0 for the largest, as in ``Settings.face``.
        box: ``(x, y, w, h)`` in pixels of the upright frame.
        p_fake: P(Fake).
        verdict: of this frame alone.
    """

    moment: Moment
    face: int
    box: Box
    p_fake: float
    verdict: str


@dataclass(frozen=True)
class Track:
    """One face over time.

    Attributes:
        number: from 1, in the order in which the faces appear.
        sightings: in order of time, one or more.
        estimate: P(Fake) over all sightings.
        verdict: ``Fake`` or ``Real`` if the whole interval has this verdict, else ``Inconclusive``.
        change: where P(Fake) changes most, if chance does not explain it; None until the clip is complete.
        suspicious, ordinary: the face at its most and at its least suspicious moment, as JPEG.
    """

    number: int
    sightings: tuple[Sighting, ...]
    estimate: Estimate
    verdict: str
    change: Change | None = None
    suspicious: bytes = field(default=b"", compare=False, repr=False)
    ordinary: bytes = field(default=b"", compare=False, repr=False)

    @property
    def most(self) -> Sighting:
        """The most suspicious sighting."""
        return max(self.sightings, key=lambda sighting: sighting.p_fake)

    @property
    def least(self) -> Sighting:
        """The least suspicious sighting."""
        return min(self.sightings, key=lambda sighting: sighting.p_fake)

    @property
    def changed_at(self) -> Moment | None:
        """The first moment after the change."""
        return None if self.change is None else self.sightings[self.change.place].moment


@dataclass(frozen=True)
class Clip:
    """The result for a clip so far; each one that ``judge_clip`` yields is more complete.

    Attributes:
        sha256: hex digest of the file.
        facts: what the clip is.
        moments: the judged frames.
        tracks: the faces, in the order in which they appear.
        model: name, architecture and SHA-256 of the model; ``sees`` if it judges whole pictures.
        band: P(Fake) between these bounds is inconclusive.
        planned: number of even times; cuts may add moments, and frames that are shown long may save some.
        notes: sentences on how the clip was read.
        seconds: time spent.
        complete: whether this is the last one.
    """

    sha256: str
    facts: Facts
    moments: tuple[Moment, ...]
    tracks: tuple[Track, ...]
    model: dict[str, str]
    band: tuple[float, float]
    planned: int
    notes: tuple[Message, ...] = ()
    seconds: float = 0.0
    complete: bool = False

    @property
    def progress(self) -> float:
        """Share of the clip that is judged, 0..1."""
        if self.complete:
            return 1.0
        return min(self.moments[-1].seconds / self.facts.seconds, 1.0) if self.moments and self.facts.seconds else 0.0

    @property
    def suspect(self) -> Track | None:
        """The face with the highest P(Fake) among those seen often enough for an interval, or else among all."""
        often = [track for track in self.tracks if track.estimate.low is not None]
        return max(often or self.tracks, key=lambda track: track.estimate.mean, default=None)

    def sighting(self, track: int, moment: int) -> Sighting | None:
        """The face of a track, by its number from 1, at a moment, by its number from 0."""
        seen = (sighting for face in self.tracks if face.number == track for sighting in face.sightings)
        return next((sighting for sighting in seen if sighting.moment.number == moment), None)
