"""Two models side by side, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from explain.comparison import Comparison, Second
from explain.result import Analysis
from explain.wording.regions import shown_name
from explain.wording.robustness import verdict_name
from explain.wording.summary import plain_text
from model.artifact.card import ONNX, TFLITE
from model.i18n.catalogue import translate


def comparison_sentence(first: Analysis, second: Second) -> str:
    """Whether the verdicts agree, how similarly the main maps rank the regions, and which regions are the strongest."""
    names = {"first": first.model["name"], "second": second.analysis.model["name"]}
    one, other = first.prediction, second.analysis.prediction
    if one is None or other is None:
        model = names["first" if one is None else "second"]
        return translate("second.no_verdict", **names, model=model)
    if one.verdict == other.verdict:
        verdicts = translate("second.agree", verdict=verdict_name(one.verdict))
    else:
        both = {"one": verdict_name(one.verdict), "other": verdict_name(other.verdict)}
        verdicts = translate("second.differ", **names, **both)
    found = second.comparison
    if found is None:
        sentence = translate("second.not_compared", verdicts=verdicts)
    else:
        figures = {"regions": len(found.regions), "correlation": found.correlation}
        sentence = translate("second.sentence", verdicts=verdicts, **figures, strongest=_strongest(found, names))
    shared = _networks(first) & _networks(second.analysis)
    return f"{sentence} {translate('second.shared')}" if shared else sentence


def _networks(analysis: Analysis) -> set[str]:
    """SHA-256 of each network of the model; a combined model names the file of each of its parts."""
    return {str(sha256) for file, sha256 in analysis.model.items() if Path(file).name in (TFLITE, ONNX)}


def second_in_words(first: Analysis, second: Second, file: str) -> tuple[str, str]:
    """A second model's analysis in a few lines, and the sentence that compares both."""
    name = f"{file} ({second.analysis.model['name']})"
    return plain_text(second.analysis, second.card, name), comparison_sentence(first, second)


def _strongest(found: Comparison, names: dict[str, str]) -> str:
    """The regions that are among the strongest of both maps, and of only one of them."""
    subject = found.first.subject
    assert subject is not None
    target = translate(f"class.{subject.target}")
    groups = (found.shared, found.only_first, found.only_second)
    shared, only_first, only_second = (_listed(group, groups, subject.names) for group in groups)
    parts = [
        translate("second.both", target=target, regions=shared) if shared else translate("second.none", target=target)
    ]
    parts += [
        translate("second.only", model=names[model], regions=regions)
        for model, regions in (("first", only_first), ("second", only_second))
        if regions
    ]
    return "; ".join(parts)


def _listed(group: Sequence[int], groups: Sequence[Sequence[int]], names: Sequence[str] | None) -> str:
    """Regions by name; those that share a name with a region of another group have their number, too."""
    if names is None:
        return ", ".join(translate("plain.region", number=region) for region in group)
    elsewhere = {names[region] for other in groups if other is not group for region in other}
    shown = [
        translate("second.region", name=shown_name(names[region]), number=region)
        if names[region] in elsewhere
        else shown_name(names[region])
        for region in group
    ]
    return ", ".join(dict.fromkeys(shown))
