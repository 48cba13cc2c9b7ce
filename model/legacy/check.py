"""Looks through an ``.h5`` file of others in a process of its own: it may hang, or fill all memory, and do no harm.

``python -m model.legacy.check model/best_model_effatt.h5`` prints what is wrong with it as JSON, or ``null``.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from model.errors import ArtifactError, told_by
from model.i18n.catalogue import Said, as_data, from_data
from model.legacy.card import LAMBDA, given_fields, labels_of
from model.legacy.described import problem_described
from model.legacy.h5 import open_legacy
from model.paths import ROOT

NEWER = ".keras"  # a format of Keras 3
MAX_SECONDS = 20  # EfficientNetB7 takes one
MAX_MEMORY = 4_000_000_000


def problem_of(h5: Path, labels: Path | None = None) -> Said | None:
    """What can be told to be wrong with a file and those beside it without importing it; None if all is well.

    Args:
        h5: the file.
        labels: its label encoder; the one beside it if None.
    """
    if h5.suffix.lower() == NEWER:
        return Said("legacy.newer", file=h5.name, stem=h5.stem)
    files = [str(path.absolute()) for path in (h5, labels) if path is not None]
    command = [sys.executable, "-W", "ignore", "-m", "model.legacy.check", *files]
    # Each thread of a numeric library reserves memory, which would count against the limit.
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, capture_output=True, timeout=MAX_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Said("legacy.too_slow", file=h5.name)
    except OSError as error:
        return Said("model.unusable", file=h5.name, reason=told_by(error))
    if ended.returncode:
        return Said("legacy.broke_off", file=h5.name)
    found: Said | None = from_data(json.loads(ended.stdout))
    return found


def look(h5: Path, labels: Path | None = None) -> Said | None:
    """``problem_of`` in this very process."""
    try:
        given = given_fields(h5)
        labels_of(h5, labels, given)
        with open_legacy(h5) as file:
            return problem_described(file, h5, LAMBDA in given)
    except ArtifactError as error:
        said = told_by(error)
        if isinstance(said, Said) and h5.name in str(said):
            return said
        return Said("model.unusable", file=h5.name, reason=said)
    except Exception as error:  # whatever a file stumbles over must not stop those who only list it
        return Said("model.unusable", file=h5.name, reason=told_by(error))


def _limit_memory() -> None:
    """Where the system can: not on Windows, and macOS may refuse."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    _limit_memory()
    problem = look(*map(Path, sys.argv[1:3]))
    print(json.dumps(problem and as_data(problem)))
