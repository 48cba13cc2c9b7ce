"""Sections of a model card that rest on measured figures, mistakes first."""

from collections.abc import Mapping
from typing import Any

from model.artifact.card import Card
from model.artifact.facts import calibration_record, fitted_on_few, readable, tested, told_as, trained_on
from model.i18n.catalogue import number, say
from model.model_card.parts import Section, Table, by_value, span, with_interval
from model.model_card.unseen import unseen_of

MEASURES = ("false_accusation_rate", "miss_rate", "auc", "accuracy", "expected_calibration_error")
OF_VERDICTS = ("verdict_false_accusation_rate", "verdict_miss_rate", "verdict_error_rate")
ON_UNSEEN = ("false_accusation_rate", "miss_rate", "auc")
MISTAKES = ("false_accusation_rate", "miss_rate")
FEW = 30  # real pictures of a group below which no sentence is built on it
HONEST = 0.03  # calibration error up to which probabilities are called close


def figures(card: Card) -> Section:
    """The measured figures of each test set."""
    title = say("card.figures.title")
    if not tested(card):
        return Section("figures", title, (say("card.figures.unmeasured"),))
    sentences = [say("card.figures.never_pooled")]
    areas = by_value(card, "auc")
    if len(areas) > 1:
        (low, worst), (high, best) = areas[0], areas[-1]
        names = {"best": readable(best), "worst": readable(worst)}
        sentences.append(say("card.figures.best_and_worst", low=low, high=high, **names))
    if not areas:
        sentences.append(say("card.figures.no_auc"))
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
    return tuple(say(f"card.column.{column}") for column in columns)


def verdicts(card: Card) -> Section:
    """What the page's own verdicts get wrong."""
    title = say("card.verdicts.title")
    accused = by_value(card, "verdict_false_accusation_rate")
    if not accused:
        return Section("verdicts", title, (say("card.verdicts.unmeasured"),))
    silent = sorted(
        (values["inconclusive_share"], name) for name, values in tested(card).items() if "inconclusive_share" in values
    )
    sentences = [say("card.verdicts.accused", share=span(accused), fake=say("verdict.Fake"))]
    if missed := by_value(card, "verdict_miss_rate"):
        sentences.append(say("card.verdicts.missed", share=span(missed), real=say("verdict.Real")))
    if silent:
        sentences.append(say("card.verdicts.price", share=span(silent)))
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
    """How far its probabilities can be read as frequencies."""
    title = say("card.calibration.title")
    if card.temperature is None:
        return Section("calibration", title, (say("card.calibration.never"),))
    fitted = [say("card.calibration.fitted", temperature=card.temperature, bias=card.fake_bias), *_fitted_on(card)]
    errors = by_value(card, "expected_calibration_error")
    if not errors:
        return Section("calibration", title, (*fitted, say("card.calibration.untested")))
    error, name = errors[-1]
    at = "card.calibration.at_most" if len(errors) > 1 else "card.calibration.on"
    judged = "card.calibration.close" if error <= HONEST else "card.calibration.far"
    measured = say(judged, where=say(at, error=error, name=readable(name)))
    return Section("calibration", title, (*fitted, measured, say("card.calibration.holds_for")))


def _fitted_on(card: Card) -> list[str]:
    """How few pictures the fit rests on, and whether unseen sources chose the band; a card may say nothing of it."""
    record, few, sentences = calibration_record(card), fitted_on_few(card), []
    if few is not None:
        sentences.append(say("card.calibration.few", count=sum(few), real=few[0], fake=few[1]))
    sources, verdict = record.get("band_chosen_on"), say("verdict.Fake")
    if sources:
        accused = sorted((of["accused"], name) for name, of in sources.items())
        names = ", ".join(readable(name) for name in sources)
        most = max(of["accused_at_most"] for of in sources.values())
        told = {"names": names, "share": span(accused), "most": most, "fake": verdict}
        sentences.append(say("card.calibration.band_unseen", count=len(sources), **told))
        left_out = sorted((of["left_out_accused"], name) for name, of in sources.items() if "left_out_accused" in of)
        if left_out:
            sentences.append(say("card.calibration.band_left_out", share=span(left_out), fake=verdict))
    elif sources is not None:
        sentences.append(say("card.calibration.band_seen", fake=verdict))
    return sentences


def cross_set(card: Card) -> Section:
    """How it, or models like it, do on data sets that they never saw."""
    title = say("card.cross_set.title")
    data = trained_on(card)
    sentences = []
    for name, values in tested(card).items():
        if data and name not in data:
            sentences.append(_on_unseen(readable(name), values))
    rows, drops = [], []
    at_home: list[float] = []  # of the models that miss a set, on those that they know
    measured = card.metrics.get("transfer", {})
    for model, row in measured.items():
        seen = set(row.get("trained_on", ()))
        if seen and seen < set(row.get("auc", ())):
            at_home += [estimate["value"] for name, estimate in row["auc"].items() if name in seen]
        for name, estimate in row.get("auc", {}).items():
            learnt, known = ", ".join(sorted(seen)) or "–", say("card.yes") if name in seen else say("card.no")
            rows.append((model, learnt, readable(name), known, with_interval(estimate)))
            if name not in seen and seen:
                drops.append(estimate["value"])
    if drops:
        sentences.append(say("card.cross_set.transfer", low=min(drops), high=max(drops), known=_between(at_home)))
    if not sentences:
        sentences.append(say("card.cross_set.unmeasured"))
    head = _head("model", "trained_on", "tested_on", "seen", "auc")
    return Section("cross_set", title, tuple(sentences), Table(head, tuple(rows)) if rows else None)


def _on_unseen(name: str, values: Mapping[str, Any]) -> str:
    measured = [key for key in ON_UNSEEN if key in values]
    figures = [f"{say(f'card.column.{key}')} {with_interval(values[key])}" for key in measured]
    if not figures:
        return say("card.cross_set.set_unmeasured", name=name)
    return say("card.cross_set.figures", name=name, figures=", ".join(figures))


def _between(values: list[float]) -> str:
    if not values:
        return say("card.cross_set.known_unmeasured")
    return say("card.cross_set.between", low=min(values), high=max(values))


def failures(card: Card) -> Section:
    """Its worst measured mistakes, and whom they hit."""
    title = say("card.failures.title")
    sentences = []
    for measure in MISTAKES:
        if values := by_value(card, measure):
            rate, name = values[-1]
            sentences.append(say(f"card.worst.{measure}", rate=rate, name=readable(name)))
        else:
            sentences.append(say(f"card.unmeasured.{measure}"))
    rows: list[tuple[str, ...]] = []
    for (name, kind), groups in _groups_measured(card).items():
        sentences.append(_whom(kind, groups, readable(name)))
        for group, of in groups.items():
            accused = with_interval(of.get("false_accusation_rate"))
            rows.append((readable(name), _kind(kind), _group(group), str(of.get("real", "–")), accused))
    sentences.append(say("card.failures.labels") if rows else say("card.failures.no_groups"))
    head = _head("real_faces_of", "by", "group", "pictures", "called_fake")
    return Section("failures", title, tuple(s for s in sentences if s), Table(head, tuple(rows)) if rows else None)


def _groups_measured(card: Card) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Figures of each group by data set and kind, of test pictures and of sources that the model never saw."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for name, values in (*tested(card).items(), *unseen_of(card).get("reals", {}).items()):
        for kind, groups in values.get("groups", {}).items():
            found.setdefault((name, kind), groups)
    return found


def _whom(kind: str, groups: Mapping[str, Any], dataset: str) -> str:
    found = [
        (of["false_accusation_rate"], group)
        for group, of in groups.items()
        if of.get("real", 0) >= FEW and "false_accusation_rate" in of
    ]
    if len(found) < 2:
        return ""
    found.sort(key=lambda pair: pair[0]["value"])
    (least, spared), (most, accused) = found[0], found[-1]
    certain = most["low"] > least["high"]
    return say(
        "card.failures.more_than_chance" if certain else "card.failures.maybe_chance",
        kind=_kind(kind),
        name=dataset,
        accused=_group(accused),
        most=most["value"],
        spared=_group(spared),
        least=least["value"],
    )


def _kind(kind: str) -> str:
    return told_as(f"card.kind.{kind.replace(' ', '_')}", kind)


def _group(group: str) -> str:
    return told_as(f"card.group.{group.replace(' ', '_')}", group)


def attention(card: Card) -> Section:
    """How often its attention mask looks at the right place."""
    title = say("card.attention.title")
    found = {
        name: v["attention_peak_inside"]
        for name, v in tested(card).items()
        if v.get("attention_peak_inside", {}).get("fakes")
    }
    if not found:
        return Section("attention", title, (say("card.attention.unmeasured"),))
    sentences = [
        say(
            "card.attention.peak",
            fakes=of["fakes"],
            name=readable(name),
            inside=of["attention"],
            centre=of["centre"],
        )
        for name, of in found.items()
    ]
    return Section("attention", title, tuple(sentences))
