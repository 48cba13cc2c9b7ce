"""Keeps an imported ``.h5`` file as an ordinary model folder, made once, so that later starts need no TensorFlow."""

import contextlib
import importlib.metadata
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.artifact.card import digest, read_card, write_card
from model.errors import ArtifactError, reason_of, told_by
from model.i18n.catalogue import Said, as_data, from_data
from model.legacy.apart import FORMAT, UNFINISHED, Tell, convert_apart, is_current, is_whole
from model.legacy.card import DIVIDE, LAMBDA, describe, given_fields, labels_of
from model.legacy.check import problem_of

CACHE_VARIABLE = "WHYFAKE_CACHE"
STALE_SECONDS = 6 * 3600  # an import takes minutes; what is older was left by a process that was ended
FAILED = "failed"
LIBRARIES = ("ai-edge-litert", "keras", "tensorflow", "tensorflow-cpu")


def cache_root() -> Path:
    """Where imported models are kept: ``$WHYFAKE_CACHE``, or ``~/.cache/whyfake``.

    Raises:
        ArtifactError: if there is no home folder.
    """
    given = os.environ.get(CACHE_VARIABLE)
    try:
        return Path(given) if given else Path.home() / ".cache" / "whyfake"
    except RuntimeError as error:
        raise ArtifactError(Said("legacy.no_home", variable=CACHE_VARIABLE)) from error


def model_folder(h5: Path, labels: Path | None = None, tell: Tell = lambda said: None, try_again: bool = False) -> Path:
    """The model folder of an ``.h5`` file, made when it is asked for first.

    Args:
        h5: the file; it is only read.
        labels: its pickled label encoder; ``label_transform.pkl`` beside it if None.
        tell: is given a sentence at each step that takes long.
        try_again: import a file whose import failed before; otherwise it is refused with the sentence of that time.

    Raises:
        ArtifactError: if the files can't be used, or the cache can't be written.
    """
    if not h5.is_file():
        raise ArtifactError(Said("legacy.no_file", file=h5.name))
    given = given_fields(h5)
    folder = _folder_of(h5, given)
    try:
        whole = is_whole(folder)
        if not whole and (problem := problem_of(h5, labels)):
            raise ArtifactError(problem)
        labels_of(h5, labels, given)  # before the long work
        if not whole:
            _import(h5, labels, folder, tell, try_again)
        card = read_card(folder)
        described = describe(card, h5, labels)
        if described != card:
            write_card(folder, described)
    except OSError as error:
        told = {"folder": str(folder.parent), "reason": reason_of(error), "variable": CACHE_VARIABLE}
        raise ArtifactError(Said("legacy.not_kept", **told)) from error
    return folder


def is_imported(h5: Path) -> bool:
    """Whether the model folder of a file is there already, so that it is opened at once."""
    try:
        return is_current(read_card(_folder_of(h5, given_fields(h5))))
    except (ArtifactError, OSError):
        return False


def failed_before(h5: Path) -> Said | None:
    """Why the import of a file failed at an earlier start; None where it did not."""
    try:
        cache = cache_root()
        return recall(cache, _folder_of(h5, given_fields(h5)).name, h5.name) if any_failed(cache) else None
    except (ArtifactError, OSError):
        return None


def _folder_of(h5: Path, given: Mapping[str, Any]) -> Path:
    """Where the model folder of a file lies in the cache."""
    # The owner's word on a Lambda decides what the network computes, so without it the file is looked at again.
    return cache_root() / (digest(h5) + (f"-{DIVIDE}" if LAMBDA in given else ""))


def _import(h5: Path, labels: Path | None, folder: Path, tell: Tell, try_again: bool) -> None:
    """Make the folder, and remember a failure that is the file's."""
    cache = folder.parent
    if not try_again and (known := recall(cache, folder.name, h5.name)):
        raise ArtifactError(known)
    _prepare(cache)
    tell(Said("legacy.importing", file=h5.name))
    try:
        convert_apart(h5, labels, folder, tell)
    except ArtifactError as error:
        remember(cache, folder.name, told_by(error))
        raise
    forget(cache, folder.name)
    tell(Said("legacy.ready", file=h5.name))


def _prepare(cache: Path) -> None:
    """Make the cache, make sure that it can be written, and clear what imports that were ended left in it."""
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache)).rmdir()


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
    return any((cache / FAILED).glob("*.json"))


def _path(cache: Path, key: str) -> Path:
    return cache / FAILED / f"{key}.json"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
