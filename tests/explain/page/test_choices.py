"""Choices that come and go: what a visitor chose a moment ago may not be offered any more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from explain.page import what_if
from explain.page.components.controls import AT_FIRST
from explain.page.components.extended import ChangingDropdown, ChangingRadio, SteppedBlocks
from explain.page.components.hiding import hide_choices
from explain.page.models import FACTS
from explain.page.run import Page
from explain.regions.hiding import AUTO, TOKENS
from explain.service.service import MAX_OPEN_RUNS, STEPS_AT_ONCE
from explain.settings import HIDE_CHOICES
from model.available import Models, available_models

GONE = [13]


def test_choice_that_is_gone_is_no_error() -> None:
    assert ChangingDropdown([], multiselect=True).preprocess(GONE) == GONE
    assert ChangingRadio(["lime"]).preprocess("gradcam") == "gradcam"
    with pytest.raises(gr.Error):
        gr.Dropdown([], multiselect=True).preprocess(GONE)


def test_browser_knows_both_by_the_name_of_what_they_extend() -> None:
    assert (ChangingDropdown([]).get_block_name(), ChangingRadio([]).get_block_name()) == ("dropdown", "radio")


@pytest.mark.slow
def test_page_offers_its_changing_choices_by_these(shipped_page: SteppedBlocks) -> None:
    by_name = {block.elem_id: block for block in shipped_page.blocks.values() if getattr(block, "elem_id", None)}
    assert isinstance(by_name["regions"], ChangingDropdown) and isinstance(by_name["slide-map"], ChangingRadio)


def test_a_model_is_offered_the_ways_to_hide_that_it_supports() -> None:
    whole: Any = SimpleNamespace(patch_grid=None)
    by_patches: Any = SimpleNamespace(patch_grid=(10, 10))
    names = [name for _, name in hide_choices(whole)["choices"]]
    assert names == [name for name in HIDE_CHOICES if name != TOKENS]
    assert [name for _, name in hide_choices(by_patches)["choices"]] == [*names, TOKENS]


@pytest.mark.parametrize(
    ("grid", "chosen", "then"),
    [(None, TOKENS, AUTO), ((10, 10), TOKENS, TOKENS), (None, "blur", "blur"), (None, "unknown", AUTO)],
)
def test_way_to_hide_that_another_model_does_not_support_goes_back_to_the_default(
    grid: tuple[int, int] | None, chosen: str, then: str
) -> None:
    detector: Any = SimpleNamespace(patch_grid=grid)
    assert hide_choices(detector, chosen)["value"] == then


def test_chosen_model_changes_the_ways_to_hide() -> None:
    page = Page(Models(available_models(None), print))
    controls = AT_FIRST | {"language": "en", "model": page.at_start, "hide": TOKENS}
    (*_, described) = page.describe(controls)
    assert described["hide"] == hide_choices(page.models.get(page.at_start)) and "hide" in FACTS


@pytest.mark.parametrize(("chosen", "hidden"), [([2, 13, 0], [2, 0]), (GONE, []), (None, []), ([], [])])
def test_regions_of_the_face_before_are_left_out(
    chosen: list[int] | None, hidden: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what_if, "_hide", lambda controls, seen, regions: {"regions": regions})
    seen = SimpleNamespace(analysis=SimpleNamespace(subject=SimpleNamespace(count=5)))
    assert what_if.hide_named({"seen": seen, "regions": chosen}) == {"regions": hidden}


def test_nothing_is_kept_of_a_visitor_who_has_left(shipped_page: SteppedBlocks) -> None:
    StateHolder().set_blocks(shipped_page)
    holder = shipped_page.state_holder  # type: ignore[attr-defined]
    seen = next(block for block in shipped_page.blocks.values() if isinstance(block, gr.State))
    for visitor in ("ann", "bob"):
        holder[visitor][seen._id] = "a view"
    (leave,) = [one for one in shipped_page.fns.values() if any(event == "unload" for _, event in one.targets)]
    leave.fn(SimpleNamespace(session_hash="ann"))  # type: ignore[misc]
    leave.fn(SimpleNamespace(session_hash="unknown"))  # type: ignore[misc]
    assert list(holder.session_data) == ["bob"]


def test_more_visitors_begin_than_are_served_so_that_they_are_told_that_they_wait(
    shipped_page: SteppedBlocks,
) -> None:
    runs = [one for one in shipped_page.fns.values() if one.concurrency_id == "model"]
    assert len(runs) > 3
    assert {one.concurrency_limit for one in runs} == {MAX_OPEN_RUNS}
    assert MAX_OPEN_RUNS > STEPS_AT_ONCE
