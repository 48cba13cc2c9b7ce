"""Tests of remembering failed imports: one try for a file and an importer, and the sentence of it ever after."""

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
    """A file with its labels, and a cache in which nothing is kept yet."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(legacy_folder, "problem_of", lambda h5, labels: None)  # it takes a process
    return shutil.copytree(DATA / "keras2_softmax", tmp_path / "own") / NAME


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Exception | None]:
    """What becomes of the imports to come, in turn; an import beyond these fails the test."""
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
def test_failed_import_is_not_tried_again_and_its_sentence_is_kept(h5: Path, tries: list[Exception | None]) -> None:
    assert failed_before(h5) is None and found_models(h5.parent)[0].problem is None
    tries.append(ArtifactError(PROBLEM))
    assert refusal(h5) == str(PROBLEM)
    assert refusal(h5).startswith(str(PROBLEM)) and f"python -m model import_legacy {NAME}" in refusal(h5)
    listed = found_models(h5.parent)[0].problem
    with use_language("tr"):
        assert str(listed).startswith(str(PROBLEM))


def test_other_file_and_other_importer_are_tried(
    h5: Path, tries: list[Exception | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries += [ArtifactError(PROBLEM)] * 3
    refusal(h5)
    with h5.open("ab") as file:
        file.write(b"\0")
    assert failed_before(h5) is None
    refusal(h5)
    assert len(tries) == 1 and failed_before(h5) is not None
    monkeypatch.setattr(failures, "FORMAT", apart.FORMAT + 1)
    assert failed_before(h5) is None
    refusal(h5)
    assert tries == []


def test_who_asks_for_it_gets_another_try(h5: Path, tries: list[Exception | None]) -> None:
    tries += [ArtifactError(PROBLEM), ArtifactError(PROBLEM), None]
    refusal(h5)
    assert refusal(h5, try_again=True) == str(PROBLEM)
    refusal(h5, try_again=True)  # the import went well, but has made nothing here
    assert tries == [] and failed_before(h5) is None


def test_what_the_machine_lacks_is_not_held_against_the_file(h5: Path, tries: list[Exception | None]) -> None:
    tries.append(OSError("No space left on device"))
    refusal(h5)
    assert failed_before(h5) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"importer": 3}', "null"])
def test_damaged_memory_counts_for_nothing(h5: Path, tries: list[Exception | None], content: str) -> None:
    tries.append(ArtifactError(PROBLEM))
    refusal(h5)
    (kept,) = (legacy_folder.cache_root() / legacy_folder.FAILED).iterdir()
    kept.write_text(content)
    assert failed_before(h5) is None


def test_text_that_the_catalogue_has_no_more_counts_for_nothing(h5: Path, tries: list[Exception | None]) -> None:
    tries.append(ArtifactError(PROBLEM))
    refusal(h5)
    (kept,) = (legacy_folder.cache_root() / legacy_folder.FAILED).iterdir()
    kept.write_text(kept.read_text().replace("network.damaged", "network.of_old"))
    assert failed_before(h5) is None
