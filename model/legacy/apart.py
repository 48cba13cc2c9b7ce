"""Imports an ``.h5`` file in a separate process: a large network takes gigabytes, which are freed when it ends.

``python -m model.legacy.apart FILE FOLDER [LABELS]`` writes the model folder, and a line of JSON for each step.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.apart import WATCH, Cancelled, command_of, limit_memory
from model.artifact.card import LEGACY, LICENCE, Card, load_artifact
from model.artifact.card import digest as digest_of
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.versions import versions_of
from model.errors import ArtifactError, message_of, one_line
from model.i18n.catalogue import Message, as_data, from_data
from model.legacy.card import COLOR_ORDER, LAMBDA, describe, given_fields
from model.legacy.described import STAND_IN
from model.networks.export import save_artifact
from model.parent import end_with_parent
from model.paths import ROOT

FORMAT = 2  # version of the cached import; raise it when a file would be imported differently, so that it is redone
UNFINISHED = ".unfinished-"  # prefix of a temporary folder
STEPS = 3  # of an import, for the progress messages
STEP, PROBLEM, SYSTEM, DONE = "step", "problem", "system", "done"  # the first item of each line

Notify = Callable[[Message], None]
MEMORY = "WHYFAKE_IMPORT_MEMORY"  # bytes of address space for the process that imports; by default all there are


@dataclass(frozen=True)
class Limits:
    """What an import may take.

    Attributes:
        memory: bytes of address space.
        seconds: in which it must end.
        cancelled: called meanwhile; once it is true, the import ends.
    """

    memory: int
    seconds: float
    cancelled: Cancelled = lambda: False


def convert(h5: Path, labels: Path | None, folder: Path, notify: Notify = lambda message: None) -> None:
    """Make the model folder of an ``.h5`` file, complete or not at all.

    Args:
        h5: the file; it is only read.
        labels: its pickled label encoder; if None, see ``model.legacy.card.labels_of``.
        folder: the folder to create.
        notify: called with a message at each step.

    Raises:
        ArtifactError: if the files can't be used.
    """
    notify(Message("legacy.step.libraries", file=h5.name, step=1, of=STEPS))
    from model.legacy.convert import import_network

    notify(Message("legacy.step.network", file=h5.name, step=2, of=STEPS))
    imported = import_network(h5, STAND_IN, LAMBDA in given_fields(h5))
    report = imported.report.sentences()
    card = Card(
        architecture=LEGACY if imported.plan else STAND_IN,
        preprocessing=Preprocessing(int(imported.network.input_shape[1]), COLOR_ORDER),
        labels=LABELS,
        licence=LICENCE,
        versions=versions_of(("keras", "ai-edge-litert")),
        training={"imported": {"file": h5.name, "sha256": digest_of(h5), "format": FORMAT, "report": report}},
    )
    card = describe(card, h5, labels)
    notify(Message("legacy.step.engine", file=h5.name, step=3, of=STEPS))
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    try:
        description = imported.plan.to_json() if imported.plan else None
        save_artifact(imported.network, unfinished, card, "float32", exact=True, description=description)
        put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_in_place(finished: Path, folder: Path) -> None:
    """Rename a finished folder to its final name, unless another process did so first with the same content."""
    if is_whole(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)  # what is there is broken
    try:
        finished.rename(folder)
    except OSError:
        if not is_whole(folder):
            raise


def is_whole(folder: Path) -> bool:
    """Whether a folder holds an import of the current ``FORMAT`` and each file matches its card."""
    try:
        return is_current(load_artifact(folder))
    except ArtifactError:
        return False


def is_current(card: Card) -> bool:
    """Whether a card comes from an import of the current ``FORMAT``."""
    imported = card.training.get("imported")
    return isinstance(imported, dict) and imported.get("format") == FORMAT


def convert_apart(h5: Path, labels: Path | None, folder: Path, notify: Notify, limits: Limits | None = None) -> None:
    """Run ``convert`` in a separate process, which is killed if this function is interrupted or this process ends.

    Raises:
        ArtifactError: if the files can't be used, the process crashed, or it reached a limit.
        OSError: if the folder can't be written.
    """
    paths = [str(path.absolute()) for path in (h5, folder, labels) if path is not None]
    command = command_of("model.legacy.apart", *paths)
    channels: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    if limits is not None:
        channels["env"] = {**os.environ, MEMORY: str(limits.memory)}
    # A separate session: an interrupt from the keyboard reaches only this process, which then ends the other.
    with (
        subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **channels) as process,
        WATCH.over(process, limits.seconds, limits.cancelled) if limits is not None else nullcontext(),
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                word, data = json.loads(line)
                message = from_data(data)
                if word == STEP:
                    notify(message)
                elif word == SYSTEM:
                    raise OSError(message)
                elif word == PROBLEM:
                    raise ArtifactError(message)
                else:
                    return
        finally:
            process.kill()
    if limits is not None:
        figures = {"memory": limits.memory / 1e9, "seconds": limits.seconds}
        raise ArtifactError(Message("legacy.limits", file=h5.name, **figures))
    raise ArtifactError(Message("legacy.import_broke_off", file=h5.name))


def main(h5: Path, folder: Path, labels: Path | None = None) -> None:
    """Convert, and write progress and problems as JSON lines ``[word, message]``, see ``as_data``."""
    end_with_parent()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the output of libraries must not mix with the lines for the parent process
    if given := os.environ.get(MEMORY):
        limit_memory(int(given))

    def send(word: str, message: Message | str) -> None:
        print(json.dumps([word, as_data(message)]), file=out, flush=True)

    try:
        convert(h5, labels, folder, lambda message: send(STEP, message))
        send(DONE, "")
    except OSError as error:
        send(SYSTEM, one_line(error))
    except ArtifactError as error:
        send(PROBLEM, message_of(error))
    except Exception as error:  # Keras and the converter may raise any error
        if os.environ.get(MEMORY) and isinstance(error, MemoryError | SystemError | ImportError):
            return  # no answer: the parent process says that it was too much
        send(PROBLEM, Message("model.unusable", file=h5.name, reason=message_of(error)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
