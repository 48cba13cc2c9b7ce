"""Turns what a model said of sources that it never saw into figures with 95 % intervals."""

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

Groups = Mapping[str, str]  # what pictures of one original share, by path
Band = tuple[float, float]


@dataclass(frozen=True)
class Said:
    """What a model said of the real pictures, or of the fakes, of one source.

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


def join(said: Sequence[Said]) -> Said:
    """Several sources of one class as one; at least one."""
    examples = [example for of in said for example in of.examples]
    return Said(
        " + ".join(of.source for of in said), said[0].label, examples, np.concatenate([of.p_fake for of in said])
    )


def groups_for(examples: Sequence[Example], groups: Groups) -> NDArray[np.str_] | None:
    """The group ``(N,)`` of each example, its own where it shares none; None where no two share one."""
    names = np.array([groups.get(example.path, example.path) for example in examples])
    return None if len(np.unique(names)) == len(names) else names


def real_figures(said: Said, groups: Groups, band: Band) -> dict[str, Any]:
    """How often real faces are accused.

    Args:
        said: of real pictures.
        groups: see ``groups_for``.
        band: P(Fake) between these bounds earns no verdict.

    Returns:
        ``pictures``; ``called_fake`` at P(Fake) = 0.5, ``looks_fake`` by the page's verdict and ``inconclusive``, each
        with an interval; ``groups``: accusations by groups of people, where names tell them, and by face size.
    """
    measures = {
        "called_fake": false_accusation_rate,
        "looks_fake": verdict_measures(band)["verdict_false_accusation_rate"],
        "inconclusive": inconclusive(band),
    }
    named = [{**groups_of(example.path), **_size(example)} for example in said.examples]
    shared = groups_for(said.examples, groups)
    by_group = figures_by_group(named, said.p_fake, truth_of(said.examples), shared)
    return {**_shares(measures, said, groups), "groups": by_group}


def _size(example: Example) -> dict[str, str]:
    return {"face size": size_of(example.box)} if example.box else {}


def fake_figures(said: Said, groups: Groups, band: Band) -> dict[str, Any]:
    """How many fakes are found: ``pictures``, ``recall`` at P(Fake) = 0.5, ``looks_real``, ``inconclusive``."""
    measures = {
        "recall": recall_fake,
        "looks_real": verdict_measures(band)["verdict_miss_rate"],
        "inconclusive": inconclusive(band),
    }
    return _shares(measures, said, groups)


def _shares(measures: Mapping[str, Measure], said: Said, groups: Groups) -> dict[str, Any]:
    truth, shared = truth_of(said.examples), groups_for(said.examples, groups)
    estimates = {
        name: bootstrap(measure, said.p_fake, truth, is_share=True, groups=shared).rounded()
        for name, measure in measures.items()
    }
    return {"pictures": len(said.examples), **estimates}


def inconclusive(band: Band) -> Measure:
    """Share of pictures that get no verdict."""
    low, high = band
    return lambda p_fake, is_fake: float(np.mean((low < p_fake) & (p_fake < high)))


def auc_between(fakes: Said, reals: Said, groups: Groups) -> dict[str, float]:
    """AUC of fakes against reals, with an interval over shared originals."""
    both = join([fakes, reals])
    return bootstrap(
        auc, both.p_fake, truth_of(both.examples), is_share=True, groups=groups_for(both.examples, groups)
    ).rounded()


def learnt_by_heart(seen: Scores, new: Scores) -> dict[str, Any]:
    """How much more often new real faces of a source are called fake than those of it that were trained on.

    Args:
        seen: P(Fake) of faces trained on, ``(N,)``.
        new: P(Fake) of faces of the same source that were not, ``(M,)``.
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


def calibration_figures(said: Sequence[Said]) -> dict[str, Any]:
    """``real`` and ``fake``, how many there are, and with both the calibration ``error``, each class counting half."""
    everything = join(said)
    is_fake = truth_of(everything.examples)
    counts = {"real": int((~is_fake).sum()), "fake": int(is_fake.sum())}

    def error(p_fake: Scores, is_fake: Truth) -> float:
        return expected_calibration_error(p_fake, is_fake, balanced=True)

    if not all(counts.values()):
        return counts
    return {**counts, "error": bootstrap(error, everything.p_fake, is_fake).rounded()}


def peak_figures(
    hits: Sequence[tuple[bool, bool] | None], examples: Sequence[Example], groups: Groups
) -> dict[str, Any]:
    """How often the attention's peak, and the crop's centre, lie inside the change: shares with intervals, ``fakes``.

    Args:
        hits: of each example, see ``model.evaluation.measuring.peak_hits``.
        examples: the fakes, ``N``.
        groups: see ``groups_for``.
    """
    judged = [(hit, example) for hit, example in zip(hits, examples, strict=True) if hit is not None]
    figures: dict[str, Any] = {"fakes": len(judged)}
    shared = groups_for([example for _, example in judged], groups)
    for column, name in enumerate(("attention", "centre")):
        inside = np.array([hit[column] for hit, _ in judged], float)
        figures |= {name: share_of(inside, shared).rounded()} if judged else {}
    return figures


def share_of(values: Scores, groups: NDArray[np.str_] | None = None) -> Estimate:
    """The mean of values ``(N,)`` in 0..1 with its interval."""
    return bootstrap(
        lambda values, _: float(values.mean()), values, np.zeros(len(values), bool), is_share=True, groups=groups
    )
