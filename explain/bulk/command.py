"""Judges any number of photos from a terminal or a script: ``python -m explain bulk INPUT --out OUT.parquet``.

Modules that need pyarrow are imported when it runs, since the page does without that package.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from explain.maps.registry import METHODS
from explain.predictions import warm_up
from explain.settings import Settings, known_language, names_in, option_help
from model.available import open_one
from model.cli import INTERRUPTED, app_of, run_app, until_interrupted
from model.detector.detector import Detector
from model.errors import SettingsError, UserError
from model.i18n.catalogue import (
    Message,
    help_text,
    language_of_environment,
    languages,
    number,
    translate,
    use_language,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from explain.bulk.run import Work
    from explain.bulk.stages import Request

NAME = "python -m explain bulk"
BAR = "{desc} {bar:20} {remaining}"
PART = 200  # photos; so many may be judged again after a kill


def main(
    source: Annotated[str, typer.Argument(metavar="INPUT", help=help_text("bulk.input"))],
    out: Annotated[str, typer.Option(help=help_text("bulk.out"))],
    explain: Annotated[str, typer.Option(help=help_text("bulk.explain", names=", ".join(METHODS)))] = "",
    workers: Annotated[int, typer.Option(min=1, help=help_text("bulk.workers"))] = 1,
    address: Annotated[str | None, typer.Option(help=help_text("bulk.address"))] = None,
    part: Annotated[int, typer.Option(min=1, max=100_000, help=help_text("bulk.part"))] = PART,
    samples: Annotated[int, typer.Option(help=option_help("samples"))] = Settings.samples,
    seed: Annotated[int, typer.Option(help=option_help("seed"))] = Settings.seed,
    whole_picture: Annotated[bool, typer.Option("--whole-picture", help=option_help("whole_picture"))] = False,
    model: Annotated[str | None, typer.Option(help=help_text("command.model"))] = None,
    language: Annotated[
        str | None, typer.Option(help=help_text("command.language"), metavar="|".join(languages()))
    ] = None,
) -> None:
    """Judge any number of photos. The text ``bulk.about`` describes the command and its exit codes."""
    with use_language(language_of_environment()):
        try:
            _check_packages(workers, address)
            chosen = known_language(language or language_of_environment())
        except UserError as error:
            sys.exit(translate("command.error", reason=str(error)))
    with use_language(chosen):
        try:
            request, detector = _request(explain, samples, seed, whole_picture, model, chosen)
            done = _run(source, out, request, detector, part, workers, address)
        except UserError as error:
            sys.exit(translate("command.error", reason=str(error)))
    if not done:
        raise typer.Exit(INTERRUPTED)


def _check_packages(workers: int, address: str | None) -> None:
    for package in ("pyarrow", "fsspec"):
        if importlib.util.find_spec(package) is None:
            raise SettingsError(Message("bulk.no_arrow", package=package))
    if (workers > 1 or address is not None) and importlib.util.find_spec("ray") is None:
        raise SettingsError(Message("bulk.no_ray"))


def _request(
    explain: str, samples: int, seed: int, whole_picture: bool, model: str | None, language: str
) -> tuple[Request, Detector]:
    from explain.bulk.stages import Request

    detector = open_one(model, lambda sentence: typer.echo(sentence, err=True))
    request = Request(str(detector.folder), detector.name, names_in(explain), samples, seed, whole_picture, language)
    _ = request.explaining  # refused before seconds of work
    warm_up(detector)
    return request, detector


def _run(
    source: str, out: str, request: Request, detector: Detector, part: int, workers: int, address: str | None
) -> bool:
    """Do the job with a progress bar, and write its summary; whether it is complete."""
    from explain.bulk.run import Progress, opened, run
    from explain.bulk.summary import write_summary

    with until_interrupted() as interrupted:
        folder, plan = opened(source, out, request, detector, part)
        progress = Progress(0, plan.photos)
        with tqdm(total=plan.photos, bar_format=BAR, disable=None, leave=False) as bar:
            for progress in run(folder, plan, request, _engine(detector, interrupted, workers, address)):
                bar.n = progress.done
                bar.set_description_str(f"{number(progress.done, ',')}/{number(progress.planned, ',')}")
                if interrupted():
                    break
    if progress.done < progress.planned:
        typer.echo(translate("bulk.stopped", done=progress.done, count=progress.planned), err=True)
        return False
    figures, page = write_summary(folder, plan, detector.card.inconclusive_band)
    typer.echo(figures.sentence())
    typer.echo(translate("bulk.written", place=out, page=page))
    return True


def _engine(detector: Detector, interrupted: Callable[[], bool], workers: int, address: str | None) -> Work:
    from explain.bulk.run import in_process

    if workers == 1 and address is None:
        return in_process(detector, interrupted)
    from explain.bulk.on_ray import on_ray

    return on_ray(workers, address)


def start() -> None:
    """Run ``main`` with the arguments of the command line after the command's name."""
    del sys.argv[1]
    run_app(app_of(main, help_text("bulk.about")), NAME)
