"""Tests of ``python -m explain bulk``: its output and exit codes, and that ``python -m explain`` stays unchanged."""

from __future__ import annotations

import importlib.util
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from explain.bulk import command
from explain.maps.registry import METHODS
from model.i18n.catalogue import VARIABLE
from model.paths import EXAMPLES, ROOT
from tests.support.photo_files import encode, plain

Bulk = Callable[..., tuple[int, str, str]]
IN_PASS = next(name for name, method in METHODS.items() if method.in_verdict_pass)


@pytest.fixture
def bulk(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Bulk:
    """Runs ``python -m explain bulk`` in this process; gives its exit code, output and errors."""
    monkeypatch.setenv(VARIABLE, "en")
    monkeypatch.setenv("COLUMNS", "200")

    def bulk(*arguments: str | Path, name: str = "bulk") -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["explain", *([name] if name else []), *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            runpy.run_module("explain", run_name="__main__")
        out, err = capfd.readouterr()
        code = caught.value.code
        return (1, out, f"{err}{code}\n") if isinstance(code, str) else (int(code or 0), out, err)

    return bulk


def test_help_names_the_command_and_its_maps(bulk: Bulk) -> None:
    code, out, _ = bulk("--help")
    assert code == 0 and "python -m explain bulk [OPTIONS] {INPUT}" in out
    assert all(name in out for name in METHODS)


def test_the_command_for_single_photos_is_unchanged(bulk: Bulk) -> None:
    code, out, _ = bulk("--help", name="")
    assert code == 0 and "bulk" not in out.splitlines()[1] and "--robustness" in out and "explain bulk" in out


@pytest.mark.slow
def test_result_is_printed_in_two_lines_and_a_second_run_repeats_no_work(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes((EXAMPLES / "astronaut.jpg").read_bytes()[:9_000])
    (tmp_path / "list.csv").write_text(f"path\n{EXAMPLES / 'hopper.jpg'}\ncut.jpg\n")
    arguments = (tmp_path / "list.csv", "--out", tmp_path / "o.parquet", "--explain", IN_PASS)
    code, out, err = bulk(*arguments)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "2 of 2 photos are done: Looks fake 1, Not judged 1.",
        f"Table: {tmp_path / 'o.parquet'}. Summary: {tmp_path / 'o.html'}.",
    ]
    rows = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [[found["method"] for found in row["maps"]] for row in rows] == [[IN_PASS], []]
    assert bulk(*arguments) == (code, out, err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--out", "o"], "There is nothing at "),
        ([str(EXAMPLES), "--out", "o", "--explain", "magic"], "magic"),
        ([str(EXAMPLES), "--out", "o", "--model", "nothing"], "nothing"),
        ([str(EXAMPLES), "--out", "o", "--language", "xx"], "xx"),
        ([str(EXAMPLES), "--out", str(EXAMPLES)], "is no bulk job"),
    ],
)
def test_unusable_arguments_are_refused_in_one_sentence(
    bulk: Bulk, arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.chdir(tmp_path)
    code, out, err = bulk(*arguments)
    assert (code, out) == (1, "") and message in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [] or arguments[0] == "nothing"


@pytest.mark.parametrize(
    ("missing", "options", "message"),
    [
        ("ray", ["--workers", "2"], "need Ray"),
        ("ray", ["--address", "auto"], "need Ray"),
        ("pyarrow", [], "pyarrow is missing"),
    ],
)
def test_a_missing_package_is_reported_in_one_sentence(
    bulk: Bulk, missing: str, options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        command.importlib.util, "find_spec", lambda name, *rest: None if name == missing else find(name, *rest)
    )
    code, out, err = bulk(EXAMPLES, "--out", tmp_path / "o", *options)
    assert (code, out) == (1, "") and message in err and "requirements-scale.txt" in err


@pytest.mark.slow
def test_a_killed_process_loses_no_finished_rows(bulk: Bulk, tmp_path: Path) -> None:
    count, out = 60, tmp_path / "out.parquet"
    (tmp_path / "in").mkdir()
    for number in range(count):
        (tmp_path / "in" / f"{number:02d}.png").write_bytes(encode(plain((number, 0, 0), size=(320, 240))))
    arguments = [str(tmp_path / "in"), "--out", str(out), "--part", "4"]
    command = [sys.executable, "-m", "explain", "bulk", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while len(list(out.glob("part-*"))) < 3 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
    before = {part.name: part.read_bytes() for part in out.glob("part-*")}
    assert 3 <= len(before) < count // 4
    assert bulk(*arguments)[0] == 0
    rows = pq.read_table(out).to_pylist()
    assert [row["number"] for row in rows] == list(range(1, count + 1))
    assert len({row["sha256"] for row in rows}) == count
    assert {name: (out / name).read_bytes() for name in before} == before
