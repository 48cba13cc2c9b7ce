"""Tests of what all interfaces share: the queue, the kept photos, and messages about models and server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explain.interfaces.gradio_api import GradioEndpoints
from explain.page.run import Page
from explain.provenance import apart
from explain.service.queue import AnalysisQueue, Busy, Urgency
from explain.service.refusal import Refused
from explain.service.service import Service, last
from explain.service.uploads import Uploads
from explain.settings import LIKELIER, Settings, known_language
from model.apart import Processes
from model.available import MODEL_FOLDER, FoundModel, Models
from model.errors import ArtifactError, PhotoError, SettingsError
from model.paths import SHIPPED
from model.photos import worker
from tests.support.worlds import QuickDetector

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
CAT = EXAMPLES / "cat.jpg"  # no face: the quickest answer
ASTRONAUT = EXAMPLES / "astronaut.jpg"
SHIPPED_MODEL = FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models([SHIPPED_MODEL])


@pytest.fixture
def service(models: Models, tmp_path: Path) -> Service:
    return Service(models, Uploads(tmp_path / "kept"), AnalysisQueue(1, most_programs=1))


def kept(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "kept").iterdir())


# Analyses


def test_photo_is_kept_and_its_turn_is_given_back(service: Service, models: Models, tmp_path: Path) -> None:
    analysis = last(service.analyze(CAT, Settings(), models.get(models.first)))
    assert analysis is not None and analysis.complete
    assert [path.read_bytes() for path in kept(tmp_path)] == [CAT.read_bytes()]
    assert service.queue.running == 0


def test_a_file_that_is_no_photo_is_not_kept_and_holds_no_turn(
    service: Service, models: Models, tmp_path: Path
) -> None:
    with pytest.raises(PhotoError):
        last(service.analyze(b"no photo", Settings(), models.get(models.first)))
    assert kept(tmp_path) == []
    assert service.queue.running == 0


def test_a_program_beyond_the_limit_is_refused(service: Service, models: Models, tmp_path: Path) -> None:
    running = service.queue.each(iter([1, 2]))
    next(running)
    with pytest.raises(Busy):
        last(service.analyze(CAT, Settings(), models.get(models.first)))
    assert kept(tmp_path) == []
    list(running)


@pytest.mark.slow
def test_page_takes_its_turn_and_keeps_a_visitors_photo_once(service: Service, models: Models, tmp_path: Path) -> None:
    inputs: dict[str, Any] = {
        **{"language": "en", "model": models.first, "photo": str(CAT), "face": 0, "whole": False, "shown": 8},
        **{"target": LIKELIER, "superpixels": 10, "samples": 100, "smooth": False, "further": [], "trust": False},
        **{"segmentation": "slic", "hide": "mean", "slide_map": "lime", "hidden": [], "seen": None},
        **{"second": "", "second_seen": None, "robustness": False},
    }
    page = Page(models, service)
    running = []
    for visitor in ("ann", "ann", "bob"):
        for _ in page.show(inputs, visitor):
            running.append(service.queue.running)
    assert max(running) == 1 and service.queue.running == 0
    assert len(kept(tmp_path)) == 2


# Urgency


def urgencies_of(
    service: Service, detector: QuickDetector, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> list[tuple[str, Urgency]]:
    """Stages, and the urgency after each of them."""
    urgencies = []
    real = service.queue.each

    def each(steps: Any, cancelled: Any, wait: bool, urgency: Any, client: Any) -> Iterator[Any]:
        for step in real(steps, cancelled, wait, urgency, client):
            urgencies.append((step.stage, urgency(step)))
            yield step

    monkeypatch.setattr(service.queue, "each", each)
    last(service.analyze(ASTRONAUT, Settings(robustness=False, samples=100), detector, **options))
    return urgencies


@pytest.mark.slow
def test_verdict_comes_first_then_the_first_map_then_the_rest(
    service: Service, quick_detector: QuickDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    urgencies = urgencies_of(service, quick_detector, monkeypatch)
    assert [urgency for _, urgency in urgencies[:4]] == [Urgency.VERDICT, *[Urgency.FIRST_MAP] * 3]
    assert {urgency for stage, urgency in urgencies[4:]} == {Urgency.REST}


@pytest.mark.slow
def test_one_of_many_photos_is_less_urgent_than_the_verdict_of_a_single_one(
    service: Service, quick_detector: QuickDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    urgencies = urgencies_of(service, quick_detector, monkeypatch, urgency=Urgency.FIRST_MAP)
    assert {urgency for _, urgency in urgencies} == {Urgency.FIRST_MAP}


def test_visitors_from_one_address_share_its_limit(models: Models) -> None:
    service = Service(models, queue=AnalysisQueue(1, most_of_client=1))
    for visitor in ("ann", "bob"):
        service.came_from(visitor, "192.0.2.1")
    service.came_from("cem", "192.0.2.2")

    def begin(visitor: str) -> Iterator[Any]:
        steps = service.analyze(CAT, Settings(), models.get(models.first), visitor=visitor, wait=True)
        next(steps)
        return steps

    kept_open = begin("ann/many")
    with pytest.raises(Busy, match=r"your address.+\.$"):
        begin("bob")
    begin("cem")
    kept_open.close()  # type: ignore[attr-defined]
    begin("bob")


# Messages


def test_health_counts_running_analyses(service: Service) -> None:
    running = service.queue.each(iter([1, 2]))
    next(running)
    assert service.health()["running"] == 1
    list(running)
    assert service.health()["running"] == 0


def test_only_the_name_of_an_unused_model_is_listed(tmp_path: Path) -> None:
    models = Models([SHIPPED_MODEL, FoundModel("other", tmp_path / "nowhere", MODEL_FOLDER)])
    service = Service(models)
    first, unused = service.list_models()
    assert first["first"] and first["open"] and first["sha256"]
    assert unused == {**dict.fromkeys(first), "name": "other", "first": False, "open": False}
    with pytest.raises(ArtifactError):
        models.get("other")
    assert "nowhere" in service.list_models()[1]["problem"]


def test_the_error_for_an_unknown_language_lists_the_known_ones() -> None:
    assert known_language("tr") == "tr"
    with pytest.raises(SettingsError, match=r"'xx'; choose one of en, tr\."):
        known_language("xx")


# Refusals for programs


@pytest.fixture
def programs(service: Service) -> GradioEndpoints:
    return GradioEndpoints(service)


def test_programs_are_refused_in_their_language(programs: GradioEndpoints, models: Models) -> None:
    for language, word in (("en", "not a readable JPEG"), ("tr", "okunabilir")):
        with pytest.raises(Refused, match=word):
            programs.find_faces(b"no photo", models.first, language)


def test_programs_without_a_photo_or_with_an_unknown_name_are_refused(
    programs: GradioEndpoints, models: Models
) -> None:
    with pytest.raises(Refused, match="No photo was given"):
        programs.find_faces(None, models.first)
    with pytest.raises(Refused, match="nobody's"):
        programs.find_faces(CAT.read_bytes(), "nobody's")
    with pytest.raises(Refused, match="choose one of en, tr"):
        programs.find_faces(CAT.read_bytes(), models.first, "xx")
    with pytest.raises(Refused, match="choose one of en, tr"):
        programs.list_models("xx")


@pytest.mark.parametrize("name", ["superpixels", "samples", "shown", "face", "seed"])
@pytest.mark.parametrize("value", [None, [], {}, "x", "", [[1]], "\ud800", float("nan"), 1e308, 10**30])
def test_the_error_for_an_invalid_number_names_its_field(
    name: str, value: Any, programs: GradioEndpoints, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"superpixels": 10, "samples": 100, "shown": 4, "face": 1, "seed": 0, name: value}
    regions, options = ("slic", "mean"), (False, False, False)
    numbers = (LIKELIER, *(given[key] for key in ("superpixels", "samples", "shown")), *regions, *options)
    with pytest.raises(Refused, match=name):
        list(programs.explain_photo(CAT.read_bytes(), [], *numbers, given["face"], False, given["seed"], models.first))
    assert "Traceback" not in caplog.text and not caplog.records


@pytest.mark.parametrize("model", [["a"], {"a": 1}, 5])
def test_a_model_that_is_no_text_is_refused(model: Any, programs: GradioEndpoints) -> None:
    with pytest.raises(Refused, match="No model is called"):
        programs.find_faces(CAT.read_bytes(), model)


def test_an_internal_error_is_reported_without_its_details(
    programs: GradioEndpoints, models: Models, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("secret details")

    monkeypatch.setattr("explain.interfaces.gradio_api.to_dict", broken)
    with pytest.raises(Refused) as caught:
        programs.find_faces(CAT.read_bytes(), models.first)
    assert "went wrong inside WhyFake" in str(caught.value) and "secret" not in str(caught.value)
    assert "secret details" in caplog.text


def test_processes_that_read_files_are_started_before_the_first_visitor(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = [Processes("model.photos.worker", 2, 60.0), Processes("explain.provenance.apart", 1, 60.0)]
    monkeypatch.setattr(worker._DECODERS, "processes", pools[0])
    monkeypatch.setattr(apart, "_READERS", pools[1])
    service.prepare()
    assert [sum(process is not None for process in pool._free.queue) for pool in pools] == [1, 1]
    for pool in pools:
        pool.close()
