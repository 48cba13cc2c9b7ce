"""Tests of problems that are found in a file's description before the import: wrong outputs, inputs and layers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest

from model.i18n.catalogue import Message
from model.legacy import described
from model.legacy.check import look
from tests.model.legacy.descriptions import edit, layer_named

DATA = Path(__file__).parents[2] / "data" / "legacy"
NAME = "best_model_effatt.h5"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A copy of a Keras 2 file with its labels, which a test may damage."""
    return shutil.copytree(DATA / "keras2_softmax", tmp_path / "own") / NAME


def reason(problem: Message | None) -> Message:
    """Why a file is refused, without the sentence around it."""
    assert problem is not None and problem.values["file"] == NAME
    found = problem.values["reason"]
    assert isinstance(found, Message)
    return found


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras2_sigmoid", "keras3_softmax"])
def test_valid_file_is_not_refused(folder: str) -> None:
    assert look(DATA / folder / NAME) is None


@pytest.mark.parametrize(
    ("change", "shape", "activation"),
    [
        ({"units": 10}, "10", "softmax"),
        ({"activation": "linear"}, "2", "linear"),
        ({"units": 1}, "1", "softmax"),
    ],
)
def test_number_of_classes_is_read_from_the_description(
    pair: Path, change: dict[str, Any], shape: str, activation: str
) -> None:
    edit(pair, lambda config: layer_named(config, "dense_1")["config"].update(change))
    assert reason(look(pair)) == Message("network.result", shape=shape, activation=activation)


def test_input_that_is_not_a_square_colour_picture_is_refused(pair: Path) -> None:
    edit(pair, lambda config: config["config"]["layers"][0]["config"].update(batch_input_shape=[None, 128, 128, 1]))
    assert reason(look(pair)) == Message("network.input", height=128, width=128, channels=1)


def test_unknown_layer_is_named(pair: Path) -> None:
    edit(pair, lambda config: layer_named(config, "dropout").update(class_name="CapsuleNet"))
    assert reason(look(pair)).key == "network.unknown_layer"
    assert reason(look(pair)).values["kind"] == "'CapsuleNet'"


def test_weights_file_is_refused_with_the_call_that_saves_the_network(pair: Path) -> None:
    with h5py.File(pair, "r+") as file:
        del file.attrs["model_config"]
    assert "model.save('best_model_effatt.h5')" in str(look(pair))
    keras_3 = pair.rename(pair.with_name("thesis.weights.h5"))
    assert "model.save('thesis.h5')" in str(look(keras_3))


def test_weights_that_may_fit_the_known_architecture_are_not_refused(
    pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(pair, lambda config: layer_named(config, "dropout").update(class_name="CapsuleNet"))
    with h5py.File(pair) as file:
        held = 0

        def count(name: str, item: object) -> None:
            nonlocal held
            held += item.size if isinstance(item, h5py.Dataset) else 0

        file["model_weights"].visititems(count)
    for numbers, refused in ((held, False), (held + 1, True), (int(held / 1.009), False), (int(held / 1.02), True)):
        monkeypatch.setattr(described, "STAND_IN_NUMBERS", numbers)
        assert (look(pair) is not None) == refused, numbers
