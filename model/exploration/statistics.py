"""Measures trivial features of a picture file: its size, compression, brightness and sharpness."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pandas
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin
from tqdm import tqdm

from model.data.duplicates import Fingerprint, fingerprint
from model.data.layout import Example
from model.data.reading import decode_rgb, map_in_threads, readable, stamp
from model.errors import DatasetError

BINS = 32  # number of bins in each channel's histogram
BORDER = 0.04  # width of the outer ring, × the shorter side
ROWS_AT_ONCE = 5000  # table rows in memory when histograms are averaged
LONGEST_LINE = 65536  # bytes, far more than a row can have
Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True)
class Measurement:
    """Features of a picture file that need no understanding of the picture.

    Attributes:
        file_bytes: size of the file.
        modified: modification time in nanoseconds; time and size show whether the file has changed.
        format: Pillow's name of the format, such as ``JPEG`` or ``PNG``, from the content.
        width: in pixels.
        height: in pixels.
        bytes_per_pixel: file size divided by the number of pixels.
        jpeg_quality: 1 to 100, the quality with the quantisation table nearest to the file's; nan if it is not a JPEG.
        quantisation: short digest of all quantisation tables; empty if it is not a JPEG.
        chroma: colour values per brightness value: 1, 0.5 or 0.25; 1 if it is not a JPEG.
        brightness: mean of the grey values, 0..255.
        contrast: standard deviation of the grey values.
        red, green, blue: mean of the channel, 0..255.
        red_contrast, green_contrast, blue_contrast: standard deviation of the channel.
        sharpness: standard deviation of the Laplacian of the grey values.
        border_contrast: standard deviation of the grey values in the outer ring: 0 for a plain frame.
        pixels, perceptual: see ``Fingerprint``.
        histogram: ``BINS`` counts for red, then green, then blue, in hundredths of a percent of the pixels.
    """

    file_bytes: int
    modified: int
    format: str
    width: int
    height: int
    bytes_per_pixel: float
    jpeg_quality: float
    quantisation: str
    chroma: float
    brightness: float
    contrast: float
    red: float
    green: float
    blue: float
    red_contrast: float
    green_contrast: float
    blue_contrast: float
    sharpness: float
    border_contrast: float
    pixels: str
    perceptual: str
    histogram: str


COLUMNS = tuple(field.name for field in fields(Measurement))
# Without these types, pandas would read a digest that consists only of digits as a number.
TEXT_COLUMNS = dict.fromkeys(("path", "format", "quantisation", "pixels", "perceptual", "histogram"), str)


def measure(path: Path) -> Measurement | None:
    """Measure one picture file, which takes a few milliseconds; None if it can't be read."""
    if not readable(path):
        return None
    data = path.read_bytes()
    pixels = decode_rgb(data)
    if pixels is None:
        return None
    format_, quality, quantisation, chroma = _compression(data)
    height, width = pixels.shape[:2]
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    means, deviations = (values.ravel() for values in cv2.meanStdDev(pixels))
    found = fingerprint(pixels)
    return Measurement(
        file_bytes=len(data),
        modified=path.stat().st_mtime_ns,
        format=format_,
        width=width,
        height=height,
        bytes_per_pixel=round(len(data) / (width * height), 5),
        jpeg_quality=quality,
        quantisation=quantisation,
        chroma=chroma,
        brightness=round(float(grey.mean()), 3),
        contrast=round(float(grey.std()), 3),
        **{name: round(float(mean), 3) for name, mean in zip(("red", "green", "blue"), means, strict=True)},
        **{
            f"{name}_contrast": round(float(deviation), 3)
            for name, deviation in zip(("red", "green", "blue"), deviations, strict=True)
        },
        sharpness=round(float(cv2.Laplacian(grey, cv2.CV_32F).std()), 3),
        border_contrast=round(float(_outer_ring(grey).std()), 3),
        pixels=found.pixels,
        perceptual=found.perceptual,
        histogram=_histogram(pixels),
    )


def _outer_ring(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    wide = max(1, round(min(grey.shape) * BORDER))
    return np.concatenate([grey[:wide].ravel(), grey[-wide:].ravel(), grey[:, :wide].ravel(), grey[:, -wide:].ravel()])


def _histogram(pixels: NDArray[np.uint8]) -> str:
    counts = [cv2.calcHist([pixels], [channel], None, [BINS], [0, 256]).ravel() for channel in range(3)]
    shares = np.concatenate(counts) / (pixels.shape[0] * pixels.shape[1])
    return " ".join(str(round(share * 10_000)) for share in shares.tolist())


@cache
def _tables_of_qualities() -> NDArray[np.int_]:
    """Luminance tables ``(100, 64) int`` that libjpeg writes at qualities 1 to 100."""
    tables = []
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("L", (8, 8)).save(file, "JPEG", quality=quality)
        with Image.open(file) as picture:
            assert isinstance(picture, JpegImagePlugin.JpegImageFile)
            tables.append(picture.quantization[0])
    return np.array(tables)


def _compression(data: bytes) -> tuple[str, float, str, float]:
    """``format``, ``jpeg_quality``, ``quantisation`` and ``chroma`` of ``Measurement``."""
    with Image.open(io.BytesIO(data)) as picture:
        if not isinstance(picture, JpegImagePlugin.JpegImageFile):
            return str(picture.format), float("nan"), "", 1.0
        tables = {number: list(table) for number, table in sorted(picture.quantization.items())}
        distances = np.abs(_tables_of_qualities() - np.array(tables[min(tables)])).sum(axis=1)
        digest = hashlib.blake2b(repr(tables).encode(), digest_size=4).hexdigest()
        chroma = {0: 1.0, 1: 0.5, 2: 0.25}.get(JpegImagePlugin.get_sampling(picture), 1.0)
        return "JPEG", float(np.argmin(distances) + 1), digest, chroma


def measure_all(root: Path, examples: Sequence[Example], table: Path, workers: int = 2) -> pandas.DataFrame:
    """Measure each example that is new or changed, and add the results to ``table`` (CSV).

    The table grows line by line, so an interrupted run can be resumed. Pictures are read in ``workers`` threads.

    Returns:
        One row per readable example, indexed by path in the order of ``examples``, without the histograms, which stay
        in the table (see ``mean_histograms``).

    Raises:
        DatasetError: if the table has other columns.
    """
    if not table.exists():
        table.write_text(",".join(("path", *COLUMNS)) + "\n")
    _drop_unfinished_line(table)
    known = _rows(table, ["file_bytes", "modified"])
    remembered = dict(zip(known.index, known.itertuples(index=False, name=None), strict=True))
    missing = [example.path for example in examples if remembered.get(example.path) != stamp(root / example.path)]
    with table.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        measured = map_in_threads(measure, [root / path for path in missing], workers)
        progress = tqdm(measured, "measuring", total=len(missing), disable=not missing)
        broken = set()
        for path, row in zip(missing, progress, strict=True):
            if row is None:
                broken.add(path)  # it may have a row from before the file became unreadable
            else:
                writer.writerow((path, *astuple(row)))
    rows = _rows(table, [name for name in COLUMNS if name != "histogram"])
    whole = [example.path for example in examples if example.path not in broken]
    return rows.loc[whole]


def _drop_unfinished_line(table: Path) -> None:
    """Remove an incomplete last line, which a killed run leaves behind."""
    with table.open("r+b") as file:
        end = file.seek(max(0, table.stat().st_size - LONGEST_LINE))
        tail = file.read()
        file.truncate(end + tail.rfind(b"\n") + 1)


def _rows(table: Path, columns: list[str]) -> pandas.DataFrame:
    """Some columns of the table by path; for a picture that was measured twice, the later row."""
    try:
        rows = pandas.read_csv(
            table, usecols=["path", *columns], dtype=TEXT_COLUMNS, keep_default_na=False, na_values=["nan"]
        )
    except ValueError as error:
        raise DatasetError(f"{table} holds other measurements: delete it, or choose another folder.") from error
    return rows.drop_duplicates("path", keep="last").set_index("path")[columns]


def fingerprints(rows: pandas.DataFrame) -> dict[str, Fingerprint]:
    """The fingerprints for ``find_duplicates``, by path, from the result of ``measure_all``."""
    columns = zip(rows.index, rows["pixels"], rows["perceptual"], strict=True)
    return {path: Fingerprint(pixels, perceptual) for path, pixels, perceptual in columns}


def mean_histograms(
    table: Path, rows: pandas.DataFrame, group_of: Mapping[str, Group]
) -> dict[Group, NDArray[np.float64]]:
    """Mean histogram ``(3, BINS) float64`` of each group of pictures, as shares of the pixels, 0..1.

    Args:
        table: the file that ``measure_all`` wrote; only ``ROWS_AT_ONCE`` of its lines are in memory at a time.
        rows: the result of ``measure_all``, or part of it; lines of other pictures and old lines of changed pictures
            do not count.
        group_of: the group of each picture, by path.
    """
    sums: dict[Group, NDArray[np.float64]] = {}
    counts: Counter[Group] = Counter()
    newest = dict(zip(rows.index, rows["modified"], strict=True))
    columns = ["path", "modified", "histogram"]
    for lines in pandas.read_csv(table, usecols=columns, dtype=TEXT_COLUMNS, chunksize=ROWS_AT_ONCE):
        for path, modified, histogram in lines[columns].itertuples(index=False, name=None):
            if newest.get(path) == modified:
                group = group_of[path]
                shares = np.array(histogram.split(), float).reshape(3, BINS) / 10_000
                sums[group] = sums.get(group, 0) + shares
                counts[group] += 1
    return {group: total / counts[group] for group, total in sums.items()}
