"""Tests of training only the attention mask: its training data, the layers that it changes, and a whole run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import TFLITE, load_artifact, write_card
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.views import STEADY
from model.data.dataset import choose, face_crop
from model.data.layout import Example
from model.data.reading import read_mask
from model.data.split import SPLIT, write_split
from model.detector.detector import Detector
from model.errors import ArchitectureError, DatasetError
from model.networks.export import load_keras
from model.paired.tune_attention import (
    CHUNK,
    TrainingData,
    changed_in,
    draw_faces,
    train_mask,
    training_data,
    tune_attention,
)
from model.photos.faces import crop, square_around

pytestmark = pytest.mark.slow

Network = Callable[[], keras.Model]
NetworkAndData = tuple[keras.Model, TrainingData]
Pixels = NDArray[np.uint8]


# changed_in


@pytest.fixture
def data(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """Swaps with masks, composites with named parts, and photos without such data."""
    names = [
        f"{name}/{split}/{label}/{split}{i}.png"
        for name in ("swaps", "parts")
        for split in ("train", "val")
        for label in ("real", "fake")
        for i in range(3)
    ]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    rows = [f"{s}/fake/{s}{i}.png,{s}/real/{s}{i}.png,{s}/fake/{s}{i}.png" for s in ("train", "val") for i in range(3)]
    (root / "swaps/pairs.csv").write_text("\n".join(["fake,real,mask", *rows]) + "\n")
    columns = "file,eye_viewer_left,eye_viewer_right,nose,mouth"
    (root / "parts/regions.csv").write_text(f"{columns}\ntrain0.png,1,0,0,0\n")
    return root, cache


def example_of(data: tuple[Path, Path], path: str) -> Example:
    (found,) = (example for example in choose(*data) if example.path == path)
    return found


def test_changed_area_is_the_mask_in_the_crop(data: tuple[Path, Path]) -> None:
    example = example_of(data, "swaps/train/fake/train1.png")
    changed = changed_in(data[0], example, 1.2)
    assert example.mask and example.box and changed is not None
    expected = crop(read_mask(data[0] / example.mask), square_around(example.box, 1.2)) / 255
    np.testing.assert_allclose(changed, expected, atol=1e-6)


def test_changed_area_is_the_facial_part_named_in_the_table(data: tuple[Path, Path]) -> None:
    example = example_of(data, "parts/train/fake/train0.png")
    changed = changed_in(data[0], example, 1.2)
    assert example.regions == ("left_eye",) and example.box and changed is not None
    x, y, side = square_around(example.box, 1.2)
    nose, *_ = ((int((row - y) / side * 256), int((column - x) / side * 256)) for column, row in example.landmarks[2:])
    eyes = [changed[int((row - y) / side * 256), int((column - x) / side * 256)] for column, row in example.landmarks]
    assert max(eyes[:2]) == 1 and min(eyes[:2]) == 0, "only one eye is in the changed area"
    assert changed[nose] == 0


def test_changed_area_is_unknown_without_a_mask_or_a_named_part(data: tuple[Path, Path]) -> None:
    assert changed_in(data[0], example_of(data, "parts/train/fake/train1.png"), 1.2) is None
    assert changed_in(data[0], example_of(data, "swaps/train/real/train1.png"), 1.2) is None


# see, drawn


@pytest.mark.usefixtures("eager")
def test_training_data_are_the_features_and_verdicts_of_the_network(
    data: tuple[Path, Path], tiny_architecture: str, tiny_artifact: Path
) -> None:
    network, detector = load_keras(tiny_artifact), Detector(tiny_artifact)
    examples = [example_of(data, "swaps/train/fake/train1.png"), example_of(data, "swaps/train/real/train1.png")]
    seen = training_data(network, data[0], examples, detector.card.preprocessing)
    assert seen.features.shape == (2, 8, 8, 8) and seen.changed.shape == (2, 8, 8, 1)
    assert seen.known.tolist() == [1, 0] and not seen.changed[1].any()
    whole = changed_in(data[0], examples[0], detector.card.preprocessing.crop_margin)
    assert whole is not None and seen.changed[0].mean() == pytest.approx(whole.mean(), abs=1e-3)
    block = keras.Model(network.get_layer("attention_bn").input, network.output)
    np.testing.assert_allclose(block.predict(seen.features, verbose=0)["probabilities"], seen.verdicts, atol=1e-5)


def test_only_training_faces_are_drawn_and_they_depend_on_the_seed(data: tuple[Path, Path]) -> None:
    examples = choose(*data)
    few = draw_faces(examples, 5, seed=1)
    assert len(few) == 5 and {example.split for example in few} == {"train"}
    assert few == draw_faces(examples, 5, seed=1) != draw_faces(examples, 5, seed=2)
    assert len(draw_faces(examples, 100, seed=1)) == 12


# teach


@pytest.fixture
def marked(tiny_network: Network) -> NetworkAndData:
    """Pictures in which one feature marks the changed area."""
    keras.utils.set_random_seed(0)
    network, rng = tiny_network(), np.random.default_rng(0)
    count = 4 * CHUNK
    features = rng.uniform(0, 1, (count, 8, 8, 8)).astype(np.float32)
    changed = np.zeros((count, 8, 8, 1), np.float32)
    for row, (y, x) in enumerate(rng.integers(0, 6, (count, 2))):
        changed[row, y : y + 3, x : x + 3] = 1
    features[..., :1] -= 3 * changed
    block = keras.Model(network.get_layer("attention_bn").input, network.output)
    verdicts = block.predict(features, verbose=0)["probabilities"]
    return network, TrainingData(features, changed, np.ones(count, np.float32), verdicts)


def outcome(network: keras.Model, seen: TrainingData) -> tuple[float, float]:
    """The share of mask peaks inside the changed area, and the mean change of the probabilities."""
    found = keras.Model(network.get_layer("attention_bn").input, network.output).predict(seen.features, verbose=0)
    peaks = found["attention"].reshape(len(seen.known), -1).argmax(axis=1)
    hit = seen.changed.reshape(len(seen.known), -1)[np.arange(len(peaks)), peaks]
    return float(hit.mean()), float(np.abs(found["probabilities"] - seen.verdicts).mean())


@pytest.mark.usefixtures("without_xla")
def test_training_moves_the_peak_and_changes_only_the_mask_layers(marked: NetworkAndData) -> None:
    network, seen = marked
    before = {layer.name: layer.get_weights() for layer in network.layers}
    missed, _ = outcome(network, seen)
    train_mask(network, seen, epochs=20, learning_rate=0.02, peak_weight=0.1, verdict_weight=0.1)
    found, _ = outcome(network, seen)
    assert missed < 0.5 and found > 0.95
    changed = {
        layer.name
        for layer in network.layers
        if any((old != new).any() for old, new in zip(before[layer.name], layer.get_weights(), strict=True))
    }
    assert changed == {"attention_conv1", "attention_mask"}


@pytest.mark.usefixtures("without_xla")
def test_larger_verdict_weight_keeps_the_probabilities_closer(tiny_network: Network, marked: NetworkAndData) -> None:
    network, seen = marked
    start = [weights.copy() for weights in network.get_weights()]
    moved = []
    for weight in (0.0, 1000.0):
        network.set_weights(start)
        train_mask(network, seen, epochs=10, learning_rate=0.02, peak_weight=0.1, verdict_weight=weight)
        moved.append(outcome(network, seen)[1])
    assert moved[1] < moved[0] / 2


@pytest.mark.usefixtures("without_xla")
def test_unknown_areas_do_not_train_the_mask(marked: NetworkAndData) -> None:
    network, seen = marked
    unknown = TrainingData(seen.features, seen.changed, np.zeros_like(seen.known), seen.verdicts)
    train_mask(network, unknown, epochs=20, learning_rate=0.02, peak_weight=0.1, verdict_weight=0.1)
    assert outcome(network, seen)[0] < 0.5, "with known areas the same number of steps gives a share above .95"


# tune_attention


@pytest.mark.usefixtures("tiny_architecture", "eager")
def test_views_are_kept_and_do_not_change_the_report(
    data: tuple[Path, Path], tiny_artifact: Path, tmp_path: Path
) -> None:
    steady = shutil.copytree(tiny_artifact, tmp_path / "steady")
    write_card(steady, replace(load_artifact(steady), views=STEADY))
    tune_attention(steady, data[0], tmp_path / "tuned", epochs=1, learning_rate=0.0, faces=data[1])
    assert load_artifact(tmp_path / "tuned" / "artifact").views == STEADY
    found = json.loads((tmp_path / "tuned" / "tuned.json").read_text())
    assert found["p_fake_moved"]["largest"] < 0.01 and found["peaks_before"] == found["peaks_after"]


@pytest.mark.usefixtures("eager")
def test_run_writes_a_model_with_its_training_arguments(
    data: tuple[Path, Path], tiny_architecture: str, tiny_artifact: Path, tmp_path: Path
) -> None:
    root, cache = data
    out = tmp_path / "tuned"
    tune_attention(tiny_artifact, root, out, epochs=1, faces=cache)
    before, after = Detector(tiny_artifact), Detector(out / "artifact")
    assert after.card.temperature is None and not after.card.metrics, "old figures belong to another mask"
    arguments = after.card.training["attention_arguments"]
    assert (arguments["artifact"], arguments["data"], arguments["epochs"]) == (tiny_artifact.name, "data", 1), (
        "names, not paths"
    )
    found = json.loads((out / "tuned.json").read_text())
    assert found["arguments"] == arguments
    assert set(found) == {"peaks_before", "peaks_after", "p_fake_moved", "arguments"}
    column, calibrated = LABELS.index("Fake"), copy(after)
    calibrated.card = replace(after.card, temperature=before.card.temperature, fake_bias=before.card.fake_bias)
    judged = [example for example in choose(root, cache) if example.split == "val"]
    crops = np.stack([face_crop(root, example, before.card.preprocessing.crop_margin) for example in judged])
    moved = np.abs(calibrated.probabilities(crops) - before.probabilities(crops))[:, column]
    assert found["p_fake_moved"] == {"mean": round(moved.mean(), 4), "largest": round(moved.max(), 4)}
    assert len(judged) == 12 and moved.max() > 0


def test_model_without_a_mask_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_artifact: Path, tiny_network: Network
) -> None:
    whole = tiny_network()
    bare = keras.Model(whole.input, {"probabilities": keras.layers.Dense(2)(keras.layers.Flatten()(whole.input))})
    monkeypatch.setattr("model.paired.tune_attention.load_keras", lambda folder: bare)
    with pytest.raises(ArchitectureError, match="has no attention mask to train"):
        tune_attention(tiny_artifact, tmp_path / "nowhere", tmp_path / "run")


def test_data_without_masks_is_refused(
    make_data: Callable[..., tuple[Path, Path]],
    picture: Callable[..., Pixels],
    tiny_architecture: str,
    tiny_artifact: Path,
    tmp_path: Path,
) -> None:
    names = [f"one/{split}/{label}/{split}.png" for split in ("train", "val") for label in ("real", "fake")]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    with pytest.raises(ArchitectureError, match="no training fake whose change is known"):
        tune_attention(tiny_artifact, root, tmp_path / "run", faces=cache)


def test_run_does_not_overwrite_the_model_that_it_starts_from(
    tiny_architecture: str, tiny_artifact: Path, tmp_path: Path
) -> None:
    artifact = tmp_path / "run" / "artifact"
    shutil.copytree(tiny_artifact, artifact)
    with pytest.raises(ArchitectureError, match="choose another folder"):
        tune_attention(artifact, tmp_path / "nowhere", tmp_path / "run")
    assert (artifact / TFLITE).read_bytes() == (tiny_artifact / TFLITE).read_bytes()


@pytest.mark.usefixtures("eager", "without_litert")
def test_split_of_the_model_is_used_and_copied(
    data: tuple[Path, Path],
    tiny_architecture: str,
    tiny_artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test pictures of the model are not used for training."""
    root, cache = data
    artifact, out = tmp_path / "first", tmp_path / "tuned"
    shutil.copytree(tiny_artifact, artifact)
    train_paths = {"swaps/train/fake/train0.png", "swaps/val/real/val0.png"}
    split = [replace(e, split="train" if e.path in train_paths else "val") for e in choose(root, cache)]
    write_split(artifact, split)
    used: list[str] = []

    def look(network: keras.Model, data: Path, examples: list[Example], preprocessing: Preprocessing) -> TrainingData:
        used.extend(example.path for example in examples)
        return training_data(network, data, examples, preprocessing)

    monkeypatch.setattr("model.paired.tune_attention.training_data", look)
    monkeypatch.setattr("model.paired.tune_attention.Detector", lambda folder: folder)
    monkeypatch.setattr("model.paired.tune_attention.report", lambda *_: {})
    tune_attention(artifact, root, out, epochs=1, faces=cache)
    assert set(used) == train_paths
    assert (out / "artifact" / SPLIT).read_bytes() == (artifact / SPLIT).read_bytes()


def test_split_without_training_or_validation_pictures_is_refused(
    data: tuple[Path, Path], tiny_architecture: str, tiny_artifact: Path, tmp_path: Path
) -> None:
    root, cache = data
    artifact = tmp_path / "first"
    shutil.copytree(tiny_artifact, artifact)
    for side, missing in (("train", "val"), ("val", "train")):
        write_split(artifact, [replace(example, split=side) for example in choose(root, cache)])
        with pytest.raises(DatasetError, match=f"no {missing} pictures with a face"):
            tune_attention(artifact, root, tmp_path / "run", faces=cache)
    assert not (tmp_path / "run").exists()
