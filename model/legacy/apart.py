"""Imports an ``.h5`` file in a process of its own: it takes gigabytes for a large network, and frees them at its end.

``python -m model.legacy.apart FILE FOLDER [LABELS]`` writes the model folder, and a line of JSON for each step.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.artifact.card import LEGACY, LICENCE, Card, load_artifact
from model.artifact.card import digest as digest_of
from model.artifact.preprocessing import LABELS, Preprocessing
from model.errors import ArtifactError, reason_of, told_by
from model.i18n.catalogue import Said, as_data, from_data
from model.legacy.card import COLOR_ORDER, LAMBDA, describe, given_fields
from model.legacy.described import STAND_IN
from model.networks.export import save_artifact
from model.paths import ROOT

FORMAT = 2  # of what is kept; raised whenever a file would be imported otherwise than before, so that it is made again
UNFINISHED = ".unfinished-"
STEPS = 3  # of an import
STEP, PROBLEM, SYSTEM, DONE = "step", "problem", "system", "done"  # the first word of each line

Tell = Callable[[Said], None]


def convert(h5: Path, labels: Path | None, folder: Path, tell: Tell = lambda said: None) -> None:
    """Make the model folder of an ``.h5`` file, whole or not at all.

    Args:
        h5: the file; it is only read.
        labels: its pickled label encoder; the one beside it if None.
        folder: to be made.
        tell: is given a sentence at each step.

    Raises:
        ArtifactError: if the files can't be used.
    """
    tell(Said("legacy.step.libraries", file=h5.name, step=1, of=STEPS))
    from model.legacy.convert import import_network

    tell(Said("legacy.step.network", file=h5.name, step=2, of=STEPS))
    imported = import_network(h5, STAND_IN, LAMBDA in given_fields(h5))
    report = imported.report.sentences()
    card = Card(
        architecture=LEGACY if imported.plan else STAND_IN,
        preprocessing=Preprocessing(int(imported.network.input_shape[1]), COLOR_ORDER),
        labels=LABELS,
        licence=LICENCE,
        versions={name: importlib.metadata.version(name) for name in ("keras", "ai-edge-litert")},
        training={"imported": {"file": h5.name, "sha256": digest_of(h5), "format": FORMAT, "report": report}},
    )
    card = describe(card, h5, labels)
    tell(Said("legacy.step.engine", file=h5.name, step=3, of=STEPS))
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    try:
        description = imported.plan.to_json() if imported.plan else None
        save_artifact(imported.network, unfinished, card, "float32", exact=True, description=description)
        put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_in_place(finished: Path, folder: Path) -> None:
    """Give a finished folder its name, unless another process was first: then both made the same."""
    if is_whole(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)  # what is there is broken
    try:
        finished.rename(folder)
    except OSError:
        if not is_whole(folder):
            raise


def is_whole(folder: Path) -> bool:
    """Whether a folder holds an import of today's ``FORMAT``, each file as its card says."""
    try:
        return is_current(load_artifact(folder))
    except ArtifactError:
        return False


def is_current(card: Card) -> bool:
    """Whether a card comes from an import of today's ``FORMAT``."""
    imported = card.training.get("imported")
    return isinstance(imported, dict) and imported.get("format") == FORMAT


def convert_apart(h5: Path, labels: Path | None, folder: Path, tell: Tell) -> None:
    """``convert`` in a process of its own, which ends with this one.

    Raises:
        ArtifactError: if the files can't be used, or the process broke off.
        OSError: if the folder can't be written.
    """
    paths = [str(path.absolute()) for path in (h5, folder, labels) if path is not None]
    command = [sys.executable, "-W", "ignore", "-m", "model.legacy.apart", *paths]
    channels: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    # A session of its own: an interrupt from the keyboard reaches this process alone, which then ends the other.
    with subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **channels) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                word, data = json.loads(line)
                said = from_data(data)
                if word == STEP:
                    tell(said)
                elif word == SYSTEM:
                    raise OSError(said)
                elif word == PROBLEM:
                    raise ArtifactError(said)
                else:
                    return
        finally:
            process.kill()
    raise ArtifactError(Said("legacy.import_broke_off", file=h5.name))


def main(h5: Path, folder: Path, labels: Path | None = None) -> None:
    """Convert, and send what there is to tell as lines ``[word, text]``."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print is not for the other side
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def send(word: str, said: Said | str) -> None:
        print(json.dumps([word, as_data(said)]), file=out, flush=True)

    try:
        convert(h5, labels, folder, lambda said: send(STEP, said))
        send(DONE, "")
    except OSError as error:
        send(SYSTEM, reason_of(error))
    except ArtifactError as error:
        send(PROBLEM, told_by(error))
    except Exception as error:  # whatever Keras or the converter stumbled over
        send(PROBLEM, Said("model.unusable", file=h5.name, reason=told_by(error)))


def _end_with_parent() -> None:
    """Wait until the other side is gone, which closes its end of the input."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
