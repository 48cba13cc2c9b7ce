"""Tests of compression: the measurements of each variant, the choice of the best one, and the command."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import ONNX, ONNX_NETWORK, TFLITE, Card, digest, load_artifact, write_card
from model.artifact.interface import Interface
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.views import STEADY
from model.data.dataset import gather
from model.detector.detector import Detector
from model.detector.engine import Engine
from model.errors import ArtifactError, DatasetError, RunError
from model.evaluation.bootstrap import Estimate, bootstrap
from model.evaluation.measuring import judge, scorable_members
from model.legacy.apart import convert
from model.networks.export import load_keras, save_artifact
from model.photos.corruptions import CLEAN
from model.studies.compress import (
    VARIANTS,
    Variant,
    calibration_inputs,
    compress,
    measure_variants,
    notes,
    prune,
    write_variants,
)
from model.studies.compress_report import Measured, faults, verdict, winner

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]
pytestmark = pytest.mark.usefixtures("tiny_architecture")
LEGACY_FILES = Path(__file__).parents[2] / "data" / "legacy" / "keras2_softmax"


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples: intervals are tested elsewhere."""
    monkeypatch.setattr("model.studies.compress.bootstrap", partial(bootstrap, rounds=20))


@pytest.fixture
def data(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """Two sets with training, validation and test pictures, one of them without a face, and a test set of reals."""
    counts = {"train": 6, "val": 2, "test": 4}
    names = [
        f"{name}/{split}/{label}/{i}.png"
        for name in ("a", "b")
        for split, count in counts.items()
        for label in ("real", "fake")
        for i in range(count)
    ]
    names += [f"reals/test/real/{i}.png" for i in range(3)]
    return make_data({name: picture(seed) for seed, name in enumerate(names)}, without_face=["a/test/fake/0.png"])


# Calibration pictures


def test_calibration_uses_training_pictures_of_every_set_and_class(
    data: tuple[Path, Path], tiny_artifact: Path
) -> None:
    root, cache = data
    examples = gather(root, cache, 0)
    chosen = calibration_inputs(root, examples, tiny_artifact, 8, 0)
    assert chosen.shape == (8, 16, 16, 3) and chosen.dtype == np.float32
    assert -1 <= chosen.min() < chosen.max() <= 1
    again, different = (calibration_inputs(root, examples, tiny_artifact, 8, seed) for seed in (0, 1))
    np.testing.assert_array_equal(chosen, again)
    assert not np.array_equal(chosen, different)
    training = [example for example in examples if example.split == "train"]
    np.testing.assert_array_equal(chosen, calibration_inputs(root, training, tiny_artifact, 8, 0))


def test_calibration_uses_validation_pictures_if_none_are_for_training_but_never_test(
    data: tuple[Path, Path], tiny_artifact: Path
) -> None:
    root, cache = data
    examples = gather(root, cache, 0)
    rest = [example for example in examples if example.split != "train"]
    assert len(calibration_inputs(root, rest, tiny_artifact, 100, 0)) == 8
    with pytest.raises(DatasetError, match="no val pictures"):
        calibration_inputs(root, [e for e in examples if e.split == "test"], tiny_artifact, 8, 0)


# Measuring


@pytest.mark.slow
def test_variants_are_compared_with_the_original_on_each_picture(
    data: tuple[Path, Path], tiny_artifact: Path, tiny_card: Card, tmp_path: Path
) -> None:
    root, cache = data
    network = load_keras(tiny_artifact)
    prune(network, 0.6)
    save_artifact(network, tmp_path / "pruned", tiny_card)
    sets = scorable_members(gather(root, cache, 0), "test", whole=False)
    folders = {"original": tiny_artifact, "pruned": tmp_path / "pruned"}
    original, pruned = measure_variants(folders, root, sets, 1)
    assert (original.largest_difference, original.mean_difference, original.changed) == (0, 0, 0)
    before, after = (
        np.concatenate([judge(Detector(folder), root, examples)[CLEAN] for examples in sets.values()])
        for folder in folders.values()
    )
    assert pruned.largest_difference == pytest.approx(np.abs(after - before).max()) and pruned.largest_difference > 0.01
    assert pruned.mean_difference == pytest.approx(np.abs(after - before).mean())
    assert pruned.changed == np.mean((before >= 0.5) != (after >= 0.5))
    assert set(pruned.accuracy) == {"a", "b", "reals"} and set(pruned.auc) == {"a", "b"}
    assert pruned.file_size == (tmp_path / "pruned" / TFLITE).stat().st_size > pruned.compressed_size


# The verdict


def made(name: str, size: int, auc: float = 0.9, accuracy: float = 0.8, **others: float) -> Measured:
    fields = {"pictures_per_second": 100.0, "milliseconds": 5.0, "largest_difference": 0.1, "changed": 0.0} | others
    return Measured(
        name=name,
        file_size=size,
        compressed_size=size,
        mean_difference=0.0,
        auc={"faces": Estimate(auc, auc, auc)},
        accuracy={"faces": Estimate(accuracy, accuracy, accuracy)},
        **fields,
    )


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (made("x", 5, auc=0.894), "loses 0.006 AUC on faces"),
        (made("x", 5, accuracy=0.78), "loses 0.020 accuracy on faces"),
        (made("x", 5, changed=0.02), "changes 2.0% of the verdicts"),
        (made("x", 5, pictures_per_second=80.0), "runs at 0.80 times the original's speed"),
        (made("x", 5, milliseconds=10.0), "runs at 0.50 times the original's speed"),
        (made("x", 5, auc=0.896, accuracy=0.791, changed=0.009, milliseconds=5.4), None),
        (made("x", 5, auc=0.95, accuracy=0.9, pictures_per_second=300.0), None),
    ],
)
def test_each_loss_beyond_its_limit_is_named(variant: Measured, words: str | None) -> None:
    assert faults(variant, made("original", 10)) == ([words] if words else [])


def test_smallest_variant_without_faults_wins() -> None:
    measured = [made("original", 10_000_000), made("half", 5_000_000), made("worse", 2_000_000, auc=0.8)]
    assert winner(measured).name == "half"
    sentence = verdict(measured)
    assert "half wins: 5.00 MB instead of the original's 10.00 MB." in sentence
    assert sentence.endswith("outside the limits: worse (2.00 MB) loses 0.100 AUC on faces.")


def test_original_is_kept_if_no_variant_is_smaller_and_as_good() -> None:
    same = made("float16", 4_999_996, largest_difference=0.0, milliseconds=9.0)
    measured = [made("original", 5_000_000), made("float32", 9_000_000, largest_difference=0.0), same]
    assert winner(measured).name == "original"
    assert "beats the original, stored as float16: 5.00 MB." in verdict(measured)
    assert "Smaller" not in verdict(measured)


# The command


@pytest.mark.slow
def test_command_measures_every_variant_and_continues(
    data: tuple[Path, Path],
    tiny_artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, cache = data
    out = tmp_path / "run"
    variants = tuple(variant for variant in VARIANTS if variant.name in ("float16", "int8", "pruned_50"))
    monkeypatch.setattr("model.studies.compress.VARIANTS", variants)
    compress(tiny_artifact, root, out, calibration=8, rounds=1, faces=cache)
    names = ["original", "float16", "int8", "pruned_50"]
    rows = json.loads((out / "table.json").read_text())
    assert [row["variant"] for row in rows] == names
    with (out / "table.csv").open() as file:
        assert [row["variant"] for row in csv.DictReader(file)] == names
    assert all(f"| {name} |" in (out / "table.md").read_text() for name in names)
    assert (out / "size_auc.png").stat().st_size > 10_000
    text, report = capsys.readouterr().out.strip().rsplit("\n", 1)
    assert text in (out / "table.md").read_text() and report == f"Report: {out / 'table.md'}"
    assert {"a_auc", "a_auc_low", "a_auc_high", "b_accuracy", "reals_accuracy"} <= set(rows[0])
    assert "reals_auc" not in rows[0]
    for variant in variants:
        assert replace(load_artifact(out / variant.name), sha256={}) == replace(load_artifact(tiny_artifact), sha256={})
    assert "Measured on test pictures. Speed" in (out / "table.md").read_text()

    monkeypatch.setattr("model.studies.compress.load_keras", lambda folder: pytest.fail("the variant was made again"))
    compress(tiny_artifact, root, out, calibration=8, rounds=2, faces=cache)
    with pytest.raises(RunError, match="another calibration"):
        compress(tiny_artifact, root, out, calibration=4, rounds=2, faces=cache)
    for changed in ({"remove_leaks": True}, {"group_pattern": "(.)"}):
        with pytest.raises(RunError, match=f"another {next(iter(changed))}"):
            compress(tiny_artifact, root, out, calibration=8, rounds=2, faces=cache, **changed)


@pytest.mark.slow
def test_variants_have_the_split_but_not_the_figures_of_the_original(
    tiny_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: NDArray[np.float32]
) -> None:
    monkeypatch.setattr("model.studies.compress.VARIANTS", (Variant("float16", "float16"),))
    original = shutil.copytree(tiny_artifact, tmp_path / "net")
    write_card(original, replace(load_artifact(original), metrics={"test": {"one": {}}}))
    (original / "split.csv").write_text("path,split\na.jpg,test\n")
    folder = write_variants(original, tmp_path / "out", inputs)["float16"]
    assert load_artifact(folder).metrics == {}
    assert (folder / "split.csv").read_text() == (original / "split.csv").read_text()
    write_card(original, replace(load_artifact(original), views=STEADY, temperature=2.5))
    again = load_artifact(write_variants(original, tmp_path / "out", inputs)["float16"])
    assert (again.views, again.temperature) == (STEADY, 2.5), "a variant has the calibration of the original"


@pytest.mark.slow
def test_imported_network_can_be_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = (Variant("float16", "float16"), Variant("pruned_50", "float16", 0.5))
    monkeypatch.setattr("model.studies.compress.VARIANTS", chosen)
    convert(LEGACY_FILES / "best_model_effatt.h5", LEGACY_FILES / "label_transform.pkl", tmp_path / "net")
    size = load_artifact(tmp_path / "net").preprocessing.input_size
    pixels = np.random.default_rng(0).uniform(0, 255, (4, size, size, 3)).astype(np.float32)
    folders = write_variants(tmp_path / "net", tmp_path / "out", pixels)
    half, original = (Engine(folders[name] / TFLITE)(pixels)["probabilities"] for name in ("float16", "original"))
    np.testing.assert_allclose(half, original, atol=0.01)
    assert load_keras(folders["pruned_50"]).count_params() == load_keras(folders["original"]).count_params()


@pytest.mark.parametrize(
    ("calibrated_on", "measured_on", "words"),
    [
        ("train", "test", "8 training pictures, the same number of each set and class; int8"),
        ("val", "val", "8 validation pictures, the same number of each set and class, which are also measured; int8"),
        ("train", "val", "Measured on validation pictures, to which the model was fitted"),
    ],
)
def test_notes_say_which_pictures_were_used(calibrated_on: str, measured_on: str, words: str) -> None:
    assert words in notes(8, calibrated_on, measured_on, 1, is_imported=False)
    assert "already rounded" not in notes(8, calibrated_on, measured_on, 1, is_imported=True)


def test_wrong_split_is_refused_before_pictures_are_read(tiny_artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no split 'tset'; choose train, val, test"):
        compress(tiny_artifact, tmp_path / "nowhere", tmp_path / "out", split="tset")


def test_onnx_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / ONNX).write_bytes(b"network")
    card = Card(ONNX_NETWORK, Preprocessing(16), LABELS, onnx=Interface("NCHW", "out", "logits", ("Fake", "Real")))
    write_card(tmp_path, replace(card, sha256={ONNX: digest(tmp_path / ONNX)}))
    with pytest.raises(ArtifactError, match="ONNX network"):
        compress(tmp_path, tmp_path / "nowhere", tmp_path / "out")


def test_names_of_variants_are_unique() -> None:
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)
    assert Variant("pruned_50", "float16", 0.5) in VARIANTS
