"""Tests of the parts of a paired training, on a tiny network."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import load_artifact
from model.artifact.preprocessing import LABELS, to_input
from model.data.dataset import choose, face_crop
from model.data.layout import Example
from model.detector.detector import Detector
from model.networks.registry import ARCHITECTURES
from model.paired import epochs as paired_epochs
from model.paired.epochs import KeepBest, averaged, clean_crops, compile_model, refresh_attention_norm
from model.paired.train import export
from model.training import runs
from model.training.runs import BEST, library_versions

Pixels = NDArray[np.uint8]
Network = Callable[[], keras.Model]
FAKE = LABELS.index("Fake")


# clean_crops


@pytest.fixture
def uneven(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels]) -> tuple[Path, list[Example]]:
    """Five reals and two fakes in one set, three fakes in another, of which one has no face."""
    names = [
        *(f"one/train/real/{number}.png" for number in range(5)),
        *(f"one/train/fake/{number}.png" for number in range(2)),
        *(f"two/train/fake/{number}.png" for number in range(3)),
    ]
    faceless = "two/train/fake/1.png"
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)}, without_face=[faceless])
    return root, choose(root, cache)


def test_number_of_norm_crops_is_equal_for_each_class_and_set(
    uneven: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paired_epochs, "NORM_CROPS", 2)
    root, examples = uneven
    names = {face_crop(root, e, 1.1).tobytes(): str(Path(e.path).parent) for e in examples if e.box}
    assert len(names) == 9
    crops = clean_crops(*uneven, margin=1.1, seed=0)
    # Crops are compared by their bytes: each is the unchanged crop of a picture, and no crop occurs twice.
    assert len({crop.tobytes() for crop in crops}) == len(crops) == 6
    drawn = Counter(names[crop.tobytes()] for crop in crops)
    assert drawn == {"one/train/real": 2, "one/train/fake": 2, "two/train/fake": 2}


def test_all_crops_are_used_for_the_norm_if_there_are_few(uneven: tuple[Path, list[Example]]) -> None:
    assert len(clean_crops(*uneven, margin=1.0, seed=0)) == 9


def test_norm_crops_depend_on_the_seed(uneven: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_epochs, "NORM_CROPS", 1)
    first, again, *different = (clean_crops(*uneven, margin=1.0, seed=seed).tobytes() for seed in (0, 0, 1, 2, 3))
    assert first == again and any(first != crops for crops in different)


# refresh_attention_norm


@pytest.fixture
def pixels() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (70, 16, 16, 3)).astype(np.float32)


@pytest.mark.usefixtures("eager")
def test_refreshed_statistics_are_those_of_the_features(tiny_network: Network, pixels: NDArray[np.float32]) -> None:
    model = tiny_network()
    norm = model.get_layer("attention_bn")
    rng = np.random.default_rng(1)
    gamma, beta, *wrong = (rng.uniform(1, 2, 8).astype(np.float32) for _ in range(4))
    norm.set_weights([gamma, beta, *wrong])
    refresh_attention_norm(model, pixels)
    features = np.asarray(model.get_layer("features")(pixels)).reshape(-1, 8)
    new_gamma, new_beta, mean, variance = norm.get_weights()
    np.testing.assert_allclose(mean, features.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(variance, features.var(axis=0), atol=1e-5)
    np.testing.assert_array_equal(new_gamma, gamma)
    np.testing.assert_array_equal(new_beta, beta)


@pytest.mark.usefixtures("eager")
def test_refreshed_norm_gives_each_channel_mean_0_and_variance_1(
    tiny_network: Network, pixels: NDArray[np.float32]
) -> None:
    model = tiny_network()
    model.get_layer("attention_bn").set_weights([np.ones(8), np.zeros(8), np.full(8, 3.0), np.full(8, 9.0)])
    refresh_attention_norm(model, pixels)
    norm = model.get_layer("attention_bn")
    rows = np.asarray(keras.Model(model.input, norm.output)(pixels)).reshape(-1, 8)
    varied = norm.get_weights()[3] > 0.01  # epsilon reduces the variance of a channel with almost constant features
    assert varied.sum() >= 4
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(rows[:, varied].var(axis=0), 1, atol=0.1)


# KeepBest


class Judge:
    """A model with given validation outputs for each epoch; records its saved files."""

    def __init__(self, answers: list[NDArray[np.float64]]) -> None:
        self.answers = iter(answers)
        self.saved: list[Path] = []
        self.variables: list[keras.Variable] = []
        self.optimizer = self

    def predict(self, *_: Any, **__: Any) -> dict[str, NDArray[np.float64]]:
        fake = next(self.answers)
        columns = [1 - fake, 1 - fake]
        columns[FAKE] = fake
        return {"probabilities": np.stack(columns, axis=1)}

    def save_weights(self, path: Path) -> None:
        self.saved.append(path)


RIGHT, HALF, WRONG = np.array([0.9, 0.8, 0.1, 0.2]), np.array([0.5, 0.5, 0.5, 0.5]), np.array([0.1, 0.2, 0.9, 0.8])
TRUTH = np.array([True, True, False, False])


def judged(
    epochs: list[list[NDArray[np.float64]]], out: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[KeepBest, list[bool]]:
    """Run KeepBest over epochs of outputs, one per validation set; returns whether each epoch was saved."""
    monkeypatch.setattr(paired_epochs, "refresh_attention_norm", lambda model, pixels: None)
    monkeypatch.setattr(paired_epochs, "averaged", nullcontext)
    monkeypatch.setattr(runs, "write_state", lambda *_: None)
    sets = {f"set{number}": (np.zeros((4, 1)), TRUTH) for number in range(len(epochs[0]))}
    keeper = KeepBest(sets, np.zeros((1, 1)), out)
    judge = Judge([answer for answers in epochs for answer in answers])
    keeper.set_model(judge)
    saved = []
    for epoch in range(len(epochs)):
        before = len(judge.saved)
        keeper.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)})
        saved.append(len(judge.saved) > before)
    assert all(path == out / BEST for path in judge.saved)
    return keeper, saved


def test_weights_are_saved_when_the_mean_auc_rises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = [[HALF, HALF], [RIGHT, HALF], [RIGHT, WRONG], [RIGHT, HALF], [RIGHT, RIGHT]]
    keeper, saved = judged(epochs, tmp_path, monkeypatch)
    assert saved == [True, True, False, False, True]
    assert [row["val_mean_auc"] for row in keeper.history] == [0.5, 0.75, 0.5, 0.75, 1.0]


def test_unseen_sources_choose_the_best_epoch_if_some_were_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paired_epochs, "UNSEEN", "set1")
    epochs = [[RIGHT, HALF], [WRONG, RIGHT], [RIGHT, HALF]]
    keeper, saved = judged(epochs, tmp_path, monkeypatch)
    assert saved == [True, True, False]
    assert [row["val_mean_auc"] for row in keeper.history] == [1.0, 0.0, 1.0], "the mean is over the training sets"


def test_set_of_one_class_has_only_an_accuracy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_epochs, "refresh_attention_norm", lambda model, pixels: None)
    keeper = KeepBest({"both": (np.zeros((4, 1)), TRUTH), "reals": (np.zeros((4, 1)), ~TRUTH | TRUTH)}, None, tmp_path)
    keeper.set_model(Judge([RIGHT, WRONG]))
    row = keeper._measure()
    assert "val_reals_auc" not in row and row["val_reals_accuracy"] == 0.5 and row["val_mean_auc"] == 1.0


def test_first_epoch_is_always_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if every verdict is wrong, because there must be weights to export."""
    assert judged([[WRONG]], tmp_path, monkeypatch)[1] == [True]


def test_history_holds_each_epoch_and_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged([[WRONG, HALF], [RIGHT, HALF]], tmp_path, monkeypatch)
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert [float(row["loss"]) for row in rows] == [1.0, 0.5]
    assert [float(row["val_set0_auc"]) for row in rows] == [0, 1]
    assert [float(row["val_set0_accuracy"]) for row in rows] == [0, 1]
    assert [float(row["val_set1_auc"]) for row in rows] == [0.5, 0.5]


# compile_model


def test_learning_rate_warms_up_and_decays(tiny_network: Network) -> None:
    model = tiny_network()
    compile_model(model, 0.01, total_steps=100, mask_weight=0.3)
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in (0, 4, 50, 104)]
    assert rates[0] == pytest.approx(0.01 / 20) and rates[1] == pytest.approx(0.01)
    assert rates[3] == pytest.approx(0.01 * 0.01, rel=0.01) and rates[3] < rates[2] < rates[1]


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_loss_includes_the_weighted_mask_loss(tiny_network: Network, pixels: NDArray[np.float32]) -> None:
    losses = []
    model = tiny_network()
    targets = {"probabilities": np.tile([1.0, 0.0], (4, 1)), "attention": np.ones((4, 8, 8, 1))}
    for mask_weight in (0.0, 0.5):
        compile_model(model, 0.01, total_steps=10, mask_weight=mask_weight)
        losses.append(model.evaluate(pixels[:4], targets, verbose=0, return_dict=True)["loss"])
    mask = np.asarray(model(pixels[:4])["attention"])
    assert losses[1] - losses[0] == pytest.approx(0.5 * float(-np.log(mask).mean()), rel=1e-3)


# library_versions and export


def test_versions_of_the_important_libraries_are_recorded() -> None:
    versions = library_versions()
    assert {"python", "tensorflow", "keras", "numpy"} <= set(versions)
    assert versions["numpy"] == np.__version__ and versions["keras"] == keras.__version__


@pytest.mark.slow
def test_export_writes_the_best_weights_of_the_run(
    tiny_architecture: str, tiny_network: Network, tmp_path: Path, picture: Callable[..., Pixels]
) -> None:
    keras.utils.set_random_seed(3)
    best = tiny_network()
    best.save_weights(tmp_path / BEST)
    card = export(tiny_architecture, tmp_path, {"epochs": 1}, ["dfdc", "mine"], 3)
    folder = tmp_path / "artifact"
    assert load_artifact(folder) == card
    assert card.architecture == tiny_architecture and card.labels == LABELS
    assert card.preprocessing == ARCHITECTURES[tiny_architecture].preprocessing
    assert card.temperature is None and card.metrics == {}
    assert list(card.training["data"]) == ["dfdc", "mine"] and "research" in card.training["data"]["dfdc"]
    assert card.training["arguments"] == {"epochs": 1} and "non-commercial" in card.licence
    crops = np.stack([picture(seed, 32) for seed in range(4)])
    expected = np.asarray(best(to_input(crops, card.preprocessing))["probabilities"])
    np.testing.assert_allclose(Detector(folder).probabilities(crops), expected, atol=2e-3)


# averaged


def test_averaged_weights_are_used_only_inside_the_block(tiny_network: Network) -> None:
    model = tiny_network()
    compile_model(model, 0.01, total_steps=10, mask_weight=0.3)
    model.optimizer.build(model.trainable_variables)
    own = model.get_weights()
    for average in model.optimizer._model_variables_moving_average:
        average.assign(np.full(average.shape, 0.25))
    with averaged(model):
        assert all((np.asarray(variable) == 0.25).all() for variable in model.trainable_variables)
    for before, after in zip(own, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
