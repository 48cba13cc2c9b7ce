"""Remembers imports that failed, so that no start spends minutes on what failed before."""

import contextlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from model.i18n.catalogue import Said, as_data, from_data
from model.legacy.apart import FORMAT

FOLDER = "failed"
LIBRARIES = ("ai-edge-litert", "keras", "tensorflow", "tensorflow-cpu")


def importer() -> dict[str, Any]:
    """The version of the importer: of its format, and of each library that it uses, None where it is missing."""
    return {"format": FORMAT, **{name: _version(name) for name in LIBRARIES}}


def remember(cache: Path, key: str, problem: Said | str) -> None:
    """Keep why an import failed; where that can't be written, the next start tries again.

    Args:
        cache: folder of imported models.
        key: of the file: its digest, with whatever else decides how it is imported.
        problem: the sentence.
    """
    with contextlib.suppress(OSError):
        path = _path(cache, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"importer": importer(), "problem": as_data(problem)}), encoding="utf-8")


def recall(cache: Path, key: str, file: str) -> Said | None:
    """Why an import by today's importer failed, and how to try again; None where none is known to have failed.

    Args:
        cache: see ``remember``.
        key: see ``remember``.
        file: the file's name, for the sentence.
    """
    try:
        kept = json.loads(_path(cache, key).read_text(encoding="utf-8"))
        if kept["importer"] != importer():
            return None
        said = Said("legacy.failed_before", problem=from_data(kept["problem"]), file=file)
        str(said)  # a text that the catalogue does not have any more would fail later
        return said
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def forget(cache: Path, key: str) -> None:
    """An import that failed before has succeeded."""
    with contextlib.suppress(OSError):
        _path(cache, key).unlink(missing_ok=True)


def any_failed(cache: Path) -> bool:
    """Whether there is any failure to recall; if not, no file's digest is needed."""
    return any((cache / FOLDER).glob("*.json"))


def _path(cache: Path, key: str) -> Path:
    return cache / FOLDER / f"{key}.json"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
