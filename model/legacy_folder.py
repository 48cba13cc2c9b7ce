"""Keeps an imported ``.h5`` file as an ordinary model folder, made once, so that later starts need no TensorFlow."""

import importlib.metadata
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from model.artifact import (
    LEGACY,
    ArtifactError,
    Card,
    digest,
    load_artifact,
    read_card,
    reason_of,
    save_artifact,
    told_by,
    write_card,
)
from model.labels import LABELS
from model.language import Said, say
from model.legacy_card import COLOR_ORDER, DIVIDE, LAMBDA, LICENCE, describe, given_fields, labels_of
from model.legacy_check import problem_of
from model.preprocessing import Preprocessing

CACHE_VARIABLE = "WHYFAKE_CACHE"
STAND_IN = "efficientnetb7_attention"  # of the thesis, for a file that does not describe its network
FORMAT = 2  # of what is kept; raised whenever a file would be imported otherwise than before, so that it is made anew
UNFINISHED = ".unfinished-"
STALE_SECONDS = 6 * 3600  # an import takes minutes; what is older was left by a process that was ended


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


def model_folder(
    h5: Path,
    labels: Path | None = None,
    stand_in: str = STAND_IN,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """The model folder of an ``.h5`` file, made when it is asked for first.

    Args:
        h5: the file; it is only read.
        labels: its pickled label encoder; ``label_transform.pkl`` beside it if None.
        stand_in: the architecture to use where the file does not describe its network.
        tell: is given a sentence at each step that takes long.

    Raises:
        ArtifactError: if the files can't be used, or the cache can't be written.
    """
    if not h5.is_file():
        raise ArtifactError(Said("legacy.no_file", file=h5.name))
    given = given_fields(h5)
    # The owner's word on a Lambda decides what the network computes, so without it the file is looked at anew.
    folder = cache_root() / (digest(h5) + (f"-{DIVIDE}" if LAMBDA in given else ""))
    try:
        whole = _is_whole(folder)
        if not whole and (problem := problem_of(h5, labels)):
            raise ArtifactError(problem)
        labels_of(h5, labels, given)  # before the long work
        if not whole:
            _prepare(folder.parent)
            tell(say("legacy.importing", file=h5.name))
            _convert_apart(h5, labels, stand_in, folder)
            tell(say("legacy.ready", file=h5.name))
        card = read_card(folder)
        described = describe(card, h5, labels)
        if described != card:
            write_card(folder, described)
    except OSError as error:
        told = {"folder": str(folder.parent), "reason": reason_of(error), "variable": CACHE_VARIABLE}
        raise ArtifactError(Said("legacy.not_kept", **told)) from error
    return folder


def _is_whole(folder: Path) -> bool:
    try:
        imported = load_artifact(folder).training.get("imported")
    except ArtifactError:
        return False
    return isinstance(imported, dict) and imported.get("format") == FORMAT


def _prepare(cache: Path) -> None:
    """Make the cache, make sure that it can be written, and clear what imports that were ended left in it."""
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache)).rmdir()


def _convert_apart(h5: Path, labels: Path | None, stand_in: str, folder: Path) -> None:
    """``convert`` in a process of its own: it takes gigabytes for a large network, and gives them back by ending."""
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(convert, h5, labels, stand_in, folder).result()
    except BrokenProcessPool as error:
        raise ArtifactError(Said("legacy.import_broke_off", file=h5.name)) from error
    except (ArtifactError, OSError):
        raise
    except Exception as error:  # whatever Keras or the converter stumbled over
        raise ArtifactError(Said("model.unusable", file=h5.name, reason=told_by(error))) from error


def convert(h5: Path, labels: Path | None, stand_in: str, folder: Path) -> None:
    """Make the model folder of an ``.h5`` file, whole or not at all; the arguments are those of ``model_folder``.

    Raises:
        ArtifactError: if the files can't be used.
    """
    from model.legacy import import_network

    imported = import_network(h5, stand_in, LAMBDA in given_fields(h5))
    report = imported.report.sentences()
    card = Card(
        architecture=LEGACY if imported.plan else stand_in,
        preprocessing=Preprocessing(int(imported.network.input_shape[1]), COLOR_ORDER),
        labels=LABELS,
        licence=LICENCE,
        versions={name: importlib.metadata.version(name) for name in ("keras", "ai-edge-litert")},
        training={"imported": {"file": h5.name, "sha256": digest(h5), "format": FORMAT, "report": report}},
    )
    card = describe(card, h5, labels)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    try:
        description = imported.plan.to_json() if imported.plan else None
        save_artifact(imported.network, unfinished, card, "float32", exact=True, description=description)
        _put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _put_in_place(finished: Path, folder: Path) -> None:
    """Give a finished folder its name, unless another process was first: then both made the same."""
    if _is_whole(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)  # what is there is broken
    try:
        finished.rename(folder)
    except OSError:
        if not _is_whole(folder):
            raise
