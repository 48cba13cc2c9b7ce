"""Measures a shipped model: ``python -m model.evaluate model/weights/lite_attention DATA``."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from model.artifact import load_artifact, write_card
from model.cli import run
from model.dataset import DatasetError, Example, face_crops, index, read_mask, read_rgb
from model.detector import Detector
from model.faces import crop, square_around
from model.metrics import MEASURES, bootstrap

BATCH = 256  # crops held as input at once


def p_fake_of(detector: Detector, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """P(Fake) ``(N,)`` of crops ``(N, S, S, 3) uint8`` by the product's own path."""
    column = detector.card.labels.index("Fake")
    parts = [detector.probabilities(crops[start : start + BATCH])[:, column] for start in range(0, len(crops), BATCH)]
    return np.concatenate(parts)


def measure(detector: Detector, crops: NDArray[np.uint8], is_fake: NDArray[np.bool_]) -> dict[str, Any]:
    """Every measure of ``model.metrics`` with its 95 % interval, and how many pictures it rests on.

    Measures that need both classes are left out where there is one.
    """
    p_fake = p_fake_of(detector, crops)
    figures: dict[str, Any] = {"real": int((~is_fake).sum()), "fake": int(is_fake.sum())}
    for name, function in MEASURES.items():
        estimate = bootstrap(function, p_fake, is_fake)
        if np.isfinite(estimate.value):
            figures[name] = {key: round(value, 4) for key, value in asdict(estimate).items()}
    decided = [detector.verdict(p) != "Inconclusive" for p in p_fake]
    figures["inconclusive_share"] = round(1 - float(np.mean(decided)), 4)
    return figures


def attention_peaks(detector: Detector, data: Path, examples: list[Example]) -> dict[str, float]:
    """How often the attention mask's peak falls inside the region that was changed, for fakes called fake.

    Returns:
        Shares in 0..1 for the mask's peak (``attention``) and for the crop's centre (``centre``), and ``fakes``.
    """
    inside: dict[str, list[bool]] = {"attention": [], "centre": []}
    for example in examples:
        if not example.mask or example.box is None:
            continue
        square = square_around(example.box, detector.card.preprocessing.crop_margin)
        prediction = detector.predict(crop(read_rgb(data / example.path), square))
        if prediction.probabilities["Fake"] < 0.5 or prediction.attention is None:
            continue
        mask = crop(read_mask(data / example.mask), square)
        rows, columns = prediction.attention.shape
        row, column = np.unravel_index(np.argmax(prediction.attention), (rows, columns))
        y, x = (np.array([(row + 0.5) / rows, (column + 0.5) / columns]) * mask.shape).astype(int)
        inside["attention"].append(bool(mask[y, x] > 127))
        inside["centre"].append(bool(mask[mask.shape[0] // 2, mask.shape[1] // 2] > 127))
    shares = {name: round(float(np.mean(hits)), 4) for name, hits in inside.items() if hits}
    return {**shares, "fakes": len(inside["attention"])}


def evaluate(
    artifact: Annotated[Path, typer.Argument(help="Model folder.")],
    data: Annotated[Path, typer.Argument(help="Data folder; its test splits are measured, set by set.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    write: Annotated[bool, typer.Option(help="Write the figures into the model's card.")] = False,
    out: Annotated[Path, typer.Option(help="JSON file for the figures.")] = Path("runs/evaluation.json"),
    faces: Annotated[Path, typer.Option(help="Where found faces are remembered.")] = Path("runs/faces.json"),
) -> None:
    """Print and write accuracy, AUC, false accusations, misses and calibration per data set."""
    detector = Detector(artifact)
    examples = index(data, faces)
    sets = face_crops(data, examples, split, detector.card.preprocessing.crop_margin)
    if not sets:
        raise DatasetError(f"{data} holds no {split} pictures with a face in them.")
    figures = {name: measure(detector, crops, is_fake) for name, (crops, is_fake) in sets.items()}
    for name, values in figures.items():
        members = [e for e in examples if e.dataset == name and e.split == split]
        values["without_face"] = sum(example.box is None for example in members)
        if any(example.mask for example in members):
            values["attention_peak_inside"] = attention_peaks(detector, data, members)
    for name, values in figures.items():
        print(f"\n{name}: {values['real']} real, {values['fake']} fake, {values['without_face']} without a face")
        for measure_name in MEASURES:
            if measure_name in values:
                v = values[measure_name]
                label = measure_name.replace("_", " ")
                print(f"  {label:28}{v['value']:.3f}  (95 % {v['low']:.3f} to {v['high']:.3f})")
        print(f"  {'inconclusive share':28}{values['inconclusive_share']:.3f}")
        if "attention_peak_inside" in values:
            print(f"  {'attention peak inside change':28}{values['attention_peak_inside']}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n")
    if write:
        card = load_artifact(artifact)
        write_card(artifact, replace(card, metrics={**card.metrics, split: figures}))


if __name__ == "__main__":
    run(evaluate)
