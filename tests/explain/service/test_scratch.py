"""Tests of temporary files: the server removes them at its end, or the next server at its start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from explain.service.scratch import LOCK, Scratch, own_temporary_files, sweep

HOLD = """
import sys
import tempfile
from pathlib import Path
from explain.service.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
(scratch.folder / "upload.jpg").write_bytes(b"a face")
print(scratch.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


def test_the_folder_is_removed_with_its_files(root: Path) -> None:
    scratch = Scratch(root)
    (scratch.folder / "upload.jpg").write_bytes(b"a face")
    scratch.remove()
    assert list(root.iterdir()) == []


def test_only_the_owner_may_read_the_folder(root: Path) -> None:
    scratch = Scratch(root)
    assert scratch.folder.stat().st_mode & 0o077 == 0
    scratch.remove()


@pytest.mark.slow
def test_files_of_a_killed_server_are_removed_but_not_those_of_a_running_one(root: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(root)]
    killed = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    folder = Path(killed.stdout.readline().strip())
    second = Scratch(root)
    assert (folder / "upload.jpg").exists()
    killed.kill()
    killed.wait()
    third = Scratch(root)
    assert not folder.exists() and second.folder.exists()
    for scratch in (second, third):
        scratch.remove()


def test_a_folder_that_is_being_made_is_not_removed(root: Path) -> None:
    (root / "whyfake-new").mkdir(parents=True)
    (root / "other").mkdir()
    (root / "other" / LOCK).touch()
    sweep(root)
    assert {path.name for path in root.iterdir()} == {"whyfake-new", "other"}


def test_temporary_files_of_this_process_are_in_its_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tempfile.gettempdir()
    monkeypatch.setenv("UPLOADS_HERE", str(root))
    with own_temporary_files("UPLOADS_HERE"):
        (folder,) = root.iterdir()
        uploads, others = Path(os.environ["UPLOADS_HERE"]), Path(tempfile.gettempdir())
        assert uploads.parent == others.parent == folder and uploads != others
    assert list(root.iterdir()) == []
    assert (os.environ["UPLOADS_HERE"], tempfile.gettempdir()) == (str(root), before)
