"""What the page shows of a clip while it is judged, and what its buttons do: changes by the component's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from explain.drawing.timeline import chosen
from explain.html import fragments
from explain.html.clip import clip_html, moments_table
from explain.page.components.updates import Change, Controls, Updates, notice, sent_as, visible
from explain.page.sessions import Runs
from explain.report.clip import clip_page
from explain.report.origin import Origin
from explain.service.refusal import Refused, refusing
from explain.service.service import Service
from explain.video.moment import photo_of
from explain.video.result import Clip
from explain.wording.clip import clip_headline, clip_sentences, clock
from model.artifact.card import Card
from model.clips.clip import FRAMES
from model.detector.detector import Detector
from model.errors import UserError
from model.i18n.catalogue import in_language, translate, use_language

FILE = "whyfake-clip.html"
# Added to a visitor's name, so that runs over a clip, many photos and a single photo can go on together.
RUN_SUFFIX = "/clip"


@dataclass(frozen=True)
class Seen:
    """A clip that the page shows: the upload, the result so far, and the card of its model."""

    file: str
    clip: Clip
    card: Card


def judge(
    controls: Controls,
    file: str | None,
    service: Service,
    runs: Runs,
    visitor: str,
    language_of: Callable[[str, str], str],
    detector_of: Callable[[str, str], Detector],
) -> Iterator[Updates]:
    """Judge a clip and draw its line, until it is complete, cancelled or superseded.

    Args:
        controls: values of the page's controls.
        file: path of the upload; None if the place was cleared.
        service: analyses each frame.
        runs: the visitors' runs.
        visitor: name of the visitor.
        language_of: returns the visitor's current language, or else the given one.
        detector_of: the model of a name for a visitor.
    """
    opened = partial(detector_of, controls["model"], visitor)
    steps = _judge(file, service, runs, visitor + RUN_SUFFIX, opened)
    yield from in_language(lambda: language_of(visitor, controls["language"]), steps)


def _judge(
    file: str | None, service: Service, runs: Runs, visitor: str, opened: Callable[[], Detector]
) -> Iterator[Updates]:
    with runs.begin(visitor) as ended:
        hidden = {name: visible(False) for name in ("clip_notice", "clip_result", "clip_moments", "clip_report")}
        if file is None:
            yield {**hidden, "clip_status": "", "clip_seen": None, "clip_cancel": visible(False)}
            return
        opening = fragments.progress_bar(translate("page.clip_opening"), 0.0)
        yield {**hidden, "clip_cancel": visible(True), "clip_status": opening, "clip_seen": None}
        seen: Seen | None = None
        try:
            with refusing():
                detector = opened()
                for clip in service.judge_clip(file, detector, FRAMES, ended, visitor=visitor, wait=True):
                    seen = Seen(file, clip, detector.card)
                    yield _shown(seen)
        except Refused as error:
            yield {"clip_notice": notice(str(error), "error"), "clip_status": ""}
        if (seen is None or not seen.clip.complete) and not (ended() and runs.waiting(visitor)):
            yield _stopped(seen) if ended() else {"clip_status": ""}
        yield {"clip_cancel": visible(False)}


def _shown(seen: Seen) -> Updates:
    clip = seen.clip
    changes: Updates = {
        "clip_status": fragments.status(_summary(seen)) if clip.complete else _progress(clip),
        "clip_result": Change(value=clip_html(clip, opens=True), visible=bool(clip.tracks)),
        "clip_seen": seen,
    }
    return changes | (_ended(seen) if clip.complete else {})


def _progress(clip: Clip) -> str:
    done = clock(clip.progress * clip.facts.seconds)
    sentence = translate("page.clip_progress", done=done, length=clock(clip.facts.seconds), count=len(clip.moments))
    return fragments.progress_bar(sentence, clip.progress)


def _summary(seen: Seen) -> str:
    return f"{clip_headline(seen.clip)}. {' '.join(clip_sentences(seen.clip, Path(seen.file).name))}"


def _ended(seen: Seen) -> Updates:
    found = bool(seen.clip.tracks)
    return {
        "clip_moments": Change(value=moments_table(seen.clip, opens=True), visible=found),
        "clip_report": visible(bool(seen.clip.moments)),
    }


def _stopped(seen: Seen | None) -> Updates:
    if seen is None:
        return {"clip_status": fragments.status(translate("page.many_stopped"))}
    return {"clip_status": fragments.status(_summary(seen)), **_ended(seen)}


def change_language(seen: Seen | None, running: bool) -> Updates:
    """The result in the current language; a run that goes on updates its own status."""
    if seen is None:
        return {}
    changes = {name: value for name, value in _shown(seen).items() if name != "clip_seen"}
    if running:
        return {"clip_result": changes["clip_result"]}
    return changes | _stopped(seen)


def open_moment(controls: Controls, choice: int) -> Iterator[Updates]:
    """Open a moment of the clip, with the face that was chosen, in the tab for one photo.

    Args:
        controls: values of the page's controls.
        choice: see ``explain.drawing.timeline.choice``.
    """
    seen: Seen | None = controls["clip_seen"]
    sighting = None if seen is None else seen.clip.sighting(*chosen(choice))
    if seen is None or sighting is None:
        return
    with use_language(controls["language"]):
        try:
            photo = photo_of(seen.file, sighting.moment.at)
        except UserError as error:
            yield {"clip_notice": notice(str(error), "error")}
            return
    yield {"photo": photo, "face": sighting.face, "whole": False, "tabs": Change(selected="one")}


def download(controls: Controls) -> Iterator[Updates]:
    """Send the clip's report; the server's copy is deleted afterwards."""
    seen: Seen | None = controls["clip_seen"]
    if seen is None:
        return
    with use_language(controls["language"]):
        page = clip_page(seen.clip, seen.card, Origin.now(Path(seen.file).name))
    yield from sent_as(FILE, page.encode())
