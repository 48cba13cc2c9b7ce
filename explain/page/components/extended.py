"""Components that differ from Gradio's where ours must."""

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr

from explain.service.fetch import fetch, from_data_url
from model.errors import PhotoError
from model.i18n.catalogue import DEFAULT, LANGUAGES, say, speaking


def _hand_over(self: gr.Image, payload: Any) -> str | bytes | None:
    """The uploaded file as it is: ``open_photo`` alone decides what is a photo and what to say if it is none."""
    if payload is None:
        return None
    if payload.url and payload.url.startswith("data:"):
        try:
            return from_data_url(payload.url)
        except PhotoError as error:
            raise gr.Error(str(error), print_exception=False) from None
    # A caller may name any path; only what was uploaded is the caller's own.
    if payload.path is None or not Path(payload.path).resolve().is_relative_to(Path(self.GRADIO_CACHE).resolve()):
        raise gr.Error(say("page.not_uploaded"), print_exception=False)
    return str(payload.path)


async def _bring_in(self: gr.Image, place: str | Path | None) -> str | None:
    """Fetch a photo at an address by our own limits; files that were uploaded are Gradio's business."""
    if not str(place).startswith(("http://", "https://")):
        return await gr.Image.async_move_resource_to_block_cache(self, place)
    try:
        photo = await asyncio.to_thread(fetch, str(place))
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error
    path = gr.processing_utils.save_bytes_to_cache(photo, "photo.bin", self.GRADIO_CACHE)
    self.temp_files.add(path)
    return path


def _as_chosen(self: Any, payload: Any) -> Any:
    """The choice, whether it is still offered or not."""
    return payload


def _extended(name: str, kind: type, **methods: Any) -> Any:
    """A component that differs from Gradio's in some methods; for the browser it is what it extends.

    Made without its metaclass's own constructor, which would write a stub file (.pyi) beside this one at every start.
    """
    return type.__new__(type(kind), name, (kind,), {**methods, "is_template": True})


# An image input that leaves the file alone.
PhotoInput = _extended("PhotoInput", gr.Image, preprocess=_hand_over, async_move_resource_to_block_cache=_bring_in)
# Choices that come and go. Gradio refuses one that is no longer offered, and with it the whole event: that of a visitor
# who dropped the next photo before the last one's choices had left the browser. Handlers see for themselves.
ChangingRadio = _extended("ChangingRadio", gr.Radio, preprocess=_as_chosen)
ChangingDropdown = _extended("ChangingDropdown", gr.Dropdown, preprocess=_as_chosen)


class SteppedBlocks(gr.Blocks):
    """A page on which no step of a run gets lost.

    Gradio sends what has changed since the step before, as edits of it, and its browser side makes them in place: steps
    that arrive faster than they are shown are edited before anybody has seen them, and what they alone said (that a
    table is visible now) is gone. Here each step replaces the one before.
    """

    def handle_streaming_diffs(
        self,
        block_fn: Any,
        data: list[Any],
        session_hash: str | None,
        run: str | None,
        final: bool,
        simple_format: bool = False,
    ) -> list[Any]:
        """What is sent of a step, for each output; see ``gr.Blocks``."""
        whole = list(data)
        is_later = session_hash is not None and run in self.pending_diff_streams[session_hash]
        sent = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format)
        return [[["replace", [], value]] for value in whole] if is_later and not (final or simple_format) else sent

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *others: Any, **options: Any) -> list[Any]:
        """What handlers get, see ``gr.Blocks``. Errors on the way are in the caller's language.

        Gradio would fetch a file at an address for any input, of any size. The photo alone may be one, and a small one.
        """
        given = list(zip(block_fn.inputs, inputs, strict=False))
        asked = (str(value) for block, value in given if block.elem_id == "language" and str(value) in LANGUAGES)
        with speaking(next(asked, DEFAULT)):
            if any(_holds_address(value) for block, value in given if not isinstance(block, PhotoInput)):
                raise gr.Error(say("page.not_uploaded"), print_exception=False)
            return await super().preprocess_data(block_fn, inputs, *others, **options)


def _holds_address(value: Any) -> bool:
    """Whether there is a file at an address anywhere in what a browser or a program sent."""
    if isinstance(value, dict):
        is_address = str(value.get("path", "")).lower().startswith(("http://", "https://"))
        return is_address or any(map(_holds_address, value.values()))
    return isinstance(value, list) and any(map(_holds_address, value))
