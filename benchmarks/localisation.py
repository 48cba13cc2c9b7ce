"""Do the maps find the forgery? Maps of fakes called fake against the masks of what was really changed.

``python -m benchmarks.localisation [DATA]``: the test fakes of ``DATA/dfdc`` and those of ``DATA/ciplab`` with a mask,
or the examples without DATA. Every map explains Fake. Each is compared, on the same faces, with a blob in the centre of
the crop, since that is where faces are, and with random values for the same superpixels.

- peak: share of faces on which the map's strongest place lies inside the change (the pointing game);
- share: positive attribution inside the change over all of it, divided by the change's share of the crop: 1 is chance;
- AP: average precision of the map's values as a detector of changed pixels.
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
from benchmarks._faces import KnownFace, example_faces, test_faces, the_detector
from benchmarks._parallel import spread
from explain.cancel import never
from explain.maps.registry import METHODS, explainers
from explain.maps.subject import Subject
from explain.regions.facial import facial_regions, landmarks_in_crop
from explain.settings import Settings
from model.artifact.card import Card, read_card, write_card
from model.cli import run
from model.paths import SHIPPED

CHEAP = ("attention", "gradcam", "gradcam_attention", "hirescam", "occlusion")
COSTLY = ("lime", "rise", "integrated_gradients")  # up to a thousand pictures or gradients each
MEASURES = ("peak", "share", "AP")
BLOB_SIGMA = 0.2  # of the crop's side
AP_SIDE = 64  # pixels a side at which average precision is computed
PARTS = {"left_eye": "left eye", "right_eye": "right eye", "nose": "nose", "mouth": "mouth"}


def peak_of(values: NDArray[np.floating]) -> tuple[int, int]:
    """Row and column of the strongest place of a map ``(S, S)``: of many equal pixels the one nearest their middle."""
    strongest = np.argwhere(values >= values.max() - 1e-9 * max(abs(float(values.max())), 1e-12))
    row, column = strongest[np.linalg.norm(strongest - strongest.mean(axis=0), axis=1).argmin()]
    return int(row), int(column)


def measures(values: NDArray[np.floating], changed: NDArray[np.bool_]) -> dict[str, float]:
    """``peak``, ``share`` and ``AP`` of a map ``(S, S)`` against what was changed ``(S, S) bool``."""
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
    """A blob in the centre, and random values for the regions that the other maps speak of."""
    side = len(subject.crop)
    axis = (np.arange(side) + 0.5) / side - 0.5
    blob = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * BLOB_SIGMA**2))
    random = np.random.default_rng(seed).uniform(size=subject.count)
    return {"centred blob": blob, "random regions": random[subject.segments]}


def map_of(name: str, subject: Subject) -> NDArray[np.float32]:
    """The last map of a method, ``(S, S)``."""
    *_, found = explainers(Settings().samples)[name](subject, never)
    return found.map


def called_fake(faces: list[KnownFace]) -> Iterator[KnownFace]:
    """The fakes whose change is known and which the model calls fake."""
    detector = the_detector()
    for known in faces:
        is_known = known.parts or (known.changed is not None and known.changed.any())
        if known.label == "Fake" and is_known and detector.predict(known.face.crop).probabilities["Fake"] >= 0.5:
            yield known


def of_face(known: KnownFace, number: int, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The measures of the named maps of one face, and of the baselines."""
    assert known.changed is not None
    subject = known.subject(the_detector(), Settings().superpixels, "Fake")
    maps = {**{name: map_of(name, subject) for name in names}, **baselines(subject, number)}
    return {name: measures(values, known.changed) for name, values in maps.items()}


def compare(faces: list[KnownFace], names: tuple[str, ...], most: int, limit: int, processes: int) -> dict[str, Any]:
    """Means of the measures for the named maps and, on the same faces, for the baselines."""
    masked = _drawn([known for known in faces if known.changed is not None and known.changed.any()], most)
    if not masked:
        return {"faces": 0, "methods": {}}
    few = set(np.random.default_rng(1).permutation(len(masked))[:limit].tolist())
    asked = [
        (known, row, tuple(name for name in names if name in CHEAP or row in few)) for row, known in enumerate(masked)
    ]
    found = list(spread(of_face, asked, processes, "faces"))
    table = {}
    for name in names:
        of_map = [row for row in found if name in row]
        table[name] = {
            **_means([row[name] for row in of_map]),
            "centred_blob": _means([row["centred blob"] for row in of_map]),
        }
    random = _means([row["random regions"] for row in found])
    return {"faces": len(masked), "methods": table, "random_regions": random}


def hits_of(known: KnownFace, number: int, names: tuple[str, ...]) -> dict[str, bool]:
    """Whether the peak of each named map, and of the baselines, lies in a facial region that was replaced."""
    landmarks = landmarks_in_crop(known.face)
    if landmarks is None:
        return {}
    segments, regions = facial_regions(len(known.face.crop), landmarks)
    replaced = np.isin(segments, [row for row, name in enumerate(regions) if name in map(PARTS.get, known.parts)])
    subject = known.subject(the_detector(), Settings().superpixels, "Fake")
    maps = {**{name: map_of(name, subject) for name in names}, **baselines(subject, number)}
    return {name: bool(replaced[peak_of(values)]) for name, values in maps.items()}


def compare_parts(faces: list[KnownFace], names: tuple[str, ...], processes: int) -> dict[str, float]:
    """Share of composites on which a map's peak lies in a facial region that was replaced, cheap maps only."""
    cheap = tuple(name for name in names if name in CHEAP)
    asked = [(face, number, cheap) for number, face in enumerate(face for face in faces if face.parts)]
    hits = [found for found in spread(hits_of, asked, processes, "parts") if found]
    return {name: round(float(np.mean([found[name] for found in hits])), 4) for name in hits[0]} | {"faces": len(hits)}


def with_peaks(card: Card, figures: dict[str, Any]) -> Card:
    """The card with how often each kind of map peaks inside the change, and the centred blob on the same faces."""
    peaks = {
        name: {
            method: {"fakes": row["faces"], "inside": row["peak"], "centre": row["centred_blob"]["peak"]}
            for method, row in found["methods"].items()
        }
        for name, found in figures.items()
        if isinstance(found, dict) and "methods" in found
    }
    return replace(card, metrics={**card.metrics, "localisation": peaks})


def _drawn(faces: list[KnownFace], most: int) -> list[KnownFace]:
    """At most so many of the faces, drawn by a fixed seed."""
    return [faces[row] for row in sorted(np.random.default_rng(0).permutation(len(faces))[:most])]


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means of the measures with their standard errors, and how many faces they rest on."""
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
    most: Annotated[int, typer.Option(min=1, help="Faces of each set at the most.")] = 1000,
    limit: Annotated[int, typer.Option(min=1, help="Of these, for LIME, RISE and integrated gradients.")] = 100,
    methods: Annotated[str, typer.Option(help="Maps to measure; the file keeps what it holds of others.")] = ",".join(
        (*CHEAP, *COSTLY)
    ),
    processes: Annotated[int, typer.Option(min=1, help="How many work at a time, one core each.")] = 1,
    write: Annotated[bool, typer.Option("--write", help="Tell the peaks in the model's card, for the page.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Two of the examples.")] = False,
) -> None:
    """Measure how well each map finds what was changed."""
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
    # Read no sooner: another run may have ended meanwhile, whose figures must not be lost.
    earlier = {} if data is None else _results.read("localisation")
    this_run = {**_results.made_by("localisation"), "most": most, "limit": limit}
    for name in sets:
        for part in ("methods", "peak_in_replaced_part"):
            if part in earlier.get(name, {}):
                figures[name][part] = earlier[name][part] | figures[name].get(part, {})
        _print(name, figures[name])
    runs = [*earlier.get("runs", []), this_run]
    _results.write("localisation", {"blob_sigma": BLOB_SIGMA, "runs": runs, **figures}, quick)
    if write and not quick:
        write_card(SHIPPED, with_peaks(read_card(SHIPPED), figures))


if __name__ == "__main__":
    run(main)
