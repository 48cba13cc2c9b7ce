"""Starts Gradio's server, with the page, plain HTTP and the tools for assistants."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import typer
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from explain.batch.photos import MAX_UPLOAD
from explain.examples import examples
from explain.interfaces.every_route import for_every_route
from explain.interfaces.http import plain_routes
from explain.interfaces.server.guard import Guard
from explain.interfaces.server.life import guarded, limit_connections
from explain.page.arrival import InVisitorsLanguage
from explain.page.components.extended import SteppedBlocks
from explain.page.components.theme import CSS, HEAD, SCRIPTS, THEME
from explain.page.serving.tabs import OpenTabs
from explain.predictions import warm_up
from explain.service.service import MAX_OPEN_RUNS, Service
from model.available import Models, all_available_models
from model.errors import ArtifactError, SettingsError
from model.i18n.catalogue import Message, help_text

SESSIONS = 500  # visitors with results that are kept while their tabs are open; each takes some megabytes
THREADS = 2 * MAX_OPEN_RUNS  # a run needs a thread also while it waits for its turn


def server_models(
    given: Sequence[str] = (),
    fake_labels: Sequence[str] = (),
    sees: str = "",
    notify: Callable[[Message | str], None] = lambda message: None,
) -> Models:
    """The models of a server that starts, the first one warmed up, see ``model.available.all_available_models``.

    Raises:
        ArtifactError: if a model that was given can't be used, or none can.
    """
    models = Models(all_available_models(given, fake_labels, sees), notify, at_once=True)
    if given and models.problems:
        raise ArtifactError(models.problems[0])
    warm_up(models.get(models.first))  # before there are threads: meanwhile nothing is written to standard error
    return models


def _script(file: Path) -> str:
    return f"<script>{file.read_text(encoding='utf-8')}</script>"


def _page_options() -> dict[str, Any]:
    """How the page looks and what it serves, whichever server runs it."""
    return {
        "theme": THEME,
        "css_paths": CSS,
        "head": HEAD.read_text(encoding="utf-8") + "".join(map(_script, SCRIPTS)),
        "allowed_paths": [str(example.path) for example in examples()],  # for any working directory
        "max_file_size": MAX_UPLOAD,  # photos have a smaller limit: see model.photos.photo
        "footer_links": ["api"],
        "run_history": False,
        "ssr_mode": False,
        "mcp_server": False,  # Gradio's own server would offer every endpoint, without pictures
    }


def _beside_the_page(blocks: SteppedBlocks, service: Service, metrics: bool) -> dict[str, Any]:
    """Plain HTTP, and what holds for every route, as arguments of ``FastAPI``."""
    # The routes have their own openapi.json.
    options: dict[str, Any] = {"routes": plain_routes(service, metrics), "openapi_url": None, **for_every_route()}
    options["middleware"] += [Middleware(InVisitorsLanguage), Middleware(OpenTabs, blocks)]
    return options


def server_options(
    blocks: SteppedBlocks, service: Service, mcp: bool, metrics: bool, users: tuple[str, ...]
) -> dict[str, Any]:
    """What Gradio's server serves besides the page, and the guard around all of it.

    That is plain HTTP and, if ``mcp`` is set, the tools for assistants.
    """
    options = _beside_the_page(blocks, service, metrics)
    if mcp:
        try:
            from explain.interfaces.mcp.tools import PATHS, assistants
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "mcp":
                raise
            sys.exit(help_text("interfaces.mcp_missing"))
        routes, options["lifespan"] = assistants(service, Path(gr.utils.get_upload_folder()))
        options["routes"] += routes
        typer.echo(help_text("interfaces.mcp_address", path=PATHS[0]))
    lifespan = options.get("lifespan")
    return {**options, "lifespan": guarded(lambda app: Guard(app, service.metrics, users), lifespan)}


def launch(blocks: gr.Blocks, port: int | None, **options: Any) -> None:
    """Start the page's server.

    Raises:
        SettingsError: if no port is free.
    """
    try:
        blocks.launch(
            server_port=port,
            max_threads=THREADS,
            state_session_capacity=SESSIONS,
            prevent_thread_lock=True,  # a signal must end it in order
            _frontend=False,  # else Gradio ends if its page needs over 3 s to answer, as on a busy machine
            **_page_options(),
            **options,
        )
    except OSError as error:
        if "empty port" not in str(error):
            raise
        raise SettingsError(Message("server.port", port=port) if port else Message("server.no_port")) from error
    limit_connections(blocks.server.config)


def asgi_app(blocks: SteppedBlocks, service: Service, users: tuple[str, ...] = ()) -> ASGIApp:
    """The page and plain HTTP as an app that another server runs, with the guard around all of it."""
    blocks.max_threads = blocks._queue.max_thread_count = THREADS  # which only ``launch`` takes as options
    blocks.state_session_capacity = SESSIONS
    outer = FastAPI(openapi_url=None)
    beside = _beside_the_page(blocks, service, metrics=False)
    gr.mount_gradio_app(outer, blocks, "/", show_error=False, app_kwargs=beside, **_page_options())
    return Guard(outer, service.metrics, users)
