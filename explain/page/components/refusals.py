"""Shows a handler's error in the way of Gradio's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from explain.service.refusal import refusal_of
from model.i18n.catalogue import use_language


@contextmanager
def refusals_shown(language: str) -> Iterator[None]:
    """Turn every error inside into one that Gradio shows, see ``refusal_of``.

    It may enclose the steps of a generator; ``use_language`` may not, because each step may run in another thread.
    """
    try:
        yield
    except gr.Error:  # it is already what Gradio shows
        raise
    except Exception as error:
        with use_language(language):
            raise gr.Error(str(refusal_of(error)), print_exception=False) from error
