"""A report on request: robustness is measured for it first, and the visitor may stop that."""

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
from tests.explain.page.run.visits import CONTROL_VALUES, EXAMPLES, VISITOR, rest, until

pytestmark = pytest.mark.slow
Finished = tuple[Page, dict[str, Any]]


@pytest.fixture(scope="module")
def finished(quick_network: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A page after a complete run without robustness, and the values of its controls.

    The photo is no example: what is found of those is kept, and later runs end in one step.
    """
    page = Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
    photo = tmp_path_factory.mktemp("photo") / "photo.jpg"
    photo.write_bytes((EXAMPLES / "hopper_face.jpg").read_bytes() + b"end")
    controls = CONTROL_VALUES | {"photo": str(photo)}
    shown = rest(page.show(controls, VISITOR), {})
    assert shown["seen"].analysis.robustness is None
    return page, controls | {"seen": shown["seen"]}


def stopped(page: Page, steps: Iterator[Updates], at: str) -> list[Updates]:
    """What a run shows from the moment when Cancel is pressed, at a stage of the analysis."""
    for step in steps:
        if "seen" in step and step["seen"].analysis.stage == at:
            page.runs.stop(VISITOR)
            return list(steps)
    raise AssertionError(f"the run ended without the stage {at}")


def test_robustness_is_measured_for_a_report_and_stays_the_visitors_choice(finished: Finished) -> None:
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
    assert "<progress" in shown["status"] and "Done in" in rest(steps, shown)["status"]
    again = list(report(page, "html", controls | {"seen": shown["seen"]}, VISITOR))
    assert not any("seen" in step for step in again), "nothing is measured a second time"
    assert any(step.get("ready") for step in again)


def test_robustness_of_a_report_stays_when_a_further_map_is_added_and_goes_with_the_photo(finished: Finished) -> None:
    page, controls = finished
    measured = rest(report(page, "html", controls, VISITOR))["seen"]
    more = controls | {"seen": measured, "further": ["occlusion"]}
    shown = rest(page.extend(more, VISITOR), {})
    assert "occlusion" in shown["seen"].analysis.attributions
    assert shown["seen"].analysis.robustness is measured.analysis.robustness
    assert "robustness=1" not in shown["link"], "it is not what the visitor has set"
    other = more | {"photo": str(EXAMPLES / "astronaut.jpg")}
    assert not page.settings(other, VISITOR).robustness


def test_buttons_cannot_be_pressed_meanwhile_and_an_earlier_file_is_gone(finished: Finished) -> None:
    page, controls = finished
    steps = report(page, "html", controls, VISITOR)
    assert next(steps) == {"ready": None, "report_html": {"interactive": False}, "report_zip": {"interactive": False}}
    steps.close()


def test_visitor_who_stops_the_measurement_gets_no_report_and_has_the_result_of_before(finished: Finished) -> None:
    page, controls = finished
    steps = stopped(page, report(page, "html", controls, VISITOR), "robustness")
    shown = rest(iter(steps), {})
    assert not any(step.get("ready") for step in steps) and "Stopped" in shown["status"]
    assert shown["seen"] is controls["seen"] and shown["report_group"] == visible(True)


def test_report_that_comes_while_a_second_model_runs_has_robustness_too(finished: Finished) -> None:
    page, controls = finished
    with page.runs.begin(VISITOR) as ended:
        steps = report(page, "html", controls, VISITOR)
        next(steps)
        page.runs._last[VISITOR].ended.set()  # what a run does that sees that it must end
        assert "report_group" not in next(steps) and ended()
        until(steps, "ready")


def test_buttons_of_the_report_are_back_when_trust_was_stopped(finished: Finished) -> None:
    page, controls = finished
    shown = rest(iter(stopped(page, page.extend(controls | {"trust": True}, VISITOR), "trust")), {})
    assert shown["seen"] is controls["seen"] and shown["report_group"] == visible(True)


def test_stopped_cut_into_other_regions_does_not_count_as_the_result_of_before(finished: Finished) -> None:
    page, controls = finished
    steps = stopped(page, page.show(controls | {"superpixels": 40}, VISITOR), "regions")
    assert not any(step.get("seen") is controls["seen"] for step in steps)


def test_after_a_stopped_run_the_tabs_say_what_is_missing_and_a_report_makes_it(finished: Finished) -> None:
    page, controls = finished
    other = controls | {"superpixels": 30}
    steps, shown = page.show(other, VISITOR), {}
    for step in steps:
        shown |= step
        if shown.get("seen") and shown["seen"].analysis.stage == "lime":
            page.runs.stop(VISITOR)
    assert not shown["seen"].analysis.complete and shown["report_group"] == visible(True)
    assert "superpixels=30" in shown["link"] and shown["slide_picture"] is not None
    assert "Not measured" in shown["trust_table"] and "Not measured" in shown["robustness_curves"]
    turkish = page.change_language(other | {"seen": shown["seen"], "language": "tr"}, VISITOR)
    assert "Ölçülmedi" in turkish["trust_table"] and turkish["report_group"] == visible(True)
    made = until(report(page, "html", other | {"seen": shown["seen"]}, VISITOR), "ready")
    assert made["seen"].analysis.complete and made["seen"].analysis.robustness is not None
    assert "Not measured" not in made["trust_table"] + made["robustness_curves"]
