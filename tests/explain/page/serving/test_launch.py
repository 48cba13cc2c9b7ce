"""Tests of the start of Gradio's server."""

from __future__ import annotations

import gradio as gr
import httpx
import pytest

from explain.page.serving import launch as module
from explain.page.serving.launch import launch, server_models
from model.detector.detector import Detector


@pytest.mark.slow
def test_page_that_answers_late_is_still_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the page may need longer than the seconds that Gradio waits for it."""
    monkeypatch.setattr(gr.networking, "url_ok", lambda url: False)
    with gr.Blocks() as blocks:
        gr.Markdown("The page")
    try:
        launch(blocks, None, quiet=True)
        assert httpx.get(blocks.local_url).is_success
    finally:
        blocks.close(verbose=False)


@pytest.mark.slow
def test_number_of_visitors_is_limited_and_the_least_recent_one_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SESSIONS", 2)
    with gr.Blocks() as blocks:
        gr.State("a result")
    try:
        launch(blocks, None, quiet=True)
        for visitor in ("ann", "bob", "ann", "cem"):
            assert blocks.state_holder[visitor]  # type: ignore[attr-defined]
        assert list(blocks.state_holder.session_data) == ["ann", "cem"]  # type: ignore[attr-defined]
    finally:
        blocks.close(verbose=False)


def test_first_model_runs_once_before_a_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise LiteRT would write a line to the server's log at the first photo."""
    warmed = list[Detector]()
    monkeypatch.setattr(module, "warm_up", warmed.append)
    models = server_models()
    assert warmed == [models.get(models.first)]
