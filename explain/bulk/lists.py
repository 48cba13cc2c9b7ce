"""Reads lists of photos from CSV and Parquet files, row by row."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from explain.bulk.storage import file_system, is_url, refusing
from model.errors import SettingsError
from model.i18n.catalogue import Message

LISTS = (".csv", ".parquet", ".pq")
COLUMNS = ("path", "url", "file", "photo", "image", "filename")  # the first of these holds the photos
MAX_FIELD = 10_000  # letters of one field
ROWS = 10_000  # read from a Parquet file at a time


def listed(place: str) -> Iterator[str]:
    """Paths and URLs in a list; a relative path starts at the list's own folder.

    Args:
        place: path or URL of a file that ends in one of ``LISTS``.

    Raises:
        SettingsError: if it can't be read, or no column names photos.
    """
    folder = posixpath.dirname(place) if is_url(place) else str(Path(place).absolute().parent)
    read = _csv if place.lower().endswith(".csv") else _parquet
    with refusing(place):
        for value in read(place):
            if value:
                absolute = is_url(value) or Path(value).is_absolute()
                yield value if absolute else posixpath.join(folder, value)


def _csv(place: str) -> Iterator[str]:
    files, path = file_system(place)
    csv.field_size_limit(MAX_FIELD)
    with files.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        titles = next(rows, [])
        column = titles.index(_column(titles, place))
        for row in rows:
            yield row[column].strip() if column < len(row) else ""


def _parquet(place: str) -> Iterator[str]:
    files, path = file_system(place)
    with files.open(path, "rb") as file, pq.ParquetFile(file) as table:
        texts = [field.name for field in table.schema_arrow if _is_text(field.type)]
        column = _column(texts, place)
        for batch in table.iter_batches(ROWS, columns=[column]):
            yield from (value or "" for value in batch.column(0).to_pylist())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _column(titles: Sequence[str], place: str) -> str:
    """The column that holds the photos: one of ``COLUMNS``, or the only one."""
    plain = {title.strip().lower(): title for title in titles}
    found = [plain[name] for name in COLUMNS if name in plain]
    if not found and len(titles) == 1:
        found = [*titles]
    if not found:
        raise SettingsError(Message("bulk.no_column", place=place, known=", ".join(COLUMNS)))
    return found[0]
