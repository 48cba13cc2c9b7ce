"""Time and accuracy of LIME: stock ``lime`` with ``model.predict`` and ours until convergence, run alternately.

``python -m benchmarks.lime_speed``: both use the same crop, superpixels and network. Stock lime runs with its defaults,
1,000 samples in batches of ten; ours runs until its map has converged or its budget ends. The accuracy is the rank
correlation of the weights with a reference: stock's estimator over 20,000 random masks of stock's kind (5,000 for B7).
EfficientNet-B7 has random weights, because no trained weights can be shipped: its times are valid, its maps are not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import spearmanr
from tqdm import tqdm

from benchmarks import _results, _stock
from benchmarks._faces import LabelledFace, example_faces
from explain.maps.lime import LimeExplainer
from explain.maps.subject import BATCH, Subject
from explain.settings import Settings
from model.artifact.card import TFLITE, Card
from model.artifact.preprocessing import to_input
from model.artifact.views import PLAIN
from model.cli import run
from model.detector.detector import Detector
from model.networks.export import save_artifact
from model.training.runs import library_versions

REFERENCE_SAMPLES, B7_REFERENCE_SAMPLES = 20_000, 5_000  # for B7, 20,000 would take twelve minutes
B7 = "efficientnetb7_attention"
FOLDER = Path("runs/benchmarks") / B7
PHOTO = "astronaut.jpg"


def b7_folder() -> Path:
    """A model folder of the thesis's network with random weights; the first call creates it, which takes minutes."""
    if not (FOLDER / TFLITE).exists():
        import keras

        from model.artifact.preprocessing import LABELS
        from model.networks.registry import ARCHITECTURES, build

        keras.utils.set_random_seed(0)
        print(f"making {FOLDER} …", flush=True)
        card = Card(B7, ARCHITECTURES[B7].preprocessing, LABELS, versions=library_versions())
        save_artifact(build(B7), FOLDER, card)
    return FOLDER


def keras_predict(detector: Detector) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The usual prediction function for stock lime: ``model.predict`` on the preprocessed pictures."""
    network, preprocessing = detector.network, detector.card.preprocessing

    def predict(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        answers: NDArray[np.float32] = network.predict(to_input(np.asarray(pictures), preprocessing), verbose=0)[
            "probabilities"
        ]
        return answers

    return predict


def reference(subject: Subject, samples: int) -> NDArray[np.float64]:
    """Weights ``(K,)`` of stock's estimator over many independent masks, predicted in our batches."""
    drawn = np.random.default_rng(12345).integers(0, 2, (samples - 1, subject.count), dtype=np.uint8)
    masks = np.concatenate([np.ones((1, subject.count), np.uint8), drawn])
    answers = np.concatenate(list(tqdm(subject.ask(masks), "reference", total=-(-samples // BATCH))))
    explanation = LimeExplainer().fit(masks, answers[:, None], subject.crop, subject.segments, 0)
    return np.array([weight for _, weight in sorted(explanation.local_exp[0])])


def compare(
    sample: LabelledFace, detector: Detector, laps: int, reference_samples: int, stock_samples: int
) -> dict[str, Any]:
    """Run both explainers alternately on one face; returns seconds, samples and rank correlations of each lap."""
    subject = sample.subject(detector, Settings().superpixels)
    predict = keras_predict(detector)
    predict(subject.crop[None])  # builds TensorFlow's graph, which must not be timed
    detector.probabilities(subject.crop[None])
    truth = reference(subject, reference_samples)
    rows: list[dict[str, Any]] = []
    for lap in range(laps):
        start = time.perf_counter()
        stock_weights = _stock.weights(subject, predict, lap, stock_samples)
        stock_seconds = time.perf_counter() - start
        start = time.perf_counter()
        maps = LimeExplainer(seed=lap).explain(
            subject.crop, subject.segments, detector.probabilities, detector.card.labels, subject.target
        )
        found = next(maps)
        first = time.perf_counter() - start
        *_, found = (found, *maps)
        assert found.weights is not None
        rows.append(
            {
                "stock_seconds": stock_seconds,
                "our_seconds": time.perf_counter() - start,
                "first_picture_seconds": first,
                "our_samples": found.evidence["samples"],
                "converged": found.evidence["converged"],
                "stock_rank_correlation": float(spearmanr(stock_weights, truth).statistic),
                "our_rank_correlation": float(spearmanr(found.weights, truth).statistic),
            }
        )
        print({key: round(value, 3) for key, value in rows[-1].items()}, flush=True)
    return {"face": sample.name, "superpixels": subject.count, "laps": rows}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Means over the laps; the ratio is computed from the sums, so that no fast lap dominates."""
    laps = found["laps"]
    means = {key: round(float(np.mean([lap[key] for lap in laps])), 3) for key in laps[0]}
    ratio = sum(lap["stock_seconds"] for lap in laps) / sum(lap["our_seconds"] for lap in laps)
    return {"time_ratio": round(ratio, 2), **means, **found}


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="The shipped model, few samples; checks that it runs.")
    ] = False,
    laps: Annotated[int, typer.Option(min=1, help="Turns for each face and network.")] = 3,
) -> None:
    """Measure LIME's speed and accuracy against stock lime."""
    figures: dict[str, Any] = {}
    models = {"lite_attention": Detector()}
    if not quick:
        models[B7] = Detector(b7_folder())
    for name, detector in models.items():
        detector.card = replace(detector.card, views=PLAIN)  # stock's ``predict`` knows no views
        margin = detector.card.preprocessing.crop_margin
        (sample,) = (face for face in example_faces(margin) if face.name == PHOTO)
        limits = (laps, REFERENCE_SAMPLES, _stock.SAMPLES)
        if name == B7:
            limits = (1, B7_REFERENCE_SAMPLES, _stock.SAMPLES)
        if quick:
            limits = (1, 500, 100)
        figures[name] = summary(compare(sample, detector, *limits))
        row = figures[name]
        print(
            f"{name}: ours {row['time_ratio']}× as fast as stock lime; rank correlation with {limits[1]:,} samples: "
            f"ours {row['our_rank_correlation']}, stock {row['stock_rank_correlation']}; first picture after "
            f"{row['first_picture_seconds']} s"
        )
    _results.write("lime_speed", figures, quick)


if __name__ == "__main__":
    run(main)
