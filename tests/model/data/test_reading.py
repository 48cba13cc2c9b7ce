"""Tests of which files count as pictures, and of reading several in parallel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.data import reading
from model.data.reading import map_in_threads, read_mask, read_rgb, readable
from model.errors import DatasetError
from model.photos.photo import open_photo


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_complete_pictures_are_readable(tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), picture(0))
    assert readable(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9], ids="{:.0%}".format)
def test_truncated_pictures_are_not_readable(
    tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], suffix: str, keep: float
) -> None:
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), picture(0))
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * keep)])
    assert not readable(path)
    with pytest.raises(DatasetError, match=f"a{suffix} is not a picture that can be read"):
        read_rgb(path)  # as if it had been complete when it was checked


def test_files_that_are_not_pictures_are_not_readable(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    assert not readable(tmp_path / "text.jpg")
    assert not readable(tmp_path / "missing.png")


def test_results_are_in_order_and_few_files_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "AHEAD", 4)
    started: list[int] = []

    def read(path: Path) -> int:
        started.append(int(path.name))
        time.sleep(0.001 * (7 * int(path.name) % 5))
        return int(path.name)

    results = map_in_threads(read, [Path(str(number)) for number in range(11)], workers=3)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert max(started) < 4, "other files are read only after these results are used"
    assert list(results) == list(range(3, 11))


def test_threads_run_in_parallel() -> None:
    """Two calls that wait for each other return only if both run at the same time."""
    meeting = threading.Barrier(2, timeout=10)
    assert sorted(map_in_threads(lambda _: meeting.wait(), [Path("a"), Path("b")], workers=2)) == [0, 1]


# read_rgb


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_transparent_parts_are_white_as_on_the_page(
    tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], mode: str, suffix: str
) -> None:
    image = Image.fromarray(picture(0))
    image.putalpha(Image.fromarray(picture(1)[..., 0]))
    path = tmp_path / f"a{suffix}"
    options = {"transparency": 3} if mode == "P" else {}
    (image.convert("RGB").quantize(16) if mode == "P" else image.convert(mode)).save(path, "PNG", **options)
    np.testing.assert_array_equal(read_rgb(path), open_photo(path).pixels)
    assert readable(path)


def test_colours_hidden_under_transparency_are_not_read(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)
    pixels[..., 3] = 0
    pixels[0, 0, 3] = 255  # if no pixel were visible, the alpha channel would be ignored
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read_rgb(tmp_path / "a.png").reshape(-1, 3)[1:] == 255).all()


@pytest.mark.parametrize("transparent", [False, True])
def test_rotated_pngs_are_read_upright(
    tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], transparent: bool
) -> None:
    image, exif = Image.fromarray(picture(0)[:, :40]), Image.Exif()
    if transparent:
        image.putalpha(128)
    exif[0x112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), open_photo(tmp_path / "a.png").pixels)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_are_read_as_by_opencv(tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], mode: str) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    path = tmp_path / "a.jpg"
    Image.fromarray(picture(0)[:, :40]).convert(mode).save(path, exif=exif)
    np.testing.assert_array_equal(read_rgb(path), cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))
    np.testing.assert_array_equal(read_mask(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def test_files_with_non_ascii_names_are_read(
    tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, OpenCV cannot open a file with non-ASCII letters in its name, so Python reads the bytes."""
    path = tmp_path / "żółć.png"
    Image.fromarray(picture(0)).save(path)
    monkeypatch.setattr(cv2, "imread", lambda *_: None)
    assert readable(path)
    np.testing.assert_array_equal(read_rgb(path), picture(0))


def test_truncated_transparent_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:4000])
    assert not readable(path)
    with pytest.raises(DatasetError, match=r"a\.png is not a picture that can be read"):
        read_rgb(path)
