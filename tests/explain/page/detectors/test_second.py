"""Tests of a second model on the page: it runs after the first one, is shown beside it, and runs for each face."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explain.page.arrival import arrival
from explain.page.components.controls import AT_FIRST
from explain.page.components.updates import Updates, visible
from explain.page.detectors import second
from explain.page.downloads import download
from explain.page.run import Page
from explain.result import Analysis
from model import available
from model.available import MODEL_FOLDER, FoundModel, Models
from model.paths import SHIPPED
from tests.explain.page.run.visits import VISITOR, final_state
from tests.support.worlds import FormulaDetector, noise, uneven_right_half


@pytest.fixture(scope="module", autouse=True)
def quick_models() -> Iterator[None]:
    """The models ``one`` and ``three`` give the same probabilities, ``two`` the opposite ones."""

    def opened(found: FoundModel, *_: Any) -> FormulaDetector:
        opposite = found.name == "two"
        detector = FormulaDetector((lambda crops: 1 - uneven_right_half(crops)) if opposite else uneven_right_half)
        detector.name = found.name
        return detector

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(available, "open_model", opened)
        yield


def new_page() -> Page:
    return Page(Models([FoundModel(name, SHIPPED, MODEL_FOLDER) for name in ("one", "two", "three")]))


@pytest.fixture
def page() -> Page:
    return new_page()


@pytest.fixture(scope="module")
def controls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Control values for a photo without a face; the whole picture is judged."""
    photo = tmp_path_factory.mktemp("photo") / "noise.png"
    Image.fromarray(noise(192)).save(photo)
    return {
        **AT_FIRST,
        **{"language": "en", "model": "one", "second": "two", "photo": str(photo), "samples": 150, "superpixels": 12},
        **{"face": 0, "whole": True, "seen": None, "second_seen": None, "hidden": [], "regions": [], "top": 0},
        **{"slide_map": "lime", "many_progress": None},
    }


def is_complete(updates: Updates, name: str = "seen") -> bool:
    return updates.get(name) is not None and updates[name].analysis.complete


@pytest.mark.slow
def test_second_model_runs_after_the_first_one(page: Page, controls: dict[str, Any]) -> None:
    steps = list(page.show(controls | {"robustness": True}, VISITOR))
    done = next(number for number, step in enumerate(steps) if is_complete(step))
    began = next(number for number, step in enumerate(steps) if step.get("second_seen") is not None)
    assert done < began and "Done in" in steps[done]["status"]
    assert "begins once" in final_state(steps[:done])["second_status"]
    shown = final_state(steps)
    assert shown["second_group"] == visible(True) and shown["second_cancel"] == visible(False)
    assert ">one<" in shown["first_verdict"] and ">two<" in shown["second_verdict"]
    assert shown["first_picture"].shape == shown["second_picture"].shape == (640, 640, 3)
    assert "correlation of −" in shown["second_sentence"] and shown["second_status"] == ""
    assert "region " in shown["second_table"]
    first_result, second_result = shown["seen"].analysis, shown["second_seen"].analysis
    assert second_result.settings.target == first_result.settings.target
    assert second_result.attributions.keys() == {"lime"}
    assert first_result.robustness is not None
    assert second_result.robustness is None, "it is not shown, so it must not be computed"


def test_link_can_name_the_second_model(page: Page) -> None:
    assert arrival(page.models, {"second": "two"}, "en")["second"] == "two"
    assert "second=gone" in arrival(page.models, {"second": "gone"}, "en")["notice"]["value"]


def test_comparison_is_hidden_without_a_second_model(page: Page, controls: dict[str, Any]) -> None:
    shown = final_state(page.show({**controls, "second": second.NONE, "samples": 100}, VISITOR))
    assert shown["second_group"] == visible(False) and shown["second_seen"] is None


@pytest.mark.slow
def test_first_model_cannot_be_the_second_one_too(page: Page, controls: dict[str, Any]) -> None:
    for language, sentence in (("en", "choose another one"), ("tr", "başka birini seçin")):
        shown = final_state(page.show({**controls, "second": "one", "language": language}, VISITOR))
        assert sentence in shown["second_status"] and shown["second_seen"] is None and is_complete(shown)
    unknown = final_state(second.compare(page, {**controls, "second": "gone", "seen": shown["seen"]}, VISITOR))
    assert "gone" in unknown["second_status"]


@pytest.fixture(scope="module")
def finished(controls: dict[str, Any]) -> dict[str, Any]:
    """The controls after the first model's result, with no second model yet."""
    shown = final_state(new_page().show({**controls, "second": second.NONE}, VISITOR))
    return {**controls, "seen": shown["seen"]}


@pytest.fixture(scope="module")
def compared(controls: dict[str, Any]) -> tuple[dict[str, Any], Updates]:
    """The controls after the results of both models, and everything that the page shows."""
    shown = final_state(new_page().show(controls, VISITOR))
    return {**controls, "seen": shown["seen"], "second_seen": shown["second_seen"]}, shown


@pytest.mark.slow
def test_later_choice_of_a_second_model_does_not_run_the_first_one_again(page: Page, finished: dict[str, Any]) -> None:
    steps = list(second.compare(page, finished, VISITOR))
    assert all("seen" not in step and "verdict" not in step for step in steps), "the first result must not change"
    seen = final_state(steps)["second_seen"]
    assert seen.analysis.model["name"] == "two"
    third = final_state(second.compare(page, {**finished, "second": "three", "second_seen": seen}, VISITOR))
    assert third["second_seen"].analysis.model["name"] == "three" and "correlation of 1.00" in third["second_sentence"]
    none = final_state(second.compare(page, {**finished, "second": second.NONE, "second_seen": seen}, VISITOR))
    assert none == second.hidden()


@pytest.mark.slow
def test_cancelled_second_model_does_not_change_the_first_ones_result(page: Page, finished: dict[str, Any]) -> None:
    steps = second.compare(page, finished, VISITOR)
    shown: Updates = {}
    for step in steps:
        shown |= step
        if step.get("second_seen") is not None and "lime" in step["second_seen"].analysis.attributions:
            page.runs.stop(VISITOR)
    assert "Stopped" in shown["second_status"] and shown["second_cancel"] == visible(False)
    assert shown["second_sentence"] == "" and "seen" not in shown


@pytest.mark.slow
def test_another_choice_or_a_further_map_stops_a_running_second_model(page: Page, controls: dict[str, Any]) -> None:
    changed, order = False, []
    for step in page.show(controls, VISITOR):
        if step.get("second_seen") is not None:
            name = step["second_seen"].analysis.model["name"]
            order += [name] if name not in order else []
            if not changed:
                changed = True
                page.update_controls(VISITOR, {**controls, "second": "three", "further": ["occlusion"]})
        last = step.get("seen") if step.get("seen") is not None else None
        if last is not None and last.analysis.complete:
            order.append(sorted(last.analysis.attributions))
    assert order == [["attention", "lime"], "two", ["attention", "lime", "occlusion"], "three"]


@pytest.mark.slow
def test_valid_result_of_the_second_model_is_reused(
    page: Page, compared: tuple[dict[str, Any], Updates], monkeypatch: pytest.MonkeyPatch
) -> None:
    controls, shown = compared
    judged_by: set[str] = set()
    run = FormulaDetector._run

    def recorded(self: FormulaDetector, crops: NDArray[np.uint8], *more: Any) -> Any:
        judged_by.add(self.name)
        return run(self, crops, *more)

    monkeypatch.setattr(FormulaDetector, "_run", recorded)
    later = final_state(page.extend({**controls, "further": ["occlusion"]}, VISITOR))
    assert later["second_sentence"] == shown["second_sentence"] and judged_by == {"one"}


@pytest.mark.slow
def test_settings_language_and_reports_include_the_second_model(
    page: Page, compared: tuple[dict[str, Any], Updates]
) -> None:
    controls, shown = compared
    few = page.redraw({**controls, "shown": 1})
    assert not np.array_equal(few["second_picture"], shown["second_picture"])
    turkish = page.change_language({**controls, "language": "tr"}, VISITOR)
    assert "korelasyon" in turkish["second_sentence"] and turkish["second_status"] == ""
    (archive_bytes,) = _report_files(download(controls, page, "zip"))
    with zipfile.ZipFile(io.BytesIO(archive_bytes)) as archive:
        assert "second.png" in archive.namelist() and b"correlation of" in archive.read("report.html")
    (without_second,) = _report_files(download({**controls, "second": second.NONE}, page, "html"))
    assert b"correlation of" not in without_second


def _report_files(updates: Iterator[Updates]) -> Iterator[bytes]:
    for update in updates:
        yield Path(update["ready"]).read_bytes()


@pytest.mark.slow
def test_click_on_another_face_runs_both_models_again(
    page: Page, controls: dict[str, Any], astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    both = tmp_path / "both.png"
    Image.fromarray(np.concatenate([astronaut, np.ascontiguousarray(astronaut[:, ::-1])], axis=1)).save(both)
    portraits = {**controls, "photo": str(both), "whole": False}
    shown = final_state(page.show(portraits, VISITOR))
    assert len(shown["seen"].analysis.faces) == 2
    clicked = {**portraits, "face": 1, "seen": shown["seen"], "second_seen": shown["second_seen"]}
    steps = list(page.show(clicked, VISITOR))
    assert steps[0]["second_seen"] is None and steps[0]["second_sentence"] == "", "the earlier results must be removed"
    first_result, second_result = (final_state(steps)[name].analysis for name in ("seen", "second_seen"))
    assert _square(first_result) == _square(second_result) != _square(shown["seen"].analysis)


def _square(analysis: Analysis) -> tuple[float, float, float]:
    assert analysis.chosen is not None
    return analysis.chosen.square


def test_report_contains_the_second_result_only_for_the_shown_face(page: Page, finished: dict[str, Any]) -> None:
    seen = finished["seen"]
    second_seen = replace(seen, analysis=replace(seen.analysis, model={**seen.analysis.model, "name": "two"}))
    other_face = replace(seen.analysis.settings, face=1)
    assert second.second_of(page.card, {**finished, "second_seen": second_seen}) is not None
    for wrong in (
        replace(second_seen, analysis=replace(second_seen.analysis, complete=False)),
        replace(second_seen, source="another photo"),
        replace(second_seen, analysis=replace(second_seen.analysis, settings=other_face)),
    ):
        assert second.second_of(page.card, {**finished, "second_seen": wrong}) is None
