"""Sections of a model card on sources that the model never saw, and on edits that change its verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

from model.artifact.card import Card
from model.artifact.facts import readable, told_as
from model.i18n.catalogue import number, say
from model.model_card.parts import Section, Table, span, with_interval

Figures = Mapping[str, Any]


def unseen_of(card: Card) -> Figures:
    """What ``python -m model unseen --write`` put into a card; empty where it was not run."""
    return card.metrics.get("unseen", {})


def unseen(card: Card) -> Section:
    """Accusations and finds on sources and generators that it never saw."""
    title, figures = say("card.unseen.title"), unseen_of(card)
    rows = tuple(_rows(figures))
    if not rows:
        return Section("unseen", title, (say("card.unseen.unmeasured"),))
    sentences = [
        _shares(figures, "reals", "called_fake", "looks_fake"),
        _shares(figures, "fakes", "recall", "looks_real"),
    ]
    if figures.get("generators"):
        sentences.append(say("card.unseen.alike"))
    gaps = [(of["difference"]["value"], name) for name, of in figures.get("learnt_by_heart", {}).items()]
    if gaps and max(gaps)[0] > 0:
        sentences.append(say("card.unseen.by_heart", gap=max(gaps)[0], name=readable(max(gaps)[1])))
    if error := figures.get("calibration", {}).get("error"):
        sentences.append(say("card.unseen.calibration", error=error["value"], low=error["low"], high=error["high"]))
    sentences += [
        say("card.attention.peak", fakes=of["fakes"], name=readable(name), inside=of["attention"]["value"],
            centre=of["centre"]["value"])
        for name, of in figures.get("peaks", {}).items()
        if of.get("fakes")
    ]  # fmt: skip
    columns = ("source", "kind", "pictures", "called_fake", "verdict_wrong", "inconclusive_share", "auc")
    head = tuple(say(f"card.column.{column}") for column in columns)
    return Section("unseen", title, tuple(filter(None, sentences)), Table(head, rows))


def _rows(figures: Figures) -> Iterator[tuple[str, ...]]:
    auc = {name: of["auc"] for name, of in figures.get("twins", {}).items()}
    auc |= {name: of["auc_alike"] for name, of in figures.get("generators", {}).items()}
    for part, called, wrong in (("reals", "called_fake", "looks_fake"), ("fakes", "recall", "looks_real")):
        for name, of in figures.get(part, {}).items():
            cells = (with_interval(of.get(key)) for key in (called, wrong, "inconclusive"))
            told = with_interval(auc.get(name)) if part == "fakes" else "–"
            yield readable(name), say(f"card.unseen.{part}"), str(of.get("pictures", "–")), *cells, told


def _shares(figures: Figures, part: str, at_half: str, by_page: str) -> str:
    """How often real faces are called fake, or fakes are found, as a span over sources; empty without figures."""
    values = [(of[at_half]["value"], of[by_page]["value"]) for of in figures.get(part, {}).values() if at_half in of]
    if not values:
        return ""
    called, page = (span([(value, "") for value in sorted(column)]) for column in zip(*values, strict=True))
    verdict = say("verdict.Fake" if part == "reals" else "verdict.Real")
    key = "card.unseen.accused" if part == "reals" else "card.unseen.found"
    return say(key, count=len(values), share=called, page=page, verdict=verdict)


def edits(card: Card) -> Section:
    """How often an edit that nobody sees changes its verdict."""
    title, figures = say("card.edits.title"), unseen_of(card).get("edits", {})
    measured = {name: of for name, of in figures.items() if name != "faces"}
    if not measured:
        return Section("edits", title, (say("card.edits.unmeasured"),))
    most = max(measured, key=lambda name: measured[name]["changed"]["value"])
    sentence = say(
        "card.edits.most", faces=figures["faces"], edit=_edit(most), share=measured[most]["changed"]["value"]
    )
    rows = tuple(
        (_edit(name), with_interval(of["changed"]), _number(of.get("mean_move"))) for name, of in measured.items()
    )
    head = tuple(say(f"card.column.{column}") for column in ("edit", "verdict_changed", "mean_move"))
    return Section("edits", title, (sentence,), Table(head, rows))


def _number(value: float | None) -> str:
    return "–" if value is None else number(value, ".3f")


def _edit(name: str) -> str:
    return told_as(f"card.edit.{name.replace(' ', '_')}", name)
