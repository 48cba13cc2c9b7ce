"""Tests of the measurements of picture files, and of the table that stores them."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.data.duplicates import Fingerprint
from model.data.layout import pictures
from model.errors import DatasetError
from model.exploration import statistics
from model.exploration.statistics import BINS, fingerprints, mean_histograms, measure, measure_all

Pixels = NDArray[np.uint8]


def noise(seed: int = 0, height: int = 32, width: int = 40) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def write(path: Path, pixels: Pixels, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)  # type: ignore[arg-type]
    return path


def two_halves() -> Pixels:
    """A black and a white half, with a plain grey frame of 2 pixels."""
    pixels = np.zeros((50, 50, 3), np.uint8)
    pixels[:, 25:] = 255
    pixels[:2] = pixels[-2:] = pixels[:, :2] = pixels[:, -2:] = 127
    return pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        write(tmp_path / "data" / "Real" / f"{number}.png", noise(number))
        write(tmp_path / "data" / "Fake" / f"{number}.jpg", noise(number + 3), quality=60)
    return tmp_path / "data"


# measure


@pytest.mark.parametrize("quality", [10, 50, 75, 92, 100])
def test_jpeg_quality_is_computed_from_the_quantisation_table(tmp_path: Path, quality: int) -> None:
    found = measure(write(tmp_path / "a.jpg", noise(), quality=quality))
    assert found is not None and found.jpeg_quality == quality and found.format == "JPEG"


def test_nonstandard_quantisation_table_gets_the_nearest_quality(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(noise()).save(file, "JPEG", quality=80)
    with Image.open(file) as picture:
        tables = {number: list(table) for number, table in picture.quantization.items()}  # type: ignore[attr-defined]
    tables[0][5] += 1
    found = measure(write(tmp_path / "a.jpg", noise(), qtables=tables))
    own = measure(write(tmp_path / "b.jpg", noise(), quality=80))
    assert found is not None and own is not None
    assert found.jpeg_quality == own.jpeg_quality == 80
    assert found.quantisation != own.quantisation


@pytest.mark.parametrize(("subsampling", "chroma"), [(0, 1), (1, 0.5), (2, 0.25)])
def test_chroma_sampling(tmp_path: Path, subsampling: int, chroma: float) -> None:
    found = measure(write(tmp_path / "a.jpg", noise(), subsampling=subsampling))
    assert found is not None and found.chroma == chroma


def test_png_has_no_jpeg_quality_even_under_another_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", noise())
    found = measure(path.rename(tmp_path / "a.jpg"))
    assert found is not None
    assert found.format == "PNG" and math.isnan(found.jpeg_quality) and found.quantisation == "" and found.chroma == 1


def test_size_and_brightness(tmp_path: Path) -> None:
    pixels = np.zeros((20, 50, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = 200, 100
    path = write(tmp_path / "a.png", pixels)
    found = measure(path)
    assert found is not None
    assert (found.width, found.height, found.file_bytes) == (50, 20, path.stat().st_size)
    assert found.bytes_per_pixel == round(path.stat().st_size / 1000, 5)
    assert (found.red, found.green, found.blue) == (200, 100, 0)
    assert found.brightness == pytest.approx(0.299 * 200 + 0.587 * 100, abs=1)
    assert (found.contrast, found.red_contrast, found.sharpness, found.border_contrast) == (0, 0, 0, 0)


def test_contrast_sharpness_and_border(tmp_path: Path) -> None:
    framed, bare = measure(write(tmp_path / "a.png", two_halves())), measure(write(tmp_path / "b.png", noise()))
    assert framed is not None and bare is not None
    assert framed.border_contrast == 0 and framed.contrast > 100
    assert bare.border_contrast > 30
    assert bare.sharpness > framed.sharpness > 0


def test_histogram_counts_each_channel(tmp_path: Path) -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels[..., 0] = 255
    pixels[:5, :, 1] = 8
    found = measure(write(tmp_path / "a.png", pixels))
    assert found is not None
    counts = np.array(found.histogram.split(), int).reshape(3, BINS)
    assert counts[0, -1] == 10_000 and counts[2, 0] == 10_000
    assert (counts[1, 0], counts[1, 1]) == (5000, 5000)
    assert counts.sum() == 30_000


def test_unreadable_picture_has_no_measurement(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", noise())
    path.write_bytes(path.read_bytes()[:300])
    assert measure(path) is None


# measure_all


def test_each_picture_is_measured_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, examples = tmp_path / "m.csv", pictures(folder)
    first = measure_all(folder, examples, table)
    assert list(first.index) == [example.path for example in examples]

    def fail(path: Path) -> None:
        raise AssertionError(f"{path} is measured again")

    monkeypatch.setattr(statistics, "measure", fail)
    again = measure_all(folder, examples[::-1], table)
    assert list(again.index) == [example.path for example in examples[::-1]]
    assert again.loc[first.index].equals(first)


def test_interrupted_run_is_continued(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, examples = tmp_path / "m.csv", pictures(folder)
    whole = measure_all(folder, examples, table)
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:4]) + lines[4][:60])
    measured: list[str] = []
    original = statistics.measure
    monkeypatch.setattr(statistics, "measure", lambda path: measured.append(path.name) or original(path))
    assert measure_all(folder, examples, table).equals(whole)
    assert sorted(measured) == sorted(Path(example.path).name for example in examples[3:])


def test_changed_file_is_measured_again(folder: Path, tmp_path: Path) -> None:
    table, examples = tmp_path / "m.csv", pictures(folder)
    before = measure_all(folder, examples, table)
    path = write(folder / "Real" / "1.png", noise(9, 16, 16))
    os.utime(path, ns=(1, 1))
    after = measure_all(folder, examples, table)
    assert (before.loc["Real/1.png", "width"], after.loc["Real/1.png", "width"]) == (40, 16)
    assert len(after) == len(examples)
    histogram = mean_histograms(table, after.loc[["Real/1.png"]], {"Real/1.png": "only"})["only"]
    newest = measure(path)
    assert newest is not None
    np.testing.assert_allclose(histogram.ravel() * 10_000, np.array(newest.histogram.split(), float))


def test_unreadable_pictures_have_no_row(folder: Path, tmp_path: Path) -> None:
    (folder / "Real" / "broken.png").write_text("no picture")
    rows = measure_all(folder, pictures(folder), tmp_path / "m.csv")
    assert len(rows) == 6 and "Real/broken.png" not in rows.index


def test_pictures_that_became_unreadable_have_no_row(folder: Path, tmp_path: Path) -> None:
    table, examples = tmp_path / "m.csv", pictures(folder)
    measure_all(folder, examples, table)
    (folder / "Real" / "1.png").write_text("no picture")
    assert "Real/1.png" not in measure_all(folder, examples, table).index


def test_table_with_other_columns_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,something\na.png,1\n")
    with pytest.raises(DatasetError, match="holds other measurements: delete it"):
        measure_all(folder, pictures(folder), tmp_path / "m.csv")


def test_fingerprints_are_the_same_after_writing_and_reading(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if a digest looks like a number, as one in some thousands does."""
    number = Fingerprint("1" * 32, "0" * 63 + "1")
    monkeypatch.setattr(statistics, "fingerprint", lambda _: number)
    measure_all(folder, pictures(folder), tmp_path / "m.csv")
    rows = measure_all(folder, pictures(folder), tmp_path / "m.csv")
    assert set(fingerprints(rows).values()) == {number}


# mean_histograms


def test_histograms_are_averaged_by_group(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "ROWS_AT_ONCE", 2)
    table, examples = tmp_path / "m.csv", pictures(folder)
    rows = measure_all(folder, examples, table)
    means = mean_histograms(table, rows, {example.path: example.label for example in examples})
    assert set(means) == {"Fake", "Real"}
    expected = np.mean([np.histogram(noise(seed)[..., 2], BINS, (0, 256))[0] / 1280 for seed in range(3)], axis=0)
    np.testing.assert_allclose(means["Real"][2], expected, atol=1e-4)
    for mean in means.values():
        np.testing.assert_allclose(mean.sum(axis=1), 1, atol=0.01)


def test_histograms_ignore_pictures_without_a_row(folder: Path, tmp_path: Path) -> None:
    examples = pictures(folder)
    rows = measure_all(folder, examples, tmp_path / "m.csv")
    assert mean_histograms(tmp_path / "m.csv", rows[:0], {example.path: 0 for example in examples}) == {}
