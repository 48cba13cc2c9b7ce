"""Tests of averaging two models."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from model.artifact.card import Card, read_card, write_card
from model.artifact.preprocessing import LABELS
from model.artifact.views import PLAIN, STEADY
from model.data.split import SPLIT
from model.errors import ArchitectureError
from model.networks.export import load_keras, save_artifact
from model.networks.registry import ARCHITECTURES, build
from model.paired.average import average_models

pytestmark = pytest.mark.usefixtures("without_litert")


def folder_of(path: Path, name: str, seed: int, **facts: object) -> Path:
    keras.utils.set_random_seed(seed)
    card = Card(name, ARCHITECTURES[name].preprocessing, LABELS, **facts)
    save_artifact(build(name, folded=ARCHITECTURES[name].has_folded_form), path, card)
    return path


@pytest.mark.slow
def test_weights_are_averaged_by_the_share_and_the_calibration_is_removed(
    tiny_architecture: str, tmp_path: Path
) -> None:
    one = folder_of(tmp_path / "one", tiny_architecture, 1)
    two = folder_of(
        tmp_path / "two",
        tiny_architecture,
        2,
        temperature=2.0,
        views=STEADY,
        metrics={"test": {}},
        training={"arguments": {"seed": 2}, "calibration": {}},
    )
    average_models(one, two, tmp_path / "mean", 0.75)
    weights = [load_keras(folder).get_weights() for folder in (one, two, tmp_path / "mean" / "artifact")]
    for first, second, mean in zip(*weights, strict=True):
        np.testing.assert_allclose(mean, 0.25 * first + 0.75 * second, atol=2e-3)  # float16 in the file
    card = read_card(tmp_path / "mean" / "artifact")
    assert card.temperature is None and card.metrics == {} and card.views == PLAIN
    assert card.training == {"arguments": {"seed": 2, "averaged": {"one": 0.25, "two": 0.75}}}


@pytest.mark.slow
def test_average_has_the_split_of_its_models_which_must_agree(tiny_architecture: str, tmp_path: Path) -> None:
    one, two = (folder_of(tmp_path / name, tiny_architecture, 1) for name in ("one", "two"))
    (one / SPLIT).write_text("path,split\na.jpg,test\n")
    average_models(one, two, tmp_path / "mean")
    assert (tmp_path / "mean" / "artifact" / SPLIT).read_bytes() == (one / SPLIT).read_bytes()
    (two / SPLIT).write_text("path,split\na.jpg,train\n")
    with pytest.raises(ArchitectureError, match=rf"different {SPLIT}"):
        average_models(one, two, tmp_path / "other")


def test_models_of_different_architectures_are_refused(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, name in ((one, "lite_attention"), (two, "cnn")):
        folder.mkdir()
        write_card(folder, Card(name, ARCHITECTURES[name].preprocessing, LABELS))
    with pytest.raises(ArchitectureError, match="not lite_attention and cnn"):
        average_models(one, two, tmp_path / "mean")
