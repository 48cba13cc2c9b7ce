"""How a verdict depends on the size of the face in the photo.

``python -m benchmarks.face_size DATA``: test pictures of the sets with both classes, shrunk until the longer side of
the face has a number of pixels. Each one then goes the way of the product: the face is found, cropped and judged. The
result shows from which size on the published figures of the model hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import _results
from benchmarks._faces import the_detector
from model.cli import run
from model.data.layout import Example, choose_sets, pictures
from model.data.reading import read_rgb
from model.evaluation.metrics import auc, expected_calibration_error, false_accusation_rate, miss_rate
from model.photos.faces import Face, find_faces

SETS = ("dfdc", "ffhq_stylegan", "ciplab")
SIZES = (24, 32, 40, 48, 64, 80, 96, 128)  # pixels of the face's longer side
FOUND_ALIKE = 0.3  # a found side that differs more from the wanted one belongs to something else


def drawn(data: Path, each: int, seed: int = 0) -> list[Example]:
    """``each`` test pictures of each set and class, drawn by a seed."""
    tests = [example for example in choose_sets(data, pictures(data), list(SETS)) if example.split == "test"]
    rng, chosen = np.random.default_rng(seed), []
    for name in SETS:
        for label in ("Real", "Fake"):
            members = [example for example in tests if (example.dataset, example.label) == (name, label)]
            chosen += [members[row] for row in rng.permutation(len(members))[:each]]
    return chosen


def shrunk(photo: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The photo ``(H, W, 3) uint8`` at a share of its size."""
    size = (max(1, round(photo.shape[1] * share)), max(1, round(photo.shape[0] * share)))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def side_of(face: Face) -> float:
    """The longer side of the face's box in photo pixels."""
    return float(max(face.box[2:]))


def scores(data: Path, examples: list[Example]) -> NDArray[np.float64]:
    """P(Fake) ``(N, 1 + sizes)`` of each picture as it is and at each of ``SIZES``; nan where no such face is found."""
    detector = the_detector()
    margin = detector.card.preprocessing.crop_margin
    table = np.full((len(examples), 1 + len(SIZES)), np.nan)
    for row, example in enumerate(tqdm(examples, "pictures")):
        photo = read_rgb(data / example.path)
        face = next(iter(find_faces(photo, margin)), None)
        if face is None or side_of(face) < max(SIZES):
            continue
        crops, columns = [face.crop], [0]
        for column, size in enumerate(SIZES, 1):
            small = next(iter(find_faces(shrunk(photo, size / side_of(face)), margin)), None)
            if small is not None and abs(side_of(small) / size - 1) < FOUND_ALIKE:
                crops.append(small.crop)
                columns.append(column)
        fake = detector.card.labels.index("Fake")
        table[row, columns] = detector.probabilities(np.stack(crops))[:, fake]
    return table


def figures_of(column: NDArray[np.float64], whole: NDArray[np.float64], examples: list[Example]) -> dict[str, Any]:
    """The figures of one size; ``whole`` are the scores of the same faces at full size."""
    detector = the_detector()
    usable = ~np.isnan(whole)
    found = usable & ~np.isnan(column)
    is_fake = np.array([example.label == "Fake" for example in examples])
    sets = np.array([example.dataset for example in examples])
    p_fake, truth = column[found], is_fake[found]
    verdicts = [[detector.verdict(float(p)) for p in scores[found]] for scores in (column, whole)]
    return {
        "faces": int(found.sum()),
        "found": float(found.sum() / usable.sum()),
        "auc": {name: auc(column[found & (sets == name)], is_fake[found & (sets == name)]) for name in SETS},
        "auc_lost": {
            name: auc(whole[found & (sets == name)], is_fake[found & (sets == name)])
            - auc(column[found & (sets == name)], is_fake[found & (sets == name)])
            for name in SETS
        },
        "calibration_error": expected_calibration_error(p_fake, truth),
        "called_fake": false_accusation_rate(p_fake, truth),
        "missed": miss_rate(p_fake, truth),
        "looks_fake_of_real": float(
            np.mean([v == "Fake" for v, fake in zip(verdicts[0], truth, strict=True) if not fake])
        ),
        "looks_real_of_fake": float(np.mean([v == "Real" for v, fake in zip(verdicts[0], truth, strict=True) if fake])),
        "changed": float(np.mean([small != whole for small, whole in zip(*verdicts, strict=True)])),
    }


def main(
    data: Annotated[Path, typer.Argument(help="Folder with the data sets.")],
    each: Annotated[int, typer.Option(help="Pictures of each set and class.")] = 120,
    quick: Annotated[bool, typer.Option("--quick", help="Four pictures of each set and class.")] = False,
) -> None:
    """Measure, print and write the figures."""
    examples = drawn(data, 4 if quick else each)
    table = scores(data, examples)
    rows = {}
    for column, size in enumerate(("whole", *SIZES)):
        rows[str(size)] = found = figures_of(table[:, column], table[:, 0], examples)
        lost = ", ".join(f"{value:+.3f}" for value in found["auc_lost"].values())
        print(
            f"{size:>5} px: found {found['found']:.0%}, AUC lost {lost}, calibration error "
            f"{found['calibration_error']:.3f}, real called fake {found['called_fake']:.3f}, verdict changed "
            f"{found['changed']:.0%}"
        )
    _results.write("face_size", {"sets": SETS, "each": each, "sizes": rows}, quick)


if __name__ == "__main__":
    run(main, "How a verdict depends on the size of the face.")
