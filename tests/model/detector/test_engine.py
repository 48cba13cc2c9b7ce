"""Tests of the engine: a picture's output does not depend on its batch or on the calling thread."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import model.detector.engine
from model.artifact.card import TFLITE
from model.detector.engine import BATCH_SIZES, Engine, Interrupted, interrupted_when
from model.errors import SettingsError

COUNTS = (1, 3, 8, 9, 64, 65, 130)


@pytest.fixture(scope="module")
def path(tiny_artifact: Path) -> Path:
    return tiny_artifact / TFLITE


@pytest.fixture(scope="module")
def engine(path: Path) -> Engine:
    return Engine(path)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.float32]:
    """Different pictures, enough for the largest batch."""
    return np.random.default_rng(0).uniform(-1, 1, (max(COUNTS), 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def one_by_one(path: Path, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The outputs of each picture in a batch of one."""
    engine = Engine(path)
    answers = [engine(picture[None]) for picture in pixels]
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def assert_rows(answer: object, expected: dict[str, NDArray[np.float32]], start: int, stop: int) -> None:
    assert isinstance(answer, dict) and set(answer) == set(expected)
    for name, values in answer.items():
        np.testing.assert_allclose(values, expected[name][start:stop], atol=1e-5)


def test_outputs_are_float32_arrays_by_name(engine: Engine, pixels: NDArray[np.float32]) -> None:
    answer = engine(pixels[:3])
    assert answer["probabilities"].shape == (3, 2) and answer["attention"].shape == (3, 8, 8, 1)
    assert all(values.dtype == np.float32 for values in answer.values())
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("count", COUNTS)
def test_outputs_do_not_depend_on_the_batch_size(
    engine: Engine, pixels: NDArray[np.float32], one_by_one: dict[str, NDArray[np.float32]], count: int
) -> None:
    assert_rows(engine(pixels[:count]), one_by_one, 0, count)


def test_pictures_get_different_outputs(one_by_one: dict[str, NDArray[np.float32]]) -> None:
    """Without this, rows in the wrong order would go unnoticed."""
    p_fake = one_by_one["probabilities"][:, 0]
    assert len(set(p_fake)) == len(p_fake) and p_fake.std() > 0.005


def test_smaller_batch_is_not_affected_by_the_previous_one(
    engine: Engine, pixels: NDArray[np.float32], one_by_one: dict[str, NDArray[np.float32]]
) -> None:
    for start, stop in ((0, 64), (64, 67), (0, 8), (100, 101), (9, 74)):
        assert_rows(engine(pixels[start:stop]), one_by_one, start, stop)


def test_output_does_not_change_during_the_next_call(engine: Engine, pixels: NDArray[np.float32]) -> None:
    """LiteRT returns views of memory that it uses again."""
    first = engine(pixels[:8])
    kept = {name: values.copy() for name, values in first.items()}
    engine(pixels[8:16])
    for name, values in first.items():
        np.testing.assert_array_equal(values, kept[name])


def test_outputs_are_the_same_in_many_threads(
    path: Path, pixels: NDArray[np.float32], one_by_one: dict[str, NDArray[np.float32]]
) -> None:
    """On a new engine, so that the threads also compete to load its interpreters."""
    engine = Engine(path)
    ranges = [(start, start + count) for count in (1, 3, 8, 40, 70) for start in range(0, 60, 5)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda span: engine(pixels[slice(*span)]), ranges))
    for answer, (start, stop) in zip(answers, ranges, strict=True):
        assert_rows(answer, one_by_one, start, stop)


def test_each_interpreter_is_loaded_once_at_its_first_use(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    load = Engine._load

    def count(self: Engine, shape: tuple[int, ...]) -> object:
        loaded.append(shape[0])
        return load(self, shape)

    monkeypatch.setattr(Engine, "_load", count)
    engine = Engine(path)
    assert loaded == []
    for size in (1, 1, 5, 8, 64, 2, 65):
        engine(np.zeros((size, 16, 16, 3), np.float32))
    assert loaded == list(BATCH_SIZES)


@pytest.mark.parametrize(("pictures", "largest"), [(0.5, 1), (3, 1), (4, 4), (1000, 4)])
def test_batches_shrink_until_their_largest_tensor_fits(
    path: Path,
    pixels: NDArray[np.float32],
    one_by_one: dict[str, NDArray[np.float32]],
    pictures: float,
    largest: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tiny network's largest tensor is its input: 16 x 16 x 3 floats."""
    monkeypatch.setattr(model.detector.engine, "MAX_ACTIVATION_BYTES", int(pictures * 16 * 16 * 3 * 4))
    engine = Engine(path)
    assert engine.largest_batch == largest
    if pictures == 3:
        assert_rows(engine(pixels[:20]), one_by_one, 0, 20)
        assert set(engine._runners) == {1}


def test_the_pictures_are_not_changed(engine: Engine, pixels: NDArray[np.float32]) -> None:
    before = pixels.copy()
    engine(pixels)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("shape", [(0, 16, 16, 3), (16, 16, 3), (1, 1, 16, 16, 3)])
def test_input_that_is_not_a_batch_is_refused_with_its_shape(engine: Engine, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N >= 1") as caught:
        engine(np.zeros(shape, np.float32))
    assert str(shape) in str(caught.value)


def test_missing_file_fails_when_the_engine_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Engine(tmp_path / TFLITE)


def test_number_of_threads_comes_from_the_environment_variable(
    tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHYFAKE_THREADS", "3")
    assert Engine(tiny_artifact / TFLITE)._threads == 3


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_of_threads_is_refused(tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("WHYFAKE_THREADS", given)
    with pytest.raises(SettingsError, match=re.escape(given)):
        Engine(tiny_artifact / TFLITE)


def test_number_of_threads_is_limited_to_the_cores_of_this_process(
    tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert Engine(tiny_artifact / TFLITE)._threads == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    assert 1 < Engine(tiny_artifact / TFLITE)._threads <= 8


def test_run_stops_at_the_next_small_batch_after_an_interruption(engine: Engine, pixels: NDArray[np.float32]) -> None:
    answers = iter([False, False, True])
    with pytest.raises(Interrupted), interrupted_when(lambda: next(answers)):
        engine(pixels)
    assert next(answers, None) is None, "checked before each small batch, and not afterwards"
    assert len(engine(pixels)["probabilities"]) == len(pixels), "other calls are not interrupted"
