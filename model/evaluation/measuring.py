"""Runs a model on examples and computes the figures of its card from the answers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.artifact.card import PICTURE, Card
from model.data.layout import Example
from model.data.reading import read_mask, read_rgb
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation.bootstrap import Measure, Scores, Truth, bootstrap
from model.evaluation.groups import group_figures
from model.evaluation.metrics import (
    FURTHER_MEASURES,
    MEASURES,
    NO_SHARES,
    SetScores,
    calibration_error_by_chance,
    reliability_bins,
)
from model.photos.corruptions import CLEAN, CORRUPTIONS, corrupt
from model.photos.faces import crop, landmarks_in, square_around, whole_picture

BATCH = 64  # pictures in memory at a time
Advance = Callable[[int], object]


def p_fake_of(detector: Detector, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """P(Fake) ``(N,)`` of crops ``(N, S, S, 3) uint8``, computed with the same code as in the product."""
    column = detector.card.labels.index("Fake")
    parts = [detector.probabilities(crops[start : start + BATCH])[:, column] for start in range(0, len(crops), BATCH)]
    return np.concatenate(parts)


def scorable_members(examples: Sequence[Example], split: str, whole: bool) -> dict[str, list[Example]]:
    """The pictures that can get a score, by data set.

    Args:
        examples: examples of any data sets.
        split: ``train``, ``val`` or ``test``; ``all`` takes every picture.
        whole: whether whole pictures are scored; otherwise those without a face are left out, because the product
            gives them no score.

    Raises:
        DatasetError: if there is no such picture.
    """
    members: dict[str, list[Example]] = {}
    for example in examples:
        if split in (example.split, "all") and (whole or example.box is not None):
            members.setdefault(example.dataset, []).append(example)
    if not members:
        raise DatasetError(f"There are no {split} pictures{'' if whole else ' with a face in them'}.")
    return dict(sorted(members.items()))


def truth_of(examples: Sequence[Example]) -> NDArray[np.bool_]:
    """Whether each example is a fake, ``(N,) bool``."""
    return np.array([example.label == "Fake" for example in examples])


def judge(
    detector: Detector,
    data: Path,
    examples: Sequence[Example],
    conditions: Sequence[str] = (CLEAN,),
    seed: int = 0,
    advance: Advance = lambda count: None,
) -> dict[str, NDArray[np.float64]]:
    """P(Fake) of each example under each condition; reads each file once, with few pictures in memory at a time.

    Args:
        detector: the model.
        data: the data folder.
        examples: if an example has a box, its face crop is scored, otherwise the whole picture.
        conditions: conditions of ``model.photos.corruptions``. Those that need landmarks skip examples without them.
        seed: decides the noise, together with an example's index.
        advance: called with the number of pictures finished since its last call, for each condition.

    Returns:
        P(Fake) ``(N,)`` by condition; nan if the condition needs landmarks and the example has none.
    """
    card = detector.card
    # Resized here in the same way as in ``to_input``, so that whole pictures of any size fit in one batch. Models that
    # resize with their own filter, and combined models, which may have inputs of several sizes, get crops of one
    # size, as from the product.
    kept = card.preprocessing.resample or card.parts
    size = (card.preprocessing.crop_size if kept else card.preprocessing.input_size,) * 2
    p_fake = {condition: np.full(len(examples), np.nan) for condition in conditions}
    for start in range(0, len(examples), BATCH):
        batch = examples[start : start + BATCH]
        seen = [_crop_of(data, example, card) for example in batch]
        for condition in conditions:
            rows = [row for row, (_, landmarks) in enumerate(seen) if _is_possible(condition, landmarks)]
            if rows:
                views = [corrupt(seen[row][0], condition, seen[row][1], seed + start + row) for row in rows]
                inputs = np.stack([cv2.resize(view, size, interpolation=cv2.INTER_AREA) for view in views])
                p_fake[condition][start + np.array(rows)] = p_fake_of(detector, np.asarray(inputs, np.uint8))
            advance(len(batch))
    return p_fake


def _crop_of(data: Path, example: Example, card: Card) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """The crop that the product would give to the model, and the landmarks in its pixels.

    Without a face: the whole picture and None. A model that judges whole pictures gets the central square.
    """
    pixels, size = read_rgb(data / example.path), card.preprocessing.crop_size
    if card.sees == PICTURE:
        return whole_picture(pixels, size).crop, None
    if example.box is None:
        return pixels, None
    square = square_around(example.box, card.preprocessing.crop_margin)
    landmarks = landmarks_in(square, example.landmarks, size) if example.landmarks else None
    return crop(pixels, square, size), landmarks


def _is_possible(condition: str, landmarks: NDArray[np.float32] | None) -> bool:
    return condition == CLEAN or landmarks is not None or not CORRUPTIONS[condition.split()[0]].needs_landmarks


def measure(scores: SetScores, paths: Sequence[str] = ()) -> dict[str, Any]:
    """Every measure of ``model.evaluation.metrics`` with its 95% interval, and the number of pictures.

    Measures that need both classes are left out if there is only one. ``verdict_…`` measures use the page's verdicts,
    with the inconclusive band; the others use the threshold P(Fake) = 0.5. ``reliability`` holds the bins of the
    calibration error, see ``model.evaluation.metrics.Bin``.

    Args:
        scores: the model's answers for a data set.
        paths: paths of its pictures, because file names may encode groups of people; empty for no groups.
    """
    p_fake, is_fake = scores.p_fake, scores.is_fake
    figures: dict[str, Any] = {"real": int((~is_fake).sum()), "fake": int(is_fake.sum())}
    for name, function in {**MEASURES, **verdict_measures(scores.band), **FURTHER_MEASURES}.items():
        estimate = bootstrap(function, p_fake, is_fake, is_share=name not in NO_SHARES)
        if np.isfinite(estimate.value):
            figures[name] = estimate.rounded()
    low, high = scores.band
    figures["inconclusive_share"] = round(float(np.mean((low < p_fake) & (p_fake < high))), 4)
    if 0 < is_fake.sum() < len(is_fake):
        figures["calibration_error_by_chance"] = round(calibration_error_by_chance(p_fake), 4)
        figures["reliability"] = [group.rounded() for group in reliability_bins(p_fake, is_fake)]
    if groups := group_figures(paths, p_fake, is_fake):
        figures["groups"] = groups
    return figures


def verdict_measures(band: tuple[float, float]) -> dict[str, Measure]:
    """Measures of the mistakes of the page's verdicts; inside the band the page gives no verdict."""
    low, high = band

    def accused(p_fake: Scores, is_fake: Truth) -> float:
        return float(np.mean(p_fake[~is_fake] >= high)) if (~is_fake).any() else float("nan")

    def missed(p_fake: Scores, is_fake: Truth) -> float:
        return float(np.mean((p_fake[is_fake] <= low) & (p_fake[is_fake] < high))) if is_fake.any() else float("nan")

    def wrong(p_fake: Scores, is_fake: Truth) -> float:
        decided = (p_fake <= low) | (p_fake >= high)
        return float(np.mean((p_fake >= 0.5)[decided] != is_fake[decided])) if decided.any() else float("nan")

    return {
        "verdict_false_accusation_rate": accused,
        "verdict_miss_rate": missed,
        "verdict_error_rate": wrong,
    }


def attention_peaks(detector: Detector, data: Path, examples: Sequence[Example]) -> dict[str, float]:
    """How often the attention mask's peak is inside the edited region, for fakes called fake.

    Returns:
        Shares in 0..1 for the mask's peak (``attention``) and for the crop's centre (``centre``), and ``fakes``.
    """
    inside = peak_hits(detector, data, examples)
    hits = np.array([hit for hit in inside if hit is not None], bool).reshape(-1, 2)
    shares = zip(("attention", "centre"), hits.mean(axis=0), strict=True) if len(hits) else ()
    return {**{name: round(float(share), 4) for name, share in shares}, "fakes": len(hits)}


def peak_hits(detector: Detector, data: Path, examples: Sequence[Example]) -> list[tuple[bool, bool] | None]:
    """Whether the attention mask's peak, and the crop's centre, are inside each example's edited region.

    None for examples without mask or face, for fakes not called fake, and for models without attention.
    """
    return [_peak_hit(detector, data, example) for example in examples]


def _peak_hit(detector: Detector, data: Path, example: Example) -> tuple[bool, bool] | None:
    if not example.mask or example.box is None:
        return None
    square = square_around(example.box, detector.card.preprocessing.crop_margin)
    prediction = detector.predict(crop(read_rgb(data / example.path), square))
    if prediction.probabilities["Fake"] < 0.5 or prediction.attention is None:
        return None
    changed = crop(read_mask(data / example.mask), square) > 127
    grid = prediction.attention.shape
    peak = np.array(np.unravel_index(np.argmax(prediction.attention), grid))
    y, x = ((peak + 0.5) / grid * changed.shape).astype(int)
    return bool(changed[y, x]), bool(changed[changed.shape[0] // 2, changed.shape[1] // 2])
