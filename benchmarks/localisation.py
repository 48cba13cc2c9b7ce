"""Measures whether maps find the forgery: compares maps of fakes called fake with the masks of the real changes.

``python -m benchmarks.localisation [DATA]``: the test fakes of ``DATA/dfdc`` and ``DATA/ciplab`` that have a mask, or
the examples without DATA. Every map explains Fake. Each map is compared on the same faces with a blob in the centre of
the crop, where faces are, and with random values for the same superpixels.

- peak: share of faces on which the map's peak is inside the change (pointing game);
- share: share of the positive attribution inside the change, divided by the change's share of the crop; 1 is chance;
- AP: average precision of the map's values as a detector of changed pixels.

For composites, ``peak_in_replaced_part`` is the share of faces on which the peak is in a replaced facial region.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks import _results
from benchmarks._faces import LabelledFace, example_faces, test_faces, the_detector
from benchmarks._parallel import spread
from explain.cancel import not_cancelled
from explain.maps.registry import METHODS, explainers
from explain.maps.subject import Subject
from explain.regions.facial import NAMES, face_parts
from explain.settings import Settings
from model.artifact.card import Card, read_card, write_card
from model.cli import run
from model.paths import SHIPPED

COSTLY = tuple(name for name, method in METHODS.items() if method.costly)
CHEAP = tuple(name for name in METHODS if name not in COSTLY)
MEASURES = ("peak", "share", "AP")
BLOB_SIGMA = 0.2  # × the crop's side
AP_SIDE = 64  # side in pixels to which maps are resized for average precision
PARTS = {"left_eye": "left eye", "right_eye": "right eye", "nose": "nose", "mouth": "mouth"}


def peak_of(values: NDArray[np.floating]) -> tuple[int, int]:
    """Row and column of the highest value of a map ``(S, S)``; of equal pixels, the one nearest to their centre."""
    strongest = np.argwhere(values >= values.max() - 1e-9 * max(abs(float(values.max())), 1e-12))
    row, column = strongest[np.linalg.norm(strongest - strongest.mean(axis=0), axis=1).argmin()]
    return int(row), int(column)


def measures(values: NDArray[np.floating], changed: NDArray[np.bool_]) -> dict[str, float]:
    """``peak``, ``share`` and ``AP`` of a map ``(S, S)`` against the changed area ``(S, S) bool``, at least one pixel.

    A map without positive values has the share of chance, 1.
    """
    positive = np.maximum(values, 0)
    inside = positive[changed].sum() / positive.sum() if positive.sum() > 0 else changed.mean()
    size = (AP_SIDE, AP_SIDE)
    small = cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    truth = cv2.resize(changed.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return {
        "peak": float(changed[peak_of(values)]),
        "share": float(inside / changed.mean()),
        "AP": float(average_precision_score(truth.ravel(), small.ravel())),
    }


def baselines(subject: Subject, seed: int) -> dict[str, NDArray[np.float64]]:
    """Maps ``(S, S)``: a blob in the centre, and random values for the superpixels of the other maps."""
    side = len(subject.crop)
    axis = (np.arange(side) + 0.5) / side - 0.5
    blob = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * BLOB_SIGMA**2))
    random = np.random.default_rng(seed).uniform(size=subject.count)
    return {"centred blob": blob, "random regions": random[subject.segments]}


def map_of(name: str, subject: Subject) -> NDArray[np.float32]:
    """The last map of a method, ``(S, S)``."""
    *_, found = explainers(Settings().samples)[name](subject, not_cancelled)
    return found.map


def called_fake(faces: list[LabelledFace]) -> Iterator[LabelledFace]:
    """The fakes with a known change that the model calls fake."""
    detector = the_detector()
    for sample in faces:
        has_change = sample.parts or (sample.changed is not None and sample.changed.any())
        if sample.label == "Fake" and has_change and detector.predict(sample.face.crop).probabilities["Fake"] >= 0.5:
            yield sample


def measures_of_face(sample: LabelledFace, number: int, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The measures of the named maps of one face, and of the baselines."""
    assert sample.changed is not None
    subject = sample.subject(the_detector(), Settings().superpixels, "Fake")
    maps = {**{name: map_of(name, subject) for name in names}, **baselines(subject, number)}
    return {name: measures(values, sample.changed) for name, values in maps.items()}


def compare(faces: list[LabelledFace], names: tuple[str, ...], most: int, limit: int, processes: int) -> dict[str, Any]:
    """Means of the measures for each named map, for the blob on the same faces as the map, and for random regions.

    Args:
        faces: fakes; those without a mask are left out.
        names: maps to measure.
        most: maximum number of faces.
        limit: maximum number of faces for costly maps.
        processes: number of processes.
    """
    masked = _drawn([sample for sample in faces if sample.changed is not None and sample.changed.any()], most)
    if not masked:
        return {"faces": 0, "methods": {}}
    sampled = set(np.random.default_rng(1).permutation(len(masked))[:limit].tolist())
    arguments = [
        (sample, row, tuple(name for name in names if name in CHEAP or row in sampled))
        for row, sample in enumerate(masked)
    ]
    found = list(spread(measures_of_face, arguments, processes, "faces"))
    table = {}
    for name in names:
        rows = [row for row in found if name in row]
        table[name] = {
            **_means([row[name] for row in rows]),
            "centred_blob": _means([row["centred blob"] for row in rows]),
        }
    random = _means([row["random regions"] for row in found])
    return {"faces": len(masked), "methods": table, "random_regions": random}


def hits_of(sample: LabelledFace, number: int, names: tuple[str, ...]) -> dict[str, bool]:
    """Whether the peak of each named map and baseline is in a replaced facial region; empty if it has no parts."""
    parts = face_parts(sample.face)
    if parts is None:
        return {}
    replaced = np.isin(parts, [NAMES.index(PARTS[part]) for part in sample.parts if part in PARTS])
    subject = sample.subject(the_detector(), Settings().superpixels, "Fake")
    maps = {**{name: map_of(name, subject) for name in names}, **baselines(subject, number)}
    return {name: bool(replaced[peak_of(values)]) for name, values in maps.items()}


def compare_parts(faces: list[LabelledFace], names: tuple[str, ...], processes: int) -> dict[str, float]:
    """Share of composites with a map's peak in a facial region that was replaced; cheap maps only."""
    cheap = tuple(name for name in names if name in CHEAP)
    arguments = [(face, number, cheap) for number, face in enumerate(face for face in faces if face.parts)]
    hits = [found for found in spread(hits_of, arguments, processes, "parts") if found]
    names = tuple(hits[0]) if hits else ()
    return {name: round(float(np.mean([found[name] for found in hits])), 4) for name in names} | {"faces": len(hits)}


def with_peaks(card: Card, figures: dict[str, Any]) -> Card:
    """The card with the share of peaks inside the change, for each method and for the blob on the same faces."""
    peaks = {
        name: {
            method: {"fakes": row["faces"], "inside": row["peak"], "centre": row["centred_blob"]["peak"]}
            for method, row in found["methods"].items()
        }
        for name, found in figures.items()
        if isinstance(found, dict) and "methods" in found
    }
    return replace(card, metrics={**card.metrics, "localisation": peaks})


def _drawn(faces: list[LabelledFace], most: int) -> list[LabelledFace]:
    """At most ``most`` of the faces, drawn with a fixed seed."""
    return [faces[row] for row in sorted(np.random.default_rng(0).permutation(len(faces))[:most])]


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means of the measures with their standard errors, and the number of faces."""
    figures: dict[str, float] = {"faces": len(rows)}
    for name in MEASURES:
        values = np.array([row[name] for row in rows])
        figures[name] = round(float(values.mean()), 4)
        figures[f"{name}_error"] = round(float(values.std() / np.sqrt(len(values))), 4)
    return figures


def _print(name: str, found: dict[str, Any]) -> None:
    print(f"\n{name}: {found['faces']} fakes called fake; in brackets the centred blob on the same faces")
    for method, row in found["methods"].items():
        cells = "  ".join(f"{key} {row[key]:.3f} ({row['centred_blob'][key]:.3f})" for key in MEASURES)
        print(f"  {METHODS[method].title:26} {row['faces']:4} faces  {cells}")
    if not found["faces"]:
        return
    print(f"  {'random regions':26} {found['faces']:4} faces  " + _cells(found["random_regions"]))
    if "peak_in_replaced_part" in found:
        print(f"  peak in a replaced part: {found['peak_in_replaced_part']}")


def _cells(row: dict[str, float]) -> str:
    return "  ".join(f"{key} {row[key]:.3f}        " for key in MEASURES)


def main(
    data: Annotated[Path | None, typer.Argument(help="Data folder with dfdc/ and ciplab/; else the examples.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Most faces of each set.")] = 1000,
    limit: Annotated[int, typer.Option(min=1, help="Most faces for maps that take many predictions.")] = 100,
    methods: Annotated[str, typer.Option(help="Maps to measure; the file keeps the results of others.")] = ",".join(
        (*CHEAP, *COSTLY)
    ),
    processes: Annotated[int, typer.Option(min=1, help="Number of processes, one core each.")] = 1,
    write: Annotated[
        bool, typer.Option("--write", help="Write the peaks into the model's card, for the page.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Two of the examples.")] = False,
) -> None:
    """Measure how well each map finds the changed region."""
    margin = the_detector().card.preprocessing.crop_margin
    if data is None or quick:
        sets = {"examples": example_faces(margin)}
    else:
        sets = {name: test_faces(data, name, margin) for name in ("dfdc", "ciplab")}
    names = tuple(methods.split(","))
    if unknown := set(names) - {*CHEAP, *COSTLY}:
        raise typer.BadParameter(
            f"no such map: {', '.join(sorted(unknown))}; choose among {', '.join((*CHEAP, *COSTLY))}."
        )
    figures: dict[str, Any] = {}
    for name, faces in sets.items():
        fakes = list(called_fake(faces))
        fakes = fakes[:2] if quick else fakes
        figures[name] = compare(fakes, names, most, limit, processes)
        if any(face.parts for face in fakes):
            figures[name]["peak_in_replaced_part"] = compare_parts(_drawn(fakes, most), names, processes)
    # Read the file only now, so that the results of another run that ended in the meantime are not lost.
    earlier = {} if data is None else _results.read("localisation")
    this_run = {**_results.made_by("localisation"), "most": most, "limit": limit}
    for name in sets:
        for part in ("methods", "peak_in_replaced_part"):
            if part in earlier.get(name, {}):
                figures[name][part] = earlier[name][part] | figures[name].get(part, {})
        _print(name, figures[name])
    runs = [*earlier.get("runs", []), this_run]
    is_check = quick or data is None
    _results.write("localisation", {"blob_sigma": BLOB_SIGMA, "runs": runs, **figures}, is_check)
    if write and not is_check:
        write_card(SHIPPED, with_peaks(read_card(SHIPPED), figures))


if __name__ == "__main__":
    run(main)
