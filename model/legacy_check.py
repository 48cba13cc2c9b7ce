"""Looks through an ``.h5`` file of others in a process of its own: it may hang, or fill all memory, and do no harm.

``python -m model.legacy_check model/best_model_effatt.h5`` prints what is wrong with it, or nothing.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from model.artifact import ArtifactError, reason_of
from model.legacy_card import LAMBDA, given_fields, labels_of
from model.legacy_graph import read_plan
from model.legacy_h5 import open_legacy
from model.legacy_layers import NotRebuilt

ROOT = Path(__file__).parents[1]
NEWER = ".keras"  # a format of Keras 3
MAX_SECONDS = 20  # EfficientNetB7 takes one
MAX_MEMORY = 4_000_000_000


def problem_of(h5: Path, labels: Path | None = None) -> str | None:
    """What can be told to be wrong with a file and those beside it without importing it; None if all is well.

    Args:
        h5: the file.
        labels: its label encoder; the one beside it if None.
    """
    if h5.suffix.lower() == NEWER:
        return f"{h5.name} can't be used: load it in Keras and save it with model.save('{h5.stem}.h5')."
    files = [str(path.absolute()) for path in (h5, labels) if path is not None]
    command = [sys.executable, "-W", "ignore", "-m", "model.legacy_check", *files]
    # Each thread of a numeric library reserves memory, which would count against the limit.
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8:replace"}
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, capture_output=True, timeout=MAX_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"{h5.name} can't be used: looking through it takes longer than that of any sound file."
    except OSError as error:
        return f"{h5.name} can't be used: {reason_of(error)}."
    if ended.returncode:
        return f"{h5.name} can't be used: reading it broke off; it is damaged, or asks for too much memory."
    return ended.stdout.decode("utf-8", "replace").strip() or None


def look(h5: Path, labels: Path | None = None) -> str | None:
    """``problem_of`` in this very process."""
    try:
        given = given_fields(h5)
        labels_of(h5, labels, given)
        with open_legacy(h5) as file:
            if file.config is not None:
                read_plan(file.config, LAMBDA in given)
    except NotRebuilt:
        return None  # its weights may fit an architecture that is known
    except ArtifactError as error:
        sentence = str(error)
        return sentence if h5.name in sentence else f"{h5.name} can't be used: {sentence}"
    except Exception as error:  # whatever a file stumbles over must not stop those who only list it
        return f"{h5.name} can't be used: {reason_of(error)}."
    return None


def _limit_memory() -> None:
    """Where the system can: not on Windows, and macOS may refuse."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    _limit_memory()
    print(look(*map(Path, sys.argv[1:3])) or "")
