"""Compares two ways to hide a region from the second model: leave out CLIP's tokens, or show the mean colour.

``python -m benchmarks.tokens [DATA]``: LIME in both ways on the same faces, test faces of ``DATA/dfdc`` or the
examples. The cost is time and samples. Faithfulness is measured in the same way for both maps: P(target) while regions
are hidden in the map's order (deletion) and shown again (insertion), as the share of random orders that do worse.
Hidden regions are left out, shown in their mean colour, or blurred (which neither map uses). On fakes with known
changed pixels, the benchmark also compares ``share`` and ``peak`` of ``benchmarks.localisation``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from benchmarks import _results
from benchmarks._faces import LabelledFace, balanced, example_faces, test_faces
from benchmarks.localisation import measures
from explain.maps.attribution import Attribution
from explain.maps.lime import lime
from explain.maps.subject import Subject
from explain.regions.hiding import TOKENS
from explain.settings import Settings
from explain.trust.measure import measure
from model.artifact.card import read_card, write_card
from model.cli import run
from model.detector.detector import Detector
from model.paths import SECOND

WAYS = (TOKENS, "mean")
COST = "cost"  # key in the card's metrics for LIME's seconds


def faithfulness(subject: Subject, maps: dict[str, Attribution]) -> dict[str, dict[str, dict[str, float]]]:
    """Percentiles among random orders, 0..1, by map and by way of hiding."""
    found: dict[str, dict[str, dict[str, float]]] = {way: {} for way in maps}
    for hide in WAYS:  # ``measure`` adds a blur to each
        *_, progress = measure(replace(subject, hide=hide), maps, {})
        for way, trust in progress.trusts.items():
            for curves in trust.curves:
                found[way][curves.hide] = {
                    "deletion": curves.deletion_percentile,
                    "insertion": curves.insertion_percentile,
                }
    return found


def figures_of_face(sample: LabelledFace, detector: Detector) -> dict[str, Any]:
    """Cost and faithfulness of both maps of one face."""
    subject = sample.subject(detector, Settings().superpixels)
    maps = {}
    for way in WAYS:
        *_, maps[way] = lime(replace(subject, hide=way), samples=Settings().samples)
    percentiles = faithfulness(subject, maps)
    row: dict[str, Any] = {"face": sample.name, "label": sample.label, "target": subject.target}
    for way, found in maps.items():
        kept = ("seconds", "samples", "converged", "r2")
        row[way] = {**{name: found.evidence[name] for name in kept}, "percentiles": percentiles[way]}
        if sample.changed is not None and sample.changed.any() and subject.target == "Fake":
            row[way] |= {name: measures(found.map, sample.changed)[name] for name in ("share", "peak")}
    return row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means by way of hiding, the median of ``seconds``, and the ratio of the sums, so that no fast face dominates."""
    figures: dict[str, Any] = {}
    for way in WAYS:
        way_rows = [row[way] for row in rows]
        percentiles = {
            hide: {
                name: round(float(np.mean([row["percentiles"][hide][name] for row in way_rows])), 3)
                for name in ("deletion", "insertion")
            }
            for hide in (*WAYS, "blur")
        }
        found = [row for row in way_rows if "share" in row]
        figures[way] = {
            "seconds": round(float(np.median([row["seconds"] for row in way_rows])), 2),
            **{
                name: round(float(np.mean([row[name] for row in way_rows])), 3)
                for name in ("samples", "converged", "r2")
            },
            "percentiles": percentiles,
            "fakes_with_known_change": len(found),
            **({name: round(float(np.mean([row[name] for row in found])), 3) for name in ("share", "peak") if found}),
        }
    sums = {way: sum(row[way]["seconds"] for row in rows) for way in WAYS}
    return {"faces": len(rows), "time_ratio": round(sums["mean"] / sums[TOKENS], 2), **figures}


def main(
    data: Annotated[Path | None, typer.Argument(help="Data folder with dfdc/; the examples without it.")] = None,
    each: Annotated[int, typer.Option(min=1, help="Faces of each class.")] = 8,
    write: Annotated[
        bool, typer.Option("--write", help="Write LIME's time into the model's card, for the page.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="One of the examples.")] = False,
) -> None:
    """Measure what leaving tokens out costs, and how faithful the maps are."""
    detector = Detector(SECOND)
    margin = detector.card.preprocessing.crop_margin
    faces = balanced(example_faces(margin) if data is None or quick else test_faces(data, "dfdc", margin), each)
    rows = [figures_of_face(sample, detector) for sample in tqdm(faces[:1] if quick else faces)]
    figures = summary(rows)
    for way in WAYS:
        print(f"{way}: {figures[way]}")
    print(f"leaving tokens out takes 1/{figures['time_ratio']} of the time")
    is_check = quick or data is None
    _results.write("tokens", {**figures, "by_face": rows}, is_check)
    if write and not is_check:
        card = read_card(SECOND)
        write_card(SECOND, replace(card, metrics={**card.metrics, COST: {"lime_seconds": figures[TOKENS]["seconds"]}}))


if __name__ == "__main__":
    run(main)
