"""The page: ``python app.py`` opens WhyFake on http://127.0.0.1:7860."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from explain.interfaces.server.life import Ending
from explain.interfaces.server.users import users_from
from explain.page.detectors.own import OwnModels
from explain.page.layout import build_page
from explain.page.serving.launch import launch, server_models, server_options
from explain.service.logs import log_as_json
from explain.service.process import settle, tune
from explain.service.scratch import own_temporary_files
from explain.service.service import Service
from explain.service.uploads import Uploads
from model.cli import run
from model.errors import UserError
from model.i18n.catalogue import help_text, language_of_environment, translate, use_language

Sees = Literal["face", "picture"]


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
        models = server_models(model or (), fake_label or (), sees or "", typer.echo)
    service = Service(models, uploads)
    tune()
    own = OwnModels(model_upload)
    with own_temporary_files():
        blocks = build_page(models, service, own)
        try:
            with _refusals():
                options = server_options(blocks, service, mcp, metrics, users)
                ending = Ending()
                launch(blocks, port, server_name=host, share=share, inbrowser=open_, app_kwargs=options)
            settle()
            service.prepare()
            ending.wait(service.queue)
        finally:
            blocks.close(verbose=False)
            own.close()


if __name__ == "__main__":
    run(main, help_text("launch.about"))
