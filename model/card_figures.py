"""Sections of a model card that rest on measured figures, mistakes first."""

from collections.abc import Mapping
from typing import Any

from model.artifact import Card
from model.card_parts import Section, Table, by_value, readable, span, tested, trained_on, with_interval

COLUMNS = {
    "false_accusation_rate": "Real called fake",
    "miss_rate": "Fake called real",
    "auc": "AUC",
    "accuracy": "Accuracy",
    "expected_calibration_error": "Calibration error",
}
VERDICT_COLUMNS = {
    "verdict_false_accusation_rate": "Real, verdict Fake",
    "verdict_miss_rate": "Fake, verdict Real",
    "verdict_error_rate": "Verdicts that are wrong",
}
UNSEEN_COLUMNS = ("false_accusation_rate", "miss_rate", "auc")
WORST = {
    "false_accusation_rate": "real faces are called fake",
    "miss_rate": "fakes are taken for real",
}
FEW = 30  # real pictures of a group below which no sentence is built on it
HONEST = 0.03  # calibration error up to which probabilities are called close


def figures(card: Card) -> Section:
    """The measured figures of each test set."""
    title = "Figures on test pictures"
    if not tested(card):
        return Section("figures", title, ("Accuracy, AUC, false accusations and misses were not measured.",))
    sentences = [
        "Test sets are never pooled. In brackets 95 % bootstrap intervals over pictures; decided at P(Fake) = 0.5.",
    ]
    areas = by_value(card, "auc")
    if len(areas) > 1:
        (low, worst), (high, best) = areas[0], areas[-1]
        sentences.append(
            f"It tells real from fake best among {readable(best)} (AUC {high:.3f}) and worst among {readable(worst)} "
            f"(AUC {low:.3f}; guessing has 0.5)."
        )
    if not areas:
        sentences.append("AUC was not measured.")
    rows = tuple(
        (
            readable(name),
            f"{values.get('real', '–')} / {values.get('fake', '–')}",
            *(with_interval(values.get(key)) for key in COLUMNS),
        )
        for name, values in tested(card).items()
    )
    return Section("figures", title, tuple(sentences), Table(("Test set", "Real / fake", *COLUMNS.values()), rows))


def verdicts(card: Card) -> Section:
    """What the page's own verdicts get wrong."""
    title = "The page's verdicts"
    accused = by_value(card, "verdict_false_accusation_rate")
    if not accused:
        return Section("verdicts", title, ("How often the page's verdicts are wrong was not measured.",))
    silent = sorted(
        (values["inconclusive_share"], name) for name, values in tested(card).items() if "inconclusive_share" in values
    )
    sentences = [f"With the inconclusive band, {span(accused)} of real photos get the verdict Looks fake."]
    if missed := by_value(card, "verdict_miss_rate"):
        sentences.append(f"{span(missed)} of fakes get the verdict Looks real.")
    if silent:
        sentences.append(f"The price: {span(silent)} of pictures get no verdict.")
    rows = tuple(
        (
            readable(name),
            *(with_interval(values.get(key)) for key in VERDICT_COLUMNS),
            f"{values['inconclusive_share']:.3f}" if "inconclusive_share" in values else "–",
        )
        for name, values in tested(card).items()
    )
    head = ("Test set", *VERDICT_COLUMNS.values(), "Inconclusive")
    return Section("verdicts", title, tuple(sentences), Table(head, rows))


def calibration(card: Card) -> Section:
    """How far its probabilities can be read as frequencies."""
    if card.temperature is None:
        never = "It was never calibrated: read P(Fake) as a score, not a frequency."
        return Section("calibration", "Calibration", (never,))
    fitted = (
        f"Its logits are divided by {card.temperature:.2f} and Fake's is shifted by {card.fake_bias:+.2f}, both fitted "
        "on validation pictures."
    )
    errors = by_value(card, "expected_calibration_error")
    if not errors:
        return Section("calibration", "Calibration", (fitted, "Whether that holds on test pictures was not measured."))
    value, name = errors[-1]
    judged = "close to" if value <= HONEST else "not to be taken for"
    where = f"at most {value:.3f} (on {readable(name)})" if len(errors) > 1 else f"{value:.3f} on {readable(name)}"
    measured = f"On test pictures the calibration error is {where}: stated probabilities are {judged} true frequencies."
    warning = (
        "It holds for pictures like these, with as many fakes among them: where fakes are rarer, P(Fake) is too high."
    )
    return Section("calibration", "Calibration", (fitted, measured, warning))


def cross_set(card: Card) -> Section:
    """How it, or models like it, do on data sets that they never saw."""
    title = "On data sets that it never saw"
    data = trained_on(card)
    sentences = []
    for name, values in tested(card).items():
        if data and name not in data:
            told = [f"{COLUMNS[key]} {with_interval(values[key])}" for key in UNSEEN_COLUMNS if key in values]
            sentences.append(f"{readable(name)}: {', '.join(told)}." if told else f"{readable(name)}: not measured.")
    rows, drops = [], []
    at_home: list[float] = []  # of the models that miss a set, on those that they know
    measured = card.metrics.get("transfer", {})
    for model, row in measured.items():
        seen = set(row.get("trained_on", ()))
        if seen and seen < set(row.get("auc", ())):
            at_home += [estimate["value"] for name, estimate in row["auc"].items() if name in seen]
        for name, estimate in row.get("auc", {}).items():
            learnt, known = ", ".join(sorted(seen)) or "–", "yes" if name in seen else "no"
            rows.append((model, learnt, readable(name), known, with_interval(estimate)))
            if name not in seen and seen:
                drops.append(estimate["value"])
    if drops:
        sentences.append(
            f"Models that had not been trained on a set reach an AUC of {min(drops):.3f} to {max(drops):.3f} on it "
            f"(0.5 is guessing; on sets that they know{_between(at_home)}): expect the like of fakes of a new kind."
        )
    if not sentences:
        sentences.append("Not measured: expect it to do worse there than the figures above say.")
    head = ("Model", "Trained on", "Tested on", "Seen in training", "AUC")
    return Section("cross_set", title, tuple(sentences), Table(head, tuple(rows)) if rows else None)


def _between(values: list[float]) -> str:
    return f", {min(values):.3f} to {max(values):.3f}" if values else ", not measured"


def failures(card: Card) -> Section:
    """Its worst measured mistakes, and whom they hit."""
    title = "Failures seen, and whom it fails most"
    sentences = []
    for measure, words in WORST.items():
        if values := by_value(card, measure):
            value, name = values[-1]
            sentences.append(f"{words[0].upper()}{words[1:]} most often in {readable(name)}: {value:.0%}.")
        else:
            sentences.append(f"How often {words} was not measured.")
    rows: list[tuple[str, ...]] = []
    for name, values in tested(card).items():
        for kind, groups in values.get("groups", {}).items():
            sentences.append(_whom(kind, groups, readable(name)))
            for group, of in groups.items():
                accused = with_interval(of.get("false_accusation_rate"))
                rows.append((readable(name), kind, group, str(of.get("real", "–")), accused))
    if rows:
        sentences.append("Groups are what the data set's own labels say, which are estimates themselves.")
    else:
        sentences.append("Whether it fails some groups of people more than others was not measured.")
    head = ("Real faces of", "By", "Group", "Pictures", "Called fake")
    return Section("failures", title, tuple(s for s in sentences if s), Table(head, tuple(rows)) if rows else None)


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
    judged = "more than chance explains" if certain else "the intervals overlap, so it may be chance"
    return (
        f"By {kind}: {dataset} labelled {accused} are called fake most often ({most['value']:.0%}), {spared} least "
        f"({least['value']:.0%}): {judged}."
    )


def attention(card: Card) -> Section:
    """How often its attention mask looks at the right place."""
    found = {
        name: v["attention_peak_inside"]
        for name, v in tested(card).items()
        if v.get("attention_peak_inside", {}).get("fakes")
    }
    if not found:
        return Section("attention", "Attention mask", ("How often it looks at the right place was not measured.",))
    sentences = [
        f"Among the {of['fakes']} {readable(name)} that it called fake, the mask's peak lies inside the changed region "
        f"{of['attention']:.1%} of the time; the centre of the crop lies there {of['centre']:.1%} of the time."
        for name, of in found.items()
    ]
    return Section("attention", "Attention mask", tuple(sentences))
