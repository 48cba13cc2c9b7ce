"""Draws P(Fake) of each face of a clip over time."""

from __future__ import annotations

from explain.drawing.chart import Area, Chart, Line, Point
from explain.video.result import Clip, Track
from explain.wording.clip import clip_headline, clock
from model.i18n.catalogue import number, translate

COLOURS = 4  # kinds of lines in the style sheet
WIDTH = 560
TICKS = 5  # along the time
MOST_MOMENTS = 1000  # see ``choice``; more are never judged
HALVES = (0.0, 0.5, 1.0)


def choice(track: int, moment: int) -> int:
    """One number for a face, by its number from 1, at a moment, by its number from 0."""
    return track * MOST_MOMENTS + moment


def chosen(value: int) -> tuple[int, int]:
    """The face and the moment of a ``choice``."""
    track, moment = divmod(value, MOST_MOMENTS)
    return track, moment


def timeline(clip: Clip, opens: bool = False) -> Chart:
    """A line per face over the inconclusive band and its own interval, and a thin line at each scene cut.

    Args:
        clip: complete or not.
        opens: whether a click on a point selects its ``choice``.
    """
    low, high = clip.band
    fake = translate("class.Fake")
    length = clip.facts.seconds or 1.0
    band = translate("clip.legend_band", low=low, high=high)
    cuts = [
        Line("cut", [Point(moment.seconds / length, height) for height in (0.0, 1.0)], translate("clip.legend_cut"))
        for moment in clip.moments
        if moment.after_cut
    ]
    intervals = [area for track in clip.tracks for area in _interval(track, length)]
    return Chart(
        title=translate("clip.timeline", fake=fake),
        label=translate("clip.timeline_label", fake=fake, faces=clip_headline(clip)),
        up=fake,
        across=translate("clip.time"),
        x_ticks=[(place / (TICKS - 1), clock(place / (TICKS - 1) * length)) for place in range(TICKS)],
        y_ticks=[(share, number(share, ".0%")) for share in HALVES],
        areas=[Area("band", (0, 1), (low, low), (high, high), band), *intervals],
        lines=[*cuts, *(_line(track, length, len(clip.tracks), opens) for track in clip.tracks)],
        width=WIDTH,
    )


def _kind(track: Track) -> str:
    return f"set-{(track.number - 1) % COLOURS}"


def _line(track: Track, length: float, count: int, opens: bool) -> Line:
    points = []
    for sighting in track.sightings:
        moment, p_fake = sighting.moment, sighting.p_fake
        label = translate("clip.point", number=track.number, time=clock(moment.seconds), p=p_fake)
        selected = choice(track.number, moment.number) if opens else None
        points.append(Point(moment.seconds / length, p_fake, label, choice=selected))
    # With more faces than colours a legend would name some of them alone.
    name = translate("clip.legend_face", number=track.number) if count <= COLOURS else ""
    return Line(_kind(track), points, name)


def _interval(track: Track, length: float) -> list[Area]:
    """Where the face's average lies, over the time in which it is seen."""
    found = track.estimate
    if found.low is None or found.high is None:
        return []
    ends = tuple(track.sightings[place].moment.seconds / length for place in (0, -1))
    return [Area(_kind(track), ends, (found.low,) * 2, (found.high,) * 2)]
