"""Tests of training: the parts on a tiny network, and one whole run of each kind on a made data folder."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import load_artifact, read_card, write_card
from model.artifact.preprocessing import LABELS, to_input
from model.data.dataset import face_crop, index
from model.data.layout import Example
from model.data.reading import read_rgb
from model.detector.detector import Detector
from model.errors import ArchitectureError, DatasetError, RunError
from model.networks.registry import ARCHITECTURES, build
from model.paired import batches as paired_batches
from model.paired import epochs as paired_epochs
from model.paired.epochs import KeepBest, averaged, clean_crops, compile_model, refresh_attention_norm
from model.paired.train import export, train
from model.training import runs
from model.training.runs import BEST, library_versions
from tests.model.conftest import TINY, register_tiny, smooth_picture, spare_xla, write_pictures

FACE_BOX, LANDMARKS = (12.0, 8.0, 40.0, 48.0), ((23.0, 28.0), (41.0, 28.0), (32.0, 38.0), (25.0, 46.0), (39.0, 46.0))
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
    return root, index(root, cache)


def test_norm_crops_are_as_many_of_each_class_and_set(
    uneven: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paired_epochs, "NORM_CROPS", 2)
    root, examples = uneven
    names = {face_crop(root, e, 1.1).tobytes(): str(Path(e.path).parent) for e in examples if e.box}
    assert len(names) == 9
    crops = clean_crops(*uneven, margin=1.1, seed=0)
    # Found by its bytes, so each is one of the pictures' own crops, undegraded, and none comes twice.
    assert len({crop.tobytes() for crop in crops}) == len(crops) == 6
    drawn = Counter(names[crop.tobytes()] for crop in crops)
    assert drawn == {"one/train/real": 2, "one/train/fake": 2, "two/train/fake": 2}


def test_norm_crops_are_all_there_are_where_there_are_few(uneven: tuple[Path, list[Example]]) -> None:
    assert len(clean_crops(*uneven, margin=1.0, seed=0)) == 9


def test_seed_decides_the_norm_crops(uneven: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_epochs, "NORM_CROPS", 1)
    first, again, *others = (clean_crops(*uneven, margin=1.0, seed=seed).tobytes() for seed in (0, 0, 1, 2, 3))
    assert first == again and any(first != other for other in others)


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
    alive = norm.get_weights()[3] > 0.01  # a channel whose features hardly vary is held down by epsilon
    assert alive.sum() >= 4
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(rows[:, alive].var(axis=0), 1, atol=0.1)


# KeepBest


class Judge:
    """Stands for a model whose validation answers are given, epoch by epoch, and counts what is saved."""

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
    """Run KeepBest over epochs of answers, one per validation set; whether each epoch was saved."""
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


def test_unseen_sources_decide_where_some_were_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_epochs, "UNSEEN", "set1")
    epochs = [[RIGHT, HALF], [WRONG, RIGHT], [RIGHT, HALF]]
    keeper, saved = judged(epochs, tmp_path, monkeypatch)
    assert saved == [True, True, False]
    assert [row["val_mean_auc"] for row in keeper.history] == [1.0, 0.0, 1.0], "the mean is of the sets trained on"


def test_set_of_one_class_has_an_accuracy_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_epochs, "refresh_attention_norm", lambda model, pixels: None)
    keeper = KeepBest({"both": (np.zeros((4, 1)), TRUTH), "reals": (np.zeros((4, 1)), ~TRUTH | TRUTH)}, None, tmp_path)
    keeper.set_model(Judge([RIGHT, WRONG]))
    row = keeper._measure()
    assert "val_reals_auc" not in row and row["val_reals_accuracy"] == 0.5 and row["val_mean_auc"] == 1.0


def test_first_epoch_is_always_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where every verdict is the wrong way round: there must be weights to export."""
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


def test_learning_rate_warms_up_and_falls(tiny_network: Network) -> None:
    model = tiny_network()
    compile_model(model, 0.01, total_steps=100, mask_weight=0.3)
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in (0, 4, 50, 104)]
    assert rates[0] == pytest.approx(0.01 / 20) and rates[1] == pytest.approx(0.01)
    assert rates[3] == pytest.approx(0.01 * 0.01, rel=0.01) and rates[3] < rates[2] < rates[1]


@pytest.mark.usefixtures("eager")
def test_mask_weighs_in_the_loss(tiny_network: Network, pixels: NDArray[np.float32]) -> None:
    losses = []
    model = tiny_network()
    targets = {"probabilities": np.tile([1.0, 0.0], (4, 1)), "attention": np.ones((4, 8, 8, 1))}
    for mask_weight in (0.0, 0.5):
        compile_model(model, 0.01, total_steps=10, mask_weight=mask_weight)
        losses.append(model.evaluate(pixels[:4], targets, verbose=0, return_dict=True)["loss"])
    mask = np.asarray(model(pixels[:4])["attention"])
    assert losses[1] - losses[0] == pytest.approx(0.5 * float(-np.log(mask).mean()), rel=1e-3)


# library_versions and export


def test_versions_name_what_decides_a_run() -> None:
    versions = library_versions()
    assert {"python", "tensorflow", "keras", "numpy"} <= set(versions)
    assert versions["numpy"] == np.__version__ and versions["keras"] == keras.__version__


def test_export_ships_the_best_weights_of_the_run(
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


# train

SMALL_BATCH = {"twins": 2, "singles": 1, "self_blended": 1}  # every kind of picture; the usual 52 take seconds to make


def write_data(folder: Path) -> tuple[Path, Path]:
    """A set with twins and one without; in validation, fake and real are the same, so that every AUC is .5."""
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
    given = {"architecture": TINY, "epochs": 1, "steps": 2, "faces": cache, **SMALL_BATCH}
    with pytest.MonkeyPatch.context() as patched:
        register_tiny(patched)
        spare_xla(patched)
        train(root, folder / "run", **given)
    return folder / "run", given


def assert_complete_run(out: Path, steps: int, crops: Pixels, grid: tuple[int, int]) -> None:
    """Everything that a run promises to leave behind, and a model that judges."""
    arguments = json.loads((out / "arguments.json").read_text())
    assert arguments["steps"] == steps and arguments["versions"] == library_versions()
    assert (arguments["data"], arguments["out"]) == ("data", out.name), "names, not the trainer's paths"
    with (out / "history.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["val_twins_auc"]) == float(row["val_singles_auc"]) == float(row["val_mean_auc"]) == 0.5
    assert np.isfinite(float(row["loss"]))
    detector = Detector(out / "artifact")
    given = detector.card.training["arguments"]
    assert {name: arguments[name] for name in given} == given
    probabilities = detector.probabilities(crops)
    assert np.isfinite(probabilities).all() and np.ptp(probabilities) > 0
    assert not detector.predict(crops[0]).calibrated
    assert detector.predict(crops[0]).attention.shape == grid


def test_network_without_a_mask_is_refused_before_pictures_are_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="cnn has no attention mask to train; choose lite_attention or"):
        train(tmp_path / "nowhere", tmp_path / "run", architecture="cnn")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_tiny_run_leaves_a_model_that_judges(
    tiny_run: tuple[Path, dict[str, Any]], picture: Callable[..., Pixels]
) -> None:
    assert_complete_run(tiny_run[0], 2, np.stack([picture(seed) for seed in range(3)]), (8, 8))


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "without_litert")
def test_sources_left_out_are_measured_and_never_trained_on(
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
@pytest.mark.usefixtures("eager")
def test_run_goes_on_from_a_model_folder(
    data: tuple[Path, Path], tiny_architecture: str, tiny_artifact: Path, tmp_path: Path
) -> None:
    """Its attention norm is scale and shift alone, so that it must stay frozen, and no statistics are measured."""
    root, cache = data
    first, second = shutil.copytree(tiny_artifact, tmp_path / "first"), tmp_path / "second"
    write_card(first, replace(read_card(first), temperature=None))
    given = {"architecture": tiny_architecture, "epochs": 1, "steps": 1, "faces": cache, **SMALL_BATCH}
    train(root, second, model=first, learning_rate=1e-9, **given)
    crops = np.stack([read_rgb(path) for path in sorted((root / "twins").glob("train/*/*.png"))])
    both = [Detector(folder).probabilities(crops) for folder in (first, second / "artifact")]
    np.testing.assert_allclose(*both, atol=2e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "without_litert")
def test_run_goes_on_from_the_weights_that_it_is_given(
    data: tuple[Path, Path], tiny_architecture: str, tiny_run: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    root, cache = data
    (first, given), second = tiny_run, tmp_path / "second"
    train(root, second, weights=first / BEST, learning_rate=1e-9, seed=5, **{**given, "faces": cache})
    before, after, other = build(tiny_architecture), build(tiny_architecture), build(tiny_architecture)
    before.load_weights(first / BEST)
    after.load_weights(second / BEST)
    kernel = "features"
    np.testing.assert_allclose(*(net.get_layer(kernel).get_weights()[0] for net in (before, after)), atol=1e-6)
    apart = before.get_layer(kernel).get_weights()[0] - other.get_layer(kernel).get_weights()[0]
    assert np.abs(apart).max() > 1e-3, "another start would be elsewhere"


# averaged


def test_average_is_lent_and_given_back(tiny_network: Network) -> None:
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


# A run that was stopped


class Killed(Exception):
    """Stands for the end of the process."""


def kill_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    write = runs.write_state

    def write_and_die(folder: Path, done: int, variables: list[keras.Variable]) -> None:
        write(folder, done, variables)
        if done == epochs:
            raise Killed

    monkeypatch.setattr(runs, "write_state", write_and_die)


def assert_same_run(one: Path, other: Path) -> None:
    """Bitwise: the history, the best weights, and all that training changed, the optimizer's average included."""
    assert runs.read_rows(one) == runs.read_rows(other)
    with np.load(one / runs.STATE) as ours, np.load(other / runs.STATE) as theirs:
        assert ours.files == theirs.files
        for name in ours.files:
            np.testing.assert_array_equal(ours[name], theirs[name])
    first, second = build("tiny"), build("tiny")
    first.load_weights(one / BEST)
    second.load_weights(other / BEST)
    for mine, its in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "without_litert")
def test_stopped_run_goes_on_as_if_it_had_not_been(
    data: tuple[Path, Path], tiny_architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = data
    given = {"architecture": tiny_architecture, "epochs": 3, "steps": 2, "faces": cache, **SMALL_BATCH}
    whole, parts = tmp_path / "a" / "run", tmp_path / "b" / "run"
    train(root, whole, **given)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_after(1, patched)
        train(root, parts, **given)
    assert len(runs.read_rows(parts)) == 1 and not (parts / "artifact").exists()
    train(root, parts, **given)
    assert len(runs.read_rows(parts)) == 3
    assert_same_run(whole, parts)
    assert load_artifact(parts / "artifact").training == load_artifact(whole / "artifact").training
    assert (parts / runs.CURVES).stat().st_size > 1000


@pytest.mark.slow
def test_finished_run_and_its_calibration_are_left_alone(
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
def test_other_arguments_are_refused_before_pictures_are_looked_at(
    changed: dict[str, Any], tiny_architecture: str, tmp_path: Path
) -> None:
    """More epochs, too: they would stretch the schedule of the learning rate."""
    given = {"architecture": tiny_architecture, "epochs": 3, "learning_rate": 0.01}
    runs.write_arguments(tmp_path / "run", given)
    with pytest.raises(RunError, match=rf"another .*\b{next(iter(changed))}\b"):
        train(tmp_path / "nowhere", tmp_path / "run", **{**given, **changed})


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_lite_attention_trains_from_a_random_start(
    data: tuple[Path, Path], tmp_path: Path, picture: Callable[..., Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert_complete_run(out, 2, np.stack([picture(seed) for seed in range(3)]), (12, 12))
    keras.utils.set_random_seed(0)
    first, best = build("lite_attention"), build("lite_attention")
    best.load_weights(out / BEST)
    for name, learns in (("stage1_block1_dw_conv", False), ("stage6_block4_project_conv", True), ("dense", True)):
        before, after = (model.get_layer(name).get_weights()[0] for model in (first, best))
        assert (before != after).any() == learns, name
