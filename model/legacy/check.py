"""Checks an untrusted ``.h5`` file in a separate process, where a hang or running out of memory does no harm.

``python -m model.legacy.check model/best_model_effatt.h5`` prints the problem as JSON, or ``null``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from model.apart import command_of, limit_memory
from model.errors import ArtifactError, message_of
from model.i18n.catalogue import Message, as_data, from_data
from model.legacy.card import LAMBDA, given_fields, labels_of
from model.legacy.described import problem_described
from model.legacy.h5 import open_legacy
from model.parent import end_with_parent
from model.paths import ROOT

NEWER = ".keras"  # a format of Keras 3
MAX_SECONDS = 20  # EfficientNetB7 takes one second
MAX_MEMORY = 4_000_000_000  # bytes


def problem_of(h5: Path, labels: Path | None = None) -> Message | None:
    """A problem of a file, or of the files beside it, that can be found without an import; None if there is none.

    Args:
        h5: the file.
        labels: its label encoder; if None, see ``model.legacy.card.labels_of``.
    """
    if h5.suffix.lower() == NEWER:
        return Message("legacy.newer", file=h5.name, stem=h5.stem)
    files = [str(path.absolute()) for path in (h5, labels) if path is not None]
    command = command_of("model.legacy.check", *files)
    # Each thread of a numeric library reserves memory, which would count against the limit.
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, capture_output=True, timeout=MAX_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Message("legacy.too_slow", file=h5.name)
    except OSError as error:
        return Message("model.unusable", file=h5.name, reason=message_of(error))
    if ended.returncode:
        return Message("legacy.broke_off", file=h5.name)
    found: Message | None = from_data(json.loads(ended.stdout))
    return found


def look(h5: Path, labels: Path | None = None) -> Message | None:
    """Like ``problem_of``, but in the current process and without the check of the suffix."""
    try:
        given = given_fields(h5)
        labels_of(h5, labels, given)
        with open_legacy(h5) as file:
            return problem_described(file, h5, LAMBDA in given)
    except ArtifactError as error:
        reason = message_of(error)
        if isinstance(reason, Message) and h5.name in str(reason):
            return reason
        return Message("model.unusable", file=h5.name, reason=reason)
    except Exception as error:  # no error in a file may stop a caller that only lists files
        return Message("model.unusable", file=h5.name, reason=message_of(error))


def main() -> None:
    """Print the problem of the file that the command names."""
    end_with_parent()
    limit_memory(MAX_MEMORY)
    problem = look(*map(Path, sys.argv[1:3]))
    print(json.dumps(problem and as_data(problem)))


if __name__ == "__main__":
    main()
