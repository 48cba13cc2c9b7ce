"""Tests of the training for the same probability on all harmless versions of a picture."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import Card, read_card, write_card
from model.artifact.preprocessing import LABELS
from model.artifact.views import STEADY
from model.data.dataset import choose
from model.data.layout import Example
from model.data.split import write_split
from model.errors import ArchitectureError
from model.networks.export import load_keras, save_artifact
from model.networks.registry import ARCHITECTURES, build
from model.paired.steady import (
    CUT,
    TrainingData,
    draw_balanced,
    own_target,
    train_steady,
    training_data,
    versions_of,
)
from model.paths import SHIPPED

Pixels = NDArray[np.uint8]
FAKE = LABELS.index("Fake")


def examples_of(counts: dict[tuple[str, str], int]) -> list[Example]:
    return [
        Example(f"{name}/train/{label}/{i}.png", name, "train", label, (0.0, 0.0, 9.0, 9.0), ())
        for (name, label), count in counts.items()
        for i in range(count)
    ]


def test_small_and_large_sources_are_drawn_equally() -> None:
    counts = {("a", "Real"): 100, ("b", "Real"): 5, ("c", "Real"): 30, ("a", "Fake"): 100}
    found = draw_balanced(examples_of(counts), 60, seed=0)
    assert Counter((e.dataset, e.label) for e in found) == {
        ("b", "Real"): 5,
        **{("a", "Real"): 13, ("c", "Real"): 12, ("a", "Fake"): 30},
    }
    assert len({example.path for example in found}) == 60
    assert found == draw_balanced(examples_of(counts), 60, seed=0) != draw_balanced(examples_of(counts), 60, seed=1)


def test_versions_show_the_same_face_with_small_shifts(picture: Callable[..., Pixels]) -> None:
    crop = np.kron(picture(3), np.ones((4, 4, 1), np.uint8))
    versions = versions_of(crop, np.random.default_rng(0))
    assert len(versions) == 6 and all(version.shape == crop.shape and version.dtype == np.uint8 for version in versions)
    for turn, version in enumerate(versions):
        direct, mirrored = ((np.abs(pixels.astype(int) - crop).mean()) for pixels in (version, version[:, ::-1]))
        assert (direct > mirrored) == bool(turn % 2), "every second version is mirrored"
        assert 0 < min(direct, mirrored) < 20


def test_target_is_the_mean_logit_as_a_probability_mixed_with_the_label() -> None:
    p_fake = 1 / (1 + np.exp(-np.array([-2.0, 0.0, 5.0])))
    answers = np.stack([p_fake if label == "Fake" else 1 - p_fake for label in LABELS], axis=1).astype(np.float32)
    mean = 1 / (1 + np.exp(-1.0))
    for share in (0.0, 0.75, 1.0):
        target = own_target(answers, 1.0, share)
        assert target[FAKE] == pytest.approx(share * mean + 1 - share, abs=1e-5) and target.sum() == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.usefixtures("shallow", "eager", "without_litert")
def test_run_changes_only_layers_after_the_cut(
    make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels], tmp_path: Path
) -> None:
    names = [f"one/{split}/{label}/{i}.png" for split in ("train", "val") for label in ("real", "fake") for i in "012"]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    model, before = tmp_path / "lite_attention", build("lite_attention", folded=True)
    preprocessing, calibrated = ARCHITECTURES["lite_attention"].preprocessing, {"calibration": {"sets": ["one"]}}
    card = Card("lite_attention", preprocessing, LABELS, 1.5, views=STEADY, training=calibrated)
    save_artifact(before, model, card)
    train_steady(model, root, tmp_path / "run", most=4, epochs=1, faces=cache)
    after = load_keras(tmp_path / "run" / "artifact")
    frozen = keras.Model(before.input, before.get_layer(CUT).output).weights
    pairs = {
        old.path: (np.asarray(old), np.asarray(new)) for old, new in zip(before.weights, after.weights, strict=True)
    }
    kept = {weight.path for weight in frozen}
    assert all(np.array_equal(*pairs[path]) for path in kept)
    assert not all(np.array_equal(*pair) for path, pair in pairs.items() if path not in kept)
    artifact = tmp_path / "run" / "artifact"
    card = read_card(artifact)
    assert card.views == STEADY and card.temperature is None and "calibration" not in card.training
    arguments = card.training["steady_arguments"]
    assert (arguments["model"], arguments["data"]) == ("lite_attention", "data"), "names, not paths"
    assert np.isfinite(np.asarray(after(np.zeros((1, *after.input.shape[1:]), np.float32))["probabilities"])).all()
    write_card(artifact, replace(card, temperature=2.0))
    train_steady(model, root, tmp_path / "run", most=4, epochs=1, faces=cache)
    assert read_card(artifact).temperature == 2.0, "a finished run keeps its calibration"


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_versions_share_the_target_of_their_picture_and_test_pictures_are_not_used(
    make_data: Callable[..., tuple[Path, Path]],
    picture: Callable[..., Pixels],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model must not learn from its test pictures, so the split of its run applies."""
    names = [f"one/{split}/{label}/{i}.png" for split in ("train", "val") for label in ("real", "fake") for i in "01"]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    model = shutil.copytree(SHIPPED, tmp_path / "model")
    split = [replace(e, split="test" if e.path.endswith("1.png") else e.split) for e in choose(root, cache)]
    write_split(model, split)
    used: list[str] = []

    class Stop(Exception):
        pass

    def look(network: keras.Model, data: Path, examples: list[Example], *others: Any) -> TrainingData:
        used.extend(example.path for example in examples)
        found = training_data(network, data, examples, *others)
        assert found.targets.shape == (6 * len(examples), 2)
        for targets in np.split(found.targets, len(examples)):
            assert (targets == targets[0]).all() and targets[0].sum() == pytest.approx(1)
        raise Stop

    monkeypatch.setattr("model.paired.steady.training_data", look)
    with pytest.raises(Stop):
        train_steady(model, root, tmp_path / "run", faces=cache)
    assert sorted(used) == ["one/train/fake/0.png", "one/train/real/0.png"]


def test_run_does_not_overwrite_the_model_that_it_starts_from(tmp_path: Path) -> None:
    artifact = shutil.copytree(SHIPPED, tmp_path / "run" / "artifact")
    with pytest.raises(ArchitectureError, match="choose another folder"):
        train_steady(artifact, tmp_path / "nowhere", tmp_path / "run")
    assert read_card(artifact) == read_card(SHIPPED)


@pytest.mark.usefixtures("tiny_architecture")
def test_another_network_is_refused(tiny_artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="only lite_attention"):
        train_steady(tiny_artifact, tmp_path / "nowhere", tmp_path / "run")
    assert not (tmp_path / "run").exists()
