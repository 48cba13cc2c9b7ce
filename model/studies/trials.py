"""Runs the trials of a search for training arguments, and goes on with those that were interrupted."""

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
# The thesis's two optimizers and batch sizes. SGD takes rates that Adam can't: the search finds that out.
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
        trial.set_user_attr(START, result.start)
        study.tell(trial, result.val_auc if math.isfinite(result.val_auc) else GUESSING)
