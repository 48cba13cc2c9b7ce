"""Sentences and small HTML fragments built from the numbers that they speak of."""

from collections.abc import Collection, Mapping
from html import escape
from typing import Any

import numpy as np

from explain.analysis import Analysis
from explain.wording.progress import doing
from model.artifact.card import Card
from model.artifact.facts import assumed_labels, fitted_on_few, readable
from model.detector.detector import Prediction
from model.i18n.catalogue import Said, say
from model.model_card.document import facts
from model.model_card.parts import Section, Table
from model.model_card.unseen import unseen_of
from model.paths import ROOT

READING = ("superpixel", "lime", "attention", "trust", "what_if", "calibrated")  # matters, in reading order
STYLE = ROOT / "explain" / "html" / "templates" / "report.css"
ONLY_ITSELF = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def header() -> str:
    """The name and the question at the top of the page."""
    return f'<div class="wordmark"><h1>Why<em>Fake</em></h1><p>{escape(say("header.question"))}</p></div>'


def placeholder() -> str:
    """What stands in the verdict's place before there is a photo."""
    steps = "".join(f"<li>{escape(say(f'placeholder.{step}'))}</li>" for step in ("found", "likely", "why"))
    return f'<div class="placeholder"><h2>{escape(say("placeholder.title"))}</h2><ol>{steps}</ol></div>'


def reading() -> str:
    """How to read the page, in Markdown."""
    return "\n\n".join(say(f"reading.{matter}") for matter in READING)


def failed() -> str:
    """Said where the mistake is ours."""
    return say("failed")


def opening(model: str) -> str:
    """Said while a model is opened."""
    return say("opening", model=model)


def what_if_help() -> str:
    """Shown until a region is hidden."""
    return f"<p>{escape(say('what_if.help'))}</p>"


def no_flip() -> str:
    """Shown where hiding regions does not turn the verdict."""
    return f"<p>{escape(say('what_if.no_flip'))}</p>"


def notice(sentence: str | Said, kind: str = "note") -> str:
    """A boxed sentence; ``kind`` is ``note`` or ``error``, the latter read aloud by screen readers at once."""
    role = "alert" if kind == "error" else "status"
    return f'<div class="notice {kind}" role="{role}">{escape(str(sentence))}</div>'


def verdict_card(prediction: Prediction, card: Card, is_face: bool = True) -> str:
    """The verdict in words, with P(Fake) on a bar that shows the inconclusive band.

    ``is_face`` is false where the whole picture was judged: calibration says nothing of that.
    """
    p_fake = prediction.probabilities["Fake"]
    low, high = card.inconclusive_band
    name, fake, real = prediction.verdict, escape(say("class.Fake")), escape(say("class.Real"))
    scale = escape(say("verdict_card.scale", fake=say("class.Fake"), p=p_fake, low=low, high=high))
    band = escape(say("verdict_card.band", low=low, high=high))
    return (
        f'<section class="verdict {name.lower()}" aria-label="{escape(say("verdict_card.label"))}">'
        f"<h2>{escape(say(f'verdict.{name}'))}</h2>"
        f'<p class="lead">{escape(_verdict_sentence(prediction, card))}</p>'
        f'<div class="scale" role="img" aria-label="{scale}">'
        f'<span class="band" style="left:{low:.0%};width:{high - low:.0%}"></span>'
        f'<span class="marker" style="left:{p_fake:.1%}"></span></div>'
        f'<div class="ends"><span>{real}</span><span>{band}</span><span>{fake}</span></div>'
        f"<p>{escape(_calibration_sentence(prediction, card, is_face))}</p></section>"
    )


def _verdict_sentence(prediction: Prediction, card: Card) -> str:
    low, high = card.inconclusive_band
    key = "verdict_card.aid"
    if prediction.verdict == "Inconclusive":
        key = "verdict_card.default_band" if card.temperature is None else "verdict_card.too_often_wrong"
    return say(key, fake=say("class.Fake"), p=prediction.probabilities["Fake"], low=low, high=high)


def _calibration_sentence(prediction: Prediction, card: Card, is_face: bool) -> str:
    if not is_face:
        return say("calibration.no_face")
    if not prediction.calibrated:
        return say("calibration.none")
    share = round(100 * prediction.probabilities["Fake"])
    if (few := fitted_on_few(card)) is not None:
        return say("calibration.few", count=sum(few), share=share)
    return say("calibration.done", share=share)


def looking() -> str:
    """Shown until the faces are found."""
    return _status(escape(say("doing.looking")))


def waiting(running: int, ahead: int) -> str:
    """Shown until a place is free: how many analyses are running, and how many visitors wait before this one."""
    return _status(escape(say("doing.waiting", running=running, ahead=ahead)))


def progress(analysis: Analysis) -> str:
    """A labelled progress bar while maps and measures come, and how long everything took once they have."""
    if analysis.chosen is None:
        return ""
    if analysis.complete:
        return _status(escape(say("doing.done", seconds=float(sum(analysis.seconds.values())))))
    share = "" if analysis.progress is None else f' value="{analysis.progress:.2f}"'
    return _status(f'<label>{escape(doing(analysis))} <progress{share} max="1"></progress></label>')


def stopped(analysis: Analysis | None) -> str:
    """What a cancelled run leaves behind."""
    lime = analysis.attributions.get("lime") if analysis else None
    said = say("stopped.early") if lime is None else say("stopped.after", samples=int(lime.evidence["samples"]))
    return _status(escape(said))


def _status(content: str) -> str:
    return f'<p class="progress" role="status">{content}</p>'


def scope(card: Card) -> str:
    """What the model is for, and how the page judges unseen sources, or else its worst measured failures."""
    said = " ".join(filter(None, (_on_unseen(card) or _on_known(card), assumed_labels(card))))
    return f'<p class="scope"><strong>{escape(say("scope.aid"))}</strong> {escape(said)}</p>'


def _on_unseen(card: Card) -> str:
    """The page's verdicts on sources and generators that the model never saw; empty where they were not measured."""
    reals, fakes = ((unseen_of(card).get(part) or {}).values() for part in ("reals", "fakes"))
    if not reals or not fakes:
        return ""
    return say(
        "scope.unseen",
        reals=sum(of["pictures"] for of in reals),
        accused=_pooled(reals, "looks_fake"),
        open=_pooled(reals, "inconclusive"),
        fakes=sum(of["pictures"] for of in fakes),
        missed=_pooled(fakes, "looks_real"),
        found=1 - _pooled(fakes, "looks_real") - _pooled(fakes, "inconclusive"),
    )


def _pooled(sources: Collection[Mapping[str, Any]], share: str) -> float:
    """A share of all pictures of several sources."""
    return float(np.average([of[share]["value"] for of in sources], weights=[of["pictures"] for of in sources]))


def _on_known(card: Card) -> str:
    figures, failures = card.metrics.get("test", {}), []
    if "utkface" in figures:
        rate, faces = figures["utkface"]["false_accusation_rate"]["value"], int(figures["utkface"]["real"])
        failures.append(say("scope.accuses", rate=float(rate), faces=faces))
    if "ciplab" in figures:
        rate, faces = figures["ciplab"]["miss_rate"]["value"], int(figures["ciplab"]["fake"])
        failures.append(say("scope.misses", rate=float(rate), faces=faces))
    return " ".join(filter(None, (_knows(card), _measured(failures))))


def _measured(failures: list[str]) -> str:
    if len(failures) == 2:
        return say("scope.measured_both", first=failures[0], second=failures[1])
    return say("scope.measured", failure=failures[0]) if failures else ""


def _knows(card: Card) -> str:
    if learnt := ", ".join(readable(name) for name in card.training.get("data", ())):
        return say("scope.knows", sets=learnt)
    return say("scope.training_unknown" if card.metrics.get("test") else "scope.unknown")


def model_card(card: Card) -> str:
    """The facts of the model's card, matter by matter, with its tables."""
    return "".join(_section(section) for section in facts(card))


def _section(section: Section) -> str:
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in section.sentences)
    table = "" if section.table is None else _table(section.table)
    return f'<section class="fact"><h3>{escape(section.title)}</h3><ul>{sentences}</ul>{table}</section>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in table.head)
    rows = ""
    for name, *values in table.rows:
        cells = "".join(
            f'<td data-label="{escape(title)}"><span>{escape(value)}</span></td>'
            for title, value in zip(table.head[1:], values, strict=True)
        )
        rows += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    return f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
