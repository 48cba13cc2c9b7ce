"""Steps of a run arrive whole, however fast they follow each other."""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
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


def sent_by(blocks: gr.Blocks, **options: bool) -> list[list[Any]]:
    """What goes to the browser for each of ``STEPS``, and for the end of the run."""
    function: Any = SimpleNamespace(outputs=STEPS[0])
    steps = [
        copy.deepcopy(blocks.handle_streaming_diffs(function, step, "visitor", "run", final=False, **options))
        for step in copy.deepcopy(STEPS)
    ]
    return [*steps, blocks.handle_streaming_diffs(function, [None] * len(STEPS[0]), "visitor", "run", final=True)]


def test_step_that_waits_for_the_browser_is_not_edited_by_the_next() -> None:
    first, *later, end = sent_by(SteppedBlocks())
    shown = [first]
    for step in later:
        assert all(path == [] for edits in step for _, path, _ in edits), "an edit inside of what may not be shown yet"
        shown.append([apply_diff(*pair) for pair in zip(shown[-1], step, strict=True)])
    assert shown == STEPS and end == STEPS[-1]


def test_end_of_a_run_leaves_nothing_behind() -> None:
    blocks = SteppedBlocks()
    sent_by(blocks)
    assert not blocks.pending_diff_streams["visitor"]


@pytest.mark.parametrize(("language", "told"), [("en", "was not uploaded"), ("tr", "yüklen")])
def test_file_at_an_address_is_fetched_for_no_input_but_the_photo(language: str, told: str) -> None:
    """Gradio would read it whole, whatever its size."""
    with SteppedBlocks() as blocks:
        inputs = [gr.Radio(["en", "tr"], elem_id="language"), gr.File(file_count="multiple"), gr.Slider()]
    function: Any = SimpleNamespace(inputs=inputs, component_prop_inputs=[])
    file = {"path": "http://127.0.0.1:9/endless", "meta": {"_type": "gradio.FileData"}}
    for given in ([language, [file], 1], [language, None, file], [language, None, {"deep": [file]}]):
        # In a thread of its own: where a browser is being driven, this one has an event loop already.
        with ThreadPoolExecutor(1) as pool, pytest.raises(gr.Error, match=told):
            pool.submit(lambda given=given: asyncio.run(blocks.preprocess_data(function, given, None))).result()


def test_programs_get_every_step_as_it_is() -> None:
    assert sent_by(SteppedBlocks(), simple_format=True) == [*STEPS, STEPS[-1]]
