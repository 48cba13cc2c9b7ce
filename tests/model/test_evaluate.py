"""Tests of evaluation: every figure is recomputed here from what the detector says of each picture."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model import evaluate as module
from model.artifact import CARD, load_artifact
from model.dataset import DatasetError, Example, face_crop, index
from model.detector import Detector
from model.evaluate import attention_peaks, evaluate, measure, p_fake_of
from model.metrics import MEASURES, accuracy, auc

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


@dataclass
class Stub:
    """A detector whose P(Fake) is the brightness of the crop and whose attention peaks at one cell."""

    labels: tuple[str, str] = ("Fake", "Real")
    peak: tuple[int, int] = (0, 0)
    batches: list[int] = field(default_factory=list)

    @property
    def card(self) -> Any:
        return SimpleNamespace(labels=self.labels, preprocessing=SimpleNamespace(crop_margin=1.0))

    def probabilities(self, crops: Pixels) -> NDArray[np.float64]:
        self.batches.append(len(crops))
        fake = crops.mean(axis=(1, 2, 3)) / 255
        columns = {"Fake": fake, "Real": 1 - fake}
        return np.stack([columns[label] for label in self.labels], axis=1)

    def verdict(self, p_fake: float) -> str:
        return "Inconclusive" if 0.4 < p_fake < 0.6 else "Fake" if p_fake > 0.5 else "Real"

    def predict(self, crop: Pixels) -> Any:
        attention = np.zeros((4, 4), np.float32)
        attention[self.peak] = 1
        return SimpleNamespace(probabilities={"Fake": float(crop.mean() / 255)}, attention=attention)


def grey(*levels: int) -> Pixels:
    """One flat crop per level."""
    return np.stack([np.full((8, 8, 3), level, np.uint8) for level in levels])


# p_fake_of and measure


@pytest.mark.parametrize("labels", [("Fake", "Real"), ("Real", "Fake")])
def test_p_fake_is_read_from_its_column_in_small_batches(
    monkeypatch: pytest.MonkeyPatch, labels: tuple[str, str]
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    stub = Stub(labels)
    np.testing.assert_allclose(p_fake_of(stub, grey(0, 51, 102, 204, 255)), [0, 0.2, 0.4, 0.8, 1])
    assert stub.batches == [2, 2, 1]


def test_measures_come_with_counts_and_intervals() -> None:
    crops = grey(10, 60, 140, 200, 120, 180, 230, 250)
    is_fake = np.array([False] * 4 + [True] * 4)
    figures = measure(Stub(), crops, is_fake)
    assert set(figures) == {"real", "fake", "inconclusive_share", *MEASURES}
    assert (figures["real"], figures["fake"]) == (4, 4)
    p_fake = crops[:, 0, 0, 0] / 255
    for name, function in MEASURES.items():
        assert figures[name]["value"] == pytest.approx(function(p_fake, is_fake), abs=1e-4)
        assert figures[name]["low"] <= figures[name]["high"]
    assert figures["inconclusive_share"] == 2 / 8, "140 and 120 lie between .4 and .6"
    assert figures["false_accusation_rate"]["value"] == 0.5 and figures["miss_rate"]["value"] == 0.25


def test_set_of_one_class_leaves_out_what_it_cannot_say() -> None:
    figures = measure(Stub(), grey(10, 200, 30), np.zeros(3, bool))
    assert not {"auc", "miss_rate", "expected_calibration_error"} & set(figures)
    assert figures["fake"] == 0 and figures["false_accusation_rate"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert json.loads(json.dumps(figures)) == figures


# attention_peaks


@pytest.fixture
def fakes(make_data: MakeData) -> tuple[Path, list[Example]]:
    """Two bright fakes, changed in the upper left of the face and in its middle, and a dark one nobody detects."""
    bright, dark = np.full((64, 64, 3), 200, np.uint8), np.full((64, 64, 3), 20, np.uint8)
    names = {"a.png": bright, "b.png": bright, "c.png": dark, "nomask.png": bright}
    root, cache = make_data({f"set/fake/{name}": pixels for name, pixels in names.items()})
    (root / "mask").mkdir()
    corner, middle = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    corner[8:24, 8:24], middle[28:36, 28:36] = 255, 255
    for name, mask in {"a.png": corner, "b.png": middle, "c.png": corner}.items():
        assert cv2.imwrite(str(root / "mask" / name), mask)
    examples = [
        replace(example, mask=None if "nomask" in example.path else f"mask/{Path(example.path).name}")
        for example in index(root, cache)
    ]
    return root, examples


@pytest.mark.parametrize(("peak", "share"), [((0, 0), 0.5), ((3, 3), 0.0)])
def test_peak_inside_the_change_is_counted(
    fakes: tuple[Path, list[Example]], peak: tuple[int, int], share: float
) -> None:
    assert attention_peaks(Stub(peak=peak), *fakes) == {"attention": share, "centre": 0.5, "fakes": 2}


def test_rows_and_columns_are_not_confused(fakes: tuple[Path, list[Example]]) -> None:
    root, examples = fakes
    lower_left = np.zeros((64, 64), np.uint8)
    lower_left[44:56, 8:20] = 255
    assert cv2.imwrite(str(root / "mask" / "a.png"), lower_left)
    example = [example for example in examples if example.path.endswith("a.png")]
    assert attention_peaks(Stub(peak=(3, 0)), root, example)["attention"] == 1
    assert attention_peaks(Stub(peak=(0, 3)), root, example)["attention"] == 0


def test_without_detected_fakes_there_is_no_share(fakes: tuple[Path, list[Example]]) -> None:
    root, examples = fakes
    dark = [example for example in examples if example.path.endswith("c.png")]
    assert attention_peaks(Stub(), root, dark) == {"fakes": 0}


# the command


@pytest.fixture
def folder(tiny_artifact: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_artifact, tmp_path / "net")


@pytest.fixture
def data(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """A set of both classes with a mask and a missing face, a set of reals, and a validation picture."""
    names = [
        *(f"mixed/test/real/{i}.png" for i in range(4)),
        *(f"mixed/test/fake/{i}.png" for i in range(4, 8)),
        "mixed/test/fake/faceless.png",
        "mixed/val/fake/8.png",
        *(f"reals/test/real/{i}.png" for i in range(9, 12)),
    ]
    root, cache = make_data(
        {name: picture(seed) for seed, name in enumerate(names)}, without_face=["mixed/test/fake/faceless.png"]
    )
    (root / "mixed/test/mask").mkdir()
    assert cv2.imwrite(str(root / "mixed/test/mask/4.png"), np.full((64, 64), 255, np.uint8))
    (root / "mixed/test/pairs.csv").write_text("fake,real,mask\nfake/4.png,real/0.png,mask/4.png\n")
    return root, cache


def test_command_writes_every_measure_of_every_set(
    folder: Path, data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, cache = data
    before = (folder / CARD).read_text()
    out = tmp_path / "new" / "figures.json"
    evaluate(folder, root, out=out, faces=cache)
    figures = json.loads(out.read_text())
    assert list(figures) == ["mixed", "reals"]
    mixed, reals = figures["mixed"], figures["reals"]
    assert (mixed["real"], mixed["fake"], mixed["without_face"]) == (4, 4, 1)
    assert (reals["real"], reals["fake"], reals["without_face"]) == (3, 0, 0)
    for name in MEASURES:
        assert set(mixed[name]) == {"value", "low", "high"}
        assert all(0 <= value <= 1 for value in mixed[name].values())
    assert mixed["attention_peak_inside"]["fakes"] in (0, 1) and "attention_peak_inside" not in reals

    detector = Detector(folder)
    examples = [e for e in index(root, cache) if e.dataset == "mixed" and e.split == "test" and e.box]
    p_fake = np.array([detector.predict(face_crop(root, e)).probabilities["Fake"] for e in examples])
    is_fake = np.array([e.label == "Fake" for e in examples])
    assert mixed["auc"]["value"] == pytest.approx(auc(p_fake, is_fake), abs=1e-4)
    assert mixed["accuracy"]["value"] == pytest.approx(accuracy(p_fake, is_fake), abs=1e-4)

    assert (folder / CARD).read_text() == before, "the card changes only when asked to"
    printed = capsys.readouterr().out
    assert "mixed: 4 real, 4 fake, 1 without a face" in printed and "false accusation rate" in printed


def test_figures_enter_the_card_beside_those_of_other_splits(
    folder: Path, data: tuple[Path, Path], tmp_path: Path
) -> None:
    root, cache = data
    before = load_artifact(folder)
    out = tmp_path / "figures.json"
    evaluate(folder, root, write=True, out=out, faces=cache)
    test_figures = json.loads(out.read_text())
    evaluate(folder, root, split="val", write=True, out=out, faces=cache)
    after = load_artifact(folder)
    assert after.metrics == {"test": test_figures, "val": json.loads(out.read_text())}
    assert replace(after, metrics={}) == replace(before, metrics={})
    assert list(after.metrics["val"]) == ["mixed"]


def test_split_without_faces_is_refused(tiny_artifact: Path, make_data: Callable[..., tuple], tmp_path: Path) -> None:
    name = "one/test/real/a.png"
    root, cache = make_data({name: np.full((64, 64, 3), 127, np.uint8)}, without_face=[name])
    with pytest.raises(DatasetError, match="no test pictures with a face"):
        evaluate(tiny_artifact, root, out=tmp_path / "figures.json", faces=cache)
    assert not (tmp_path / "figures.json").exists()
