"""A short fuzzing run with a fixed seed; ``python -m tests.support.fuzz`` runs any number of cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import fuzz
from tests.support.fuzz import faults, run_case
from tests.support.fuzz_files import mutated, whole_files

CASES = 1_200


@pytest.mark.slow
def test_mutated_files_are_read_or_refused_in_a_sentence() -> None:
    assert list(faults(CASES, seed=0)) == []


def test_valid_files_are_read(tmp_path: Path) -> None:
    """Otherwise most mutations would test only the first check."""
    refused = set()
    for kind, data in whole_files():
        try:
            fuzz.READERS.get(kind, fuzz.read_photo)(data, tmp_path)
        except fuzz.UserError as error:
            refused.add((kind, str(error)))
    assert {kind for kind, _ in refused} <= {"h5", "pickle"}, refused  # their data include hostile files


def test_same_seed_gives_the_same_cases() -> None:
    assert [mutated(4, number) for number in range(60)] == [mutated(4, number) for number in range(60)]
    assert mutated(4, 0) != mutated(5, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "what"),
    [
        (lambda data, folder: {}["missing"], "KeyError"),
        (lambda data, folder: bytes(600_000_000), "MemoryError"),
        (lambda data, folder: sum(range(80_000_000)), "s"),
        (lambda data, folder: None, ""),
    ],
)
def test_faults_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reader: Callable[[bytes, Path], object], what: str
) -> None:
    monkeypatch.setattr(fuzz, "read_photo", reader)
    monkeypatch.setattr(fuzz, "READERS", {})
    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    _, found = run_case(0, 0, tmp_path)
    assert found.startswith(what) if what != "s" else found.endswith(" s")
