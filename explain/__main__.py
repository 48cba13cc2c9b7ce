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
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from explain.analysis import Analysis, analyze
from explain.hiding import HIDES
from explain.methods import METHODS
from explain.origin import Origin
from explain.plain_text import headline, photo_sentences, plain_text
from explain.report import ReportError, check_folder, record, write_report
from explain.settings import MAX_SAMPLES, MIN_SAMPLES, Settings, SettingsError
from explain.superpixels import METHODS as SEGMENTATIONS
from model.artifact import ArtifactError, Card
from model.choice import Models, to_choose_from
from model.cli import run
from model.detector import Detector
from model.photo import PhotoError

UNUSABLE, INTERRUPTED = 1, 130  # exit codes; 130 is what shells give a command that Ctrl-C ended
BAR = "{desc} {bar:20} {percentage:3.0f} %"


def main(
    photos: Annotated[list[Path], typer.Argument(help="Photos: JPEG, PNG, WebP, GIF, BMP or TIFF.")],
    methods: Annotated[
        str, typer.Option(help=f"Maps to make, with commas between them: {', '.join(METHODS)}.")
    ] = ",".join(Settings.methods),
    trust: Annotated[bool, typer.Option("--trust", help="Measure how far each map can be trusted.")] = Settings.trust,
    robustness: Annotated[
        bool, typer.Option(help="Ask again after JPEG, blur, noise and the like: what turns the verdict?")
    ] = Settings.robustness,
    flip: Annotated[
        bool, typer.Option("--flip", help="Look for the smallest set of regions whose hiding flips the verdict.")
    ] = Settings.flip,
    hide_regions: Annotated[str, typer.Option(help="Regions to hide for a what-if, by number, such as 3,7.")] = "",
    target: Annotated[
        str | None, typer.Option(help="Class that the maps explain, Fake or Real; the likelier one by default.")
    ] = Settings.target,
    superpixels: Annotated[
        int, typer.Option(help="About how many regions to cut the face into.")
    ] = Settings.superpixels,
    samples: Annotated[
        int, typer.Option(help=f"Pictures that LIME asks about at the most, {MIN_SAMPLES} to {MAX_SAMPLES}.")
    ] = Settings.samples,
    segmentation: Annotated[
        str, typer.Option(help=f"How to cut the face: {', '.join(SEGMENTATIONS)}.")
    ] = Settings.segmentation,
    hide: Annotated[str, typer.Option(help=f"What a hidden region looks like: {', '.join(HIDES)}.")] = Settings.hide,
    seed: Annotated[int, typer.Option(help="Decides everything that is drawn at random.")] = Settings.seed,
    face: Annotated[int, typer.Option(help="Which face: 0 is the largest, 1 the next.")] = Settings.face,
    whole_picture: Annotated[
        bool, typer.Option("--whole-picture", help="Judge the central square of a photo that shows no face.")
    ] = Settings.whole_picture,
    model: Annotated[Path | None, typer.Option(help="Model folder or Keras .h5 file; else those in model/.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.html, report.json and the pictures; one in it per photo.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: an object for one photo, a line each for several.")
    ] = False,
) -> None:
    """Say whether the face in each photo is real or fake, and what makes the model think so.

    Exit codes:

    0 - every photo was analysed, whatever the verdict; one without a face, too
    1 - a photo, the model or a setting can't be used; other photos are analysed
    2 - the command line is not understood
    130 - stopped by Ctrl-C; what there was by then is written
    """
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
            face=face,
            whole_picture=whole_picture,
        )
        folders = folders_for(photos, out)
        for place in filter(None, folders):
            check_folder(place)  # before seconds of work
        detector = _open_model(model)
        failed = False
        with _until_interrupted() as interrupted:
            for photo, folder in zip(photos, folders, strict=True):
                analysis = _analysed(photo, settings, detector, interrupted)
                if analysis is None:
                    failed = True
                else:
                    _hand_over(analysis, detector.card, photo, folder, as_json, len(photos) > 1)
                if interrupted():
                    raise typer.Exit(INTERRUPTED)
    except (SettingsError, ReportError) as error:
        sys.exit(f"Error: {error}")
    if failed:
        raise typer.Exit(UNUSABLE)


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
        sentence = f"must be numbers with commas between them, such as 3,7, not {text!r}."
        raise typer.BadParameter(sentence, param_hint="--hide-regions") from error


def _open_model(given: Path | None) -> Detector:
    """The model that was given, or the first of those in ``model/``, as the page takes it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow speaks up at its import, for maps by gradients
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
    """LiteRT tells of its delegate at the first use, past Python and unasked; on stderr scripts expect errors alone."""
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
    """The last analysis of a photo, told of on a terminal while it grows; None, and why, where there can be none."""
    latest = None
    name = typer.format_filename(photo)
    try:
        with tqdm(total=1.0, desc=name, bar_format=BAR, disable=None, leave=False) as bar:
            for latest in analyze(photo, settings, detector, cancelled):
                bar.set_description_str(f"{name}: {_doing(latest)}", refresh=False)
                bar.n = latest.progress or 0.0
                bar.refresh()
    except (PhotoError, SettingsError) as error:
        typer.echo(f"Error: {name}: {error}", err=True)
        return None
    return latest


def _doing(analysis: Analysis) -> str:
    """What is being worked on, in a word or two."""
    stage = analysis.stage
    return METHODS[stage].title if stage in METHODS else stage.replace("_", " ")


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
        typer.echo(f"{' '.join(sentences)} Report: {typer.format_filename(page)}")
    else:
        typer.echo(plain_text(analysis, card, name))


if __name__ == "__main__":
    run(main)
