"""Tests of choices that change: an earlier choice of a visitor may no longer be offered."""

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

REMOVED = [13]


def test_choice_that_is_no_longer_offered_is_not_an_error() -> None:
    assert ChangingDropdown([], multiselect=True).preprocess(REMOVED) == REMOVED
    assert ChangingRadio(["lime"]).preprocess("gradcam") == "gradcam"
    with pytest.raises(gr.Error):
        gr.Dropdown([], multiselect=True).preprocess(REMOVED)


def test_changing_components_have_the_block_names_of_their_base_classes() -> None:
    assert (ChangingDropdown([]).get_block_name(), ChangingRadio([]).get_block_name()) == ("dropdown", "radio")


@pytest.mark.slow
def test_page_uses_the_components_for_changing_choices(shipped_page: SteppedBlocks) -> None:
    by_name = {block.elem_id: block for block in shipped_page.blocks.values() if getattr(block, "elem_id", None)}
    assert isinstance(by_name["regions"], ChangingDropdown) and isinstance(by_name["slide-map"], ChangingRadio)


def test_only_ways_to_hide_that_the_model_supports_are_offered() -> None:
    without_patches: Any = SimpleNamespace(patch_grid=None)
    with_patches: Any = SimpleNamespace(patch_grid=(10, 10))
    names = [name for _, name in hide_choices(without_patches)["choices"]]
    assert names == [name for name in HIDE_CHOICES if name != TOKENS]
    assert [name for _, name in hide_choices(with_patches)["choices"]] == [*names, TOKENS]


@pytest.mark.parametrize(
    ("grid", "chosen", "expected"),
    [(None, TOKENS, AUTO), ((10, 10), TOKENS, TOKENS), (None, "blur", "blur"), (None, "unknown", AUTO)],
)
def test_way_to_hide_that_the_model_does_not_support_is_reset_to_the_default(
    grid: tuple[int, int] | None, chosen: str, expected: str
) -> None:
    detector: Any = SimpleNamespace(patch_grid=grid)
    assert hide_choices(detector, chosen)["value"] == expected


def test_chosen_model_changes_the_ways_to_hide() -> None:
    page = Page(Models(available_models(None), print))
    controls = AT_FIRST | {"language": "en", "model": page.at_start, "hide": TOKENS}
    (*_, described) = page.describe(controls)
    assert described["hide"] == hide_choices(page.models.get(page.at_start)) and "hide" in FACTS


@pytest.mark.parametrize(("chosen", "hidden"), [([2, 13, 0], [2, 0]), (REMOVED, []), (None, []), ([], [])])
def test_regions_of_the_earlier_face_are_ignored(
    chosen: list[int] | None, hidden: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what_if, "_hide", lambda controls, seen, regions: {"regions": regions})
    seen = SimpleNamespace(analysis=SimpleNamespace(subject=SimpleNamespace(count=5)))
    assert what_if.hide_named({"seen": seen, "regions": chosen}) == {"regions": hidden}


def test_state_of_a_visitor_who_has_left_is_deleted(shipped_page: SteppedBlocks) -> None:
    StateHolder().set_blocks(shipped_page)
    holder = shipped_page.state_holder  # type: ignore[attr-defined]
    seen = next(block for block in shipped_page.blocks.values() if isinstance(block, gr.State))
    for visitor in ("ann", "bob"):
        holder[visitor][seen._id] = "a view"
    (leave,) = [fn for fn in shipped_page.fns.values() if any(event == "unload" for _, event in fn.targets)]
    leave.fn(SimpleNamespace(session_hash="ann"))  # type: ignore[misc]
    leave.fn(SimpleNamespace(session_hash="unknown"))  # type: ignore[misc]
    assert list(holder.session_data) == ["bob"]


def test_waiting_runs_may_begin_so_that_visitors_see_that_they_wait(
    shipped_page: SteppedBlocks,
) -> None:
    runs = [fn for fn in shipped_page.fns.values() if fn.concurrency_id == "model"]
    assert len(runs) > 3
    assert {fn.concurrency_limit for fn in runs} == {MAX_OPEN_RUNS}
    assert MAX_OPEN_RUNS > STEPS_AT_ONCE
