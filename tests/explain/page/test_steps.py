"""Tests that every step of a run is sent completely, even if steps follow each other quickly."""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from gradio_client.utils import apply_diff

from explain.page.components.extended import SteppedBlocks

SKIPPED = {"__type__": "update"}
SHOWN = SKIPPED | {"visible": True}
PICTURE = {"path": "lime.png", "url": "/file=lime.png"}
STEPS = [
    [SKIPPED, "0 of 2", SKIPPED],
    [SHOWN, "2 of 2", PICTURE],
    [SKIPPED, SKIPPED, SKIPPED],
    [SKIPPED, "Done", PICTURE],
]


def sent_by(blocks: gr.Blocks, api_visibility: str = "private", **options: bool) -> list[list[Any]]:
    """The data that the browser gets for each of ``STEPS``, and for the end of the run."""
    function: Any = SimpleNamespace(outputs=STEPS[0], api_visibility=api_visibility)
    steps = [
        copy.deepcopy(blocks.handle_streaming_diffs(function, step, "visitor", "run", final=False, **options))
        for step in copy.deepcopy(STEPS)
    ]
    return [*steps, blocks.handle_streaming_diffs(function, [None] * len(STEPS[0]), "visitor", "run", final=True)]


def test_step_replaces_whole_values_instead_of_editing_them() -> None:
    first, *later, end = sent_by(SteppedBlocks())
    shown = [first]
    for step in later:
        assert all(path == [] for edits in step for _, path, _ in edits), "a value may not be shown yet"
        shown.append([apply_diff(*pair) for pair in zip(shown[-1], step, strict=True)])
    assert shown == STEPS and end == [SKIPPED] * len(STEPS[0]), "a newer run may have begun before the end is sent"


def test_client_programs_get_the_last_step_at_the_end() -> None:
    assert sent_by(SteppedBlocks(), "public")[-1] == STEPS[-1]


def test_nothing_is_kept_of_the_steps_after_a_run() -> None:
    blocks = SteppedBlocks()
    sent_by(blocks)
    assert not blocks.pending_diff_streams["visitor"]


@pytest.mark.parametrize(("language", "expected"), [("en", "was not uploaded"), ("tr", "yüklen")])
def test_file_at_a_url_is_not_fetched_for_inputs_other_than_the_photo(language: str, expected: str) -> None:
    """Gradio would read the whole file, of any size."""
    with SteppedBlocks() as blocks:
        inputs = [gr.Radio(["en", "tr"], elem_id="language"), gr.File(file_count="multiple"), gr.Slider()]
    function: Any = SimpleNamespace(inputs=inputs, component_prop_inputs=[])
    file = {"path": "http://127.0.0.1:9/endless", "meta": {"_type": "gradio.FileData"}}
    for given in ([language, [file], 1], [language, None, file], [language, None, {"deep": [file]}]):
        # In a separate thread: after browser tests, this one already has the event loop of Playwright.
        with ThreadPoolExecutor(1) as pool, pytest.raises(gr.Error, match=expected):
            pool.submit(lambda given=given: asyncio.run(blocks.preprocess_data(function, given, None))).result()


def test_client_programs_get_every_step_unchanged() -> None:
    assert sent_by(SteppedBlocks(), "public", simple_format=True) == [*STEPS, STEPS[-1]]


NAMES = (["second"], ["second", "first"], ["state", "third"], ["first", "second", "state"], ["picture", "third", "box"])


@pytest.mark.slow
@pytest.mark.parametrize("names", NAMES)
def test_only_named_components_are_created_again(names: list[str]) -> None:
    with SteppedBlocks() as blocks:
        outputs = {"first": gr.HTML("a"), "state": gr.State(1), "second": gr.HTML("b"), "third": gr.Dropdown(["c"])}
        outputs |= {"picture": gr.Image(), "box": gr.Checkbox(), "fourth": gr.HTML("d")}
    values = {"first": gr.update(visible=False), "second": "new", "state": 2}
    values |= {"third": gr.update(choices=["e"], visible=False), "picture": None, "box": True}
    function: Any = SimpleNamespace(
        **{"outputs": list(outputs.values()), "batch": False, "is_validator_function": False, "postprocess": True},
        **{"name": "step", "fn": None, "targets": []},
    )

    def sent(kind: type[gr.Blocks]) -> tuple[list[Any], SessionState]:
        state = SessionState(blocks)
        answer = {outputs[name]: values[name] for name in names}
        with ThreadPoolExecutor(1) as pool:  # as above
            work = kind.postprocess_data(blocks, function, answer, state)
            return pool.submit(lambda: asyncio.run(work)).result(), state

    ours, state = sent(SteppedBlocks)
    theirs = sent(gr.Blocks)[0]
    for value in (*ours, *theirs):  # Gradio adds this property of gr.HTML even if nothing has changed
        if isinstance(value, dict) and value.get("props") == SKIPPED:
            del value["props"]
    assert ours == theirs
    changed = {name for name, block in outputs.items() if state[block._id] is not block and name != "state"}
    assert changed == {"third"} & set(names), "a component must not be created again when it is shown or hidden"
    assert state[outputs["state"]._id] == (2 if "state" in names else 1)


def test_session_shares_the_components_of_the_page_without_describing_them() -> None:
    """The description of 171 components for every visitor took longer than the verdict."""
    with SteppedBlocks() as blocks:
        button = gr.Button("Go")
        button.click(lambda: None)
    state = SessionState(blocks)
    assert state.blocks_config.fns == blocks.fns and state[button._id] is button
    state[button._id] = gr.Button("Stop", render=False)
    assert list(state.components) == [] and blocks.blocks[button._id] is button
    assert [entry["props"]["value"] for entry in blocks.get_config_file()["components"]] == ["Go"]


def test_output_that_a_handler_names_twice_gets_its_value() -> None:
    with SteppedBlocks() as blocks:
        number = gr.Number()
    function: Any = SimpleNamespace(
        **{"outputs": [number, number], "batch": False, "is_validator_function": False, "postprocess": True},
        **{"name": "step", "fn": None, "targets": []},
    )
    with ThreadPoolExecutor(1) as pool:  # as above
        work = blocks.postprocess_data(function, {number: 3}, SessionState(blocks))
        assert pool.submit(lambda: asyncio.run(work)).result() == [3, 3]
