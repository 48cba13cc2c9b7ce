"""Fuzzes all readers of untrusted files with mutated files: ``python -m tests.support.fuzz --cases N --seed S``.

Every case must return or raise a ``UserError``, within ``SECONDS`` and ``MEMORY``. The cases run in another process, so
that crashes of native code are found too. A case is identified by seed and number; its file is written to ``--keep``.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from explain.batch.photos import Reader, find
from explain.provenance.findings import findings
from model.artifact.card import CARD, read_card
from model.errors import PhotoError, UserError
from model.legacy.h5 import open_legacy
from model.legacy.labels import read_labels
from model.photos.decode import NeedsMemory, decode
from model.photos.worker import MEMORY as DECODING
from tests.support.fuzz_files import mutated, whole_files

SECONDS = 2.0  # processor time
MEMORY = 500_000_000  # bytes more than before the case
HANGS = 4.0  # processor time in seconds after which the process is ended
PATIENCE = 600.0  # seconds after which an idle process is ended
# HDF5 hangs on some files, and only ending its process helps: the product reads such files in a process with
# a time limit, see model/legacy/check.py.
READ_APART = {"h5"}


@dataclass(frozen=True)
class Fault:
    """A case that failed.

    Attributes:
        number: number of the case; with the seed it gives the same case again.
        kind: kind of the file.
        what: an error of a wrong type, a crash, or too much time or memory.
    """

    number: int
    kind: str
    what: str


def read_photo(data: bytes, folder: Path) -> None:
    """Decode the photo and read its provenance, as the product does."""
    decode(data, DECODING)
    findings(data)


def read_zip(data: bytes, folder: Path) -> None:
    """Find the photos, and unpack each."""
    path = folder / "photos.zip"
    path.write_bytes(data)
    with Reader() as reader:
        for item in find([path]).items:
            try:
                reader.read(item)
            except PhotoError:
                continue


def read_h5(data: bytes, folder: Path) -> None:
    """Read the description and all weights."""
    path = folder / "model.h5"
    path.write_bytes(data)
    with open_legacy(path) as file:
        for weight in file.weights:
            weight.read()


def read_pickle(data: bytes, folder: Path) -> None:
    """Read the class names."""
    path = folder / "labels.pkl"
    path.write_bytes(data)
    read_labels(path)


def read_model_card(data: bytes, folder: Path) -> None:
    """Read a model folder's card."""
    (folder / CARD).write_bytes(data)
    read_card(folder)


READERS: dict[str, Callable[[bytes, Path], None]] = {
    "zip": read_zip,
    "h5": read_h5,
    "pickle": read_pickle,
    "card": read_model_card,
}


def run_case(seed: int, number: int, folder: Path) -> tuple[str, str]:
    """Run one case; returns the kind of its file, and the fault or an empty text."""
    kind, data = mutated(seed, number)
    start = time.process_time()
    try:
        with _limited():
            READERS.get(kind, read_photo)(data, folder)
    except (UserError, NeedsMemory):
        pass
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return kind, f"{type(error).__name__}: {str(error)[:100]} ({Path(where.filename).name}:{where.lineno})"
    took = time.process_time() - start
    return kind, f"{took:.1f} s" if took > SECONDS else ""


class _limited:
    """Limits the process in a block to ``MEMORY`` more bytes, if the system can; ends it after ``HANGS``."""

    def __enter__(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, HANGS)
        statm = Path("/proc/self/statm")
        if statm.is_file():
            most = int(statm.read_text().split()[0]) * resource.getpagesize() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

    def __exit__(self, *problem: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _work(pipe: Any, seed: int, numbers: range) -> None:
    """Run cases; send the number of each before it runs, and its fault afterwards."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # hides messages that libraries print about such files
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            pipe.send(number)
            kind, what = run_case(seed, number, Path(folder))
            pipe.send((kind, what))
    pipe.send(None)


def faults(cases: int, seed: int, notify: Callable[[str], None] = lambda text: None) -> Iterator[Fault]:
    """Run cases 0..``cases`` in another process, which is restarted after a crash; yields the faults."""
    context, first = get_context("spawn"), 0
    counts: Counter[str] = Counter()
    while first < cases:
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, seed, range(first, cases)), daemon=True)
        process.start()
        theirs.close()
        try:
            while ours.poll(PATIENCE) and (number := ours.recv()) is not None:
                first = number + 1
                kind, what = ours.recv() if ours.poll(PATIENCE) else (mutated(seed, number)[0], "nothing happens")
                counts[kind] += 1
                if what:
                    yield Fault(number, kind, what)
                if first % 5_000 == 0:
                    notify(f"{first} cases: {dict(sorted(counts.items()))}")
        except EOFError:
            process.join()
            kind = mutated(seed, first - 1)[0]
            if process.exitcode != -signal.SIGPROF:
                yield Fault(first - 1, kind, f"crash, exit code {process.exitcode}")
            elif kind not in READ_APART:
                yield Fault(first - 1, kind, f"more than {HANGS} s")
            else:
                counts["ended, as the product does"] += 1
        process.kill()
        process.join()


def main() -> None:
    """Run, print every fault, keep its file, and exit with 1 if there was one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files of failed cases")
    options = parser.parse_args()
    start, found = time.monotonic(), 0
    for fault in faults(options.cases, options.seed, lambda text: print(text, flush=True)):
        found += 1
        print(f"case {fault.number}, {fault.kind}: {fault.what}", flush=True)
        if options.keep is not None:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{options.seed}_{fault.number}.{fault.kind}").write_bytes(
                mutated(options.seed, fault.number)[1]
            )
    took = time.monotonic() - start
    print(f"{options.cases} cases of {len(whole_files())} whole files in {took:.0f} s: {found} went wrong")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
