"""What all ways in share: the queue, the photos kept, and what is said of models and server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from explain.interfaces.gradio_api import Programs
from explain.page.run import Page
from explain.service.queue import Busy, Turns
from explain.service.refusal import Refused
from explain.service.service import Doors, last
from explain.service.uploads import Uploads
from explain.settings import LIKELIER, Settings
from model.available import MODEL_FOLDER, FoundModel, Models
from model.errors import PhotoError
from model.i18n.catalogue import LanguageError, known_language
from model.paths import SHIPPED

CAT = Path(__file__).resolve().parents[3] / "examples" / "cat.jpg"  # no face: the quickest of answers
SHIPPED_MODEL = FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models([SHIPPED_MODEL])


@pytest.fixture
def doors(models: Models, tmp_path: Path) -> Doors:
    return Doors(models, Uploads(tmp_path / "kept"), Turns(1, most_waiting=0))


def kept(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "kept").iterdir())


# The road


def test_photo_is_kept_and_its_turn_is_given_back(doors: Doors, models: Models, tmp_path: Path) -> None:
    analysis = last(doors.analyze(CAT, Settings(), models.get(models.first)))
    assert analysis is not None and analysis.complete
    assert [path.read_bytes() for path in kept(tmp_path)] == [CAT.read_bytes()]
    assert doors.turns.running == 0


def test_what_is_no_photo_is_neither_kept_nor_holds_a_turn(doors: Doors, models: Models, tmp_path: Path) -> None:
    with pytest.raises(PhotoError):
        last(doors.analyze(b"no photo", Settings(), models.get(models.first)))
    assert kept(tmp_path) == []
    assert doors.turns.running == 0


def test_while_another_has_the_turn_who_is_in_a_hurry_is_refused(doors: Doors, models: Models, tmp_path: Path) -> None:
    other = doors.turns.each(iter([1, 2]))
    next(other)
    with pytest.raises(Busy):
        last(doors.analyze(CAT, Settings(), models.get(models.first)))
    assert kept(tmp_path) == []
    list(other)


def test_page_takes_its_turn_and_keeps_a_visitors_photo_once(doors: Doors, models: Models, tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        **{"language": "en", "model": models.first, "photo": str(CAT), "face": 0, "whole": False, "shown": 8},
        **{"target": LIKELIER, "superpixels": 10, "samples": 100, "smooth": False, "further": [], "trust": False},
        **{"segmentation": "slic", "hide": "mean", "slide_map": "lime"},
    }
    page = Page(models, doors)
    running = []
    for visitor in ("ann", "ann", "bob"):
        for _ in page.show(asked, visitor):
            running.append(doors.turns.running)
    assert max(running) == 1 and doors.turns.running == 0
    assert len(kept(tmp_path)) == 2


# What is told


def test_health_counts_who_runs(doors: Doors) -> None:
    other = doors.turns.each(iter([1, 2]))
    next(other)
    assert doors.health()["running"] == 1
    list(other)
    assert doors.health()["running"] == 0


def test_of_a_model_that_was_never_used_only_the_name_is_told(tmp_path: Path) -> None:
    models = Models([SHIPPED_MODEL, FoundModel("other", tmp_path / "nowhere", MODEL_FOLDER)])
    doors = Doors(models)
    first, other = doors.list_models()
    assert first["first"] and first["open"] and first["sha256"]
    assert other == {**dict.fromkeys(first), "name": "other", "first": False, "open": False}
    with pytest.raises(ValueError):
        models.get("other")
    assert "nowhere" in doors.list_models()[1]["problem"]


def test_unknown_language_is_told_with_those_there_are() -> None:
    assert known_language("tr") == "tr"
    with pytest.raises(LanguageError, match=r"'xx'; choose one of en, tr\."):
        known_language("xx")


# What programs are refused


@pytest.fixture
def programs(doors: Doors) -> Programs:
    return Programs(doors)


def test_programs_are_refused_in_their_language(programs: Programs, models: Models) -> None:
    for language, word in (("en", "not a readable JPEG"), ("tr", "okunabilir")):
        with pytest.raises(Refused, match=word):
            programs.find_faces(b"no photo", models.first, language)


def test_programs_that_ask_for_what_is_not_there_are_refused(programs: Programs, models: Models) -> None:
    with pytest.raises(Refused, match="No photo was given"):
        programs.find_faces(None, models.first)
    with pytest.raises(Refused, match="nobody's"):
        programs.find_faces(CAT.read_bytes(), "nobody's")
    with pytest.raises(Refused, match="choose one of en, tr"):
        programs.find_faces(CAT.read_bytes(), models.first, "xx")
    with pytest.raises(Refused, match="choose one of en, tr"):
        programs.list_models("xx")


def test_a_fault_of_ours_is_told_without_its_details(
    programs: Programs, models: Models, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("secret details")

    monkeypatch.setattr("explain.interfaces.gradio_api.to_dict", broken)
    with pytest.raises(Refused) as caught:
        programs.find_faces(CAT.read_bytes(), models.first)
    assert "fault of the program" in str(caught.value) and "secret" not in str(caught.value)
    assert "secret details" in caplog.text
