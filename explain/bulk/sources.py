"""Finds the photos of a bulk job's INPUT, one by one, whatever it is: the list is never held in memory."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from fsspec.utils import glob_translate

from explain.batch.names import ARCHIVES, PICTURES, is_hidden, is_junk, safe_name, suffix
from explain.batch.photos import walk
from explain.bulk.lists import LISTS, listed
from explain.bulk.storage import file_system, is_local, is_url, refusing
from explain.bulk.tars import in_tar
from explain.bulk.task import Found
from model.errors import SettingsError
from model.i18n.catalogue import Message

TAR = ".tar"


def found_in(source: str) -> Iterator[Found | None]:
    """The photos of a source, None for each other file.

    Args:
        source: a folder, a photo, a ZIP, a pattern such as ``photos/**/*.jpg``, a list (``.csv``, ``.parquet``), a
            tar, or a URL of any of these.

    Raises:
        SettingsError: if it can't be read or is not there.
    """
    files, path = file_system(source)
    if is_local(files):
        source = path
    if glob.has_magic(source) and not (is_local(files) and os.path.lexists(source)):
        yield from _matching(source)
    elif source.lower().endswith(LISTS):
        for place in listed(source):
            yield _one(place)
    elif suffix(source) == TAR:
        yield from in_tar(source, _last(source))
    elif suffix(source) in ARCHIVES - {".zip"}:
        raise SettingsError(Message("bulk.packed", place=source))
    elif is_local(files):
        yield from _on_disk(source)
    else:
        yield from _at_url(source)


def _on_disk(place: str) -> Iterator[Found | None]:
    if not os.path.lexists(place):
        raise SettingsError(Message("bulk.nowhere", place=place))
    for item in walk([place]):
        yield None if item is None else Found(item.name, str(item.path), item.entry, problem=item.problem)


def _at_url(source: str) -> Iterator[Found | None]:
    """The pictures below a URL, or the one file that it names."""
    files, path = file_system(source)
    with refusing(source):
        if not files.isdir(path):
            if not files.exists(path):
                raise SettingsError(Message("bulk.nowhere", place=source))
            yield _one(source)
            return
        start = path.rstrip("/")
        for place in _walked(files, path):
            inner = place.removeprefix(start).lstrip("/")
            left_out = any(map(is_hidden, inner.split("/"))) or is_junk(_last(inner))
            if suffix(inner) in PICTURES and not left_out:
                yield Found(safe_name(f"{_last(start)}/{inner}"), files.unstrip_protocol(place))
            else:
                yield None


def _matching(pattern: str) -> Iterator[Found | None]:
    """What a pattern matches; of a tar, the photos in it."""
    files, path = file_system(pattern)
    root = path[: len(path) - len(_tail(path))].rstrip("/") or "/"
    matches = re.compile(glob_translate(path)).match
    with refusing(pattern):
        for place in _walked(files, root):
            if not matches(place):
                continue
            full = place if is_local(files) else files.unstrip_protocol(place)
            inner = safe_name(place.removeprefix(root).lstrip("/"))
            if suffix(place) == TAR:
                yield from in_tar(full, inner)
            elif is_junk(_last(place)) or is_hidden(_last(place)):
                yield None
            else:
                yield Found(inner, full)


def _tail(path: str) -> str:
    """The part of a pattern's path from its first part with a wildcard."""
    parts = path.split("/")
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[first:])


def _walked(files: object, root: str) -> Iterator[str]:
    """Every file below a folder, sorted within each folder."""
    for folder, inner, names in files.walk(root):  # type: ignore[attr-defined]
        inner_names = sorted(inner)
        if isinstance(inner, list):
            inner[:] = inner_names
        for name in sorted(names):
            yield f"{folder.rstrip('/')}/{name}"


def _one(place: str) -> Found:
    """A file that was named; a ZIP or an unsupported format gets its sentence when it is read."""
    try:
        files, path = file_system(place)
    except SettingsError as error:
        return Found(safe_name(place), place, problem=error.args[0])
    return Found(safe_name(place), str(Path(path)) if is_local(files) else place)


def _last(place: str) -> str:
    """The last part of a path or URL."""
    return safe_name(place.rstrip("/").rpartition("/")[2] or place) if is_url(place) else safe_name(Path(place).name)
