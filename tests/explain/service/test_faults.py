"""Tests of faults in a running server: it reports them, and continues to answer."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from explain.maps.registry import METHODS
from explain.report.as_json import to_dict
from explain.service.queue import AnalysisQueue
from explain.service.refusal import Refused, is_disk_full, refusing, refusing_in
from explain.service.service import Service, last
from explain.settings import Settings
from model.artifact.card import WEIGHTS
from model.available import MODEL_FOLDER, FoundModel, Models
from model.errors import ArtifactError
from model.i18n.catalogue import translate
from model.paths import SHIPPED
from tests.support.worlds import QuickDetector

ASTRONAUT = Path(__file__).parents[3] / "examples" / "astronaut.jpg"
QUICK = Settings(robustness=False, samples=100)
GRADIENTS = replace(QUICK, methods=("attention", "gradcam", "lime"))


class ResourceExhaustedError(Exception):
    """It has the name of TensorFlow's error."""


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """A model with files that a test may remove."""
    folder = tmp_path / "lite_attention"
    shutil.copytree(SHIPPED, folder)
    return Models([FoundModel("lite_attention", folder, MODEL_FOLDER)])


@pytest.mark.slow
@pytest.mark.parametrize("error", [MemoryError(), ResourceExhaustedError("OOM when allocating tensor\n[1,2,3]")])
def test_a_map_without_memory_is_reported_and_the_others_are_made(
    error: Exception, models: Models, quick_detector: QuickDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Iterator[None]:
        raise error
        yield

    service = Service(models)
    monkeypatch.setitem(METHODS, "gradcam", replace(METHODS["gradcam"], explain=full))
    found = last(service.analyze(ASTRONAUT, GRADIENTS, quick_detector))
    assert found is not None and found.complete and {"attention", "lime"} <= found.attributions.keys()
    sentence = str(found.problems["gradcam"])
    assert "memory" in sentence and sentence.endswith(".") and "\n" not in sentence
    assert service.queue.running == 0


@pytest.mark.parametrize("error", [MemoryError(), ResourceExhaustedError("OOM when allocating tensor\n[1,2,3]")])
def test_a_verdict_without_memory_is_refused_and_the_next_one_is_given(
    error: Exception, models: Models, quick_detector: QuickDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteRT and NumPy raise such an error in the middle of a batch."""
    service, settings = Service(models), replace(QUICK, methods=("attention",))
    with monkeypatch.context() as patched, pytest.raises(Refused) as refusal, refusing():
        patched.setattr(quick_detector, "predict_all", Mock(side_effect=error))
        last(service.analyze(ASTRONAUT, settings, quick_detector))
    assert str(refusal.value) == translate("memory_full")
    assert service.queue.running == 0
    found = last(service.analyze(ASTRONAUT, settings, quick_detector))
    assert found is not None and found.complete and found.prediction is not None


@pytest.mark.parametrize("hours", [-30_000, 30_000])
def test_a_clock_that_is_moved_changes_no_answer(
    hours: int, models: Models, quick_detector: QuickDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, settings = Service(models), replace(QUICK, methods=("attention",))
    photo = ASTRONAUT.read_bytes() + b"\0"  # not an example: its answer would be kept
    before = last(service.analyze(photo, settings, quick_detector))
    steps = service.analyze(photo, settings, quick_detector)
    next(steps)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600 * hours)
    after = last(steps)
    assert before is not None and after is not None and after.complete
    assert after.prediction is not None and before.prediction is not None
    assert after.prediction.probabilities == before.prediction.probabilities
    assert 0 <= sum(after.seconds.values()) < 600 and service.health()["uptime_seconds"] < 600
    assert service.queue.estimate() < 600


@pytest.mark.slow
def test_removed_weights_stop_only_the_maps_that_need_them(models: Models) -> None:
    service, detector = Service(models), models.get(models.first)
    assert service.ready()
    for file in detector._folder.iterdir():
        file.unlink()
    assert not service.ready()
    found = last(service.analyze(ASTRONAUT, QUICK, detector))
    assert found is not None and found.complete and "lime" in found.attributions  # everything in memory still works
    with pytest.raises(ArtifactError) as refusal:
        last(service.analyze(ASTRONAUT, replace(QUICK, methods=("gradcam",)), detector))
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)
    assert service.queue.running == 0 and not (detector._folder / WEIGHTS).exists()


@pytest.mark.slow
def test_a_client_that_leaves_in_the_middle_leaves_no_open_analysis(
    models: Models, quick_detector: QuickDetector
) -> None:
    service = Service(models, queue=AnalysisQueue(1, most_of_client=1))
    steps = service.analyze(ASTRONAUT, QUICK, quick_detector, client="ann")
    next(steps)
    del steps  # this closes it, as when its reader has gone
    assert service.queue.running == 0
    assert last(service.analyze(ASTRONAUT, QUICK, quick_detector, client="ann")) is not None


@pytest.mark.slow
def test_clients_at_the_same_time_never_get_each_others_result(models: Models, quick_detector: QuickDetector) -> None:
    clients, service, got = 12, Service(models), {}
    photos = ("astronaut.jpg", "hopper.jpg", "cat.jpg", "hopper_face.jpg")

    def analysis_of(number: int) -> Callable[[], None]:
        def work() -> None:
            photo = ASTRONAUT.with_name(photos[number % len(photos)])
            got[number] = last(service.analyze(photo, replace(QUICK, seed=number + 1), quick_detector))

        return work

    threads = [threading.Thread(target=analysis_of(number), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number in range(clients):
        photo = ASTRONAUT.with_name(photos[number % len(photos)])
        alone = last(Service(models).analyze(photo, replace(QUICK, seed=number + 1), quick_detector))
        assert alone is not None
        together, expected = to_dict(got[number]), to_dict(alone)
        for part in ("photo", "faces", "prediction", "settings", "regions"):
            assert together[part] == expected[part], part
        assert [found["weights"] for found in together["attributions"].values()] == [
            found["weights"] for found in expected["attributions"].values()
        ]


# A full disk


def disk_full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", "/srv/photos/me.jpg")


def test_a_full_disk_is_reported_and_logged_without_the_file(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Refused, match="diski dolu"), refusing_in("tr"):
        raise disk_full()
    assert "full" in caplog.text and "me.jpg" not in caplog.text and "Traceback" not in caplog.text


def test_a_full_disk_is_recognised_in_the_cause_of_an_error() -> None:
    try:
        try:
            raise disk_full()
        except OSError as error:
            raise ValueError("array([[1, 2]])") from error
    except ValueError as error:
        assert is_disk_full(error)
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied")) and not is_disk_full(ValueError())
