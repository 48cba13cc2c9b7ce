"""Explains photos from a terminal or a script: ``python -m explain photo.jpg --out report/``."""

import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from tqdm import tqdm

from explain.analysis import Analysis, analyze
from explain.hiding import HIDES
from explain.methods import METHODS
from explain.origin import Origin
from explain.plain_text import headline, plain_text
from explain.report import ReportError, check_folder, record, write_report
from explain.settings import MAX_SAMPLES, MIN_SAMPLES, Settings, SettingsError
from explain.superpixels import METHODS as SEGMENTATIONS
from model.artifact import ArtifactError
from model.choice import Models, to_choose_from
from model.cli import run
from model.detector import Detector
from model.photo import PhotoError

UNUSABLE, INTERRUPTED = 1, 130  # exit codes; 130 is what shells give a command that Ctrl-C ended
STAGES = {"faces": "faces", "what_if": "what if", "flip": "smallest flip", "trust": "trust"}


def main(
    photos: Annotated[list[Path], typer.Argument(help="Photos: JPEG, PNG, WebP, GIF, BMP or TIFF.")],
    methods: Annotated[
        str, typer.Option(help=f"Maps to make, with commas between them: {', '.join(METHODS)}.")
    ] = ",".join(Settings.methods),
    trust: Annotated[bool, typer.Option("--trust", help="Measure how far each map can be trusted.")] = Settings.trust,
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

    Exit codes: 0, every photo was analysed, whatever the verdict, and a photo without a face too; 1, a photo, the
    model or a setting can't be used (the other photos are analysed all the same); 2, the command line is not
    understood; 130, stopped by Ctrl-C (the step that runs is ended, and what there is by then is written).
    """
    try:
        settings = Settings(
            target=target,
            methods=_parts(methods),
            trust=trust,
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
        folders = [None] * len(photos) if out is None else folders_for(photos, out)
        for folder in filter(None, folders):
            check_folder(folder)
        detector = _open_model(model)
        failed = False
        with _until_interrupted() as interrupted:
            for photo, folder in zip(photos, folders, strict=True):
                failed |= not _explain(photo, folder, settings, detector, _printer(as_json, len(photos)), interrupted)
                if interrupted():
                    raise typer.Exit(INTERRUPTED)
    except (SettingsError, ReportError) as error:
        sys.exit(f"Error: {error}")
    if failed:
        raise typer.Exit(UNUSABLE)
