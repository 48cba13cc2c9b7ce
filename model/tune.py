"""Searches for good training arguments: ``python -m model.tune DATA --out RUN --architecture mobilenetv2``.

By Optuna rather than Keras Tuner, the better kept of the two: five releases from November 2025 to September 2026 (4.6
to 5.0) against one of Keras Tuner (1.4.8, its first since March 2024), by their pages on PyPI. Its study is one SQLite
file, so that the same command goes on where it was stopped.
"""

import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import keras
import optuna
import typer
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState
from tqdm import tqdm

from model import runs
from model.architectures import ARCHITECTURES
from model.cli import run
from model.data_options import FACES, Faces, GroupPattern, RemoveLeaks, Sets, WholePictures, grouping
from model.dataset import gather
from model.loop import TrainingError
from model.results import as_options
from model.subset import draw
from model.train import Result, fit
from model.training import Training, start_from
from model.tune_report import ENDED, finished, rounded, write_report

STUDY, FOLDER = "study.db", "folder"
# The thesis's two optimizers and batch sizes. SGD bears rates that are too large for Adam: the search finds that out.
CHOICES: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(("adam", "sgd")),
    "batch_size": CategoricalDistribution((16, 32)),
    "augment": CategoricalDistribution((False, True)),
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
}
GUESSING = 0.5  # AUC of a network whose weights ran away
WARMUP_TRIALS, WARMUP_EPOCHS = 5, 1  # before a trial may be stopped for doing worse than the median of those before
Train = Callable[[str, dict[str, Any], Callable[[Mapping[str, float]], None]], Result]


def open_study(storage: str | optuna.storages.BaseStorage) -> optuna.Study:
    """The study kept in a storage, made at first; higher validation AUC is better."""
    return optuna.create_study(
        storage=storage,
        study_name="tune",
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(WARMUP_TRIALS, WARMUP_EPOCHS),
        load_if_exists=True,
    )


def next_trial(study: optuna.Study, seed: int) -> optuna.Trial:
    """The trial to run now: one that was interrupted, which goes on in its folder, or a new one.

    Choices come from a tree-structured Parzen estimator (Bergstra et al. 2011) after ten random ones. It is seeded by
    the number of trials that ended, so that an interrupted study makes the same choices as one that ran through.
    """
    for stopped in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(stopped.number, state=TrialState.FAIL)
        study.enqueue_trial(
            stopped.params, user_attrs={FOLDER: stopped.user_attrs.get(FOLDER, _folder(stopped.number))}
        )
    ended = len(study.get_trials(deepcopy=False, states=ENDED))
    study.sampler = optuna.samplers.TPESampler(seed=seed + ended)
    trial = study.ask(CHOICES)
    if FOLDER not in trial.user_attrs:
        trial.set_user_attr(FOLDER, _folder(trial.number))
    return trial


def _folder(number: int) -> str:
    return f"{number:03}"


def search(study: optuna.Study, trials: int, seed: int, train: Train) -> None:
    """Run trials until so many have ended, those of earlier runs counted in; each tells its best validation AUC.

    Args:
        study: see ``open_study``.
        trials: that are to have ended, in full or stopped early.
        seed: of the choices.
        train: is given a trial's folder name, its choices and what to call after each epoch.
    """
    for _ in tqdm(range(len(study.get_trials(deepcopy=False, states=ENDED)), trials), "trials"):
        trial = next_trial(study, seed)

        def after_epoch(row: Mapping[str, float], trial: optuna.Trial = trial) -> None:
            trial.report(row["val_auc"], int(row["epoch"]))
            if trial.should_prune():
                raise optuna.TrialPruned

        try:
            result = train(trial.user_attrs[FOLDER], rounded(trial.params), after_epoch)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
            continue
        except TrainingError:  # the loss ran away, which is an answer too
            study.tell(trial, GUESSING)
            continue
        for name in ("val_loss", "val_accuracy", "epochs", "seconds"):
            trial.set_user_attr(name, round(getattr(result, name), 4))
        trial.set_user_attr(runs.START, result.start)
        study.tell(trial, result.val_auc if math.isfinite(result.val_auc) else GUESSING)


def tune(
    data: Annotated[Path, typer.Argument(help="Data folder; its train and val splits are used, or made.")],
    out: Annotated[Path, typer.Option(help="Folder of the study; the same command goes on where it stopped.")],
    architecture: Annotated[str, typer.Option(help=f"One of {', '.join(ARCHITECTURES)}.")] = "mobilenetv2",
    pretrained: Annotated[
        str, typer.Option(help="imagenet to download weights, the path of a weights file, or none.")
    ] = "none",
    trials: Annotated[int, typer.Option(min=1, help="Trials to end with; raise it to search on.")] = 20,
    epochs: Annotated[int, typer.Option(min=1, help="At most, for each trial.")] = 5,
    limit: Annotated[int, typer.Option(min=1, help="Training pictures of each class of each data set.")] = 500,
    judged: Annotated[int, typer.Option(min=1, help="Validation pictures of each class of each data set.")] = 250,
    sets: Sets = None,
    whole_pictures: WholePictures = False,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    seed: Annotated[int, typer.Option(help="Decides split, pictures, first weights and choices.")] = 0,
) -> None:
    """Search optimizer, batch size, augmentation and learning rate for the best validation AUC.

    Writes trials.csv, trials.json, trials.md, trials.png, study.html (interactive) and best.json, and prints the
    command that trains with the best arguments on all pictures.
    """
    base = Training(architecture, pretrained=start_from(pretrained), epochs=epochs, seed=seed, faces=not whole_pictures)
    fixed = {"architecture": architecture, "pretrained": Path(pretrained).name, "epochs_each": epochs, "seed": seed}
    pictures = {"data": data.name, "limit": limit, "judged": judged, "sets": sets, "whole_pictures": whole_pictures}
    pictures |= {"group_pattern": group_pattern, "remove_leaks": remove_leaks}
    runs.check_arguments(out, {**fixed, **pictures})  # before minutes go by looking for faces
    examples = gather(data, None if whole_pictures else faces, seed, sets, grouping(group_pattern), remove_leaks)
    runs.write_arguments(out, {**fixed, **pictures})
    drawn = draw(examples, {"train": limit, "val": judged}, seed)

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
        f"pictures, judged on {counts[1]}, seed {seed}. The figures are those of the epoch with the least validation "
        "loss. They choose arguments and measure nothing: the best of many trials on the same validation pictures "
        "flatters itself. Trials that did worse than the median of those before them were stopped early."
    )
    options = {"out": out / "best", "architecture": architecture, "seed": seed, "sets": sets}
    options |= {"group_pattern": group_pattern, **({"remove_leaks": True} if remove_leaks else {})}
    options |= {
        **({"pretrained": pretrained} if base.pretrained else {}),
        **({"whole_pictures": True} if whole_pictures else {}),
    }
    command = ["python", "-m", "model.train", str(data), *as_options(options)]
    print(write_report(study, architecture, notes, [shlex.quote(part) for part in command], out))


if __name__ == "__main__":
    run(tune)
