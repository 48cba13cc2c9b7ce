"""Tests of model folders: saving, loading, and refusal of wrong files in one sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from model.artifact.card import CARD, TFLITE, WEIGHTS, Card, load_artifact, named_after, read_card, write_card
from model.detector.engine import Engine
from model.networks.export import load_keras, save_artifact
from tests.model.artifact.edited import edit, refusal

# Saving and loading


@pytest.mark.parametrize(
    ("folder", "name"), [("runs/cnn/artifact", "cnn"), ("runs/cnn", "cnn"), ("runs/cnn/artifact/../artifact", "cnn")]
)
def test_model_is_named_after_its_run_and_never_artifact(folder: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "runs" / "cnn" / "artifact").mkdir(parents=True)
    assert named_after(tmp_path / folder).name == name


def test_model_without_a_run_keeps_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert named_after(Path("/artifact")).name == "artifact"
    monkeypatch.chdir(tmp_path)
    assert named_after(Path(".")).name == tmp_path.name


@pytest.mark.slow
def test_folder_holds_network_weights_and_card(tiny_artifact: Path) -> None:
    assert sorted(path.name for path in tiny_artifact.iterdir()) == sorted((CARD, TFLITE, WEIGHTS))
    card = load_artifact(tiny_artifact)
    assert set(card.sha256) == {TFLITE, WEIGHTS}
    for name, digest in card.sha256.items():
        assert digest == hashlib.sha256((tiny_artifact / name).read_bytes()).hexdigest()


def test_saved_card_equals_the_given_card(tiny_artifact: Path, tiny_card: Card) -> None:
    card = load_artifact(tiny_artifact)
    assert replace(card, sha256={}) == tiny_card


@pytest.mark.slow
def test_saving_returns_the_card_and_replaces_the_old_files(
    folder: Path, tiny_network: Callable[[], keras.Model], tiny_card: Card
) -> None:
    before = load_artifact(folder)
    keras.utils.set_random_seed(5)
    card = save_artifact(tiny_network(), folder, tiny_card)
    assert card == load_artifact(folder)
    assert all(card.sha256[name] != before.sha256[name] for name in (TFLITE, WEIGHTS))


def test_every_field_is_the_same_after_writing_and_reading(tmp_path: Path, tiny_card: Card) -> None:
    card = replace(
        tiny_card,
        preprocessing=replace(tiny_card.preprocessing, color_order="BGR", value_scale=1 / 3, crop_margin=1.3),
        labels=("Real", "Fake"),
        temperature=None,
        fake_bias=-0.125,
        inconclusive_band=(0.25, 0.75),
        licence="für Forschung",
        sha256={"a": "b"},
        versions={"keras": "3"},
        training={"data": {"dfdc": "research"}, "steps": 3},
        metrics={"test": {"dfdc": {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}}}},
    )
    write_card(tmp_path, card)
    assert read_card(tmp_path) == card
    assert "für Forschung" in (tmp_path / CARD).read_text(encoding="utf-8")


@pytest.mark.usefixtures("tiny_architecture")
def test_both_files_hold_the_same_network(tiny_artifact: Path) -> None:
    network, engine = load_keras(tiny_artifact), Engine(tiny_artifact / TFLITE)
    pixels = np.random.default_rng(0).uniform(-1, 1, (5, 16, 16, 3)).astype(np.float32)
    lite = engine(pixels)
    assert set(lite) == {"probabilities", "attention"}
    for name, values in network(pixels).items():
        np.testing.assert_allclose(lite[name], np.asarray(values), atol=1e-3)
    assert lite["probabilities"].std() > 0.01


@pytest.mark.slow
def test_weights_are_rounded_to_half_precision_in_both_files(
    tiny_network: Callable[[], keras.Model], tiny_card: Card, tmp_path: Path
) -> None:
    network = tiny_network()
    network.get_layer("features").set_weights([np.full((3, 3, 3, 8), 1 / 3), np.full(8, 1e-3)])
    save_artifact(network, tmp_path / "net", tiny_card)
    for weight in network.get_weights():
        np.testing.assert_array_equal(weight, weight.astype(np.float16))
    twin = tiny_network()
    twin.load_weights(tmp_path / "net" / WEIGHTS)
    for ours, theirs in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Refusals: files


@pytest.mark.parametrize("name", [TFLITE, WEIGHTS])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"net has no {name}" in refusal(folder)


@pytest.mark.parametrize("name", [TFLITE, WEIGHTS])
def test_changed_file_is_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert f"net/{name} is not the file that its card describes" in refusal(folder)


def test_card_without_digests_is_refused(folder: Path) -> None:
    edit(folder, sha256={})
    assert "SHA-256 differs" in refusal(folder)


def test_missing_card_is_named(folder: Path) -> None:
    (folder / CARD).unlink()
    assert "net is no model folder: it has no card.json" in refusal(folder)


def test_missing_folder_and_a_file_instead_of_one_are_refused(folder: Path) -> None:
    assert "elsewhere is no model folder" in refusal(folder.parent / "elsewhere")
    assert "is no model folder" in refusal(folder / TFLITE)


@pytest.mark.parametrize("content", [b"", b"{", b"no card", b"\xff\xfe{}"])
def test_card_that_is_not_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / CARD).write_bytes(content)
    assert "net/card.json is not JSON" in refusal(folder)


@pytest.mark.parametrize("content", ["[]", "3", "null", '"card"', "{}"])
def test_json_that_is_not_a_card_is_refused(folder: Path, content: str) -> None:
    (folder / CARD).write_text(content)
    assert "missing, unknown or wrong field" in refusal(folder)


def test_files_are_checked_before_keras_builds_the_network(folder: Path) -> None:
    """The architecture of this card is not registered, so building would fail otherwise."""
    (folder / WEIGHTS).write_bytes(b"changed")
    assert "is not the file" in refusal(folder, load_keras)
