"""Sanity checks: maps must change when the weights of the shipped network are shuffled (Adebayo, arXiv 1810.03292)."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import sanity
from benchmarks.sanity import INTACT, READINGS, KerasDetector, cascade, decay
from explain.maps.lime import lime
from explain.maps.subject import Subject
from explain.regions.superpixels import segment
from model.detector.detector import Detector
from model.photos.faces import find_faces

PARTS = ["probabilities", "dense", "attention", "stage6", "stage5", "stage4", "stage3", "stage2", "stage1", "stem"]
SEEDS = (0, 1)
MAX_SIMILARITY = 0.5  # mean over the seeds; a map that ignores the weights stays at 1
# Sums of absolute pixels follow the edges of the picture, as Adebayo found for gradients times the input.
INDEPENDENT = "integrated_gradients, pixels"


@pytest.fixture(scope="module")
def keras_detector() -> KerasDetector:
    return KerasDetector()


@pytest.fixture(scope="module")
def subject(keras_detector: KerasDetector, astronaut: NDArray[np.uint8]) -> Subject:
    crop = find_faces(astronaut, keras_detector.card.preprocessing.crop_margin)[0].crop
    return Subject(crop, segment(crop), "Real", keras_detector)


@pytest.fixture(scope="module")
def similarity(subject: Subject) -> list[dict[str, dict[str, float]]]:
    """The similarity after the last step of a cascade per seed, with few LIME samples because LIME is slow."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sanity.METHODS, "lime", partial(lime, samples=100))
        return decay(subject, SEEDS, parts=["stem"])


@pytest.mark.slow
@pytest.mark.parametrize("reading", [name for name in READINGS if name != INDEPENDENT])
def test_map_changes_when_all_weights_are_shuffled(similarity: list[dict[str, dict[str, float]]], reading: str) -> None:
    left = [run["stem"][reading] for run in similarity]
    assert len(left) == len(SEEDS) and len(set(left)) > 1, "each seed must give another shuffle"
    assert np.mean(np.abs(left)) < MAX_SIMILARITY, left


@pytest.mark.slow
def test_sums_of_absolute_pixels_do_not_depend_on_the_weights(
    similarity: list[dict[str, dict[str, float]]],
) -> None:
    """This is why regions are compared by their sums; it also proves that the test above can fail."""
    assert np.mean([run["stem"][INDEPENDENT] for run in similarity]) > MAX_SIMILARITY


@pytest.mark.slow
def test_weights_are_restored_afterwards(
    similarity: list[dict[str, dict[str, float]]], keras_detector: KerasDetector, subject: Subject, detector: Detector
) -> None:
    found, expected = (judge.probabilities(subject.crop[None]) for judge in (keras_detector, detector))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.slow
def test_parts_are_shuffled_from_the_output_to_the_input(keras_detector: KerasDetector, subject: Subject) -> None:
    """Shuffling a part after the attention block does not change the mask; shuffling an earlier part does."""
    network = keras_detector.network
    weights = network.get_weights()
    masks, names = [], []
    for part in cascade(network, seed=0):
        names.append(part)
        masks.append(keras_detector.predict(subject.crop).attention)
    assert names == [INTACT, *PARTS]
    for mask in masks[1:3]:
        np.testing.assert_array_equal(mask, masks[0])
    for before, after in pairwise(masks[2:]):
        assert np.abs(after - before).max() > 0.01
    shuffled = network.get_weights()
    network.set_weights(weights)
    for before, after in zip(weights, shuffled, strict=True):
        np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
    moved = [not np.array_equal(before, after) for before, after in zip(weights, shuffled, strict=True)]
    assert np.mean(moved) > 0.9, "only arrays of one number or of equal numbers do not change"


def test_decay_compares_with_the_intact_map_and_restores_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """One map equals the weights of the network, the other one ignores them."""
    import keras
    from keras import layers

    inputs = keras.Input((6,))
    network = keras.Model(inputs, layers.Dense(6, name="only_dense", use_bias=False)(inputs))
    kernel = np.arange(36, dtype=np.float32).reshape(6, 6) - 17.5
    network.set_weights([kernel])
    segments = np.arange(36, dtype=np.int32).reshape(6, 6)

    def of_weights(subject: Subject) -> list[Any]:
        return [attribution(subject.detector.network.get_weights()[0])]

    def of_picture(subject: Subject) -> list[Any]:
        return [attribution(kernel)]

    def attribution(values: NDArray[np.float32]) -> Any:
        from explain.maps.attribution import Attribution

        return Attribution("made", "Fake", values, (6, 6), None, None, {})

    monkeypatch.setattr(sanity, "METHODS", {"learnt": of_weights, "blind": of_picture})
    readings = {"learnt": ("learnt", sanity._direction), "blind": ("blind", sanity._strength)}
    monkeypatch.setattr(sanity, "READINGS", readings)
    judge: Any = SimpleNamespace(network=network)
    found = decay(Subject(np.zeros((6, 6, 3), np.uint8), segments, "Fake", judge), range(20))
    assert [list(run) for run in found] == [[INTACT, "only"]] * 20
    assert all(run[INTACT] == {"learnt": 1.0, "blind": 1.0} for run in found)
    assert all(run["only"]["blind"] == 1 for run in found)
    assert abs(np.mean([run["only"]["learnt"] for run in found])) < 0.15  # 36 values: 0.17 by chance, less in the mean
    np.testing.assert_array_equal(network.get_weights()[0], kernel)


def test_readings_distinguish_direction_strength_and_absolute_pixels() -> None:
    from explain.maps.attribution import Attribution

    values = np.array([[1, -3], [2, 2]], np.float32)
    found = Attribution("made", "Fake", values, (2, 2), None, None, {})
    segments = np.array([[0, 0], [1, 1]], np.int32)
    np.testing.assert_array_equal(sanity._direction(found, segments), [-1, 2])
    np.testing.assert_array_equal(sanity._strength(found, segments), [1, 2])
    np.testing.assert_array_equal(sanity._pixels(found, segments), [2, 2])
