"""The page: ``python app.py`` opens WhyFake on http://127.0.0.1:7860."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import gradio as gr
import typer
from starlette.middleware import Middleware

from explain.batch.photos import MAX_UPLOAD
from explain.examples import examples
from explain.interfaces.every_route import for_every_route
from explain.interfaces.http import plain_routes
from explain.interfaces.server.guard import Guard
from explain.interfaces.server.life import Ending, guarded, limit_connections
from explain.interfaces.server.users import users_from
from explain.page.arrival import InVisitorsLanguage
from explain.page.components.theme import CSS, HEAD, SCRIPT, THEME
from explain.page.detectors.own import OwnModels
from explain.page.layout import build_page
from explain.service.logs import log_as_json
from explain.service.process import settle, tune
from explain.service.scratch import own_temporary_files
from explain.service.service import MAX_OPEN_RUNS, Service
from explain.service.uploads import Uploads
from model.available import Models, all_available_models
from model.cli import run
from model.errors import ArtifactError, SettingsError, UserError
from model.i18n.catalogue import Message, help_text, language_of_environment, translate, use_language

UPLOADS = "GRADIO_TEMP_DIR"  # the variable by which Gradio finds the folder for uploads
SESSIONS = 500  # visitors whose results are kept while their tabs are open; each takes some megabytes
THREADS = 2 * MAX_OPEN_RUNS  # a run that waits for its turn has a thread

Sees = Literal["face", "picture"]


def _server_options(service: Service, mcp: bool, metrics: bool, users: tuple[str, ...]) -> dict[str, Any]:
    """What Gradio's server serves besides the page, and the guard around all of it.

    That is plain HTTP and, if ``mcp`` is set, the tools for assistants.
    """
    # The routes have their own openapi.json.
    options: dict[str, Any] = {"routes": plain_routes(service, metrics), "openapi_url": None, **for_every_route()}
    options["middleware"].append(Middleware(InVisitorsLanguage))
    if mcp:
        try:
            from explain.interfaces.mcp import PATHS, assistants
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "mcp":
                raise
            sys.exit(help_text("interfaces.mcp_missing"))
        routes, options["lifespan"] = assistants(service, Path(gr.utils.get_upload_folder()))
        options["routes"] += routes
        typer.echo(help_text("interfaces.mcp_address", path=PATHS[0]))
    lifespan = options.get("lifespan")
    return {**options, "lifespan": guarded(lambda app: Guard(app, service.metrics, users), lifespan)}


@contextmanager
def _refusals() -> Iterator[None]:
    """End the program with one sentence, in the environment's language, if a user's option cannot be used."""
    try:
        yield
    except UserError as error:
        with use_language(language_of_environment()):
            sys.exit(translate("command.error", reason=str(error)))


def main(
    port: Annotated[int | None, typer.Option(help=help_text("launch.port"))] = None,
    host: Annotated[str | None, typer.Option(help=help_text("launch.host"))] = None,
    share: Annotated[bool, typer.Option("--share", help=help_text("launch.share"))] = False,
    open_: Annotated[bool, typer.Option("--open", help=help_text("launch.open"))] = False,
    model: Annotated[list[str] | None, typer.Option(help=help_text("launch.model"))] = None,
    fake_label: Annotated[list[str] | None, typer.Option(help=help_text("launch.fake_label"))] = None,
    sees: Annotated[Sees | None, typer.Option(help=help_text("launch.sees"))] = None,
    keep_uploads: Annotated[Path | None, typer.Option(help=help_text("launch.keep_uploads"))] = None,
    model_upload: Annotated[bool, typer.Option("--model-upload", help=help_text("launch.model_upload"))] = False,
    mcp: Annotated[bool, typer.Option("--mcp", help=help_text("launch.mcp"))] = False,
    auth: Annotated[Path | None, typer.Option(help=help_text("launch.auth"))] = None,
    metrics: Annotated[bool, typer.Option("--metrics", help=help_text("launch.metrics"))] = False,
    log: Annotated[bool, typer.Option("--log", help=help_text("launch.log"))] = False,
) -> None:
    """Open the page."""
    if log:
        log_as_json()
    with _refusals():
        users = users_from(auth)
        uploads = Uploads(keep_uploads)
        found = all_available_models(model or (), fake_label or (), sees or "")
        models = Models(found, typer.echo, at_once=True)
        if model and models.problems:
            raise ArtifactError(models.problems[0])
    service = Service(models, uploads)
    tune()
    own = OwnModels(model_upload)
    with own_temporary_files(UPLOADS):
        blocks = build_page(models, service, own)
        blocks.queue(max_size=32)
        try:
            with _refusals():
                options = _server_options(service, mcp, metrics, users)
                ending = Ending()
                _launch(blocks, port, server_name=host, share=share, inbrowser=open_, app_kwargs=options)
            settle()
            service.prepare()
            ending.wait(service.queue)
        finally:
            blocks.close(verbose=False)
            own.close()


def _launch(blocks: gr.Blocks, port: int | None, **options: Any) -> None:
    """Start the page's server.

    Raises:
        SettingsError: if no port is free.
    """
    try:
        blocks.launch(
            server_port=port,
            theme=THEME,
            css_paths=CSS,
            head=HEAD.read_text(encoding="utf-8") + f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>",
            allowed_paths=[str(example.path) for example in examples()],  # whatever the working directory
            max_file_size=MAX_UPLOAD,  # photos have a smaller limit: see model.photos.photo
            max_threads=THREADS,
            footer_links=["api"],
            run_history=False,
            state_session_capacity=SESSIONS,
            ssr_mode=False,
            mcp_server=False,  # Gradio's own server would offer every endpoint, without pictures
            prevent_thread_lock=True,  # a signal must end it in order
            **options,
        )
    except OSError as error:
        if "empty port" not in str(error):
            raise
        raise SettingsError(Message("server.port", port=port) if port else Message("server.no_port")) from error
    limit_connections(blocks.server.config)


if __name__ == "__main__":
    run(main, help_text("launch.about"))
