"""Runs the trials of a search for training arguments, and resumes interrupted trials."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState
from tqdm import tqdm

from model.errors import TrainingError
from model.studies.tune_report import ENDED, rounded
from model.training.runs import START
from model.training.train import Result

FOLDER = "folder"
# The thesis's two optimizers and batch sizes. SGD works with higher rates than Adam: the search finds the right ones.
CHOICES: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(("adam", "sgd")),
    "batch_size": CategoricalDistribution((16, 32)),
    "augment": CategoricalDistribution((False, True)),
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
}
GUESSING = 0.5  # AUC of a trial with diverged training
WARMUP_TRIALS, WARMUP_EPOCHS = 5, 1  # after these, a trial is stopped if it is worse than the median of earlier trials
Train = Callable[[str, dict[str, Any], Callable[[Mapping[str, float]], None]], Result]


def open_study(storage: str | optuna.storages.BaseStorage) -> optuna.Study:
    """Load the study from a storage, or create it; it maximises the validation AUC."""
    return optuna.create_study(
        storage=storage,
        study_name="tune",
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(WARMUP_TRIALS, WARMUP_EPOCHS),
        load_if_exists=True,
    )


def next_trial(study: optuna.Study, seed: int) -> optuna.Trial:
    """The next trial: an interrupted one, which is resumed in its folder, or a new one.

    The first ten trials have random choices; later choices come from a tree-structured Parzen estimator (Bergstra et
    al. 2011). Its seed depends on the number of ended trials, so an interrupted study makes the same choices as an
    uninterrupted one.
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
    """Run trials until ``trials`` have ended, including those of earlier runs.

    A trial's value is the validation AUC of its best epoch (lowest validation loss), or ``GUESSING`` if it diverged.

    Args:
        study: see ``open_study``.
        trials: number of trials, complete or stopped early.
        seed: seed of the choices.
        train: called with a trial's folder name, its choices and a function to call after each epoch.
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
        except TrainingError:  # the training diverged: a valid result for these choices
            study.tell(trial, GUESSING)
            continue
        for name in ("val_loss", "val_accuracy", "epochs", "seconds"):
            trial.set_user_attr(name, round(getattr(result, name), 4))
        trial.set_user_attr(START, result.start)
        study.tell(trial, result.val_auc if math.isfinite(result.val_auc) else GUESSING)
