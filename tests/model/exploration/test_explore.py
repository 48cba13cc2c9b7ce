"""Tests of the exploration from its command line to its page, on folders of tiny pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.errors import DatasetError
from model.exploration import files, plots, shortcuts, statistics
from model.exploration.explore import explore
from model.exploration.plots import bin_edges, thumbnail

Pixels = NDArray[np.uint8]
COUNT = 24  # pictures of each class


def write_classes(root: Path, picture: Callable[..., Pixels], fake_quality: int, split: str = "") -> Path:
    """A folder of both classes that differ only in the JPEG quality, which may be equal too."""
    for label, first, quality in (("Real", 0, 75), ("Fake", 1000, fake_quality)):
        folder = root / split / label
        folder.mkdir(parents=True)
        for number in range(COUNT):
            grain = np.random.default_rng(first + number).normal(0, 6, (48, 48, 3))
            pixels = np.clip(picture(first + number, 48) + grain, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{first + number}.jpg", quality=quality)
    return root


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    """Fewer trees and resamples, on which the AUC hardly depends."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shortcuts, "TREES", 20)
        patched.setattr(shortcuts, "ROUNDS", 50)
        yield


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips the charts and the page, which take most of the time, in tests of the tables."""
    monkeypatch.setattr(files, "write_report", lambda *_: None)


def save_nothing(_: object, path: Path) -> Path:
    """Replaces the drawing of a chart; ``planted`` has one chart of each kind."""
    Image.new("RGB", (8, 8)).save(path)
    return path


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """A folder with every fault, and the folder with the results of its exploration.

    Fakes have another JPEG quality; a training picture is also in test, recompressed and labelled fake; one
    file is broken.
    """
    root = write_classes(tmp_path_factory.mktemp("planted") / "faces", picture, 95, "train")
    (root / "test" / "Fake").mkdir(parents=True)
    with Image.open(root / "train" / "Real" / "3.jpg") as original:
        original.save(root / "test" / "Fake" / "again.jpg", quality=80)
    (root / "train" / "Real" / "broken.jpg").write_text("no picture")
    out = root.parent / "report"
    explore(root, out)
    return root, out


@pytest.fixture(scope="module")
def page(planted: tuple[Path, Path]) -> str:
    """The HTML page without plotly's own code."""
    text = (planted[1] / "report.html").read_text("utf-8")
    return re.sub(r"<script>/\*\*\n\* plotly\.js.*?</script>", "", text, count=1, flags=re.DOTALL)


@pytest.mark.slow
def test_planted_jpeg_quality_gives_a_warning(planted: tuple[Path, Path], page: str) -> None:
    found = pandas.read_csv(planted[1] / "shortcuts.csv").set_index("feature")
    assert found.loc["jpeg_quality", "warning"] and found.loc["jpeg_quality", "auc"] > 0.9
    assert found.loc["bytes_per_pixel", "warning"]
    assert not found.loc["brightness", "warning"] and not found.loc["width", "warning"]
    assert "framing" not in found.index, "no faces were searched"
    assert "<strong>WARNING</strong> faces: the JPEG quality alone separates Real from Fake" in page


@pytest.mark.slow
def test_planted_leak_and_label_are_found(planted: tuple[Path, Path], page: str) -> None:
    found = pandas.read_csv(planted[1] / "duplicates.csv")
    assert found["path"].tolist() == ["test/Fake/again.jpg", "train/Real/3.jpg"]
    assert found["split"].tolist() == ["test", "train"] and found["label"].tolist() == ["Fake", "Real"]
    assert not found["exact"].any()
    assert "<strong>LEAK:</strong> 1 group with pictures in train and test" in page
    assert "<strong>LABELS:</strong> 1 group" in page
    assert "train/Real/3.jpg</figcaption>" in page


@pytest.mark.slow
def test_every_documented_file_is_written(planted: tuple[Path, Path]) -> None:
    names = {path.name for path in planted[1].iterdir()}
    assert names == {
        *("arguments.json", "report.html", "classes.png", "faces_pixels.png", "faces_files.png"),
        *("faces_shortcuts.png", "faces_samples_real.png", "faces_samples_fake.png"),
        *("measurements.csv", "classes.csv", "statistics.csv", "shortcuts.csv", "duplicates.csv", "unreadable.txt"),
    }
    assert (planted[1] / "unreadable.txt").read_text() == "train/Real/broken.jpg\n"
    for path in planted[1].glob("*.png"):
        with Image.open(path) as drawn:
            assert drawn.width > 700 and np.asarray(drawn.convert("L")).std() > 5, f"{path.name} is blank"
    arguments = json.loads((planted[1] / "arguments.json").read_text())
    assert arguments["seed"] == 0 and arguments["data"] == "faces" and "numpy" in arguments["versions"]
    counts = pandas.read_csv(planted[1] / "classes.csv")
    assert counts[["split", "label", "pictures"]].to_numpy().tolist() == [
        *(["test", "Fake", 1], ["train", "Fake", COUNT], ["train", "Real", COUNT])
    ]
    means = pandas.read_csv(planted[1] / "statistics.csv").set_index("label")
    assert means.loc["Real", "jpeg_quality_mean"] == 75


@pytest.mark.slow
def test_page_needs_no_network(planted: tuple[Path, Path], page: str) -> None:
    whole = (planted[1] / "report.html").read_text("utf-8")
    assert whole.count("* plotly.js v") == 1, "the library is embedded, and once"
    assert not re.search(r"""(?:src|href)=(?!["']?data:)""", page)
    assert "@import" not in page and "url(" not in page
    assert page.count("Plotly.newPlot") == 5
    assert page.count("data:image/jpeg;base64,") == 4, "two sample sheets and two duplicates"


@pytest.mark.slow
@pytest.mark.usefixtures("without_report")
def test_unreadable_file_is_named_and_left_out(
    planted: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    explore(planted[0], tmp_path / "out", limit=30)
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 50 pictures can't be read and are left out: train/Real/broken.jpg; "
        f"{tmp_path / 'out' / 'unreadable.txt'} lists them all"
    ]


@pytest.mark.slow
def test_similar_classes_give_no_warning(
    tmp_path: Path,
    picture: Callable[..., Pixels],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plots, "save", save_nothing)
    root = write_classes(tmp_path / "faces", picture, 75)
    explore(root, tmp_path / "out")
    printed = capsys.readouterr().out
    assert "faces: no trivial feature separates the classes" in printed
    assert "No picture shows the same as another" in printed
    assert "WARNING" not in printed and "WARNING" not in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("without_report")
def test_second_run_uses_the_stored_measurements(planted: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    before = (planted[1] / "shortcuts.csv").read_text()
    monkeypatch.setattr(statistics, "measure", lambda path: None)
    explore(planted[0], planted[1])
    assert (planted[1] / "shortcuts.csv").read_text() == before


@pytest.mark.slow
@pytest.mark.usefixtures("without_report")
def test_framing_is_measured_if_faces_are_known(
    make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels], tmp_path: Path
) -> None:
    names = [f"set/test/{label}/{number}.png" for label in ("real", "fake") for number in range(20)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    faces = json.loads(cache.read_text())
    known = faces[str(root.resolve())]
    for name in names[:20]:
        known[name][0][2:] = [20.0, 24.0]
    cache.write_text(json.dumps(faces))
    explore(root, tmp_path / "out", faces=cache)
    found = pandas.read_csv(tmp_path / "out" / "shortcuts.csv").set_index("feature")
    assert found.loc["framing", "auc"] == 1 and found.loc["framing", "higher_in"] == "Fake"
    assert (found.loc["framing", "median_fake"], found.loc["framing", "median_real"]) == (0.75, 0.375)


@pytest.mark.slow
def test_page_is_written_for_a_single_class(tmp_path: Path, picture: Callable[..., Pixels]) -> None:
    (tmp_path / "data" / "real").mkdir(parents=True)
    for number in range(3):
        Image.fromarray(picture(number)).save(tmp_path / "data" / "real" / f"{number}.png")
    explore(tmp_path / "data", tmp_path / "out")
    assert (tmp_path / "out" / "report.html").exists()
    assert not (tmp_path / "out" / "data_shortcuts.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("names", [["real/a.png"], ["real/a.png", "real/b.png", "fake/c.png"]])
def test_one_picture_and_its_copies_get_a_page(
    tmp_path: Path, picture: Callable[..., Pixels], names: list[str]
) -> None:
    for name in names:
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(0)).save(tmp_path / "data" / name)
    explore(tmp_path / "data", tmp_path / "out")
    assert (tmp_path / "out" / "report.html").exists() and (tmp_path / "out" / "data_files.png").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("without_report")
def test_limit_applies_to_each_class_and_split(planted: tuple[Path, Path], tmp_path: Path) -> None:
    explore(planted[0], tmp_path / "out", limit=2, sets=["faces"])
    counts = pandas.read_csv(tmp_path / "out" / "classes.csv")
    assert counts["pictures"].tolist() == [1, 2, 2]
    with pytest.raises(DatasetError, match="no data set other, only faces"):
        explore(planted[0], tmp_path / "out", sets=["other"])


@pytest.mark.slow
def test_output_folder_inside_the_data_folder_is_refused(planted: tuple[Path, Path]) -> None:
    with pytest.raises(DatasetError, match="lies in the data folder"):
        explore(planted[0], planted[0] / "report")
    assert not (planted[0] / "report").exists()


@pytest.mark.slow
def test_folder_of_another_command_is_refused(planted: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "arguments.json").write_text('{"epochs": 3}')
    with pytest.raises(DatasetError, match="holds what another command wrote"):
        explore(planted[0], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["arguments.json"]


# explore_plots


@pytest.mark.parametrize(("height", "width"), [(40, 20), (20, 40), (7, 7), (300, 200)])
def test_thumbnails_show_the_whole_picture(height: int, width: int) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    square = thumbnail(pixels, 32)
    assert square.shape == (32, 32, 3)
    inside = (square == 0).all(axis=2)
    assert inside.any(axis=1).sum() == round(32 * height / max(height, width))
    assert inside.any(axis=0).sum() == round(32 * width / max(height, width))


def test_each_bar_of_integers_holds_one_number() -> None:
    edges = bin_edges(np.array([70.0, 71, 75, 95] * 50))
    np.testing.assert_array_equal(np.histogram([70, 71, 75, 95], edges)[0].nonzero()[0], [0, 1, 5, 25])
    assert set(np.diff(edges)) == {1}


def test_outliers_do_not_stretch_the_bars() -> None:
    values = np.append(np.random.default_rng(0).normal(0, 1, 2000), 1e6)
    edges = bin_edges(values)
    assert edges[-1] < 5 and len(edges) == 41


def test_equal_values_get_a_bar() -> None:
    assert np.histogram(np.full(5, 0.25), bin_edges(np.full(5, 0.25)))[0].sum() == 5
