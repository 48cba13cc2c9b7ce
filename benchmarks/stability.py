"""How often LIME names the same regions whatever its seed: ours at the default setting against stock ``lime``.

``python -m benchmarks.stability [DATA]``: 25 real and 25 fake test faces of ``DATA/dfdc``, or the examples without it.
The score is the mean Jaccard index of the five strongest superpixels over all pairs of seeds. Both ask the same network
about the same superpixels; stock lime asks through the same engine, since ``model.predict`` answers the same, slower.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import _results, _stock
from benchmarks._faces import balanced, example_faces, test_faces
from explain.lime_fit import TOP
from explain.lime_map import LimeExplainer
from explain.settings import Settings
from explain.subject import Subject
from model.cli import run
from model.detector import Detector


def ours(subject: Subject, seed: int) -> tuple[NDArray[np.floating], int, bool]:
    """Weights, samples used and whether they converged."""
    detector = subject.detector
    *_, found = LimeExplainer(seed=seed).explain(
        subject.crop, subject.segments, detector.probabilities, detector.card.labels, subject.target
    )
    assert found.weights is not None
    return found.weights, int(found.evidence["samples"]), bool(found.evidence["converged"])


def jaccard(weights: list[NDArray[np.floating]]) -> float:
    """Mean Jaccard index of the ``TOP`` strongest regions over all pairs of runs."""
    tops = [set(np.argsort(-np.abs(one), kind="stable")[:TOP].tolist()) for one in weights]
    return float(np.mean([len(one & other) / len(one | other) for one, other in combinations(tops, 2)]))


def main(
    data: Annotated[Path | None, typer.Argument(help="Data folder with dfdc/; the examples without it.")] = None,
    each: Annotated[int, typer.Option(min=1, help="Faces of each class.")] = 25,
    seeds: Annotated[int, typer.Option(min=2, help="Runs of ours for each face.")] = 10,
    stock_seeds: Annotated[int, typer.Option(min=2, help="Runs of stock lime for each face; it takes longer.")] = 3,
    quick: Annotated[bool, typer.Option("--quick", help="One face of each class, three seeds.")] = False,
) -> None:
    """Measure how stable LIME's strongest regions are."""
    if quick:
        each, seeds, stock_seeds = 1, 3, 2
    detector, default = Detector(), Settings()
    margin = detector.card.preprocessing.crop_margin
    faces = balanced(example_faces(margin) if data is None else test_faces(data, "dfdc", margin), each)
    rows: list[dict[str, Any]] = []
    for known in tqdm(faces, "faces"):
        subject = known.subject(detector, default.superpixels)
        runs = [ours(subject, seed) for seed in range(seeds)]
        rows.append(
            {
                "face": known.name,
                "label": known.label,
                "ours": jaccard([weights for weights, _, _ in runs]),
                "stock": jaccard(
                    [_stock.weights(subject, detector.probabilities, seed) for seed in range(stock_seeds)]
                ),
                "samples": float(np.mean([samples for _, samples, _ in runs])),
                "converged": float(np.mean([converged for _, _, converged in runs])),
            }
        )
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
    _results.write("stability", figures, quick)


if __name__ == "__main__":
    run(main)
