"""Explains photos from a terminal or a script: ``python -m explain photo.jpg --out report/``."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer
from tqdm import tqdm

from explain.analysis import analyze
from explain.batch.command import BAR, check_table, print_table, wants_more, wants_table
from explain.comparison import Second, settings_of_second
from explain.predictions import warm_up
from explain.report.clip import clip_record, write_clip
from explain.report.files import check_folder, folders_for, record, write_report
from explain.report.origin import Origin
from explain.result import Analysis
from explain.service.refusal import Refused, refusing
from explain.settings import Settings, known_language, names_in, option_help
from explain.video.judge import judge_clip
from explain.video.result import Clip
from explain.wording.clip import clip_text, clock
from explain.wording.comparison import second_in_words
from explain.wording.progress import doing
from explain.wording.summary import headline, photo_sentences, plain_text
from model.artifact.card import Card
from model.available import open_one
from model.cli import INTERRUPTED, print_json, run, until_interrupted
from model.clips.answers import Limits
from model.clips.clip import FRAMES, is_clip
from model.detector.detector import Detector
from model.errors import SettingsError, UserError
from model.i18n.catalogue import Message, help_text, language_of_environment, languages, number, translate, use_language

Result = tuple[Analysis, Card]
SECOND = "second"  # folder of a second model's report, in that of the first one's
Step = TypeVar("Step")
UNUSABLE = 1  # exit code


def _known_language(name: str | None) -> str | None:
    try:
        return None if name is None else known_language(name)
    except UserError as error:
        with use_language(language_of_environment()):
            raise typer.BadParameter(str(error)) from error


def main(
    photos: Annotated[list[Path], typer.Argument(help=help_text("command.photos"))],
    methods: Annotated[str, typer.Option(help=option_help("methods"))] = ",".join(Settings.methods),
    trust: Annotated[bool, typer.Option("--trust", help=option_help("trust"))] = Settings.trust,
    robustness: Annotated[bool, typer.Option(help=option_help("robustness"))] = Settings.robustness,
    flip: Annotated[bool, typer.Option("--flip", help=option_help("flip"))] = Settings.flip,
    hide_regions: Annotated[str, typer.Option(help=help_text("command.hide_regions"))] = "",
    target: Annotated[str | None, typer.Option(help=option_help("target"))] = Settings.target,
    superpixels: Annotated[int, typer.Option(help=option_help("superpixels"))] = Settings.superpixels,
    samples: Annotated[int, typer.Option(help=option_help("samples"))] = Settings.samples,
    segmentation: Annotated[str, typer.Option(help=option_help("segmentation"))] = Settings.segmentation,
    hide: Annotated[str, typer.Option(help=option_help("hide"))] = Settings.hide,
    seed: Annotated[int, typer.Option(help=option_help("seed"))] = Settings.seed,
    face: Annotated[int, typer.Option(help=option_help("face"))] = Settings.face + 1,
    whole_picture: Annotated[
        bool, typer.Option("--whole-picture", help=option_help("whole_picture"))
    ] = Settings.whole_picture,
    model: Annotated[str | None, typer.Option(help=help_text("command.model"))] = None,
    fake_label: Annotated[list[str] | None, typer.Option(help=help_text("launch.fake_label"))] = None,
    sees: Annotated[Literal["face", "picture"] | None, typer.Option(help=help_text("launch.sees"))] = None,
    second: Annotated[str | None, typer.Option(help=help_text("command.second"))] = None,
    frames: Annotated[int | None, typer.Option(help=help_text("command.frames", default=FRAMES))] = None,
    out: Annotated[Path | None, typer.Option(help=help_text("command.out"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=help_text("command.json"))] = False,
    csv: Annotated[Path | None, typer.Option(help=help_text("many.csv"))] = None,
    language: Annotated[
        str | None,
        typer.Option(help=help_text("command.language"), metavar="|".join(languages()), callback=_known_language),
    ] = None,
) -> None:
    """Analyse photos. The text ``command.about`` describes the command and its exit codes."""
    with use_language(language or language_of_environment()):
        try:
            settings = Settings(
                target=target,
                methods=names_in(methods),
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
            opened = partial(_open_model, fake_labels=fake_label or (), sees=sees or "")
            if wants_table(photos, csv):
                check_table(settings, out, csv, frames)
                if second is not None:
                    raise SettingsError(Message("command.second_table"))
                succeeded = _judge_all(photos, settings, opened(model), csv, as_json)
            else:
                folders = folders_for(photos, out)
                for place in filter(None, folders):
                    check_folder(place)  # before seconds of work
                count = FRAMES if frames is None else frames
                clips = {photo: count for photo in photos if is_clip(photo, animations=frames is not None)}
                if clips and (second is not None or wants_more(settings)):
                    raise SettingsError(Message("clip.verdicts_only"))
                detectors = [opened(model), *([opened(second)] if second is not None else [])]
                succeeded = _analyse_all(photos, folders, settings, detectors, as_json, clips)
        except UserError as error:
            sys.exit(translate("command.error", reason=str(error)))
    if not succeeded:
        raise typer.Exit(UNUSABLE)


def _analyse_all(
    photos: Sequence[Path],
    folders: Sequence[Path | None],
    settings: Settings,
    detectors: Sequence[Detector],
    as_json: bool,
    clips: Mapping[Path, int],
) -> bool:
    """Analyse the photos, some of which are clips, and output each result; whether all of them could be used."""
    succeeded, several = True, len(photos) > 1
    with until_interrupted() as interrupted:
        for photo, folder in zip(photos, folders, strict=True):
            name = typer.format_filename(photo)
            if photo in clips:
                steps = judge_clip(photo, detectors[0], clips[photo], Limits(), interrupted, settings.whole_picture)
                clip = _watched(name, steps, lambda clip: (clip.progress, clock(clip.progress * clip.facts.seconds)))
                succeeded &= clip is not None
                if clip is not None:
                    _output_clip(clip, detectors[0].card, photo, folder, as_json, several)
            else:
                results = _explained(name, photo, settings, detectors, interrupted)
                succeeded &= bool(results)
                if results:
                    _output(results, photo, folder, as_json, several)
            if interrupted():
                raise typer.Exit(INTERRUPTED)
    return succeeded


def _explained(
    name: str, photo: Path, settings: Settings, detectors: Sequence[Detector], cancelled: Callable[[], bool]
) -> list[Result]:
    """Each model's analysis; none if one fails. A second model explains the class that the first one explains."""
    results: list[Result] = []
    for detector in detectors:
        own_settings = settings_of_second(results[0][0], settings) if results else settings
        steps = analyze(photo, own_settings, detector, cancelled)
        analysis = _watched(name, steps, lambda step: (step.progress or 0.0, doing(step)))
        if analysis is None:
            return []
        results.append((analysis, detector.card))
    return results


def _judge_all(photos: Sequence[Path], settings: Settings, detector: Detector, csv: Path | None, as_json: bool) -> bool:
    """Output a table of verdicts on photos, folders and ZIPs; whether all photos could be used."""
    with until_interrupted() as interrupted:
        succeeded = print_table(photos, detector, interrupted, settings.whole_picture, csv, as_json)
        if interrupted():
            raise typer.Exit(INTERRUPTED)
    return succeeded


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in names_in(text))
    except ValueError as error:
        sentence = translate("command.no_numbers", value=repr(text))
        raise typer.BadParameter(sentence, param_hint="--hide-regions") from error


def _open_model(given: str | None, fake_labels: Sequence[str], sees: str) -> Detector:
    """The given model, or the first one of the page."""
    detector = open_one(given, lambda sentence: typer.echo(sentence, err=True), fake_labels, sees)
    warm_up(detector)
    return detector


def _watched(name: str, steps: Iterator[Step], state: Callable[[Step], tuple[float, str]]) -> Step | None:
    """The last of the steps, with progress on a terminal; if they fail, None, and the reason is printed."""
    latest = None
    try:
        with refusing(), tqdm(total=1.0, desc=name, bar_format=BAR, disable=None, leave=False) as bar:
            for latest in steps:
                bar.n, text = state(latest)
                bar.set_description_str(f"{name}: {text} {number(bar.n, '.0%')}", refresh=False)
                bar.refresh()
    except Refused as error:
        typer.echo(translate("command.photo_error", photo=name, reason=str(error)), err=True)
        return None
    return latest


def _output(results: Sequence[Result], photo: Path, folder: Path | None, as_json: bool, several: bool) -> None:
    """Write the report, if requested, and print the result; a second model's own report is in a folder of its own."""
    (analysis, card), *others = results
    name, origin = typer.format_filename(photo), _origin(photo)
    second = next((Second.of(analysis, *other) for other in others), None)
    page = None if folder is None else write_report(analysis, card, folder, origin=origin, second=second)
    if folder is not None and second is not None:
        write_report(second.analysis, second.card, folder / SECOND, origin=origin)
    if as_json:
        print_json(record(analysis, origin, second), indent=None if several else 2)
        return
    if page is not None:
        sentences = (f"{name}: {headline(analysis)}.", *photo_sentences(analysis))
        typer.echo(f"{' '.join(sentences)} {translate('command.report', path=typer.format_filename(page))}")
    else:
        typer.echo(plain_text(analysis, card, name))
    if second is not None:
        for text in second_in_words(analysis, second, name):
            typer.echo(text)


def _output_clip(clip: Clip, card: Card, path: Path, folder: Path | None, as_json: bool, several: bool) -> None:
    """Write a clip's report, if requested, and print the result."""
    name, origin = typer.format_filename(path), _origin(path)
    page = None if folder is None else write_clip(clip, card, folder, origin)
    if as_json:
        print_json(clip_record(clip, origin), indent=None if several else 2)
    else:
        typer.echo(clip_text(clip, name))
        if page is not None:
            typer.echo(translate("command.report", path=typer.format_filename(page)))


def _origin(file: Path) -> Origin:
    command = typer.format_filename(shlex.join(["python", "-m", "explain", *sys.argv[1:]]))
    return Origin.now(typer.format_filename(file), command)


def start() -> None:
    """Run ``main`` with the arguments of the command line."""
    run(main, help_text("command.about"))
