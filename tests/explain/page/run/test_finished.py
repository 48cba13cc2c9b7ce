"""Tests of a visitor's changes and further requests after a run."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import pytest

from explain.page import what_if
from explain.page.components.controls import AT_FIRST
from explain.page.components.updates import Updates, visible
from explain.page.downloads import download
from explain.page.run import Page
from explain.page.view import slide
from model.available import MODEL_FOLDER, FoundModel, Models
from model.i18n.catalogue import use_language
from model.paths import SHIPPED
from tests.explain.page.run.visits import CONTROL_VALUES, EXAMPLES, VISITOR, final_state, until

EVERYTHING = {"further": ["occlusion"], "trust": True, "robustness": True}


@pytest.fixture(scope="module")
def finished(quick_network: None) -> tuple[Page, Updates]:
    """A page after a complete run, and everything that it shows."""
    page = Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
    return page, final_state(page.show(CONTROL_VALUES, VISITOR), {})


@pytest.mark.slow
def test_finished_example_is_shown_in_one_step(page: Page) -> None:
    _, shown = page.show(CONTROL_VALUES | AT_FIRST, VISITOR)
    assert {"verdict", "lime_picture", "attention_picture", "link"} <= shown.keys()
    assert shown["robustness_curves"] == "" and "Done in" in shown["status"]
    _, more = page.extend(CONTROL_VALUES | AT_FIRST | {"robustness": True, "seen": shown["seen"]}, VISITOR)
    assert "<svg" in more["robustness_curves"] and "Done in" in more["status"]


@pytest.mark.slow
def test_last_step_states_the_waiting_time_and_whether_the_maps_found_the_change(
    finished: tuple[Page, Updates],
) -> None:
    page, shown = finished
    assert f"Done in {shown['seen'].waited:.1f} s" in shown["status"]
    notice = str(shown["notice"]["value"])
    assert "We made this fake" in notice and "LIME" in notice and "The change covers" in notice
    again = page.change_language(CONTROL_VALUES | {"language": "tr", "seen": shown["seen"]}, VISITOR)
    assert "Değişiklik" in str(again["notice"]["value"])


@pytest.mark.slow
def test_hidden_regions_stay_hidden_in_another_language(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"language": "tr", "seen": shown["seen"]}
    again = page.change_language(controls | {"hidden": [2, 0]}, VISITOR)
    with use_language("tr"):
        hidden = what_if.hide_named(controls | {"regions": [2, 0]})
    assert again["hidden"] == hidden["hidden"] and again["what_if_text"] == hidden["what_if_text"]
    names = [name for name, _ in again["regions"]["choices"]]
    assert again["regions"]["value"] == [2, 0] and any("gözlük" in name for name in names), names
    assert page.change_language(controls, VISITOR)["hidden"] == []


@pytest.mark.slow
def test_drawing_settings_change_slider_and_link_but_not_the_analysis(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"seen": shown["seen"], "shown": 2, "smooth": True, "slide_map": "attention"}
    found = page.redraw(controls)
    assert "seen" not in found and "shown=2" in found["link"] and "smooth=1" in found["link"]
    assert (found["attention_picture"] != shown["attention_picture"]).any()
    assert (found["slide_picture"][1] == found["attention_picture"]).all()
    before = slide(shown["seen"], CONTROL_VALUES | {"slide_map": "attention"})["slide_picture"]
    assert (before[1] == shown["attention_picture"]).all()


# Later requests


def finished_lime(shown: Updates) -> Any:
    return shown["seen"].analysis.attributions["lime"]


@pytest.fixture(scope="module")
def extended(quick_network: None) -> tuple[Page, Any, Updates]:
    """A page with further requests during a run, LIME's map before them, and everything that the page shows."""
    page = Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
    steps = page.show(CONTROL_VALUES, VISITOR)
    shown = until(steps, "link")
    first = finished_lime(shown)
    later = CONTROL_VALUES | EVERYTHING | {"seen": shown["seen"]}
    assert list(page.extend(later, VISITOR)) == [{}], "the current run must show the results"
    return page, first, final_state(steps, shown)


@pytest.mark.slow
def test_current_run_includes_later_requests(extended: tuple[Page, Any, Updates]) -> None:
    _, first, shown = extended
    found = shown["seen"].analysis
    assert found.complete and set(found.attributions) == set(found.trusts) == {"attention", "lime", "occlusion"}
    assert finished_lime(shown) is first and shown["occlusion_picture"] is not None
    assert "further=occlusion" in shown["link"]


@pytest.mark.slow
def test_trust_of_every_map_has_curves(extended: tuple[Page, Any, Updates]) -> None:
    _, _, shown = extended
    table, numbers = shown["trust_table"], shown["numbers"]
    assert table.count('<div class="charts">') == 3 and "&lt;" not in table + numbers
    assert "µ-fidelity" in numbers and 'class="trust' in shown["lime_text"]


@pytest.mark.slow
def test_finished_run_is_extended_without_computing_its_maps_again(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    steps = list(page.extend(CONTROL_VALUES | {"further": ["occlusion"], "seen": shown["seen"]}, VISITOR))
    assert not any("placeholder" in step for step in steps), "the page must not be cleared"
    assert not any("samples" in str(step.get("status")) for step in steps), "LIME must not run"
    found = final_state(iter(steps), {})
    assert finished_lime(found) is finished_lime(shown) and found["occlusion_column"] == visible(True)
    assert found["seen"].analysis.reason is shown["seen"].analysis.reason
    assert (found["lime_picture"] == shown["lime_picture"]).all() and found["ranked"] == shown["ranked"]


@pytest.mark.slow
def test_robustness_is_measured_only_on_request(finished: tuple[Page, Updates]) -> None:
    """With a large network it takes as long as LIME."""
    page, shown = finished
    assert shown["seen"].analysis.robustness is None and shown["robustness_curves"] == ""
    found = final_state(page.extend(CONTROL_VALUES | {"robustness": True, "seen": shown["seen"]}, VISITOR), {})
    assert "<svg" in found["robustness_curves"] and finished_lime(found) is finished_lime(shown)


@pytest.mark.slow
def test_existing_results_are_not_sent_again(extended: tuple[Page, Any, Updates]) -> None:
    page, _, shown = extended
    controls = CONTROL_VALUES | EVERYTHING | {"seen": shown["seen"]}
    assert list(page.extend(controls, VISITOR)) == [{}]


def test_nothing_is_computed_before_the_first_photo(page: Page) -> None:
    assert list(page.extend(CONTROL_VALUES | {"trust": True}, VISITOR)) == [{}]


@pytest.mark.slow
def test_hidden_regions_stay_hidden_while_an_analysis_is_extended(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"further": ["occlusion"], "seen": shown["seen"], "hidden": [1]}
    found = final_state(page.extend(controls, VISITOR), {})
    assert found["hidden"] == [1] and "hidden" in found["what_if_text"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"photo": str(EXAMPLES / "astronaut.jpg")}, {"superpixels": 10}])
def test_no_regions_are_hidden_on_another_photo_or_with_other_superpixels(
    finished: tuple[Page, Updates], change: dict[str, Any]
) -> None:
    """The numbers of the hidden regions mean other regions there, or none."""
    page, shown = finished
    last = len(finished_lime(shown).weights) - 1
    found = final_state(page.show(CONTROL_VALUES | {"seen": shown["seen"], "hidden": [last, 0]} | change, VISITOR), {})
    assert found["seen"].analysis.complete and found["hidden"] == [] and not found["show_all"]["visible"]


@pytest.mark.slow
def test_results_stay_if_a_new_setting_is_refused(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    found = final_state(page.show(CONTROL_VALUES | {"hide": "tokens", "seen": shown["seen"]}, VISITOR), {})
    assert "cannot leave tokens out" in found["notice"]["value"] and found["status"] == ""
    assert not {"verdict_group", "maps", "more", "placeholder"} & found.keys(), "they must be shown as before"
    assert found["report_group"] == visible(True)


@pytest.mark.slow
def test_verdict_of_another_model_is_cleared_before_the_new_one(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"seen": shown["seen"]}
    assert "verdict" not in next(page.show(controls, VISITOR))
    assert "…" in next(page.show(controls | {"model": "another"}, VISITOR))["verdict"]


@pytest.mark.slow
def test_invalid_results_are_cleared_before_the_new_ones(extended: tuple[Page, Any, Updates]) -> None:
    page, _, shown = extended
    steps = page.show(CONTROL_VALUES | {"superpixels": 10, "robustness": True, "seen": shown["seen"]}, VISITOR)
    judged = until(steps, "verdict")
    assert judged["trust_table"] == judged["ranked"] == judged["reason"] == judged["lime_text"] == ""
    assert judged["robustness_curves"] == shown["robustness_curves"] != "", "robustness does not depend on the regions"
    page.runs.stop(VISITOR)
    final_state(steps, {})


@pytest.mark.slow
def test_report_of_another_photo_is_refused_and_the_last_file_is_removed(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"seen": shown["seen"], "photo": str(EXAMPLES / "astronaut.jpg")}
    (step,) = download(controls, page, "html")
    assert step["ready"] is None and step["notice"]["visible"]


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [False, True])
def test_report_states_whether_its_mask_is_smoothed(finished: tuple[Page, Updates], smooth: bool) -> None:
    page, shown = finished
    updates = download(CONTROL_VALUES | {"seen": shown["seen"], "smooth": smooth}, page, "zip")
    with zipfile.ZipFile(next(updates)["ready"]) as archive:
        data = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith("report.json"))))
    assert data["settings"]["smooth_attention"] is smooth
    updates.close()
