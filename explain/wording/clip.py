"""A clip's result in sentences."""

from __future__ import annotations

from explain.video.interval import MIN_VALUES
from explain.video.result import Clip, Track
from model.i18n.catalogue import number, translate

LISTED = 12  # faces in a terminal; a film has hundreds


def clock(seconds: float) -> str:
    """A time in a clip, such as ``0:03.2`` or ``1:02:03.2``, with the language's decimal sign."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{tenths // 10:02d}{number(tenths % 10 / 10, '.1f')[1:]}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def clip_headline(clip: Clip) -> str:
    """The verdict on the most suspicious face, in two or three words."""
    return translate("clip.no_face") if clip.suspect is None else translate(f"verdict.{clip.suspect.verdict}")


def clip_sentences(clip: Clip, file: str) -> list[str]:
    """Sentences on the whole clip."""
    cuts = sum(moment.after_cut for moment in clip.moments)
    sentences = [
        translate("clip.file", file=file, length=clock(clip.facts.seconds), count=len(clip.moments)),
        translate("clip.cuts", count=cuts) if cuts else "",
        *map(str, clip.notes),
        "" if clip.complete else translate("clip.stopped"),
        translate("clip.not_calibrated") if clip.tracks else "",
    ]
    return list(filter(None, sentences))


def track_title(track: Track) -> str:
    """The face's number and verdict."""
    return translate("clip.face", number=track.number, verdict=translate(f"verdict.{track.verdict}"))


def track_sentences(track: Track) -> str:
    """When a face is seen, its P(Fake) with the interval, and where that changes most."""
    found, fake = track.estimate, translate("class.Fake")
    first, last = (track.sightings[place].moment.seconds for place in (0, -1))
    sentences = [translate("clip.seen", count=len(track.sightings), start=clock(first), end=clock(last))]
    if found.low is None or found.high is None:
        sentences.append(translate("clip.few", fake=fake, mean=found.mean, least=MIN_VALUES))
    else:
        sentences.append(translate("clip.estimate", fake=fake, mean=found.mean, low=found.low, high=found.high))
        if track.verdict == "Inconclusive":
            sentences.append(translate("clip.between"))
    if track.change is not None and track.changed_at is not None:
        time = clock(track.changed_at.seconds)
        sentences.append(translate("clip.change", time=time, before=track.change.before, after=track.change.after))
    return " ".join(sentences)


def by_suspicion(clip: Clip) -> list[Track]:
    """The faces, those seen often enough for an interval first, and of these the most suspicious first."""
    return sorted(clip.tracks, key=lambda track: (track.estimate.low is None, -track.estimate.mean))


def clip_text(clip: Clip, file: str) -> str:
    """The result in a few lines, for a terminal."""
    lines = [f"{' '.join(clip_sentences(clip, file))} {clip_headline(clip)}."]
    for track in by_suspicion(clip)[:LISTED]:
        lines.append(f"{track_title(track)}. {track_sentences(track)}")
        for key, sighting in (("most", track.most), ("least", track.least)):
            time = clock(sighting.moment.seconds)
            lines[-1] += f" {translate(f'clip.{key}', time=time, p=sighting.p_fake)}."
    return "\n  ".join(lines)
