"""Whether LIME converges within its budget, and whether a bootstrap shows how much its maps differ between seeds.

``python -m benchmarks.lime_stability [DATA]``: LIME with the default settings on test faces of three data sets, or on
the examples. On the first of these faces it runs with several seeds. There, two estimates of the same thing are
compared: the agreement between the maps of every two seeds, and the bootstrap, which fits one map again to its own
samples. The agreement between seeds is what ``explain.trust`` reported before; the bootstrap is what it reports now.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks import _results
from benchmarks._faces import LabelledFace, example_faces, mixed_test_faces, the_detector
from benchmarks._parallel import spread
from explain.maps.attribution import Attribution
from explain.maps.lime import lime
from explain.settings import Settings
from explain.trust.stability import REFITS, Stability, compare, compare_refits
from model.cli import run

DATASETS = ("dfdc", "ffhq_stylegan", "ciplab")
MEASURES = ("same_top", "jaccard", "rank_correlation")


def one_run(sample: LabelledFace, seed: int) -> Attribution:
    """LIME's last map."""
    subject = sample.subject(the_detector(), Settings().superpixels, seed=seed)
    *_, found = lime(subject, samples=Settings().samples)
    return found


def between_seeds(weights: list[NDArray[np.floating]]) -> dict[str, float]:
    """Agreement between the maps of every two seeds, the means."""
    return _means([compare(first, [second], "seed") for first, second in combinations(weights, 2)])


def by_bootstrap(runs: list[Attribution]) -> dict[str, float]:
    """Agreement between refits to the samples of one run, the mean over the runs."""
    neighbourhoods = [found.neighbourhood for found in runs if found.neighbourhood is not None]
    return _means([compare_refits(list(of_run.refits(REFITS, seed=0))) for of_run in neighbourhoods])


def _means(found: list[Stability]) -> dict[str, float]:
    return {name: round(float(np.mean([getattr(stability, name) for stability in found])), 4) for name in MEASURES}


def row_of(sample: LabelledFace, runs: list[Attribution]) -> dict[str, Any]:
    """What was measured on one face; convergence is that of the first seed."""
    evidence = runs[0].evidence
    assert all(found.weights is not None for found in runs)
    weights = [found.weights for found in runs if found.weights is not None]
    return {
        "face": sample.name,
        "label": sample.label,
        "superpixels": len(weights[0]),
        **{name: evidence[name] for name in ("samples", "converged")},
        **{name: round(float(evidence[name]), 4) for name in ("halves_rank_correlation", "halves_same_top", "r2")},
        "bootstrap": by_bootstrap(runs),
        **({"seeds": between_seeds(weights)} if len(runs) > 1 else {}),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many maps converged, their mean samples, and how the two estimates of stability agree over the faces."""
    samples = [row["samples"] for row in rows]
    figures: dict[str, Any] = {
        "faces": len(rows),
        "converged": round(float(np.mean([row["converged"] for row in rows])), 3),
        "samples": round(float(np.mean(samples)), 1),
        "superpixels": round(float(np.mean([row["superpixels"] for row in rows])), 1),
    }
    both = [row for row in rows if "seeds" in row]
    figures["compared_faces"] = len(both)
    for name in MEASURES if len(both) > 1 else ():
        boot, seeds = (np.array([row[way][name] for row in both]) for way in ("bootstrap", "seeds"))
        figures[name] = {
            "bootstrap": round(float(boot.mean()), 4),
            "seeds": round(float(seeds.mean()), 4),
            "mean_difference": round(float((boot - seeds).mean()), 4),
            "mean_absolute_difference": round(float(np.abs(boot - seeds).mean()), 4),
            "correlation": round(float(np.corrcoef(boot, seeds)[0, 1]), 4) if np.ptp(boot) and np.ptp(seeds) else None,
        }
    return figures


def main(
    data: Annotated[
        Path | None, typer.Argument(help="Data folder with the three sets; the examples without it.")
    ] = None,
    count: Annotated[int, typer.Option("--faces", min=2, help="Number of faces.")] = 50,
    compared: Annotated[int, typer.Option(min=0, help="Faces that run with several seeds.")] = 20,
    seeds: Annotated[int, typer.Option(min=2, help="Runs of each of these.")] = 4,
    processes: Annotated[int, typer.Option(min=1, help="Number of processes, one core each.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Two of the examples, two seeds.")] = False,
) -> None:
    """Measure how often LIME converges, and compare its bootstrap with runs of other seeds."""
    if quick:
        data, count, compared, seeds = None, 2, 2, 2
    margin = the_detector().card.preprocessing.crop_margin
    faces = example_faces(margin)[:count] if data is None else mixed_test_faces(data, DATASETS, count, margin)
    arguments = [(face, seed) for place, face in enumerate(faces) for seed in range(seeds if place < compared else 1)]
    runs: dict[str, list[Attribution]] = {}
    for (face, _), found in zip(arguments, spread(one_run, arguments, processes, "runs"), strict=True):
        runs.setdefault(face.name, []).append(found)
    rows = [row_of(face, runs[face.name]) for face in faces]
    default = Settings()
    figures = {"superpixels_asked_for": default.superpixels, "budget": default.samples, "seeds": seeds, **summary(rows)}
    print(
        f"converged: {figures['converged']:.0%} of {len(rows)} faces, after {figures['samples']:.0f} samples on average"
    )
    for name in MEASURES:
        print(f"{name}: {figures.get(name)}")
    _results.write("lime_stability", {**figures, "by_face": rows}, data is None)


if __name__ == "__main__":
    run(main)
