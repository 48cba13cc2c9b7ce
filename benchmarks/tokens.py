"""Two ways to hide a region from ``clip_attention``: leave its tokens out, or show its mean colour.

``python -m benchmarks.tokens [DATA]``: LIME on the same faces both ways, test faces of ``DATA/dfdc`` or the examples.
Time and samples tell what each costs. Faithfulness is judged for both maps alike: P(target) while regions are hidden
in the map's order (deletion) and shown again (insertion), as the share of random orders that do worse, with hidden
regions left out, in their mean colour, and blurred, which is neither map's own way. On fakes whose change is known, the
share of the positive weights inside the change over the change's share of the crop (1 is chance) tells which finds it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from benchmarks import _results
from benchmarks._faces import KnownFace, balanced, example_faces, test_faces
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
COST = "cost"  # what the card's metrics call the seconds


def faithfulness(subject: Subject, maps: dict[str, Attribution]) -> dict[str, dict[str, dict[str, float]]]:
    """Percentiles among random orders, 0..1, by map and by what hidden regions look like."""
    found: dict[str, dict[str, dict[str, float]]] = {way: {} for way in maps}
    for hide in WAYS:  # each is judged with a blur as well
        *_, progress = measure(replace(subject, hide=hide), maps, {})
        for way, trust in progress.trusts.items():
            for curves in trust.curves:
                found[way][curves.hide] = {
                    "deletion": curves.deletion_percentile,
                    "insertion": curves.insertion_percentile,
                }
    return found


def of_face(known: KnownFace, detector: Detector) -> dict[str, Any]:
    """Both maps of one face: what they cost and how faithful they are."""
    subject = known.subject(detector, Settings().superpixels)
    maps = {}
    for way in WAYS:
        *_, maps[way] = lime(replace(subject, hide=way), samples=Settings().samples)
    judged = faithfulness(subject, maps)
    row: dict[str, Any] = {"face": known.name, "label": known.label, "target": subject.target}
    for way, found in maps.items():
        kept = ("seconds", "samples", "converged", "r2")
        row[way] = {**{name: found.evidence[name] for name in kept}, "percentiles": judged[way]}
        if known.changed is not None and known.changed.any() and subject.target == "Fake":
            row[way] |= {name: measures(found.map, known.changed)[name] for name in ("share", "peak")}
    return row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means by way of hiding; ``seconds`` is the median. The ratio is of sums, so that no quick face flatters."""
    figures: dict[str, Any] = {}
    for way in WAYS:
        of_way = [row[way] for row in rows]
        percentiles = {
            hide: {
                name: round(float(np.mean([row["percentiles"][hide][name] for row in of_way])), 3)
                for name in ("deletion", "insertion")
            }
            for hide in (*WAYS, "blur")
        }
        found = [row for row in of_way if "share" in row]
        figures[way] = {
            "seconds": round(float(np.median([row["seconds"] for row in of_way])), 2),
            **{
                name: round(float(np.mean([row[name] for row in of_way])), 3) for name in ("samples", "converged", "r2")
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
    write: Annotated[bool, typer.Option("--write", help="Tell LIME's time in the model's card, for the page.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="One of the examples.")] = False,
) -> None:
    """Measure what leaving tokens out costs, and how faithful the maps are."""
    detector = Detector(SECOND)
    margin = detector.card.preprocessing.crop_margin
    faces = balanced(example_faces(margin) if data is None or quick else test_faces(data, "dfdc", margin), each)
    rows = [of_face(known, detector) for known in tqdm(faces[:1] if quick else faces)]
    figures = summary(rows)
    for way in WAYS:
        print(f"{way}: {figures[way]}")
    print(f"leaving tokens out takes 1/{figures['time_ratio']} of the time")
    _results.write("tokens", {**figures, "by_face": rows}, quick)
    if write and not quick:
        card = read_card(SECOND)
        write_card(SECOND, replace(card, metrics={**card.metrics, COST: {"lime_seconds": figures[TOKENS]["seconds"]}}))


if __name__ == "__main__":
    run(main)
