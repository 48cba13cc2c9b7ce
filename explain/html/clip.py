"""A clip's result as HTML: the line over time, each face with its two extreme moments, and every moment as a table."""

from __future__ import annotations

from markupsafe import Markup

from explain.drawing.timeline import choice, timeline
from explain.html.charts import charts_html
from explain.html.rendering import macros
from explain.video.result import Clip, Track
from explain.wording.clip import by_suspicion, clock, track_sentences, track_title
from model.i18n.catalogue import number, translate

SHOWN = 12  # faces with pictures; a clip with many cuts has one face after the other


def clip_html(clip: Clip, opens: bool = False) -> Markup:
    """The timeline and the faces, most suspicious first; empty without a face.

    Args:
        clip: complete or not.
        opens: whether moments are buttons; their ``data-choice`` is that of ``explain.drawing.timeline``.
    """
    if not clip.tracks:
        return Markup()
    tracks = [
        (track.verdict, track_title(track), track_sentences(track), _moments(track))
        for track in by_suspicion(clip)[:SHOWN]
    ]
    others = len(clip.tracks) - len(tracks)
    more = translate("clip.more_faces", count=others) if others > 0 else ""
    return macros("clip/tab").clip(charts_html([timeline(clip, opens)], "wide"), tracks, more, opens)


def _moments(track: Track) -> list[tuple[bytes, str, int]]:
    """Picture, text and choice of the most and the least suspicious moment."""
    return [
        (
            picture,
            translate(f"clip.{key}", time=clock(sighting.moment.seconds), p=sighting.p_fake),
            choice(track.number, sighting.moment.number),
        )
        for key, picture, sighting in (
            ("most", track.suspicious, track.most),
            ("least", track.ordinary, track.least),
        )
    ]


def moments_table(clip: Clip, opens: bool = False) -> Markup:
    """Every face at every moment, in order of time, and how it was measured; empty without a face."""
    if not clip.tracks:
        return Markup()
    titles = [
        translate("clip.column.time"),
        translate("clip.column.face"),
        translate("class.Fake"),
        translate("clip.column.verdict"),
    ]
    seen = [(sighting.moment.number, track, sighting) for track in clip.tracks for sighting in track.sightings]
    rows = []
    for moment, track, sighting in sorted(seen, key=lambda row: (row[0], row[1].number)):
        time: str | Markup = clock(sighting.moment.seconds)
        if opens:
            time = macros("clip/tab").time(time, choice(track.number, moment))
        verdict = translate(f"verdict.{sighting.verdict}")
        rows.append([time, str(track.number), number(sighting.p_fake, ".0%"), verdict])
    block = max(track.estimate.block for track in clip.tracks)
    return macros("clip/tab").moments(titles, rows, translate("clip.method", block=block))
