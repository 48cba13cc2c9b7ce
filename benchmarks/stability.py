"""Measures how stable LIME's strongest regions are over seeds, for ours at the default settings and for stock ``lime``.

``python -m benchmarks.stability [DATA]``: 25 real and 25 fake test faces of ``DATA/dfdc``, or the examples without
DATA. The score is the mean Jaccard index of the five strongest superpixels over all pairs of seeds. Both use the same
network, engine and superpixels: with ``model.predict``, stock lime would give the same answers more slowly.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks import _results, _stock
from benchmarks._faces import LabelledFace, balanced, example_faces, test_faces, the_detector
from benchmarks._parallel import spread
from explain.maps.lime import LimeExplainer
from explain.maps.lime_fit import TOP
from explain.settings import Settings
from model.cli import run

Run = tuple[NDArray[np.floating], int, bool]  # weights, samples used, and whether the weights converged


def ours(sample: LabelledFace, seed: int) -> Run:
    """One run of our LIME at the default settings."""
    subject = sample.subject(the_detector(), Settings().superpixels)
    labels = the_detector().card.labels
    *_, found = LimeExplainer(seed=seed).explain(
        subject.crop, subject.segments, the_detector().probabilities, labels, subject.target
    )
    assert found.weights is not None
    return found.weights, int(found.evidence["samples"]), bool(found.evidence["converged"])


def stock(sample: LabelledFace, seed: int) -> Run:
    """One run of stock lime, which does not check convergence."""
    subject = sample.subject(the_detector(), Settings().superpixels)
    return _stock.weights(subject, the_detector().probabilities, seed), _stock.SAMPLES, False


def one_run(sample: LabelledFace, explainer: str, seed: int) -> Run:
    """A run of ours or of stock lime."""
    return {"ours": ours, "stock": stock}[explainer](sample, seed)


def jaccard(weights: list[NDArray[np.floating]]) -> float:
    """Mean Jaccard index of the ``TOP`` strongest regions over all pairs of runs."""
    tops = [set(np.argsort(-np.abs(row), kind="stable")[:TOP].tolist()) for row in weights]
    return float(np.mean([len(first & second) / len(first | second) for first, second in combinations(tops, 2)]))


def scores_of_face(sample: LabelledFace, runs: list[Run], stock_runs: list[Run]) -> dict[str, Any]:
    """The scores of one face, with the mean samples of our runs and the share that converged."""
    return {
        "face": sample.name,
        "label": sample.label,
        "ours": jaccard([weights for weights, _, _ in runs]),
        "stock": jaccard([weights for weights, _, _ in stock_runs]),
        "samples": float(np.mean([samples for _, samples, _ in runs])),
        "converged": float(np.mean([converged for _, _, converged in runs])),
    }


def main(
    data: Annotated[Path | None, typer.Argument(help="Data folder with dfdc/; the examples without it.")] = None,
    each: Annotated[int, typer.Option(min=1, help="Faces of each class.")] = 25,
    seeds: Annotated[int, typer.Option(min=2, help="Runs of ours for each face.")] = 10,
    stock_seeds: Annotated[int, typer.Option(min=2, help="Runs of stock lime for each face; it takes longer.")] = 3,
    processes: Annotated[int, typer.Option(min=1, help="Number of processes, one core each.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="One face of each class, three seeds.")] = False,
) -> None:
    """Measure how stable LIME's strongest regions are."""
    if quick:
        each, seeds, stock_seeds = 1, 3, 2
    default = Settings()
    margin = the_detector().card.preprocessing.crop_margin
    faces = balanced(example_faces(margin) if data is None else test_faces(data, "dfdc", margin), each)
    each_face = [*(("ours", seed) for seed in range(seeds)), *(("stock", seed) for seed in range(stock_seeds))]
    arguments = [(sample, *setting) for sample in faces for setting in each_face]
    runs = list(spread(one_run, arguments, processes, "runs"))
    runs_by_face = [runs[start : start + len(each_face)] for start in range(0, len(runs), len(each_face))]
    rows = [
        scores_of_face(sample, found[:seeds], found[seeds:]) for sample, found in zip(faces, runs_by_face, strict=True)
    ]
    means = {name: round(float(np.mean([row[name] for row in rows])), 3) for name in ("ours", "stock", "samples")}
    figures = {
        "faces": len(rows),
        "superpixels_asked_for": default.superpixels,
        "budget": default.samples,
        "seeds": {"ours": seeds, "stock": stock_seeds},
        "jaccard_of_top_five": {name: means[name] for name in ("ours", "stock")},
        "ratio": round(means["ours"] / means["stock"], 3),
        "samples": {"ours": means["samples"], "stock": _stock.SAMPLES},
        "converged": round(float(np.mean([row["converged"] for row in rows])), 3),
        "by_face": [{key: round(v, 3) if isinstance(v, float) else v for key, v in row.items()} for row in rows],
    }
    print(f"Jaccard of the top five over seeds: ours {means['ours']:.3f}, stock lime {means['stock']:.3f}")
    print(f"samples: ours {means['samples']:.0f} (converged {figures['converged']:.0%}), stock {_stock.SAMPLES}")
    _results.write("stability", figures, quick or data is None)


if __name__ == "__main__":
    run(main)
