"""Reads what files say about their origin in a small process: it calls native code on untrusted bytes.

Run as ``python -m explain.provenance.apart`` it is such a process, see ``model.apart``.
"""

from __future__ import annotations

import threading
from typing import Any

from explain.provenance.finding import NEUTRAL, STRENGTHS, Finding, Provenance
from model.apart import Answer, Cancelled, NoAnswer, Processes, Why, serve
from model.i18n.catalogue import Message, as_data, from_data

PROCESSES = 1
SECONDS = 4  # of the processor, where the system can limit that; the largest photo takes less than one
PATIENCE = 30  # seconds in all; on a busy machine reading waits for others
MEMORY = 350_000_000  # bytes; the marks of an earlier JPEG are looked for in up to 16 megapixels of grey
UNREAD = Provenance((Finding("unread", NEUTRAL, Message("provenance.unread")),))


def findings_apart(data: bytes, cancelled: Cancelled = lambda: False) -> Provenance | None:
    """``explain.provenance.findings.findings`` in another process; one finding says so if that broke off.

    Returns:
        None if ``cancelled`` was true meanwhile.
    """
    try:
        answer, _ = _READERS.ask(data, MEMORY, cancelled)
        return Provenance(tuple(map(_finding, answer["findings"])))
    except NoAnswer as error:
        return None if error.why is Why.CANCELLED else UNREAD
    except (LookupError, TypeError, ValueError):  # a process that was taken over may say anything
        return UNREAD


class Reading:
    """What a file says about its origin, read while the caller does other things.

    Args:
        data: the file.
        cancelled: see ``findings_apart``.
    """

    def __init__(self, data: bytes, cancelled: Cancelled) -> None:
        self.found: Provenance | None = None  # until it is read
        self._thread = threading.Thread(target=self._read, args=(data, cancelled), daemon=True)
        self._thread.start()

    def wait(self) -> Provenance | None:
        """What was found, once it is read; None if it was cancelled."""
        self._thread.join()
        return self.found

    def _read(self, data: bytes, cancelled: Cancelled) -> None:
        self.found = findings_apart(data, cancelled)


def expect_files() -> None:
    """Start the process, so that it is ready when a file comes."""
    _READERS.expect()


def _finding(data: list[Any]) -> Finding:
    kind, strength, sentence = data
    message = from_data(sentence)
    if strength not in STRENGTHS or not isinstance(message, Message):
        raise ValueError(kind)
    return Finding(str(kind), strength, message)


_READERS = Processes("explain.provenance.apart", PROCESSES, PATIENCE)


# The process


def _answer(data: bytes, memory: int) -> Answer:
    from explain.provenance.findings import findings

    found = findings(data).findings
    return {"findings": [(finding.kind, finding.strength, as_data(finding.message)) for finding in found]}, None


def main() -> None:
    """Answer requests until standard input is closed."""
    import explain.provenance.findings  # noqa: F401  what is loaded now does not count as memory for a file

    serve(_answer, SECONDS)


if __name__ == "__main__":
    main()
