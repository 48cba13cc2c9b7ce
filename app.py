"""The page: ``python app.py`` opens WhyFake on http://127.0.0.1:7860."""

import sys
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import typer

from explain.batch.photos import MAX_UPLOAD
from explain.interfaces.http import plain_routes
from explain.page.components.theme import CSS, SCRIPT, THEME
from explain.page.layout import build_page
from explain.service.service import Doors
from explain.service.uploads import Uploads, UploadsError
from model.available import Models, to_choose_from
from model.cli import run
from model.errors import ArtifactError
from model.i18n.catalogue import language_of_environment, say, speaking
from model.paths import EXAMPLES


def _beside_the_page(doors: Doors, mcp: bool) -> dict[str, Any]:
    """What Gradio's server serves besides the page: plain HTTP, and the tools for assistants where they are wanted."""
    served: dict[str, Any] = {"routes": plain_routes(doors), "openapi_url": None}  # the routes hold one of their own
    if mcp:
        try:
            from explain.interfaces.mcp import PATHS, assistants
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "mcp":
                raise
            sys.exit(say("doors.mcp_missing"))
        routes, served["lifespan"] = assistants(doors, Path(gr.utils.get_upload_folder()))
        served["routes"] += routes
        typer.echo(say("doors.mcp_address", path=PATHS[0]))
    return served


def _help(key: str) -> str:
    """A text of the help. Python asks for it before any option is read: only the environment can tell the language."""
    with speaking(language_of_environment()):
        return say(key)


def main(
    port: Annotated[int | None, typer.Option(help=_help("launch.port"))] = None,
    host: Annotated[str | None, typer.Option(help=_help("launch.host"))] = None,
    share: Annotated[bool, typer.Option("--share", help=_help("launch.share"))] = False,
    open_: Annotated[bool, typer.Option("--open", help=_help("launch.open"))] = False,
    model: Annotated[Path | None, typer.Option(help=_help("launch.model"))] = None,
    learn: Annotated[
        bool, typer.Option("--learn-examples/--no-learn-examples", help=_help("launch.learn_examples"))
    ] = True,
    keep_uploads: Annotated[Path | None, typer.Option(help=_help("launch.keep_uploads"))] = None,
    mcp: Annotated[bool, typer.Option("--mcp", help=_help("launch.mcp"))] = False,
) -> None:
    """Open the page."""
    try:
        uploads = Uploads(keep_uploads)
    except UploadsError as error:
        sys.exit(say("command.error", reason=str(error)))
    models = Models(to_choose_from(model), typer.echo, at_once=True)
    if model is not None and models.problems:
        raise ArtifactError(models.problems[0])
    doors = Doors(models, uploads)
    blocks = build_page(models, learn, doors)
    blocks.queue(max_size=32)
    blocks.launch(
        server_port=port,
        server_name=host,
        share=share,
        inbrowser=open_,
        theme=THEME,
        css_paths=CSS,
        head=f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>",
        allowed_paths=[str(EXAMPLES)],  # the examples, from whichever folder the page is started
        max_file_size=MAX_UPLOAD,  # photos have a smaller limit: see model.photos.photo
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        app_kwargs=_beside_the_page(doors, mcp),
        mcp_server=False,  # Gradio's own would offer every endpoint, and answer without pictures
    )


if __name__ == "__main__":
    run(main, _help("launch.about"))
