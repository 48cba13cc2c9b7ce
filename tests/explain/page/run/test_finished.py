"""What the page shows when a visitor changes something after a run, and asks for more."""

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
from tests.explain.page.run.visits import CONTROL_VALUES, EXAMPLES, VISITOR, rest, until

EVERYTHING = {"further": ["occlusion"], "trust": True, "robustness": True}


@pytest.fixture(scope="module")
def finished(quick_network: None) -> tuple[Page, Updates]:
    """A page after a complete run, and all that it shows."""
    page = Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
    return page, rest(page.show(CONTROL_VALUES, VISITOR), {})


@pytest.mark.slow
def test_finished_example_is_shown_in_one_step(page: Page) -> None:
    _, shown = page.show(CONTROL_VALUES | AT_FIRST, VISITOR)
    assert {"verdict", "lime_picture", "attention_picture", "link"} <= shown.keys()
    assert shown["robustness_curves"] == "" and "Done in" in shown["status"]
    _, more = page.extend(CONTROL_VALUES | AT_FIRST | {"robustness": True, "seen": shown["seen"]}, VISITOR)
    assert "<svg" in more["robustness_curves"] and "Done in" in more["status"]


@pytest.mark.slow
def test_end_says_how_long_the_visitor_waited_and_whether_the_maps_found_the_change(
    finished: tuple[Page, Updates],
) -> None:
    page, shown = finished
    assert f"Done in {shown['seen'].waited:.1f} s" in shown["status"]
    said = str(shown["notice"]["value"])
    assert "We made this fake" in said and "LIME" in said and "The change covers" in said
    again = page.change_language(CONTROL_VALUES | {"language": "tr", "seen": shown["seen"]}, VISITOR)
    assert "Değişiklik" in str(again["notice"]["value"])


@pytest.mark.slow
def test_what_is_hidden_stays_hidden_in_another_language(finished: tuple[Page, Updates]) -> None:
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
def test_another_drawing_reaches_slide_and_link_and_leaves_the_analysis_alone(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"seen": shown["seen"], "shown": 2, "smooth": True, "slide_map": "attention"}
    found = page.redraw(controls)
    assert "seen" not in found and "shown=2" in found["link"] and "smooth=1" in found["link"]
    assert (found["attention_picture"] != shown["attention_picture"]).any()
    assert (found["slide_picture"][1] == found["attention_picture"]).all()
    before = slide(shown["seen"], CONTROL_VALUES | {"slide_map": "attention"})["slide_picture"]
    assert (before[1] == shown["attention_picture"]).all()


# What is asked for later


def finished_lime(shown: Updates) -> Any:
    return shown["seen"].analysis.attributions["lime"]


@pytest.fixture(scope="module")
def extended(quick_network: None) -> tuple[Page, Any, Updates]:
    """A page whose visitor asked for more while a run went on, LIME's map before that, and all that it shows."""
    page = Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
    steps = page.show(CONTROL_VALUES, VISITOR)
    shown = until(steps, "link")
    first = finished_lime(shown)
    later = CONTROL_VALUES | EVERYTHING | {"seen": shown["seen"]}
    assert list(page.extend(later, VISITOR)) == [{}], "the run itself shows it"
    return page, first, rest(steps, shown)


@pytest.mark.slow
def test_run_that_goes_on_takes_up_what_is_asked_for_later(extended: tuple[Page, Any, Updates]) -> None:
    _, first, shown = extended
    found = shown["seen"].analysis
    assert found.complete and set(found.attributions) == set(found.trusts) == {"attention", "lime", "occlusion"}
    assert finished_lime(shown) is first and shown["occlusion_picture"] is not None
    assert "further=occlusion" in shown["link"]


@pytest.mark.slow
def test_trust_has_its_curves(extended: tuple[Page, Any, Updates]) -> None:
    _, _, shown = extended
    table, numbers = shown["trust_table"], shown["numbers"]
    assert table.count('<div class="charts">') == 3 and "&lt;" not in table + numbers
    assert "µ-fidelity" in numbers and 'class="trust' in shown["lime_text"]


@pytest.mark.slow
def test_finished_run_goes_on_without_making_its_maps_again(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    steps = list(page.extend(CONTROL_VALUES | {"further": ["occlusion"], "seen": shown["seen"]}, VISITOR))
    assert not any("placeholder" in step for step in steps), "the page is not cleared"
    assert not any("samples" in str(step.get("status")) for step in steps), "LIME does not run"
    found = rest(iter(steps), {})
    assert finished_lime(found) is finished_lime(shown) and found["occlusion_column"] == visible(True)
    assert found["seen"].analysis.reason is shown["seen"].analysis.reason
    assert (found["lime_picture"] == shown["lime_picture"]).all() and found["ranked"] == shown["ranked"]


@pytest.mark.slow
def test_robustness_waits_until_it_is_asked_for(finished: tuple[Page, Updates]) -> None:
    """With a large network it takes as long as LIME."""
    page, shown = finished
    assert shown["seen"].analysis.robustness is None and shown["robustness_curves"] == ""
    found = rest(page.extend(CONTROL_VALUES | {"robustness": True, "seen": shown["seen"]}, VISITOR), {})
    assert "<svg" in found["robustness_curves"] and finished_lime(found) is finished_lime(shown)


@pytest.mark.slow
def test_what_is_there_already_is_not_shown_a_second_time(extended: tuple[Page, Any, Updates]) -> None:
    page, _, shown = extended
    controls = CONTROL_VALUES | EVERYTHING | {"seen": shown["seen"]}
    assert list(page.extend(controls, VISITOR)) == [{}]


def test_before_the_first_photo_nothing_is_added(page: Page) -> None:
    assert list(page.extend(CONTROL_VALUES | {"trust": True}, VISITOR)) == [{}]


@pytest.mark.slow
def test_what_is_hidden_stays_hidden_while_an_analysis_goes_on(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"further": ["occlusion"], "seen": shown["seen"], "hidden": [1]}
    found = rest(page.extend(controls, VISITOR), {})
    assert found["hidden"] == [1] and "hidden" in found["what_if_text"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"photo": str(EXAMPLES / "astronaut.jpg")}, {"superpixels": 10}])
def test_regions_of_another_face_or_cut_are_not_hidden(finished: tuple[Page, Updates], change: dict[str, Any]) -> None:
    """Their numbers mean other regions, or none."""
    page, shown = finished
    last = len(finished_lime(shown).weights) - 1
    found = rest(page.show(CONTROL_VALUES | {"seen": shown["seen"], "hidden": [last, 0]} | change, VISITOR), {})
    assert found["seen"].analysis.complete and found["hidden"] == [] and not found["show_all"]["visible"]


@pytest.mark.slow
def test_results_stay_where_a_new_setting_is_refused(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    found = rest(page.show(CONTROL_VALUES | {"hide": "tokens", "seen": shown["seen"]}, VISITOR), {})
    assert "cannot leave tokens out" in found["notice"]["value"] and found["status"] == ""
    assert not {"verdict_group", "maps", "more", "placeholder"} & found.keys(), "they are shown as before"
    assert found["report_group"] == visible(True)


@pytest.mark.slow
def test_verdict_of_another_model_is_gone_before_the_new_one_comes(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"seen": shown["seen"]}
    assert "verdict" not in next(page.show(controls, VISITOR))
    assert "…" in next(page.show(controls | {"model": "another"}, VISITOR))["verdict"]


@pytest.mark.slow
def test_results_that_no_longer_hold_are_gone_before_the_new_ones_come(extended: tuple[Page, Any, Updates]) -> None:
    page, _, shown = extended
    steps = page.show(CONTROL_VALUES | {"superpixels": 10, "robustness": True, "seen": shown["seen"]}, VISITOR)
    judged = until(steps, "verdict")
    assert judged["trust_table"] == judged["ranked"] == judged["reason"] == judged["lime_text"] == ""
    assert judged["robustness_curves"] == shown["robustness_curves"] != "", "which does not depend on the regions"
    page.runs.stop(VISITOR)
    rest(steps, {})


@pytest.mark.slow
def test_report_of_another_photo_takes_the_last_file_away(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    controls = CONTROL_VALUES | {"seen": shown["seen"], "photo": str(EXAMPLES / "astronaut.jpg")}
    (step,) = download(controls, page, "html")
    assert step["ready"] is None and step["notice"]["visible"]


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [False, True])
def test_report_tells_whether_its_mask_is_smoothed(finished: tuple[Page, Updates], smooth: bool) -> None:
    page, shown = finished
    made = download(CONTROL_VALUES | {"seen": shown["seen"], "smooth": smooth}, page, "zip")
    with zipfile.ZipFile(next(made)["ready"]) as archive:
        data = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith("report.json"))))
    assert data["settings"]["smooth_attention"] is smooth
    made.close()
