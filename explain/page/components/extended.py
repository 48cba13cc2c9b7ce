"""Gradio components with changed methods."""

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.blocks import BlocksConfig
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio.route_utils import GradioMultiPartParser
from PIL import Image
from starlette.concurrency import run_in_threadpool

from explain.service.fetch import fetch, from_data_url
from explain.service.refusal import is_disk_full, refusal_of
from model.errors import SettingsError, UserError, is_out_of_memory
from model.i18n.catalogue import DEFAULT, Message, language, languages, translate, use_language


def _as_uploaded(self: gr.Image, payload: Any) -> str | bytes | None:
    """The uploaded file unchanged: only ``open_photo`` decides whether it is a photo."""
    if payload is None:
        return None
    if payload.url and payload.url.startswith("data:"):
        try:
            return from_data_url(payload.url)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
    # A caller may send any path; only uploads may be read.
    if payload.path is None or not Path(payload.path).resolve().is_relative_to(Path(self.GRADIO_CACHE).resolve()):
        raise gr.Error(translate("page.not_uploaded"), print_exception=False)
    return str(payload.path)


async def _fetch_safely(self: gr.Image, place: str | Path | None) -> str | None:
    """Fetch a photo at an address within our limits; Gradio handles uploaded files."""
    if not str(place).startswith(("http://", "https://")):
        return await gr.Image.async_move_resource_to_block_cache(self, place)
    try:
        photo = await run_in_threadpool(fetch, str(place))
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error
    path = gr.processing_utils.save_bytes_to_cache(photo, "photo.bin", self.GRADIO_CACHE)
    self.temp_files.add(path)
    return path


def _as_jpeg(self: gr.Image, value: Any) -> Any:
    """A picture as JPEG without blurred colours: Gradio's PNG would take a third of a run's time on the processor."""
    if isinstance(value, np.ndarray):
        buffer = io.BytesIO()
        Image.fromarray(value).save(buffer, "jpeg", quality=92, subsampling=0)
        value = gr.processing_utils.save_bytes_to_cache(buffer.getvalue(), "picture.jpg", self.GRADIO_CACHE)
    return gr.Image.postprocess(self, value)


def _unchecked(self: Any, payload: Any) -> Any:
    """The value, even if it is not offered."""
    return payload


def _limits_of_number(self: gr.Number) -> dict[str, Any]:
    """The number's type and limits, as JSON Schema."""
    limits = {"minimum": self.minimum, "maximum": self.maximum}
    return {**gr.Number.api_info(self), **{name: limit for name, limit in limits.items() if limit is not None}}


def _extended(name: str, kind: type, **methods: Any) -> Any:
    """A Gradio component with some changed methods; the browser sees the original component.

    It is made without the metaclass's constructor, which would write a stub file (.pyi) here at every start.
    """
    return type.__new__(type(kind), name, (kind,), {**methods, "is_template": True})


# An image input that does not change the file.
PhotoInput = _extended(
    "PhotoInput", gr.Image, preprocess=_as_uploaded, async_move_resource_to_block_cache=_fetch_safely
)
# A picture that the page shows.
Picture = _extended("Picture", gr.Image, postprocess=_as_jpeg)
# Inputs with changing choices. Gradio refuses a choice that is no longer offered, and with it the whole event: for
# example when a visitor drops the next photo while the browser still has the old choices. Handlers check the choice.
ChangingRadio = _extended("ChangingRadio", gr.Radio, preprocess=_unchecked)
ChangingDropdown = _extended("ChangingDropdown", gr.Dropdown, preprocess=_unchecked)
# A number for programs; the schema states its limits. ``Settings`` checks it and answers in the caller's language.
NumberForPrograms = _extended("NumberForPrograms", gr.Number, api_info=_limits_of_number, preprocess=_unchecked)


_NOTHING: dict[str, Any] = {}


class _SharedConfig(BlocksConfig):
    """The page's components, of which each visitor's session gets a copy.

    Gradio would describe all of them to every new session, and again at each change, for links to a state of the page.
    This page has none. The thread that serves all visitors would be busy with it for longer than their verdicts take.
    """

    def __copy__(self) -> BlocksConfig:
        copied = super().__copy__()
        copied.config_for_block = lambda *_, **__: _NOTHING
        return copied


class SteppedBlocks(gr.Blocks):
    """A page on which no step of a run is lost.

    Gradio sends only the changes since the last step, and the browser edits that step in place. If steps arrive faster
    than they are shown, a change that only one step had (such as a table that became visible) is lost. Here each step
    replaces the last one.

    At the end of a run Gradio sends its last step again. By then a newer run may have cleared the page, so browsers get
    an end without values.

    Attributes:
        in_language: makes the configuration of the page in the current language from the one in English.
        leave: forgets the visitor of a name, who has left.
    """

    in_language: Callable[[Any], Any] = staticmethod(lambda config: config)
    leave: Callable[[str], None]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default_config = _SharedConfig(self)  # before any component is added

    @property
    def config(self) -> Any:
        """What the browser makes the page from, in the visitor's language: see ``InVisitorsLanguage``."""
        return self._config if language() == DEFAULT else self.in_language(self._config)

    @config.setter
    def config(self, config: Any) -> None:
        self._config = config

    def handle_streaming_diffs(
        self,
        block_fn: Any,
        data: list[Any],
        session_hash: str | None,
        run: str | None,
        final: bool,
        simple_format: bool = False,
    ) -> list[Any]:
        """The data of a step as it is sent, for each output; see ``gr.Blocks``."""
        values = list(data)
        is_later = session_hash is not None and run in self.pending_diff_streams[session_hash]
        # In this format Gradio does not compare a step with the one before.
        sent = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format=True)
        if final and block_fn.api_visibility == "private":  # no program can ask for it
            return [gr.skip() for _ in sent]
        return [[["replace", [], value]] for value in values] if is_later and not (final or simple_format) else sent

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """A handler's answer as it is sent, see ``gr.Blocks``. Only the components that it names are processed.

        Gradio would process every output of the handler, in the thread that serves all visitors, and make a new
        component for each that is only shown or hidden.
        """
        if not (isinstance(predictions, dict) and any(isinstance(key, gr.blocks.Block) for key in predictions)):
            return await super().postprocess_data(block_fn, predictions, state)
        sent = {block: value for block, value in predictions.items() if _goes_as_it_is(block, value)}
        named = copy.copy(block_fn)
        # Each once: of an output that a handler names twice, Gradio fills only the first.
        outputs = dict.fromkeys(block_fn.outputs)
        named.outputs = [block for block in outputs if block in predictions and block not in sent]
        if named.outputs:
            rest = {block: predictions[block] for block in named.outputs}
            sent |= zip(named.outputs, await super().postprocess_data(named, rest, state), strict=True)
        return [
            sent[block] if block in predictions else None if block.stateful else gr.skip() for block in block_fn.outputs
        ]

    async def process_api(self, block_fn: Any, inputs: list[Any], *others: Any, **options: Any) -> dict[str, Any]:
        """One step of an event, see ``gr.Blocks``. Errors of Gradio itself, such as on a full disk, are a sentence.

        Gradio would send nothing, and write the value, such as a picture, into the log.
        """
        try:
            return await super().process_api(block_fn, inputs, *others, **options)
        except gr.Error:
            raise
        except Exception as error:
            handler = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
            with use_language(_language_of(handler, inputs)):
                cause = error.__cause__ or error
                # What only the page's own input can cause does not concern a visitor: an empty number is filled in.
                is_shown = is_disk_full(cause) or not isinstance(error, (ComponentProcessingError, OSError, UserError))
                raise gr.Error(str(refusal_of(cause)), visible=is_shown, print_exception=False) from None

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *others: Any, **options: Any) -> list[Any]:
        """The inputs of handlers, see ``gr.Blocks``. Errors are in the caller's language.

        Gradio would fetch a file at an address for any input, of any size. Only the photo may be an address.
        """
        with use_language(_language_of(block_fn, inputs)):
            pairs = zip(block_fn.inputs, inputs, strict=False)
            if any(_holds_address(value) for block, value in pairs if not isinstance(block, PhotoInput)):
                raise gr.Error(translate("page.not_uploaded"), print_exception=False)
            try:
                return await super().preprocess_data(block_fn, inputs, *others, **options)
            except gr.Error as error:  # of Gradio, about a value that is no choice
                error.print_exception = False
                raise
            except UserError:
                raise
            except Exception as error:
                if is_disk_full(error) or is_out_of_memory(error.__cause__ or error):
                    raise
                if isinstance(error, InvalidPathError):
                    raise SettingsError(Message("page.not_uploaded")) from None
                raise SettingsError(Message("interfaces.bad_inputs")) from None

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Refuse a request with fewer inputs than a handler has.

        Raises:
            SettingsError: if there are fewer.
        """
        if len(inputs) < len(block_fn.inputs):
            raise SettingsError(Message("interfaces.few_inputs", given=len(inputs), count=len(block_fn.inputs)))


def _goes_as_it_is(block: gr.blocks.Block, value: Any) -> bool:
    """Whether Gradio would send a value as it is: text for HTML, an empty picture, or whether a component is shown."""
    if isinstance(value, dict):
        return value.keys() == {"visible", "__type__"}
    return (isinstance(block, gr.HTML) and isinstance(value, str)) or (isinstance(block, gr.Image) and value is None)


class _UploadParser(GradioMultiPartParser):
    """Reads an upload; of one that fails nothing stays on the disk."""

    async def parse(self) -> Any:
        try:
            return await super().parse()
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            raise


def remove_failed_uploads() -> None:
    """Let Gradio's server remove uploads that a full disk or a client that leaves has cut off."""
    gr.route_utils.GradioMultiPartParser = _UploadParser  # type: ignore[misc]


def _language_of(block_fn: Any, inputs: list[Any]) -> str:
    """The caller's language among the inputs of a handler."""
    pairs = zip(block_fn.inputs, inputs, strict=False)
    return next(
        (str(value) for block, value in pairs if block.elem_id == "language" and str(value) in languages()), DEFAULT
    )


def _holds_address(value: Any) -> bool:
    """Whether a value from a browser or a program contains a file at an address."""
    if isinstance(value, dict):
        is_address = str(value.get("path", "")).lower().startswith(("http://", "https://"))
        return is_address or any(map(_holds_address, value.values()))
    return isinstance(value, list) and any(map(_holds_address, value))
