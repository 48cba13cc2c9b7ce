"""Describes how stable a model is under corruptions, from the figures in its card."""

from collections.abc import Callable, Mapping
from typing import Any

from model.i18n.catalogue import number, translate
from model.photos.corruptions import CLEAN, CORRUPTIONS

QUOTED = "jpeg 50"  # close to the compression of messenger apps
SMALL_LOSS = 0.05  # of AUC; a model is called robust to JPEG if the interval's upper end is at most this
Figures = Mapping[str, Mapping[str, Any]]


def words_for(condition: str) -> str:
    """``jpeg 50`` as ``JPEG quality 50``; an unknown condition unchanged."""
    name, _, level = condition.partition(" ")
    return translate(f"corruption.{name}.condition", level=float(level)) if name in CORRUPTIONS else condition


def robustness(
    measured: Mapping[str, Figures], readable: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Sentences, table head and table rows: the cost of each corruption at its worst level.

    Args:
        measured: the card's figures by data set and condition, see ``model.evaluation.robustness.for_card``.
        readable: returns a data set's name in words.
    """
    scored = {name: found for name, found in measured.items() if any("auc_loss" in values for values in found.values())}
    accused = {name: found for name, found in measured.items() if "false_accusation_rate" in found.get(CLEAN, {})}
    if not scored and not accused:
        return (translate("card.robustness.unmeasured"),), (), ()
    sentences = [_applied(measured), _quoted(scored, readable), _worst_loss(scored, readable)]
    sentences += [_most_accused(accused, readable), unmeasured(measured)]
    return tuple(sentence for sentence in sentences if sentence), *_table(scored, accused, readable)


def unmeasured(measured: Mapping[str, Figures]) -> str:
    """Names the corruptions without figures in the card, such as newer ones; empty if there are none.

    Args:
        measured: see ``robustness``.
    """
    measured_names = {condition.split(" ")[0] for conditions in measured.values() for condition in conditions}
    names = [corruption.title for name, corruption in CORRUPTIONS.items() if name not in measured_names]
    return translate("card.robustness.not_measured", names=", ".join(names)) if names else ""


def _applied(measured: Mapping[str, Figures]) -> str:
    counts = [found[CLEAN].get(key, 0) for found in measured.values() if CLEAN in found for key in ("real", "fake")]
    most = max(counts, default=0)
    return translate("card.robustness.applied_to", most=most) if most else translate("card.robustness.applied")


def _quoted(scored: Mapping[str, Figures], readable: Callable[[str], str]) -> str:
    found = {
        name: conditions[QUOTED]["auc_loss"]
        for name, conditions in scored.items()
        if "auc_loss" in conditions.get(QUOTED, {})
    }
    if not found:
        return translate("card.robustness.loss_unmeasured", condition=words_for(QUOTED)) if scored else ""
    name = max(found, key=lambda name: found[name]["value"])
    worst, highest = found[name], max(loss["high"] for loss in found.values())
    details = {"loss": worst["value"], "name": readable(name)}
    if highest <= SMALL_LOSS:
        return (
            translate("card.robustness.no_loss")
            if worst["value"] <= 0
            else translate("card.robustness.robust", **details)
        )
    if worst["value"] > SMALL_LOSS and worst["low"] > 0:
        return translate("card.robustness.harms", **details)
    # The set with the highest possible loss, which may differ from the set with the highest measured loss.
    name = max(found, key=lambda name: found[name]["high"])
    loss, low, high = (found[name][key] for key in ("value", "low", "high"))
    return translate("card.robustness.unclear", loss=loss, low=low, high=high, name=readable(name))


def _worst_loss(scored: Mapping[str, Figures], readable: Callable[[str], str]) -> str:
    losses = [
        (values["auc_loss"]["value"], name, condition)
        for name, conditions in scored.items()
        for condition, values in conditions.items()
        if "auc_loss" in values
    ]
    if not losses or max(losses)[0] <= 0:
        return ""
    loss, name, condition = max(losses)
    left = scored[name][condition]["auc"]
    values = {"condition": words_for(condition), "name": readable(name)}
    return translate("card.robustness.hardest", loss=loss, left=left, **values)


def _most_accused(accused: Mapping[str, Figures], readable: Callable[[str], str]) -> str:
    rises = [
        (values["false_accusation_rate"] - conditions[CLEAN]["false_accusation_rate"], name, condition)
        for name, conditions in accused.items()
        for condition, values in conditions.items()
        if "false_accusation_rate" in values
    ]
    if not rises or max(rises)[0] <= 0:
        return translate("card.robustness.none_accused") if rises else ""
    _, name, condition = max(rises)
    before, after = (accused[name][key]["false_accusation_rate"] for key in (CLEAN, condition))
    values = {"condition": words_for(condition), "name": readable(name)}
    return translate("card.robustness.accused_most", before=before, after=after, **values)


def _table(
    scored: Mapping[str, Figures], accused: Mapping[str, Figures], readable: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A row for the original pictures, for ``QUOTED`` and for the worst level of each corruption."""
    only_accused = {name: figures for name, figures in accused.items() if name not in scored}
    conditions = [CLEAN, QUOTED]
    for name, corruption in CORRUPTIONS.items():
        levels = [f"{name} {level:g}" for level in corruption.levels]
        found = [
            level for level in levels if any(level in figures for figures in (*scored.values(), *only_accused.values()))
        ]
        if found:
            conditions.append(max(found, key=lambda level: _cost(level, scored, only_accused)))
    rows = []
    for condition in dict.fromkeys(conditions):
        cells = [_loss_cell(figures, condition) for figures in scored.values()]
        cells += [_rate_cell(figures, condition) for figures in only_accused.values()]
        rows.append((translate("card.robustness.untouched") if condition == CLEAN else words_for(condition), *cells))
    head = [translate("card.column.auc_on", name=readable(name)) for name in scored]
    head += [translate("card.column.called_fake_in", name=readable(name)) for name in only_accused]
    return (translate("card.column.corruption"), *head), tuple(rows)


def _cost(condition: str, scored: Mapping[str, Figures], only_accused: Mapping[str, Figures]) -> float:
    losses = [figures.get(condition, {}).get("auc_loss", {}).get("value", 0.0) for figures in scored.values()]
    if losses:
        return sum(losses)
    return sum(figures.get(condition, {}).get("false_accusation_rate", 0.0) for figures in only_accused.values())


def _loss_cell(figures: Figures, condition: str) -> str:
    values = figures.get(condition, {})
    if "auc" not in values:
        return "–"
    if condition == CLEAN or "auc_loss" not in values:
        return number(values["auc"], ".3f")
    loss = values["auc_loss"]
    return translate("card.robustness.loss", auc=values["auc"], loss=loss["value"], low=loss["low"], high=loss["high"])


def _rate_cell(figures: Figures, condition: str) -> str:
    rate = figures.get(condition, {}).get("false_accusation_rate")
    return "–" if rate is None else number(rate, ".0%")
