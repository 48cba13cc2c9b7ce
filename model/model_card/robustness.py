"""Says in words and numbers how stable a model is under corruptions, from the figures in its card."""

from collections.abc import Callable, Mapping
from typing import Any

from model.i18n.catalogue import number, say
from model.photos.corruptions import CLEAN, CORRUPTIONS

QUOTED = "jpeg 50"  # about what messengers do to a photo
SMALL_LOSS = 0.05  # of AUC; the interval's upper end must keep to it before a model is called robust to JPEG
Figures = Mapping[str, Mapping[str, Any]]


def words_for(condition: str) -> str:
    """``jpeg 50`` as ``JPEG quality 50``; a condition that is not known any more as it is."""
    name, _, level = condition.partition(" ")
    return say(f"card.corruption.{name}", level=float(level)) if name in CORRUPTIONS else condition


def robustness(
    measured: Mapping[str, Figures], readable: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Sentences, table head and table rows: what each corruption costs at the level that costs most.

    Args:
        measured: the card's figures by data set and condition, see ``model.evaluation.robustness.for_card``.
        readable: gives a data set's name in words.
    """
    scored = {name: of for name, of in measured.items() if any("auc_loss" in values for values in of.values())}
    accused = {name: of for name, of in measured.items() if "false_accusation_rate" in of.get(CLEAN, {})}
    if not scored and not accused:
        return (say("card.robustness.unmeasured"),), (), ()
    sentences = [_applied(measured), _quoted(scored, readable), _worst_loss(scored, readable)]
    sentences.append(_most_accused(accused, readable))
    return tuple(sentence for sentence in sentences if sentence), *_table(scored, accused, readable)


def _applied(measured: Mapping[str, Figures]) -> str:
    counts = [of[CLEAN].get(key, 0) for of in measured.values() if CLEAN in of for key in ("real", "fake")]
    most = max(counts, default=0)
    return say("card.robustness.applied_to", most=most) if most else say("card.robustness.applied")


def _quoted(scored: Mapping[str, Figures], readable: Callable[[str], str]) -> str:
    found = {name: of[QUOTED]["auc_loss"] for name, of in scored.items() if "auc_loss" in of.get(QUOTED, {})}
    if not found:
        return say("card.robustness.loss_unmeasured", condition=words_for(QUOTED)) if scored else ""
    name = max(found, key=lambda name: found[name]["value"])
    worst, highest = found[name], max(loss["high"] for loss in found.values())
    told = {"loss": worst["value"], "name": readable(name)}
    if highest <= SMALL_LOSS:
        return say("card.robustness.no_loss") if worst["value"] <= 0 else say("card.robustness.robust", **told)
    if worst["value"] > SMALL_LOSS and worst["low"] > 0:
        return say("card.robustness.harms", **told)
    # The set that could lose most, which need not be the one that lost most.
    name = max(found, key=lambda name: found[name]["high"])
    loss, low, high = (found[name][key] for key in ("value", "low", "high"))
    return say("card.robustness.unclear", loss=loss, low=low, high=high, name=readable(name))


def _worst_loss(scored: Mapping[str, Figures], readable: Callable[[str], str]) -> str:
    losses = [
        (values["auc_loss"]["value"], name, condition)
        for name, of in scored.items()
        for condition, values in of.items()
        if "auc_loss" in values
    ]
    if not losses or max(losses)[0] <= 0:
        return ""
    loss, name, condition = max(losses)
    left = scored[name][condition]["auc"]
    values = {"condition": words_for(condition), "name": readable(name)}
    return say("card.robustness.hardest", loss=loss, left=left, **values)


def _most_accused(accused: Mapping[str, Figures], readable: Callable[[str], str]) -> str:
    rises = [
        (values["false_accusation_rate"] - of[CLEAN]["false_accusation_rate"], name, condition)
        for name, of in accused.items()
        for condition, values in of.items()
        if "false_accusation_rate" in values
    ]
    if not rises or max(rises)[0] <= 0:
        return say("card.robustness.none_accused") if rises else ""
    _, name, condition = max(rises)
    before, after = (accused[name][key]["false_accusation_rate"] for key in (CLEAN, condition))
    values = {"condition": words_for(condition), "name": readable(name)}
    return say("card.robustness.accused_most", before=before, after=after, **values)


def _table(
    scored: Mapping[str, Figures], accused: Mapping[str, Figures], readable: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A row for the untouched pictures, for ``QUOTED`` and for the costliest level of each corruption."""
    alone = {name: of for name, of in accused.items() if name not in scored}
    conditions = [CLEAN, QUOTED]
    for name, corruption in CORRUPTIONS.items():
        levels = [f"{name} {level:g}" for level in corruption.levels]
        found = [level for level in levels if any(level in of for of in (*scored.values(), *alone.values()))]
        if found:
            conditions.append(max(found, key=lambda level: _cost(level, scored, alone)))
    rows = []
    for condition in dict.fromkeys(conditions):
        cells = [_loss_cell(of, condition) for of in scored.values()]
        cells += [_rate_cell(of, condition) for of in alone.values()]
        rows.append((say("card.robustness.untouched") if condition == CLEAN else words_for(condition), *cells))
    head = [say("card.column.auc_on", name=readable(name)) for name in scored]
    head += [say("card.column.called_fake_in", name=readable(name)) for name in alone]
    return (say("card.column.corruption"), *head), tuple(rows)


def _cost(condition: str, scored: Mapping[str, Figures], alone: Mapping[str, Figures]) -> float:
    losses = [of.get(condition, {}).get("auc_loss", {}).get("value", 0.0) for of in scored.values()]
    if losses:
        return sum(losses)
    return sum(of.get(condition, {}).get("false_accusation_rate", 0.0) for of in alone.values())


def _loss_cell(figures: Figures, condition: str) -> str:
    values = figures.get(condition, {})
    if "auc" not in values:
        return "–"
    if condition == CLEAN or "auc_loss" not in values:
        return number(values["auc"], ".3f")
    loss = values["auc_loss"]
    return say("card.robustness.loss", auc=values["auc"], loss=loss["value"], low=loss["low"], high=loss["high"])


def _rate_cell(figures: Figures, condition: str) -> str:
    rate = figures.get(condition, {}).get("false_accusation_rate")
    return "–" if rate is None else number(rate, ".0%")
