"""Tests of the engine: however pictures are grouped and whoever asks, a picture gets the same answer."""

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
    """As many different pictures as the largest batch asked for."""
    return np.random.default_rng(0).uniform(-1, 1, (max(COUNTS), 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def one_by_one(path: Path, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Each picture's outputs, asked for alone."""
    engine = Engine(path)
    answers = [engine(picture[None]) for picture in pixels]
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def assert_rows(answer: object, expected: dict[str, NDArray[np.float32]], start: int, stop: int) -> None:
    assert isinstance(answer, dict) and set(answer) == set(expected)
    for name, values in answer.items():
        np.testing.assert_allclose(values, expected[name][start:stop], atol=1e-5)


def test_outputs_come_by_name_as_float32(engine: Engine, pixels: NDArray[np.float32]) -> None:
    answer = engine(pixels[:3])
    assert answer["probabilities"].shape == (3, 2) and answer["attention"].shape == (3, 8, 8, 1)
    assert all(values.dtype == np.float32 for values in answer.values())
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("count", COUNTS)
def test_any_batch_gives_each_picture_what_it_gets_alone(
    engine: Engine, pixels: NDArray[np.float32], one_by_one: dict[str, NDArray[np.float32]], count: int
) -> None:
    assert_rows(engine(pixels[:count]), one_by_one, 0, count)


def test_pictures_get_different_answers(one_by_one: dict[str, NDArray[np.float32]]) -> None:
    """Without this, rows in the wrong order would go unnoticed."""
    p_fake = one_by_one["probabilities"][:, 0]
    assert len(set(p_fake)) == len(p_fake) and p_fake.std() > 0.005


def test_a_smaller_batch_sees_nothing_of_the_one_before(
    engine: Engine, pixels: NDArray[np.float32], one_by_one: dict[str, NDArray[np.float32]]
) -> None:
    for start, stop in ((0, 64), (64, 67), (0, 8), (100, 101), (9, 74)):
        assert_rows(engine(pixels[start:stop]), one_by_one, start, stop)


def test_an_answer_stays_when_the_next_question_comes(engine: Engine, pixels: NDArray[np.float32]) -> None:
    """LiteRT hands out views of memory that it uses again."""
    first = engine(pixels[:8])
    kept = {name: values.copy() for name, values in first.items()}
    engine(pixels[8:16])
    for name, values in first.items():
        np.testing.assert_array_equal(values, kept[name])


def test_many_threads_at_once_get_the_same(
    path: Path, pixels: NDArray[np.float32], one_by_one: dict[str, NDArray[np.float32]]
) -> None:
    """On a fresh engine, so that the threads also race to load its interpreters."""
    engine = Engine(path)
    ranges = [(start, start + count) for count in (1, 3, 8, 40, 70) for start in range(0, 60, 5)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda span: engine(pixels[slice(*span)]), ranges))
    for answer, (start, stop) in zip(answers, ranges, strict=True):
        assert_rows(answer, one_by_one, start, stop)


def test_interpreters_are_loaded_once_each_and_only_when_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    load = Engine._load

    def count(self: Engine, shape: tuple[int, ...]) -> object:
        loaded.append(shape[0])
        return load(self, shape)

    monkeypatch.setattr(Engine, "_load", count)
    engine = Engine(path)
    assert loaded == []
    for count_ in (1, 1, 5, 8, 64, 2, 65):
        engine(np.zeros((count_, 16, 16, 3), np.float32))
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
def test_what_is_no_batch_is_refused_with_its_shape(engine: Engine, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N >= 1") as caught:
        engine(np.zeros(shape, np.float32))
    assert str(shape) in str(caught.value)


def test_missing_file_fails_when_the_engine_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Engine(tmp_path / TFLITE)


def test_threads_are_as_many_as_the_variable_says(tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYFAKE_THREADS", "3")
    assert Engine(tiny_artifact / TFLITE)._threads == 3


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_of_threads_is_refused(tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("WHYFAKE_THREADS", given)
    with pytest.raises(SettingsError, match=re.escape(given)):
        Engine(tiny_artifact / TFLITE)


def test_threads_are_no_more_than_the_cores_that_this_process_may_use(
    tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert Engine(tiny_artifact / TFLITE)._threads == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    assert 1 < Engine(tiny_artifact / TFLITE)._threads <= 8


def test_a_run_ends_within_a_batch_once_its_caller_wants_no_more(engine: Engine, pixels: NDArray[np.float32]) -> None:
    answers = iter([False, False, True])
    with pytest.raises(Interrupted), interrupted_when(lambda: next(answers)):
        engine(pixels)
    assert next(answers, None) is None, "looked at before each of the small batches, and no more afterwards"
    assert len(engine(pixels)["probabilities"]) == len(pixels), "others are not interrupted"
