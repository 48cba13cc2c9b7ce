"""Caches an imported ``.h5`` file as an ordinary model folder, so that later starts need no TensorFlow."""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from model.artifact.card import digest, read_card, write_card
from model.artifact.versions import versions_of
from model.errors import ArtifactError, message_of, one_line
from model.i18n.catalogue import Message, as_data, from_data
from model.legacy.apart import FORMAT, UNFINISHED, Limits, Notify, convert_apart, is_current, is_whole
from model.legacy.card import DIVIDE, LAMBDA, describe, given_fields, labels_of
from model.legacy.check import problem_of

CACHE_VARIABLE = "WHYFAKE_CACHE"
STALE_SECONDS = 6 * 3600  # an import takes minutes; an older unfinished folder comes from a killed process
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
        raise ArtifactError(Message("legacy.no_home", variable=CACHE_VARIABLE)) from error


def model_folder(
    h5: Path,
    labels: Path | None = None,
    notify: Notify = lambda message: None,
    try_again: bool = False,
    cache: Path | None = None,
    limits: Limits | None = None,
) -> Path:
    """The model folder of an ``.h5`` file; the first call creates it.

    Args:
        h5: the file; it is only read.
        labels: its pickled label encoder; if None, see ``model.legacy.card.labels_of``.
        notify: is called with a message at each slow step.
        try_again: import a file again after a failed import; otherwise raise the earlier message.
        cache: where it is kept; None for ``cache_root``.
        limits: of the import; None for none.

    Raises:
        ArtifactError: if the files can't be used, or the cache can't be written.
    """
    if not h5.is_file():
        raise ArtifactError(Message("legacy.no_file", file=h5.name))
    given = given_fields(h5)
    folder = _folder_of(h5, given, cache)
    try:
        whole = is_whole(folder)
        if not whole and (problem := problem_of(h5, labels)):
            raise ArtifactError(problem)
        labels_of(h5, labels, given)  # fails early, before the slow import
        if not whole:
            _import(h5, labels, folder, notify, try_again, limits)
        card = read_card(folder)
        described = describe(card, h5, labels)
        if described != card:
            write_card(folder, described)
    except OSError as error:
        details = {"folder": str(folder.parent), "reason": one_line(error), "variable": CACHE_VARIABLE}
        raise ArtifactError(Message("legacy.not_kept", **details)) from error
    return folder


def is_imported(h5: Path) -> bool:
    """Whether the model folder of a file exists already, so that it opens at once."""
    try:
        return is_current(read_card(_folder_of(h5, given_fields(h5))))
    except (ArtifactError, OSError):
        return False


def failed_before(h5: Path) -> Message | None:
    """Why an earlier import of a file by the same version of the importer failed; None if no failure is recorded."""
    try:
        cache = cache_root()
        return recall(cache, _folder_of(h5, given_fields(h5)).name, h5.name) if any_failed(cache) else None
    except (ArtifactError, OSError):
        return None


def _folder_of(h5: Path, given: Mapping[str, Any], cache: Path | None = None) -> Path:
    """The model folder of a file in the cache."""
    # The owner's statement about a Lambda changes what the network computes, so it is part of the key.
    return (cache or cache_root()) / (digest(h5) + (f"-{DIVIDE}" if LAMBDA in given else ""))


def _import(
    h5: Path, labels: Path | None, folder: Path, notify: Notify, try_again: bool, limits: Limits | None
) -> None:
    """Create the folder; record an ``ArtifactError``, but not a failure of the operating system."""
    cache = folder.parent
    if not try_again and (problem := recall(cache, folder.name, h5.name)):
        raise ArtifactError(problem)
    prepare(cache)
    notify(Message("legacy.importing", file=h5.name))
    try:
        convert = convert_apart if limits is None else partial(convert_apart, limits=limits)
        convert(h5, labels, folder, notify)
    except ArtifactError as error:
        remember(cache, folder.name, message_of(error))
        raise
    forget(cache, folder.name)
    notify(Message("legacy.ready", file=h5.name))


def prepare(cache: Path) -> None:
    """Create the cache, check that it is writable, and remove the remains of interrupted imports."""
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache)).rmdir()


def importer() -> dict[str, Any]:
    """The importer's version: its format, and the version of each library it uses (None if not installed)."""
    return {"format": FORMAT, **dict.fromkeys(LIBRARIES), **versions_of(LIBRARIES)}


def remember(cache: Path, key: str, problem: Message | str) -> None:
    """Record why an import failed; if that can't be written, the next start tries again.

    Args:
        cache: folder of imported models.
        key: the file's digest, with everything else that decides how it is imported.
        problem: the message.
    """
    with contextlib.suppress(OSError):
        path = _path(cache, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"importer": importer(), "problem": as_data(problem)}), encoding="utf-8")


def recall(cache: Path, key: str, file: str) -> Message | None:
    """Why an import by the current importer failed, and how to try again; None if no failure is recorded.

    Args:
        cache: see ``remember``.
        key: see ``remember``.
        file: the file's name, for the message.
    """
    try:
        kept = json.loads(_path(cache, key).read_text(encoding="utf-8"))
        if kept["importer"] != importer():
            return None
        message = Message("legacy.failed_before", problem=from_data(kept["problem"]), file=file)
        str(message)  # fails here, not later, if the catalogue no longer has the text
        return message
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def forget(cache: Path, key: str) -> None:
    """Remove the recorded failure of a file that could be imported now."""
    with contextlib.suppress(OSError):
        _path(cache, key).unlink(missing_ok=True)


def any_failed(cache: Path) -> bool:
    """Whether any failure is recorded; if not, no file's digest is needed."""
    return any((cache / FAILED).glob("*.json"))


def _path(cache: Path, key: str) -> Path:
    return cache / FAILED / f"{key}.json"
