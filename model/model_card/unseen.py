"""Sections of a model card on unseen sources, and on edits that change the verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

from model.artifact.card import Card
from model.artifact.facts import readable, translated_name
from model.i18n.catalogue import number, translate
from model.model_card.parts import Section, Table, span, with_interval

Figures = Mapping[str, Any]


def unseen_of(card: Card) -> Figures:
    """The figures that ``python -m model unseen --write`` wrote into a card; empty if it was not run."""
    return card.metrics.get("unseen", {})


def unseen(card: Card) -> Section:
    """False accusations and found fakes on unseen sources and generators."""
    title, figures = translate("card.unseen.title"), unseen_of(card)
    rows = tuple(_rows(figures))
    if not rows:
        return Section("unseen", title, (translate("card.unseen.unmeasured"),))
    sentences = [
        _shares(figures, "reals", "called_fake", "looks_fake"),
        _shares(figures, "fakes", "recall", "looks_real"),
    ]
    if figures.get("generators"):
        sentences.append(translate("card.unseen.alike"))
    gaps = [(values["difference"]["value"], name) for name, values in figures.get("learnt_by_heart", {}).items()]
    if gaps and max(gaps)[0] > 0:
        sentences.append(translate("card.unseen.by_heart", gap=max(gaps)[0], name=readable(max(gaps)[1])))
    if error := figures.get("calibration", {}).get("error"):
        sentences.append(
            translate("card.unseen.calibration", error=error["value"], low=error["low"], high=error["high"])
        )
    sentences += [
        translate("card.attention.peak", fakes=values["fakes"], name=readable(name),
            inside=values["attention"]["value"], centre=values["centre"]["value"])
        for name, values in figures.get("peaks", {}).items()
        if values.get("fakes")
    ]  # fmt: skip
    columns = ("source", "kind", "pictures", "called_fake", "verdict_wrong", "inconclusive_share", "auc")
    head = tuple(translate(f"card.column.{column}") for column in columns)
    return Section("unseen", title, tuple(filter(None, sentences)), Table(head, rows))


def _rows(figures: Figures) -> Iterator[tuple[str, ...]]:
    auc = {name: values["auc"] for name, values in figures.get("twins", {}).items()}
    auc |= {name: values["auc_alike"] for name, values in figures.get("generators", {}).items()}
    for part, called, wrong in (("reals", "called_fake", "looks_fake"), ("fakes", "recall", "looks_real")):
        for name, values in figures.get(part, {}).items():
            cells = (with_interval(values.get(key)) for key in (called, wrong, "inconclusive"))
            area = with_interval(auc.get(name)) if part == "fakes" else "–"
            yield readable(name), translate(f"card.unseen.{part}"), str(values.get("pictures", "–")), *cells, area


def _shares(figures: Figures, part: str, at_half: str, by_page: str) -> str:
    """How often real faces are called fake, or fakes are found, as a range over sources; empty without figures."""
    values = [
        (found[at_half]["value"], found[by_page]["value"])
        for found in figures.get(part, {}).values()
        if at_half in found
    ]
    if not values:
        return ""
    called, page = (span([(value, "") for value in sorted(column)]) for column in zip(*values, strict=True))
    verdict = translate("verdict.Fake" if part == "reals" else "verdict.Real")
    key = "card.unseen.accused" if part == "reals" else "card.unseen.found"
    return translate(key, count=len(values), share=called, page=page, verdict=verdict)


def edits(card: Card) -> Section:
    """How often an invisible edit changes its verdict."""
    title, figures = translate("card.edits.title"), unseen_of(card).get("edits", {})
    measured = {name: values for name, values in figures.items() if name != "faces"}
    if not measured:
        return Section("edits", title, (translate("card.edits.unmeasured"),))
    most = max(measured, key=lambda name: measured[name]["changed"]["value"])
    sentence = translate(
        "card.edits.most", faces=figures["faces"], edit=_edit(most), share=measured[most]["changed"]["value"]
    )
    rows = tuple(
        (_edit(name), with_interval(values["changed"]), _number(values.get("mean_move")))
        for name, values in measured.items()
    )
    head = tuple(translate(f"card.column.{column}") for column in ("edit", "verdict_changed", "mean_move"))
    return Section("edits", title, (sentence,), Table(head, rows))


def _number(value: float | None) -> str:
    return "–" if value is None else number(value, ".3f")


def _edit(name: str) -> str:
    return translated_name(f"card.edit.{name.replace(' ', '_')}", name)
