"""Tests that child processes end when their parent process is killed, whether they are busy or idle."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support.bad_photos import ROOT
from tests.support.clip_files import clip_file, greys, written
from tests.support.processes import all_end

pytestmark = pytest.mark.slow  # each starts a process that starts another one
# The function that does the work of each process, the call of its main function, and the call that starts it.
PLACES = {
    "model.photos.worker": ("model.photos.decode.decode", "main()", "decode_apart(file.read_bytes())"),
    "explain.provenance.apart": (
        "explain.provenance.findings.findings",
        "main()",
        "findings_apart(file.read_bytes())",
    ),
    "model.clips.worker": ("model.clips.decode.pictures", "main()", "list(read_clip(file))"),
    "model.legacy.check": ("model.legacy.check.look", "main()", "problem_of(file)"),
    "model.legacy.apart": (
        "model.legacy.apart.convert",
        "main(*map(Path, sys.argv[1:]))",
        "convert_apart(file, None, file.parent / 'out', print)",
    ),
    "model.onnx_models.apart": ("model.onnx_models.apart.examine", "main(*sys.argv[1:])", "examine_apart(file)"),
}
# A process that is busy for ever.
CHILD = """
import sys, time
from pathlib import Path
import {home}, {module}
{place} = lambda *_: (Path({busy!r}).touch(), time.sleep(600))
{module}.{call}
"""
PARENT = """
import subprocess, sys
from pathlib import Path
child, file = sys.argv[1], Path(sys.argv[2])
start = subprocess.Popen.__init__
def started(self, command, **options):
    start(self, [sys.executable, "-c", child, *command[5:]], **options)
subprocess.Popen.__init__ = started
from {starter} import *
{started}
"""
POOL = """
from model.processes import process_pool
process_pool(1).submit(exec, "import pathlib, time; pathlib.Path({busy!r}).touch(); time.sleep(600)").result()
"""


def orphans_of(program: str, busy: Path, *arguments: str) -> list[psutil.Process]:
    """Start a program, kill it when its child processes are busy, and return these child processes."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=ROOT) as parent:
        try:
            while not busy.exists():
                assert parent.poll() is None
                time.sleep(0.05)
            started = psutil.Process(parent.pid).children(recursive=True)
        finally:
            parent.kill()
    assert started
    return started


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot wait for the end of a pipe's reader")
@pytest.mark.parametrize("module", PLACES)
def test_busy_process_ends_with_its_parent(module: str, tmp_path: Path) -> None:
    place, call, started = PLACES[module]
    busy, file = tmp_path / "busy", written(tmp_path, clip_file(greys(3)))
    starter = {"model.clips.worker": "model.clips.clip"}.get(module, module)
    child = CHILD.format(home=place.rpartition(".")[0], module=module, place=place, busy=str(busy), call=call)
    program = PARENT.format(starter=starter, started=started)
    orphans = orphans_of(program, busy, child, str(file))
    assert all_end(orphans)


def test_process_pool_ends_with_its_parent(tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    orphans = orphans_of(POOL.format(busy=str(busy)), busy)
    assert all_end(orphans)
