"""Turns a model's answers on unseen sources into figures with 95% intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.layout import Example
from model.evaluation.bootstrap import Estimate, Measure, Scores, Truth, bootstrap
from model.evaluation.groups import figures_by_group, groups_of, size_of
from model.evaluation.measuring import truth_of, verdict_measures
from model.evaluation.metrics import auc, expected_calibration_error, false_accusation_rate, recall_fake

Groups = Mapping[str, str]  # by path, a key that all pictures of one original share
Band = tuple[float, float]


@dataclass(frozen=True)
class SourceScores:
    """A model's answers for the real pictures, or for the fakes, of one source.

    Attributes:
        source: the data set.
        label: ``Real`` or ``Fake``.
        examples: ``N`` of that class.
        p_fake: ``(N,)`` in 0..1.
    """

    source: str
    label: str
    examples: Sequence[Example]
    p_fake: NDArray[np.float64]


def join(sources: Sequence[SourceScores]) -> SourceScores:
    """Merge at least one source of one class into one."""
    name = " + ".join(scores.source for scores in sources)
    examples = [example for scores in sources for example in scores.examples]
    return SourceScores(name, sources[0].label, examples, np.concatenate([scores.p_fake for scores in sources]))


def groups_for(examples: Sequence[Example], groups: Groups) -> NDArray[np.str_] | None:
    """The group ``(N,)`` of each example; None if no two examples share a group."""
    names = np.array([groups.get(example.path, example.path) for example in examples])
    return None if len(np.unique(names)) == len(names) else names


def real_figures(scores: SourceScores, groups: Groups, band: Band) -> dict[str, Any]:
    """How often real faces are accused.

    Args:
        scores: of real pictures.
        groups: see ``groups_for``.
        band: P(Fake) between these bounds gets no verdict.

    Returns:
        ``pictures``; ``called_fake`` at P(Fake) = 0.5, ``looks_fake`` by the page's verdict and ``inconclusive``, each
        with an interval; ``groups``: accusations by groups of people, if file names encode them, and by face size.
    """
    measures = {
        "called_fake": false_accusation_rate,
        "looks_fake": verdict_measures(band)["verdict_false_accusation_rate"],
        "inconclusive": inconclusive(band),
    }
    named = [{**groups_of(example.path), **_size(example)} for example in scores.examples]
    shared = groups_for(scores.examples, groups)
    by_group = figures_by_group(named, scores.p_fake, truth_of(scores.examples), shared)
    return {**_shares(measures, scores, groups), "groups": by_group}


def _size(example: Example) -> dict[str, str]:
    return {"face size": size_of(example.box)} if example.box else {}


def fake_figures(scores: SourceScores, groups: Groups, band: Band) -> dict[str, Any]:
    """How many fakes are found: ``pictures``, ``recall`` at P(Fake) = 0.5, ``looks_real``, ``inconclusive``."""
    measures = {
        "recall": recall_fake,
        "looks_real": verdict_measures(band)["verdict_miss_rate"],
        "inconclusive": inconclusive(band),
    }
    return _shares(measures, scores, groups)


def _shares(measures: Mapping[str, Measure], scores: SourceScores, groups: Groups) -> dict[str, Any]:
    truth, shared = truth_of(scores.examples), groups_for(scores.examples, groups)
    estimates = {
        name: bootstrap(measure, scores.p_fake, truth, is_share=True, groups=shared).rounded()
        for name, measure in measures.items()
    }
    return {"pictures": len(scores.examples), **estimates}


def inconclusive(band: Band) -> Measure:
    """Share of pictures that get no verdict."""
    low, high = band
    return lambda p_fake, is_fake: float(np.mean((low < p_fake) & (p_fake < high)))


def auc_between(fakes: SourceScores, reals: SourceScores, groups: Groups) -> dict[str, float]:
    """AUC of fakes against reals, with an interval over shared originals."""
    both = join([fakes, reals])
    return bootstrap(
        auc, both.p_fake, truth_of(both.examples), is_share=True, groups=groups_for(both.examples, groups)
    ).rounded()


def learnt_by_heart(seen: Scores, new: Scores) -> dict[str, Any]:
    """How much more often a source's new real faces are called fake than its real faces used in training.

    Args:
        seen: P(Fake) of faces used in training, ``(N,)``.
        new: P(Fake) of other faces of the same source, ``(M,)``.
    """
    p_fake, is_new = np.concatenate([seen, new]), np.repeat([False, True], [len(seen), len(new)])

    def gap(p_fake: Scores, is_new: Truth) -> float:
        return float(np.mean(p_fake[is_new] >= 0.5) - np.mean(p_fake[~is_new] >= 0.5))

    return {
        "seen": len(seen),
        "new": len(new),
        "seen_called_fake": round(float(np.mean(seen >= 0.5)), 4),
        "new_called_fake": round(float(np.mean(new >= 0.5)), 4),
        "difference": bootstrap(gap, p_fake, is_new).rounded(),
    }


def calibration_figures(sources: Sequence[SourceScores]) -> dict[str, Any]:
    """Counts ``real`` and ``fake``; if both exist, also the calibration ``error``, where each class counts half."""
    merged = join(sources)
    is_fake = truth_of(merged.examples)
    counts = {"real": int((~is_fake).sum()), "fake": int(is_fake.sum())}

    def error(p_fake: Scores, is_fake: Truth) -> float:
        return expected_calibration_error(p_fake, is_fake, balanced=True)

    if not all(counts.values()):
        return counts
    return {**counts, "error": bootstrap(error, merged.p_fake, is_fake).rounded()}


def peak_figures(
    hits: Sequence[tuple[bool, bool] | None], examples: Sequence[Example], groups: Groups
) -> dict[str, Any]:
    """How often the attention's peak, and the crop's centre, lie inside the edited region: shares and ``fakes``.

    Args:
        hits: for each example, see ``model.evaluation.measuring.peak_hits``.
        examples: the fakes, ``N``.
        groups: see ``groups_for``.
    """
    used = [(hit, example) for hit, example in zip(hits, examples, strict=True) if hit is not None]
    figures: dict[str, Any] = {"fakes": len(used)}
    shared = groups_for([example for _, example in used], groups)
    for column, name in enumerate(("attention", "centre")):
        inside = np.array([hit[column] for hit, _ in used], float)
        figures |= {name: share_of(inside, shared).rounded()} if used else {}
    return figures


def share_of(values: Scores, groups: NDArray[np.str_] | None = None) -> Estimate:
    """The mean of values ``(N,)`` in 0..1 with its interval."""
    return bootstrap(
        lambda values, _: float(values.mean()), values, np.zeros(len(values), bool), is_share=True, groups=groups
    )
