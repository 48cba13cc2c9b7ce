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

from benchmarks import _results, _stock
from benchmarks._faces import KnownFace, balanced, example_faces, test_faces, the_detector
from benchmarks._parallel import spread
from explain.maps.lime import LimeExplainer
from explain.maps.lime_fit import TOP
from explain.settings import Settings
from model.cli import run

Run = tuple[NDArray[np.floating], int, bool]  # weights, samples used, and whether they had converged


def ours(known: KnownFace, seed: int) -> Run:
    """One run of ours at the default setting."""
    subject = known.subject(the_detector(), Settings().superpixels)
    labels = the_detector().card.labels
    *_, found = LimeExplainer(seed=seed).explain(
        subject.crop, subject.segments, the_detector().probabilities, labels, subject.target
    )
    assert found.weights is not None
    return found.weights, int(found.evidence["samples"]), bool(found.evidence["converged"])


def stock(known: KnownFace, seed: int) -> Run:
    """One run of stock lime, which does not ask whether it has converged."""
    subject = known.subject(the_detector(), Settings().superpixels)
    return _stock.weights(subject, the_detector().probabilities, seed), _stock.SAMPLES, False


def one_run(known: KnownFace, who: str, seed: int) -> Run:
    """A run of ours or of the peer's."""
    return {"ours": ours, "stock": stock}[who](known, seed)


def jaccard(weights: list[NDArray[np.floating]]) -> float:
    """Mean Jaccard index of the ``TOP`` strongest regions over all pairs of runs."""
    tops = [set(np.argsort(-np.abs(one), kind="stable")[:TOP].tolist()) for one in weights]
    return float(np.mean([len(one & other) / len(one | other) for one, other in combinations(tops, 2)]))


def of_face(known: KnownFace, runs: list[Run], peers: list[Run]) -> dict[str, Any]:
    """The scores of one face, with ours' mean samples and the share of its runs that converged."""
    return {
        "face": known.name,
        "label": known.label,
        "ours": jaccard([weights for weights, _, _ in runs]),
        "stock": jaccard([weights for weights, _, _ in peers]),
        "samples": float(np.mean([samples for _, samples, _ in runs])),
        "converged": float(np.mean([converged for _, _, converged in runs])),
    }


def main(
    data: Annotated[Path | None, typer.Argument(help="Data folder with dfdc/; the examples without it.")] = None,
    each: Annotated[int, typer.Option(min=1, help="Faces of each class.")] = 25,
    seeds: Annotated[int, typer.Option(min=2, help="Runs of ours for each face.")] = 10,
    stock_seeds: Annotated[int, typer.Option(min=2, help="Runs of stock lime for each face; it takes longer.")] = 3,
    processes: Annotated[int, typer.Option(min=1, help="How many work at a time, one core each.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="One face of each class, three seeds.")] = False,
) -> None:
    """Measure how stable LIME's strongest regions are."""
    if quick:
        each, seeds, stock_seeds = 1, 3, 2
    default = Settings()
    margin = the_detector().card.preprocessing.crop_margin
    faces = balanced(example_faces(margin) if data is None else test_faces(data, "dfdc", margin), each)
    each_face = [*(("ours", seed) for seed in range(seeds)), *(("stock", seed) for seed in range(stock_seeds))]
    asked = [(known, *one) for known in faces for one in each_face]
    runs = list(spread(one_run, asked, processes, "runs"))
    of_one = [runs[start : start + len(each_face)] for start in range(0, len(runs), len(each_face))]
    rows = [of_face(known, found[:seeds], found[seeds:]) for known, found in zip(faces, of_one, strict=True)]
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
