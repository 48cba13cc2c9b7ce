"""Writes a study of training arguments as a table, Optuna's own plots and the best arguments."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from markupsafe import Markup
from optuna.trial import FrozenTrial, TrialState

from model.evaluation.reports import as_options, write_table
from model.html.environment import environment

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that were not stopped early, in the order in which they started."""
    return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])


def rounded(params: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's choices as used in training: numbers with three significant digits, which a command repeats exactly."""
    return {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in params.items()}


def write_report(study: optuna.Study, architecture: str, notes: str, train: Sequence[str], out: Path) -> str:
    """Write ``trials.csv|json|md``, ``study.html`` and ``best.json``.

    Args:
        study: a study with at least one finished trial.
        architecture: the network's name.
        notes: notes that a reader of the table needs.
        train: the parts of the command ``train`` without the searched arguments.
        out: the run's folder.

    Returns:
        The command that trains with the best arguments.
    """
    trials = sorted(study.get_trials(deepcopy=False, states=ENDED), key=lambda trial: -_auc(trial))
    rows = [_row(trial) for trial in trials]
    words = [{key: _word(value) for key, value in row.items()} for row in rows]
    write_table(out, "trials", rows, words, notes)
    best = study.best_trial
    choices = rounded(best.params)
    command = " ".join([*train, *as_options(choices)])
    arguments = {"architecture": architecture, **choices, "val_auc": _auc(best), "trial": best.number}
    (out / "best.json").write_text(json.dumps({**arguments, "command": command}, indent=2) + "\n")
    write_page(study, out / "study.html")
    return command


def _row(trial: FrozenTrial) -> dict[str, Any]:
    measured = {name: value for name, value in trial.user_attrs.items() if name != "folder"}
    end = "finished" if trial.state == TrialState.COMPLETE else "stopped early"
    return {
        "trial": trial.number,
        **rounded(trial.params),
        "val_auc": round(_auc(trial), 4),
        "end": end,
        **measured,
    }


def importances(study: optuna.Study) -> dict[str, float]:
    """Share of the AUC's variance that each choice explains (fANOVA, Hutter et al. 2014).

    Empty if fewer than four trials finished, or all have the same AUC.
    """
    if len(finished(study)) < 4 or len({trial.value for trial in finished(study)}) < 2:
        return {}
    return optuna.importance.get_param_importances(study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0))


def write_page(study: optuna.Study, path: Path) -> None:
    """Write Optuna's interactive plots as one page that opens from disk."""
    drawn = [optuna.visualization.plot_optimization_history(study)]
    if importances(study):
        drawn.append(optuna.visualization.plot_param_importances(study))
    drawn += [optuna.visualization.plot_parallel_coordinate(study), optuna.visualization.plot_slice(study)]
    plots = [
        Markup(figure.to_html(full_html=False, include_plotlyjs=number == 0, default_height="480px"))
        for number, figure in enumerate(drawn)
    ]
    path.write_text(environment().get_template("tuning.html").render(plots=plots), encoding="utf-8")


def _auc(trial: FrozenTrial) -> float:
    assert trial.value is not None  # all trials that ended have a value
    return trial.value


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
