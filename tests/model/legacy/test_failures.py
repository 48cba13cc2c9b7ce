"""Tests of cached import errors: a file is tried once per importer version, then the stored sentence is shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model.available import found_models
from model.errors import ArtifactError
from model.i18n.catalogue import Message, use_language
from model.legacy import apart
from model.legacy import folder as failures
from model.legacy import folder as legacy_folder
from model.legacy.folder import CACHE_VARIABLE, failed_before, model_folder

DATA = Path(__file__).parents[2] / "data" / "legacy"
NAME = "best_model_effatt.h5"
PROBLEM = Message("model.unusable", file=NAME, reason=Message("network.damaged"))


@pytest.fixture
def h5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with its labels, and an empty cache."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(legacy_folder, "problem_of", lambda h5, labels: None)  # it takes a process
    return shutil.copytree(DATA / "keras2_softmax", tmp_path / "own") / NAME


@pytest.fixture
def import_outcomes(monkeypatch: pytest.MonkeyPatch) -> list[Exception | None]:
    """The results of the next imports, in order; one more import fails the test."""
    outcomes: list[Exception | None] = []

    def convert_apart(h5: Path, labels: Path | None, folder: Path, notify: object) -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(legacy_folder, "convert_apart", convert_apart)
    return outcomes


def refusal(h5: Path, **options: bool) -> str:
    with pytest.raises(ArtifactError) as caught:
        model_folder(h5, **options)
    return str(caught.value)


@pytest.mark.slow
def test_failed_import_is_not_tried_again_and_its_error_is_kept(
    h5: Path, import_outcomes: list[Exception | None]
) -> None:
    assert failed_before(h5) is None and found_models(h5.parent)[0].problem is None
    import_outcomes.append(ArtifactError(PROBLEM))
    assert refusal(h5) == str(PROBLEM)
    assert refusal(h5).startswith(str(PROBLEM)) and f"python -m model import_legacy {NAME}" in refusal(h5)
    listed = found_models(h5.parent)[0].problem
    with use_language("tr"):
        assert str(listed).startswith(str(PROBLEM))


def test_changed_file_or_new_importer_is_tried_again(
    h5: Path, import_outcomes: list[Exception | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_outcomes += [ArtifactError(PROBLEM)] * 3
    refusal(h5)
    with h5.open("ab") as file:
        file.write(b"\0")
    assert failed_before(h5) is None
    refusal(h5)
    assert len(import_outcomes) == 1 and failed_before(h5) is not None
    monkeypatch.setattr(failures, "FORMAT", apart.FORMAT + 1)
    assert failed_before(h5) is None
    refusal(h5)
    assert import_outcomes == []


def test_import_is_tried_again_on_request(h5: Path, import_outcomes: list[Exception | None]) -> None:
    import_outcomes += [ArtifactError(PROBLEM), ArtifactError(PROBLEM), None]
    refusal(h5)
    assert refusal(h5, try_again=True) == str(PROBLEM)
    refusal(h5, try_again=True)  # the import succeeds, but writes no folder in this test
    assert import_outcomes == [] and failed_before(h5) is None


def test_system_error_is_not_stored_for_the_file(h5: Path, import_outcomes: list[Exception | None]) -> None:
    import_outcomes.append(OSError("No space left on device"))
    refusal(h5)
    assert failed_before(h5) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"importer": 3}', "null"])
def test_damaged_cache_entry_is_ignored(h5: Path, import_outcomes: list[Exception | None], content: str) -> None:
    import_outcomes.append(ArtifactError(PROBLEM))
    refusal(h5)
    (kept,) = (legacy_folder.cache_root() / legacy_folder.FAILED).iterdir()
    kept.write_text(content)
    assert failed_before(h5) is None


def test_cache_entry_with_an_unknown_text_is_ignored(h5: Path, import_outcomes: list[Exception | None]) -> None:
    import_outcomes.append(ArtifactError(PROBLEM))
    refusal(h5)
    (kept,) = (legacy_folder.cache_root() / legacy_folder.FAILED).iterdir()
    kept.write_text(kept.read_text().replace("network.damaged", "network.of_old"))
    assert failed_before(h5) is None
