"""A clip's result as files: a page of HTML with the timeline, and the data as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explain.html import fragments
from explain.html.clip import clip_html, moments_table
from explain.html.rendering import render
from explain.report.files import DATA, PAGE, check_folder, write_files
from explain.report.origin import Origin
from explain.report.page import model_facts, titled
from explain.video.result import Clip, Sighting, Track
from explain.wording.clip import clip_headline, clip_sentences, clock, track_sentences
from model.artifact.card import Card
from model.i18n.catalogue import language, number, translate


def write_clip(clip: Clip, card: Card, folder: Path, origin: Origin) -> Path:
    """Write ``report.html`` and ``report.json``; an earlier report in the folder is replaced.

    Returns:
        The path of ``report.html``.

    Raises:
        ReportError: see ``explain.report.files.check_folder``.
    """
    check_folder(folder)
    data = json.dumps(clip_record(clip, origin), indent=2, ensure_ascii=False) + "\n"
    write_files(folder, {PAGE: clip_page(clip, card, origin).encode(), DATA: data.encode()})
    return folder / PAGE


def clip_record(clip: Clip, origin: Origin) -> dict[str, Any]:
    """The result as plain data, with its origin and the language of its sentences."""
    return {**asdict(origin), "language": language(), **clip_to_dict(clip)}


def clip_to_dict(clip: Clip) -> dict[str, Any]:
    """Everything except pixels; the same clip gives the same data, except for times."""
    suspect = clip.suspect
    return {
        "clip": {"sha256": clip.sha256, **asdict(clip.facts), "notes": list(map(str, clip.notes))},
        "verdict": None if suspect is None else suspect.verdict,
        "p_fake": None if suspect is None else round(suspect.estimate.mean, 6),
        "calibrated_for_clips": False,
        "band": list(clip.band),
        "frames_requested": clip.planned,
        "moments": [
            {"seconds": round(moment.seconds, 4), "after_cut": moment.after_cut, "faces": moment.faces}
            for moment in clip.moments
        ],
        "faces": list(map(_track, clip.tracks)),
        "model": clip.model,
        "seconds": round(clip.seconds, 3),
        "complete": clip.complete,
    }


def _track(track: Track) -> dict[str, Any]:
    found = track.estimate
    interval = None if found.low is None or found.high is None else [round(found.low, 6), round(found.high, 6)]
    change = track.change and {
        "seconds": None if track.changed_at is None else round(track.changed_at.seconds, 4),
        "before": round(track.change.before, 6),
        "after": round(track.change.after, 6),
    }
    return {
        "number": track.number,
        "verdict": track.verdict,
        "p_fake": round(found.mean, 6),
        "interval": interval,
        "block_frames": found.block,
        "change": change,
        "most_suspicious": track.most.moment.number,
        "least_suspicious": track.least.moment.number,
        "sightings": list(map(_sighting, track.sightings)),
        "sentence": track_sentences(track),
    }


def _sighting(sighting: Sighting) -> dict[str, Any]:
    return {
        "moment": sighting.moment.number,
        "face": sighting.face + 1,  # people count from one
        "box": list(sighting.box),
        "p_fake": round(sighting.p_fake, 6),
        "verdict": sighting.verdict,
    }


def clip_page(clip: Clip, card: Card, origin: Origin) -> str:
    """The report as an HTML page without scripts and external resources."""
    file = Path(origin.file).name
    return render(
        "clip/report",
        file=file,
        origin=origin,
        verdict="inconclusive" if clip.suspect is None else clip.suspect.verdict,
        headline=clip_headline(clip),
        sentences=" ".join(clip_sentences(clip, file)),
        tracks=clip_html(clip),
        moments=moments_table(clip),
        facts=_facts(clip, origin),
        model_card=fragments.model_card(card),
    )


def _facts(clip: Clip, origin: Origin) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything needed to repeat the run: tables of names and values, each with its title."""
    facts = clip.facts
    groups = {
        "clip": {
            translate("report.fact.file"): Path(origin.file).name,
            translate("clip.report_size"): f"{facts.width} × {facts.height}",
            translate("clip.column.time"): clock(facts.seconds),
            "SHA-256": clip.sha256,
        },
        "model": model_facts(clip.model),
        "settings": {translate("clip.report_frames"): number(clip.planned, ",")},
        "written": {translate("report.fact.on"): origin.when, translate("report.fact.by"): origin.command},
        "versions": origin.versions,
    }
    return titled(groups)
