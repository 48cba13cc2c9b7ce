"""Searches for good training arguments: ``python -m model tune DATA --out RUN --architecture mobilenetv2``.

It uses Optuna and not Keras Tuner because Optuna is better maintained: according to PyPI, it had five releases from
November 2025 to September 2026 (4.6 to 5.0), Keras Tuner one (1.4.8, its first since March 2024). The study is one
SQLite file, so the same command resumes a stopped search.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from model.cli import print_report_path
from model.data.dataset import gather
from model.data.options import FACES, Faces, GroupPattern, RemoveLeaks, Sets, WholePictures, grouping
from model.data.split import draw
from model.evaluation.reports import as_options
from model.networks.registry import ARCHITECTURES
from model.training import runs
from model.training.arguments import Training, start_from
from model.training.train import Result, fit

STUDY = "study.db"


def tune(
    data: Annotated[Path, typer.Argument(help="Data folder; its train and val splits are used, or made.")],
    out: Annotated[Path, typer.Option(help="Folder of the study; the same command resumes it.")],
    architecture: Annotated[str, typer.Option(help=f"One of {', '.join(ARCHITECTURES)}.")] = "mobilenetv2",
    pretrained: Annotated[
        str, typer.Option(help="imagenet to download weights, the path of a weights file, or none.")
    ] = "none",
    trials: Annotated[int, typer.Option(min=1, help="Number of trials; a larger one continues the search.")] = 20,
    epochs: Annotated[int, typer.Option(min=1, help="Largest number of epochs of each trial.")] = 5,
    limit: Annotated[int, typer.Option(min=1, help="Training pictures of each class of each data set.")] = 500,
    validation: Annotated[int, typer.Option(min=1, help="Validation pictures of each class of each data set.")] = 250,
    sets: Sets = None,
    whole_pictures: WholePictures = False,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    seed: Annotated[int, typer.Option(help="Decides split, pictures, first weights and choices.")] = 0,
) -> None:
    """Search optimizer, batch size, augmentation and learning rate for the best validation AUC.

    Writes trials.csv, trials.json, trials.md, study.html (interactive) and best.json, and prints the
    command that trains with the best arguments on all pictures.
    """
    import keras
    import optuna

    from model.studies.trials import open_study, search
    from model.studies.tune_report import finished, write_report

    base = Training(architecture, pretrained=start_from(pretrained), epochs=epochs, seed=seed, faces=not whole_pictures)
    fixed = {"architecture": architecture, "pretrained": Path(pretrained).name, "epochs_each": epochs, "seed": seed}
    pictures = {
        "data": data.name,
        "limit": limit,
        "validation": validation,
        "sets": sets,
        "whole_pictures": whole_pictures,
    }
    pictures |= {"group_pattern": group_pattern, "remove_leaks": remove_leaks}
    runs.check_arguments(out, {**fixed, **pictures})  # before the slow search for faces
    examples = gather(data, None if whole_pictures else faces, seed, sets, grouping(group_pattern), remove_leaks)
    runs.write_arguments(out, {**fixed, **pictures})
    drawn = draw(examples, {"train": limit, "val": validation}, seed)

    def train(folder: str, choices: dict[str, Any], after_epoch: Callable[[Mapping[str, float]], None]) -> Result:
        keras.utils.clear_session()
        return fit(data, drawn, replace(base, **choices), out / "trials" / folder, after_epoch)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(f"sqlite:///{out / STUDY}")
    search(study, trials, seed, train)
    counts = [sum(example.split == split for example in drawn) for split in ("train", "val")]
    starts = sorted({str(trial.user_attrs.get(runs.START, pretrained)) for trial in finished(study)})
    notes = (
        f"{architecture}, its first weights {' or '.join(starts)}, at most {epochs} epochs of {counts[0]} "
        f"pictures, validated on {counts[1]}, seed {seed}. The figures are those of the epoch with the lowest "
        "validation loss. They choose arguments and measure nothing: the best of many trials on the same validation "
        "pictures looks better than it is. Trials that did worse than the median of those before them were stopped "
        "early."
    )
    options = {"out": out / "best", "architecture": architecture, "seed": seed, "sets": sets}
    options |= {"group_pattern": group_pattern, "remove_leaks": remove_leaks or None}
    options |= {"pretrained": pretrained if base.pretrained else None, "whole_pictures": whole_pictures or None}
    command = ["python", "-m", "model", "train", str(data), *as_options(options)]
    print(write_report(study, architecture, notes, [shlex.quote(part) for part in command], out))
    print_report_path(out / "trials.md")
