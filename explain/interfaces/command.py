"""Explains photos from a terminal or a script: ``python -m explain photo.jpg --out report/``."""

import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import numpy as np
import typer
from tqdm import tqdm

from explain.analysis import Analysis, analyze
from explain.batch.command import check_table, print_table, wants_table
from explain.maps.registry import METHODS
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from explain.report.files import ReportError, check_folder, record, write_report
from explain.report.origin import Origin
from explain.settings import HIDES_ASKED, MAX_SAMPLES, MIN_SAMPLES, Settings, SettingsError
from explain.wording.progress import doing
from explain.wording.summary import headline, photo_sentences, plain_text
from model.artifact.card import Card
from model.available import Models, to_choose_from
from model.cli import run
from model.detector.detector import Detector
from model.errors import ArtifactError, PhotoError
from model.i18n.catalogue import language_of_environment, number, say, speaking

UNUSABLE, INTERRUPTED = 1, 130  # exit codes; 130 is what shells give a command that Ctrl-C ended
BAR = "{desc} {bar:20}"


def _help(key: str, /, **values: Any) -> str:
    """A text of the help. Python asks for it before any option is read: only the environment can tell the language."""
    with speaking(language_of_environment()):
        return say(key, **values)


def main(
    photos: Annotated[list[Path], typer.Argument(help=_help("command.photos"))],
    methods: Annotated[str, typer.Option(help=_help("command.methods", names=", ".join(METHODS)))] = ",".join(
        Settings.methods
    ),
    trust: Annotated[bool, typer.Option("--trust", help=_help("command.trust"))] = Settings.trust,
    robustness: Annotated[bool, typer.Option(help=_help("command.robustness"))] = Settings.robustness,
    flip: Annotated[bool, typer.Option("--flip", help=_help("command.flip"))] = Settings.flip,
    hide_regions: Annotated[str, typer.Option(help=_help("command.hide_regions"))] = "",
    target: Annotated[str | None, typer.Option(help=_help("command.target"))] = Settings.target,
    superpixels: Annotated[int, typer.Option(help=_help("command.superpixels"))] = Settings.superpixels,
    samples: Annotated[
        int, typer.Option(help=_help("command.samples", least=MIN_SAMPLES, most=MAX_SAMPLES))
    ] = Settings.samples,
    segmentation: Annotated[
        str, typer.Option(help=_help("command.segmentation", names=", ".join(SEGMENTATIONS)))
    ] = Settings.segmentation,
    hide: Annotated[str, typer.Option(help=_help("command.hide", names=", ".join(HIDES_ASKED)))] = Settings.hide,
    seed: Annotated[int, typer.Option(help=_help("command.seed"))] = Settings.seed,
    face: Annotated[int, typer.Option(help=_help("command.face"))] = Settings.face + 1,
    whole_picture: Annotated[
        bool, typer.Option("--whole-picture", help=_help("command.whole_picture"))
    ] = Settings.whole_picture,
    model: Annotated[Path | None, typer.Option(help=_help("command.model"))] = None,
    out: Annotated[Path | None, typer.Option(help=_help("command.out"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_help("command.json"))] = False,
    csv: Annotated[Path | None, typer.Option(help=_help("many.csv"))] = None,
    language: Annotated[Literal["en", "tr"] | None, typer.Option(help=_help("command.language"))] = None,
) -> None:
    """Analyse photos. The text ``command.about`` describes the command and its exit codes."""
    with speaking(language or language_of_environment()):
        try:
            settings = Settings(
                target=target,
                methods=_parts(methods),
                trust=trust,
                robustness=robustness,
                flip=flip,
                hidden=_numbers(hide_regions),
                superpixels=superpixels,
                samples=samples,
                segmentation=segmentation,
                hide=hide,
                seed=seed,
                face=face - 1,  # people count from one
                whole_picture=whole_picture,
            )
            if wants_table(photos, csv):
                check_table(settings, out, csv)
                whole = _judge_all(photos, settings, _open_model(model, settings), csv, as_json)
            else:
                folders = folders_for(photos, out)
                for place in filter(None, folders):
                    check_folder(place)  # before seconds of work
                whole = _analyse_all(photos, folders, settings, _open_model(model, settings), as_json)
        except (ArtifactError, SettingsError, ReportError) as error:
            sys.exit(say("command.error", reason=str(error)))
    if not whole:
        raise typer.Exit(UNUSABLE)


def _analyse_all(
    photos: Sequence[Path], folders: Sequence[Path | None], settings: Settings, detector: Detector, as_json: bool
) -> bool:
    """Analyse one photo after the other and hand each over; whether all of them could be used."""
    whole = True
    with _until_interrupted() as interrupted:
        for photo, folder in zip(photos, folders, strict=True):
            analysis = _analysed(photo, settings, detector, interrupted)
            if analysis is None:
                whole = False
            else:
                _hand_over(analysis, detector.card, photo, folder, as_json, len(photos) > 1)
            if interrupted():
                raise typer.Exit(INTERRUPTED)
    return whole


def _judge_all(photos: Sequence[Path], settings: Settings, detector: Detector, csv: Path | None, as_json: bool) -> bool:
    """A table of verdicts on photos, folders and ZIPs; whether all of the photos could be used."""
    with _until_interrupted() as interrupted:
        whole = print_table(photos, detector, interrupted, settings.whole_picture, csv, as_json)
        if interrupted():
            raise typer.Exit(INTERRUPTED)
    return whole


def folders_for(photos: Sequence[Path], out: Path | None) -> list[Path | None]:
    """Where each photo's report goes: ``out`` itself for a single one, else a folder in it by the photo's name."""
    if out is None or len(photos) == 1:
        return [out] * len(photos)
    names: list[str] = []
    for photo in photos:
        stem = photo.stem.strip(".") or "photo"  # a name of dots alone would lead out of the folder
        candidates = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        # Some systems take two names for one that differ in capitals alone.
        names.append(next(name for name in candidates if name.casefold() not in map(str.casefold, names)))
    return [out / name for name in names]


def _parts(text: str) -> tuple[str, ...]:
    """What stands between commas, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _parts(text))
    except ValueError as error:
        sentence = say("command.no_numbers", value=repr(text))
        raise typer.BadParameter(sentence, param_hint="--hide-regions") from error


def _open_model(given: Path | None, settings: Settings) -> Detector:
    """The model that was given, or the first of those in ``model/``, as the page takes it."""
    if any(METHODS[name].gradients for name in settings.methods if name in METHODS):
        with _silenced():  # at its import it says what it makes of some processors, whatever the level
            import tensorflow  # noqa: F401
    models = Models(to_choose_from(given), lambda sentence: typer.echo(sentence, err=True))
    if given is not None and models.problems:
        raise ArtifactError(models.problems[0])
    detector = models.get(models.first)
    side = detector.card.preprocessing.input_size
    with _silenced():
        detector.predict(np.zeros((side, side, 3), np.uint8))
    return detector


@contextmanager
def _silenced() -> Iterator[None]:
    """Libraries written in C++ tell of themselves, past Python and unasked; on stderr scripts expect errors alone."""
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed: the first time asks for an end at the next step, the second time ends at once."""
    pressed = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _analysed(photo: Path, settings: Settings, detector: Detector, cancelled: Callable[[], bool]) -> Analysis | None:
    """The last analysis of a photo, with progress on a terminal; None and the reason where it fails."""
    latest = None
    name = typer.format_filename(photo)
    try:
        with tqdm(total=1.0, desc=name, bar_format=BAR, disable=None, leave=False) as bar:
            for latest in analyze(photo, settings, detector, cancelled):
                share = latest.progress or 0.0
                bar.set_description_str(f"{name}: {doing(latest)} {number(share, '.0%')}", refresh=False)
                bar.n = share
                bar.refresh()
    except (PhotoError, SettingsError) as error:
        typer.echo(say("command.photo_error", photo=name, reason=str(error)), err=True)
        return None
    return latest


def _hand_over(analysis: Analysis, card: Card, photo: Path, folder: Path | None, as_json: bool, several: bool) -> None:
    """Write the report where one was asked for, and print."""
    name = typer.format_filename(photo)
    command = typer.format_filename(shlex.join(["python", "-m", "explain", *sys.argv[1:]]))
    origin = Origin(name, command, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    page = None if folder is None else write_report(analysis, card, folder, origin=origin)
    if as_json:
        data = record(analysis, origin)
        typer.echo(json.dumps(data, ensure_ascii=False, indent=None if several else 2))
    elif page is not None:
        sentences = (f"{name}: {headline(analysis)}.", *photo_sentences(analysis))
        typer.echo(f"{' '.join(sentences)} {say('command.report', path=typer.format_filename(page))}")
    else:
        typer.echo(plain_text(analysis, card, name))


def start() -> None:
    """Run ``main`` with the arguments of the command line."""
    run(main, _help("command.about"))
