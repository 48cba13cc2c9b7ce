"""Sections of a model card with measured figures, mistakes first."""

from collections.abc import Mapping
from typing import Any

from model.artifact.card import Card
from model.artifact.facts import calibration_record, fitted_on_few, readable, tested, trained_on, translated_name
from model.i18n.catalogue import number, translate
from model.model_card.parts import Section, Table, by_value, span, with_interval
from model.model_card.unseen import unseen_of

MEASURES = ("false_accusation_rate", "miss_rate", "auc", "accuracy", "expected_calibration_error")
OF_VERDICTS = ("verdict_false_accusation_rate", "verdict_miss_rate", "verdict_error_rate")
ON_UNSEEN = ("false_accusation_rate", "miss_rate", "auc")
MISTAKES = ("false_accusation_rate", "miss_rate")
FEW = 30  # real pictures; a smaller group gets no sentence
CLOSE = 0.03  # calibration error up to which probabilities are called close


def figures(card: Card) -> Section:
    """The measured figures of each test set."""
    title = translate("card.figures.title")
    if not tested(card):
        return Section("figures", title, (translate("card.figures.unmeasured"),))
    sentences = [translate("card.figures.never_pooled")]
    areas = by_value(card, "auc")
    if len(areas) > 1:
        (low, worst), (high, best) = areas[0], areas[-1]
        names = {"best": readable(best), "worst": readable(worst)}
        sentences.append(translate("card.figures.best_and_worst", low=low, high=high, **names))
    if not areas:
        sentences.append(translate("card.figures.no_auc"))
    rows = tuple(
        (
            readable(name),
            f"{values.get('real', '–')} / {values.get('fake', '–')}",
            *(with_interval(values.get(key)) for key in MEASURES),
        )
        for name, values in tested(card).items()
    )
    return Section("figures", title, tuple(sentences), Table(_head("test_set", "real_fake", *MEASURES), rows))


def _head(*columns: str) -> tuple[str, ...]:
    return tuple(translate(f"card.column.{column}") for column in columns)


def verdicts(card: Card) -> Section:
    """The mistakes of the page's own verdicts."""
    title = translate("card.verdicts.title")
    accused = by_value(card, "verdict_false_accusation_rate")
    if not accused:
        return Section("verdicts", title, (translate("card.verdicts.unmeasured"),))
    silent = sorted(
        (values["inconclusive_share"], name) for name, values in tested(card).items() if "inconclusive_share" in values
    )
    sentences = [translate("card.verdicts.accused", share=span(accused), fake=translate("verdict.Fake"))]
    if missed := by_value(card, "verdict_miss_rate"):
        sentences.append(translate("card.verdicts.missed", share=span(missed), real=translate("verdict.Real")))
    if silent:
        sentences.append(translate("card.verdicts.price", share=span(silent)))
    rows = tuple(
        (
            readable(name),
            *(with_interval(values.get(key)) for key in OF_VERDICTS),
            number(values["inconclusive_share"], ".3f") if "inconclusive_share" in values else "–",
        )
        for name, values in tested(card).items()
    )
    head = _head("test_set", *OF_VERDICTS, "inconclusive_share")
    return Section("verdicts", title, tuple(sentences), Table(head, rows))


def calibration(card: Card) -> Section:
    """How well its probabilities match frequencies."""
    title = translate("card.calibration.title")
    views = [translate("card.calibration.views", count=len(card.views))] if len(card.views) > 1 else []
    if card.temperature is None:
        return Section("calibration", title, (*views, translate("card.calibration.never")))
    fitted = [
        *views,
        translate("card.calibration.fitted", temperature=card.temperature, bias=card.fake_bias),
        *_fitted_on(card),
    ]
    errors = by_value(card, "expected_calibration_error")
    if not errors:
        return Section("calibration", title, (*fitted, translate("card.calibration.untested")))
    error, name = errors[-1]
    at = "card.calibration.at_most" if len(errors) > 1 else "card.calibration.on"
    key = "card.calibration.close" if error <= CLOSE else "card.calibration.far"
    measured = translate(key, where=translate(at, error=error, name=readable(name)))
    return Section("calibration", title, (*fitted, measured, translate("card.calibration.holds_for")))


def _fitted_on(card: Card) -> list[str]:
    """How few pictures were fitted, and whether unseen sources chose the band; a card may not record either."""
    record, few, sentences = calibration_record(card), fitted_on_few(card), []
    if few is not None:
        sentences.append(translate("card.calibration.few", count=sum(few), real=few[0], fake=few[1]))
    sources, verdict = record.get("band_chosen_on"), translate("verdict.Fake")
    if sources:
        accused = sorted((found["accused"], name) for name, found in sources.items())
        names = ", ".join(readable(name) for name in sources)
        most = max(found["accused_at_most"] for found in sources.values())
        details = {"names": names, "share": span(accused), "most": most, "fake": verdict}
        sentences.append(translate("card.calibration.band_unseen", count=len(sources), **details))
        left_out = sorted(
            (found["left_out_accused"], name) for name, found in sources.items() if "left_out_accused" in found
        )
        if left_out:
            sentences.append(translate("card.calibration.band_left_out", share=span(left_out), fake=verdict))
    elif sources is not None:
        sentences.append(translate("card.calibration.band_seen", fake=verdict))
    return sentences


def cross_set(card: Card) -> Section:
    """Results of this model, or of similar ones, on data sets outside their training data."""
    title = translate("card.cross_set.title")
    data = trained_on(card)
    sentences = []
    for name, values in tested(card).items():
        if data and name not in data:
            sentences.append(_on_unseen(readable(name), values))
    rows, drops = [], []
    on_seen: list[float] = []  # AUCs on training sets, of models that also have unseen sets
    measured = card.metrics.get("transfer", {})
    for model, row in measured.items():
        seen = set(row.get("trained_on", ()))
        if seen and seen < set(row.get("auc", ())):
            on_seen += [estimate["value"] for name, estimate in row["auc"].items() if name in seen]
        for name, estimate in row.get("auc", {}).items():
            sources = ", ".join(sorted(seen)) or "–"
            is_seen = translate("card.yes" if name in seen else "card.no")
            rows.append((model, sources, readable(name), is_seen, with_interval(estimate)))
            if name not in seen and seen:
                drops.append(estimate["value"])
    if drops:
        sentences.append(translate("card.cross_set.transfer", low=min(drops), high=max(drops), known=_between(on_seen)))
    if not sentences:
        sentences.append(translate("card.cross_set.unmeasured"))
    head = _head("model", "trained_on", "tested_on", "seen", "auc")
    return Section("cross_set", title, tuple(sentences), Table(head, tuple(rows)) if rows else None)


def _on_unseen(name: str, values: Mapping[str, Any]) -> str:
    measured = [key for key in ON_UNSEEN if key in values]
    figures = [f"{translate(f'card.column.{key}')} {with_interval(values[key])}" for key in measured]
    if not figures:
        return translate("card.cross_set.set_unmeasured", name=name)
    return translate("card.cross_set.figures", name=name, figures=", ".join(figures))


def _between(values: list[float]) -> str:
    if not values:
        return translate("card.cross_set.known_unmeasured")
    return translate("card.cross_set.between", low=min(values), high=max(values))


def failures(card: Card) -> Section:
    """Its worst measured mistakes, and the groups that they affect most."""
    title = translate("card.failures.title")
    sentences = []
    for measure in MISTAKES:
        if values := by_value(card, measure):
            rate, name = values[-1]
            sentences.append(translate(f"card.worst.{measure}", rate=rate, name=readable(name)))
        else:
            sentences.append(translate(f"card.unmeasured.{measure}"))
    rows: list[tuple[str, ...]] = []
    for (name, kind), groups in _groups_measured(card).items():
        sentences.append(_affected_groups(kind, groups, readable(name)))
        for group, values in groups.items():
            accused = with_interval(values.get("false_accusation_rate"))
            rows.append((readable(name), _kind(kind), _group(group), str(values.get("real", "–")), accused))
    sentences.append(translate("card.failures.labels") if rows else translate("card.failures.no_groups"))
    head = _head("real_faces_of", "by", "group", "pictures", "called_fake")
    return Section("failures", title, tuple(s for s in sentences if s), Table(head, tuple(rows)) if rows else None)


def _groups_measured(card: Card) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Figures of each group by data set and kind, for test pictures and unseen sources."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for name, values in (*tested(card).items(), *unseen_of(card).get("reals", {}).items()):
        for kind, groups in values.get("groups", {}).items():
            found.setdefault((name, kind), groups)
    return found


def _affected_groups(kind: str, groups: Mapping[str, Any], dataset: str) -> str:
    found = [
        (values["false_accusation_rate"], group)
        for group, values in groups.items()
        if values.get("real", 0) >= FEW and "false_accusation_rate" in values
    ]
    if len(found) < 2:
        return ""
    found.sort(key=lambda pair: pair[0]["value"])
    (least, spared), (most, accused) = found[0], found[-1]
    certain = most["low"] > least["high"]
    return translate(
        "card.failures.more_than_chance" if certain else "card.failures.maybe_chance",
        kind=_kind(kind),
        name=dataset,
        accused=_group(accused),
        most=most["value"],
        spared=_group(spared),
        least=least["value"],
    )


def _kind(kind: str) -> str:
    return translated_name(f"card.kind.{kind.replace(' ', '_')}", kind)


def _group(group: str) -> str:
    return translated_name(f"card.group.{group.replace(' ', '_')}", group)


def attention(card: Card) -> Section:
    """How often its attention mask has its peak at the right place."""
    title = translate("card.attention.title")
    found = {
        name: v["attention_peak_inside"]
        for name, v in tested(card).items()
        if v.get("attention_peak_inside", {}).get("fakes")
    }
    if not found:
        return Section("attention", title, (translate("card.attention.unmeasured"),))
    sentences = [
        translate(
            "card.attention.peak",
            fakes=peaks["fakes"],
            name=readable(name),
            inside=peaks["attention"],
            centre=peaks["centre"],
        )
        for name, peaks in found.items()
    ]
    return Section("attention", title, tuple(sentences))
