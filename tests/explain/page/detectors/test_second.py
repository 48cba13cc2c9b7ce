"""What the page shows of a second model: after the first one's result, beside it, and for each face again."""

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
from tests.explain.page.run.visits import VISITOR, rest
from tests.support.worlds import FormulaDetector, noise, uneven_right_half


@pytest.fixture(scope="module", autouse=True)
def quick_models() -> Iterator[None]:
    """``one`` and ``three`` are of one mind, ``two`` of the opposite."""

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
    """A photo without a face, of which the whole picture is judged."""
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
def test_second_model_comes_after_the_first_ones_result(page: Page, controls: dict[str, Any]) -> None:
    steps = list(page.show(controls | {"robustness": True}, VISITOR))
    done = next(number for number, step in enumerate(steps) if is_complete(step))
    began = next(number for number, step in enumerate(steps) if step.get("second_seen") is not None)
    assert done < began and "Done in" in steps[done]["status"]
    assert "begins once" in rest(steps[:done])["second_status"]
    shown = rest(steps)
    assert shown["second_group"] == visible(True) and shown["second_cancel"] == visible(False)
    assert ">one<" in shown["first_verdict"] and ">two<" in shown["second_verdict"]
    assert shown["first_picture"].shape == shown["second_picture"].shape == (640, 640, 3)
    assert "correlation of −" in shown["second_sentence"] and shown["second_status"] == ""
    assert "region " in shown["second_table"]
    first, other = shown["seen"].analysis, shown["second_seen"].analysis
    assert other.settings.target == first.settings.target and other.attributions.keys() == {"lime"}
    assert other.robustness is None and first.robustness is not None, "only what is shown of it was computed"


def test_link_names_the_second_model(page: Page) -> None:
    assert arrival(page.models, {"second": "two"}, "en")["second"] == "two"
    assert "second=gone" in arrival(page.models, {"second": "gone"}, "en")["notice"]["value"]


def test_without_a_second_model_nothing_of_it_is_shown(page: Page, controls: dict[str, Any]) -> None:
    shown = rest(page.show({**controls, "second": second.NONE, "samples": 100}, VISITOR))
    assert shown["second_group"] == visible(False) and shown["second_seen"] is None


@pytest.mark.slow
def test_the_first_model_is_no_second_one(page: Page, controls: dict[str, Any]) -> None:
    for language, sentence in (("en", "choose another one"), ("tr", "başka birini seçin")):
        shown = rest(page.show({**controls, "second": "one", "language": language}, VISITOR))
        assert sentence in shown["second_status"] and shown["second_seen"] is None and is_complete(shown)
    gone = rest(second.compare(page, {**controls, "second": "gone", "seen": shown["seen"]}, VISITOR))
    assert "gone" in gone["second_status"]


@pytest.fixture(scope="module")
def finished(controls: dict[str, Any]) -> dict[str, Any]:
    """The controls after the first model's result, with no second model yet."""
    shown = rest(new_page().show({**controls, "second": second.NONE}, VISITOR))
    return {**controls, "seen": shown["seen"]}


@pytest.fixture(scope="module")
def compared(controls: dict[str, Any]) -> tuple[dict[str, Any], Updates]:
    """The controls after the results of both models, and all that the page shows."""
    shown = rest(new_page().show(controls, VISITOR))
    return {**controls, "seen": shown["seen"], "second_seen": shown["second_seen"]}, shown


@pytest.mark.slow
def test_choice_afterwards_asks_only_the_second_model(page: Page, finished: dict[str, Any]) -> None:
    steps = list(second.compare(page, finished, VISITOR))
    assert all("seen" not in step and "verdict" not in step for step in steps), "the first result stays as it is"
    seen = rest(steps)["second_seen"]
    assert seen.analysis.model["name"] == "two"
    third = rest(second.compare(page, {**finished, "second": "three", "second_seen": seen}, VISITOR))
    assert third["second_seen"].analysis.model["name"] == "three" and "correlation of 1.00" in third["second_sentence"]
    none = rest(second.compare(page, {**finished, "second": second.NONE, "second_seen": seen}, VISITOR))
    assert none == second.hidden()


@pytest.mark.slow
def test_cancelled_second_model_leaves_the_first_ones_result(page: Page, finished: dict[str, Any]) -> None:
    steps = second.compare(page, finished, VISITOR)
    shown: Updates = {}
    for step in steps:
        shown |= step
        if step.get("second_seen") is not None and "lime" in step["second_seen"].analysis.attributions:
            page.runs.stop(VISITOR)
    assert "Stopped" in shown["second_status"] and shown["second_cancel"] == visible(False)
    assert shown["second_sentence"] == "" and "seen" not in shown


@pytest.mark.slow
def test_another_choice_or_a_further_map_ends_a_second_model_that_runs(page: Page, controls: dict[str, Any]) -> None:
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
def test_result_that_still_holds_is_taken_over(
    page: Page, compared: tuple[dict[str, Any], Updates], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, shown = compared
    judged_by: set[str] = set()
    run = FormulaDetector._run

    def noted(self: FormulaDetector, crops: NDArray[np.uint8], *more: Any) -> Any:
        judged_by.add(self.name)
        return run(self, crops, *more)

    monkeypatch.setattr(FormulaDetector, "_run", noted)
    later = rest(page.extend({**now, "further": ["occlusion"]}, VISITOR))
    assert later["second_sentence"] == shown["second_sentence"] and judged_by == {"one"}


@pytest.mark.slow
def test_other_settings_languages_and_reports_include_it(page: Page, compared: tuple[dict[str, Any], Updates]) -> None:
    now, shown = compared
    few = page.redraw({**now, "shown": 1})
    assert not np.array_equal(few["second_picture"], shown["second_picture"])
    turkish = page.change_language({**now, "language": "tr"}, VISITOR)
    assert "korelasyon" in turkish["second_sentence"] and turkish["second_status"] == ""
    (made,) = _made(download(now, page, "zip"))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert "second.png" in archive.namelist() and b"correlation of" in archive.read("report.html")
    (alone,) = _made(download({**now, "second": second.NONE}, page, "html"))
    assert b"correlation of" not in alone


def _made(updates: Iterator[Updates]) -> Iterator[bytes]:
    for update in updates:
        yield Path(update["ready"]).read_bytes()


@pytest.mark.slow
def test_click_on_another_face_asks_both_models_again(
    page: Page, controls: dict[str, Any], astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    both = tmp_path / "both.png"
    Image.fromarray(np.concatenate([astronaut, np.ascontiguousarray(astronaut[:, ::-1])], axis=1)).save(both)
    portraits = {**controls, "photo": str(both), "whole": False}
    shown = rest(page.show(portraits, VISITOR))
    assert len(shown["seen"].analysis.faces) == 2
    clicked = {**portraits, "face": 1, "seen": shown["seen"], "second_seen": shown["second_seen"]}
    steps = list(page.show(clicked, VISITOR))
    assert steps[0]["second_seen"] is None and steps[0]["second_sentence"] == "", "the other face's answer is gone"
    first, other = (rest(steps)[name].analysis for name in ("seen", "second_seen"))
    assert _square(first) == _square(other) != _square(shown["seen"].analysis)


def _square(analysis: Analysis) -> tuple[float, float, float]:
    assert analysis.chosen is not None
    return analysis.chosen.square


def test_only_the_answer_for_the_face_that_is_shown_goes_into_the_report(page: Page, finished: dict[str, Any]) -> None:
    seen = finished["seen"]
    other = replace(seen, analysis=replace(seen.analysis, model={**seen.analysis.model, "name": "two"}))
    assert second.second_of(page.card, {**finished, "second_seen": other}) is not None
    for wrong in (
        replace(other, analysis=replace(other.analysis, complete=False)),
        replace(other, source="another photo"),
        replace(other, analysis=replace(other.analysis, settings=replace(other.analysis.settings, face=1))),
    ):
        assert second.second_of(page.card, {**finished, "second_seen": wrong}) is None
