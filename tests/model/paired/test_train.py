"""Tests of whole paired trainings: one run of each kind on a generated data folder, and resumed runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.artifact.card import load_artifact, read_card, write_card
from model.data.layout import Example
from model.data.reading import read_rgb
from model.detector.detector import Detector
from model.errors import ArchitectureError, DatasetError, RunError
from model.networks.registry import build
from model.paired import batches as paired_batches
from model.paired import epochs as paired_epochs
from model.paired.train import train
from model.training import runs
from model.training.runs import BEST, library_versions
from tests.model.conftest import TINY, register_tiny, smooth_picture, spare_charts, spare_traces, write_pictures

FACE_BOX, LANDMARKS = (12.0, 8.0, 40.0, 48.0), ((23.0, 28.0), (41.0, 28.0), (32.0, 38.0), (25.0, 46.0), (39.0, 46.0))
Pixels = NDArray[np.uint8]


# train
SMALL_BATCH = {"twins": 2, "singles": 1, "self_blended": 1}  # every kind of picture; the default 52 take seconds


def write_data(folder: Path) -> tuple[Path, Path]:
    """A set with twins and one without; the real and fake validation pictures are equal, so that every AUC is .5."""
    names = [
        f"{name}/train/{label}/{i}.png" for name in ("twins", "singles") for label in ("real", "fake") for i in "01"
    ]
    pictures = {name: smooth_picture(seed) for seed, name in enumerate(names)}
    for name in ("twins", "singles"):
        pictures |= {f"{name}/val/{label}/v.png": smooth_picture(99) for label in ("real", "fake")}
    root, cache = write_pictures(folder, pictures)
    rows = "fake,real,mask\nfake/0.png,real/0.png,fake/0.png\nfake/1.png,real/1.png,fake/1.png\n"
    (root / "twins/train/pairs.csv").write_text(rows)
    return root, cache


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Path]:
    """Pictures that a test may change, and the file with their faces."""
    return write_data(tmp_path)


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of a finished run of the tiny network, and the arguments of the run; copy it before changing it."""
    folder = tmp_path_factory.mktemp("tiny")
    root, cache = write_data(folder)
    given = {"architecture": TINY, "epochs": 2, "steps": 2, "faces": cache, **SMALL_BATCH}
    with pytest.MonkeyPatch.context() as patched:
        register_tiny(patched)
        spare_traces(patched)
        spare_charts(patched)
        train(root, folder / "run", **given)
    return folder / "run", given


def assert_complete_run(out: Path, steps: int, crops: Pixels, grid: tuple[int, int]) -> None:
    """Check all files of a run, and that its model can judge pictures."""
    arguments = json.loads((out / "arguments.json").read_text())
    assert arguments["steps"] == steps and arguments["versions"] == library_versions()
    assert (arguments["data"], arguments["out"]) == ("data", out.name), "names, not the trainer's paths"
    rows = runs.read_rows(out)
    assert len(rows) == arguments["epochs"]
    for row in rows:
        assert row["val_twins_auc"] == row["val_singles_auc"] == row["val_mean_auc"] == 0.5
        assert np.isfinite(row["loss"])
    detector = Detector(out / "artifact")
    given = detector.card.training["arguments"]
    assert {name: arguments[name] for name in given} == given
    probabilities = detector.probabilities(crops)
    assert np.isfinite(probabilities).all() and np.ptp(probabilities) > 0
    assert not detector.predict(crops[0]).calibrated
    assert detector.predict(crops[0]).attention.shape == grid


def test_network_without_a_mask_is_refused_before_pictures_are_read(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="cnn has no attention mask to train; choose lite_attention or"):
        train(tmp_path / "nowhere", tmp_path / "run", architecture="cnn")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_tiny_run_writes_a_working_model(tiny_run: tuple[Path, dict[str, Any]], picture: Callable[..., Pixels]) -> None:
    assert_complete_run(tiny_run[0], 2, np.stack([picture(seed) for seed in range(3)]), (8, 8))


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "without_litert", "without_charts")
def test_left_out_sources_are_measured_and_not_used_for_training(
    data: tuple[Path, Path],
    tiny_architecture: str,
    tmp_path: Path,
    picture: Callable[..., Pixels],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, cache = data
    known = json.loads(cache.read_text())
    for name in ("reals/train/real/r.png", "fakes/val/fake/f.png"):
        (root / name).parent.mkdir(parents=True)
        assert cv2.imwrite(str(root / name), picture(5))
        known[str(root.resolve())][name] = [FACE_BOX, LANDMARKS]
    cache.write_text(json.dumps(known))
    seen: list[set[str]] = []

    class Spy(paired_batches.Batches):
        def __init__(self, root: Path, examples: list[Example], *rest: Any) -> None:
            seen.append({example.dataset for example in examples})
            super().__init__(root, examples, *rest)

    monkeypatch.setattr(paired_batches, "Batches", Spy)
    out = tmp_path / "run"
    given = {"architecture": tiny_architecture, "epochs": 1, "steps": 1, "faces": cache, **SMALL_BATCH}
    train(root, out, leave_out=["reals", "fakes"], **given)
    assert seen == [{"twins", "singles"}]
    assert runs.read_rows(out)[0]["val_unseen_auc"] == 0.5, "the two unseen pictures are the same"
    assert read_card(out / "artifact").training["arguments"]["leave_out"] == ["reals", "fakes"]
    with pytest.raises(DatasetError, match="no data set elsewhere to leave out"):
        train(root, tmp_path / "other", architecture=tiny_architecture, faces=cache, leave_out=["elsewhere"])


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "without_charts")
def test_run_can_start_from_a_model_folder(
    data: tuple[Path, Path], tiny_architecture: str, tiny_artifact: Path, tmp_path: Path
) -> None:
    """Its attention norm is only scale and shift, so it must stay frozen, and no statistics are measured."""
    root, cache = data
    first, second = shutil.copytree(tiny_artifact, tmp_path / "first"), tmp_path / "second"
    write_card(first, replace(read_card(first), temperature=None))
    given = {"architecture": tiny_architecture, "epochs": 1, "steps": 1, "faces": cache, **SMALL_BATCH}
    train(root, second, model=first, learning_rate=1e-9, **given)
    crops = np.stack([read_rgb(path) for path in sorted((root / "twins").glob("train/*/*.png"))])
    both = [Detector(folder).probabilities(crops) for folder in (first, second / "artifact")]
    np.testing.assert_allclose(*both, atol=2e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "without_litert", "without_charts")
def test_run_can_start_from_a_weights_file(
    data: tuple[Path, Path], tiny_architecture: str, tiny_run: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    root, cache = data
    (first, given), second = tiny_run, tmp_path / "second"
    train(root, second, weights=first / BEST, learning_rate=1e-9, seed=5, **{**given, "epochs": 1, "faces": cache})
    before, after, random = build(tiny_architecture), build(tiny_architecture), build(tiny_architecture)
    before.load_weights(first / BEST)
    after.load_weights(second / BEST)
    kernel = "features"
    np.testing.assert_allclose(*(net.get_layer(kernel).get_weights()[0] for net in (before, after)), atol=1e-6)
    apart = before.get_layer(kernel).get_weights()[0] - random.get_layer(kernel).get_weights()[0]
    assert np.abs(apart).max() > 1e-3, "random weights must differ from the given ones"


# A run that was stopped


class Killed(Exception):
    """Simulates the end of the process."""


def kill_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    write = runs.write_state

    def write_and_die(folder: Path, done: int, variables: list[keras.Variable]) -> None:
        write(folder, done, variables)
        if done == epochs:
            raise Killed

    monkeypatch.setattr(runs, "write_state", write_and_die)


def assert_same_run(first: Path, second: Path) -> None:
    """Compare bitwise: the history, the best weights, and the whole training state, with the optimizer's average."""
    assert runs.read_rows(first) == runs.read_rows(second)
    with np.load(first / runs.STATE) as ours, np.load(second / runs.STATE) as theirs:
        assert ours.files == theirs.files
        for name in ours.files:
            np.testing.assert_array_equal(ours[name], theirs[name])
    network, twin = build("tiny"), build("tiny")
    network.load_weights(first / BEST)
    twin.load_weights(second / BEST)
    for weight, twin_weights in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, twin_weights)


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "without_litert")
def test_resumed_run_gives_the_same_result_as_an_uninterrupted_one(
    data: tuple[Path, Path],
    tiny_architecture: str,
    tiny_run: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, cache = data
    whole, given = tiny_run
    given, parts = {**given, "faces": cache}, tmp_path / "run"
    drawn: list[tuple[Figure, Path]] = []
    monkeypatch.setattr("model.paired.train.save", lambda *chart: drawn.append(chart))
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_after(1, patched)
        train(root, parts, **given)
    assert len(runs.read_rows(parts)) == 1 and not (parts / "artifact").exists() and not drawn
    train(root, parts, **given)
    assert len(runs.read_rows(parts)) == 2
    assert_same_run(whole, parts)
    assert load_artifact(parts / "artifact").training == load_artifact(whole / "artifact").training
    ((figure, path),) = drawn
    assert path == parts / runs.CURVES and len(figure.axes[0].lines[0].get_xdata()) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("without_charts")
def test_finished_run_and_its_calibration_are_not_changed(
    data: tuple[Path, Path], tiny_architecture: str, tiny_run: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    root, cache = data
    finished, given = tiny_run
    out = shutil.copytree(finished, tmp_path / "run")
    write_card(out / "artifact", replace(read_card(out / "artifact"), temperature=1.5))
    before = (out / runs.HISTORY).read_text()
    train(root, out, **{**given, "faces": cache})
    assert (out / runs.HISTORY).read_text() == before
    assert load_artifact(out / "artifact").temperature == 1.5


@pytest.mark.parametrize("changed", [{"learning_rate": 0.1}, {"epochs": 9}])
def test_changed_arguments_are_refused_before_pictures_are_read(
    changed: dict[str, Any], tiny_architecture: str, tmp_path: Path
) -> None:
    """Also more epochs, which would change the schedule of the learning rate."""
    given = {"architecture": tiny_architecture, "epochs": 3, "learning_rate": 0.01}
    runs.write_arguments(tmp_path / "run", given)
    with pytest.raises(RunError, match=rf"another .*\b{next(iter(changed))}\b"):
        train(tmp_path / "nowhere", tmp_path / "run", **{**given, **changed})


@pytest.mark.slow
@pytest.mark.usefixtures("shallow", "eager", "without_charts")
def test_backbone_trains_from_random_weights(
    data: tuple[Path, Path], tmp_path: Path, picture: Callable[..., Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the body of ``lite_attention``: it is trained with batch norms and shipped without."""
    root, cache = data
    out = tmp_path / "run"
    refreshed: list[int] = []
    refresh = paired_epochs.refresh_attention_norm

    def count(model: keras.Model, norm_pixels: NDArray[np.float32]) -> None:
        refreshed.append(len(norm_pixels))
        refresh(model, norm_pixels)

    monkeypatch.setattr(paired_epochs, "refresh_attention_norm", count)
    train(root, out, epochs=1, steps=2, seed=0, faces=cache, **SMALL_BATCH)
    assert refreshed == [8], "once an epoch, on the clean training pictures"
    assert_complete_run(out, 2, np.stack([picture(seed) for seed in range(3)]), (4, 4))
    keras.utils.set_random_seed(0)
    network = build("lite_attention")
    initial = {layer.name: layer.get_weights() for layer in network.layers}
    network.load_weights(out / BEST)
    learning = ("stage3_block2_project_conv", True), ("probabilities", True)
    for name, learns in (("stage1_block1_dw_conv", False), ("stage2_block2_project_conv", False), *learning):
        assert (initial[name][0] != network.get_layer(name).get_weights()[0]).any() == learns, name
