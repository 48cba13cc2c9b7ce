"""Tests of reports: robustness is measured first, and the visitor can stop the measurement."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from explain.page.components.updates import Updates, visible
from explain.page.downloads import report
from explain.page.run import Page
from model.available import MODEL_FOLDER, FoundModel, Models
from model.paths import SHIPPED
from tests.explain.page.run.visits import CONTROL_VALUES, EXAMPLES, VISITOR, final_state, until

pytestmark = pytest.mark.slow
Finished = tuple[Page, dict[str, Any]]


@pytest.fixture(scope="module")
def finished(quick_network: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A page after a complete run without robustness, and the values of its controls.

    The photo is not an example: results of examples are cached, and later runs would end in one step.
    """
    page = Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
    photo = tmp_path_factory.mktemp("photo") / "photo.jpg"
    photo.write_bytes((EXAMPLES / "hopper_face.jpg").read_bytes() + b"end")
    controls = CONTROL_VALUES | {"photo": str(photo)}
    shown = final_state(page.show(controls, VISITOR), {})
    assert shown["seen"].analysis.robustness is None
    return page, controls | {"seen": shown["seen"]}


def updates_after_cancel(page: Page, steps: Iterator[Updates], stage: str) -> list[Updates]:
    """The updates of a run after Cancel is pressed at a stage of the analysis."""
    for step in steps:
        if "seen" in step and step["seen"].analysis.stage == stage:
            page.runs.stop(VISITOR)
            return list(steps)
    raise AssertionError(f"the run ended without the stage {stage}")


def test_robustness_is_measured_for_a_report_without_changing_the_setting(finished: Finished) -> None:
    page, controls = finished
    steps, shown = report(page, "zip", controls, VISITOR), {}
    for step in steps:
        shown |= step
        assert "robustness" not in step and step.get("report_group") in (None, visible(True))
        if step.get("ready"):
            break
    with zipfile.ZipFile(shown["ready"]) as archive:
        data = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith("report.json"))))
    assert data["robustness"]["changes"] and "<svg" in shown["robustness_curves"]
    assert "robustness=1" not in shown["link"]
    assert "<progress" in shown["status"] and "Done in" in final_state(steps, shown)["status"]
    again = list(report(page, "html", controls | {"seen": shown["seen"]}, VISITOR))
    assert not any("seen" in step for step in again), "nothing must be measured again"
    assert any(step.get("ready") for step in again)


def test_robustness_of_a_report_is_kept_for_further_maps_but_not_for_another_photo(finished: Finished) -> None:
    page, controls = finished
    measured = final_state(report(page, "html", controls, VISITOR))["seen"]
    more = controls | {"seen": measured, "further": ["occlusion"]}
    shown = final_state(page.extend(more, VISITOR), {})
    assert "occlusion" in shown["seen"].analysis.attributions
    assert shown["seen"].analysis.robustness is measured.analysis.robustness
    assert "robustness=1" not in shown["link"], "the visitor has not set it"
    another_photo = more | {"photo": str(EXAMPLES / "astronaut.jpg")}
    assert not page.settings(another_photo, VISITOR).robustness


def test_buttons_are_disabled_during_a_report_and_the_earlier_file_is_removed(finished: Finished) -> None:
    page, controls = finished
    steps = report(page, "html", controls, VISITOR)
    assert next(steps) == {"ready": None, "report_html": {"interactive": False}, "report_zip": {"interactive": False}}
    steps.close()


def test_stopped_measurement_gives_no_report_and_keeps_the_earlier_result(finished: Finished) -> None:
    page, controls = finished
    steps = updates_after_cancel(page, report(page, "html", controls, VISITOR), "robustness")
    shown = final_state(iter(steps), {})
    assert not any(step.get("ready") for step in steps) and "Stopped" in shown["status"]
    assert shown["seen"] is controls["seen"] and shown["report_group"] == visible(True)


def test_report_requested_while_a_second_model_runs_has_robustness_too(finished: Finished) -> None:
    page, controls = finished
    with page.runs.begin(VISITOR) as ended:
        steps = report(page, "html", controls, VISITOR)
        next(steps)
        page.runs._last[VISITOR].ended.set()  # as a run does when it notices that it must end
        assert "report_group" not in next(steps) and ended()
        until(steps, "ready")


def test_buttons_of_the_report_are_shown_again_after_trust_was_stopped(finished: Finished) -> None:
    page, controls = finished
    shown = final_state(iter(updates_after_cancel(page, page.extend(controls | {"trust": True}, VISITOR), "trust")), {})
    assert shown["seen"] is controls["seen"] and shown["report_group"] == visible(True)


def test_earlier_result_is_not_restored_after_a_stopped_run_with_other_superpixels(finished: Finished) -> None:
    page, controls = finished
    steps = updates_after_cancel(page, page.show(controls | {"superpixels": 40}, VISITOR), "regions")
    assert not any(step.get("seen") is controls["seen"] for step in steps)


def test_tabs_name_missing_results_of_a_stopped_run_and_a_report_completes_them(finished: Finished) -> None:
    page, controls = finished
    changed = controls | {"superpixels": 30}
    steps, shown = page.show(changed, VISITOR), {}
    for step in steps:
        shown |= step
        if shown.get("seen") and shown["seen"].analysis.stage == "lime":
            page.runs.stop(VISITOR)
    assert not shown["seen"].analysis.complete and shown["report_group"] == visible(True)
    assert "superpixels=30" in shown["link"] and shown["slide_picture"] is not None
    assert "Not measured" in shown["trust_table"] and "Not measured" in shown["robustness_curves"]
    turkish = page.change_language(changed | {"seen": shown["seen"], "language": "tr"}, VISITOR)
    assert "Ölçülmedi" in turkish["trust_table"] and turkish["report_group"] == visible(True)
    made = until(report(page, "html", changed | {"seen": shown["seen"]}, VISITOR), "ready")
    assert made["seen"].analysis.complete and made["seen"].analysis.robustness is not None
    assert "Not measured" not in made["trust_table"] + made["robustness_curves"]
