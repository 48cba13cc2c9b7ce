"""Calibrates, evaluates and documents the model of a run: ``python -m model finish RUN DATA``."""

from pathlib import Path
from typing import Annotated

import typer

from model.artifact.card import ARTIFACT, CARD, read_card
from model.artifact.facts import WHOLE
from model.data.options import FACES, Faces, GroupPattern, RemoveLeaks, Sets, Steady
from model.errors import ArtifactError
from model.evaluation.calibrate import calibrate
from model.evaluation.evaluate import evaluate
from model.model_card.document import DOCUMENT, write_model_card


def finish(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    data: Annotated[Path, typer.Argument(help="Data folder; its validation and test splits are used.")],
    corruptions: Annotated[
        bool, typer.Option("--corruptions", help="Also measure under JPEG, blur, noise, hidden eyes and more.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Pictures of each class and set to corrupt; 0 takes all.")] = 200,
    sets: Sets = None,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    steady: Steady = None,
    seed: Annotated[int, typer.Option(help="Decides the split of pictures without one, as in training.")] = 0,
) -> None:
    """Calibrate a run's model on validation pictures, measure it on test pictures, and write its model card.

    The results are in RUN/calibration, RUN/evaluation and RUN/model_card.md. A model that was trained on whole pictures
    is measured on whole pictures.
    """
    artifact = run / ARTIFACT
    if not (artifact / CARD).exists():
        raise ArtifactError(f"{run} holds no finished training: there is no {ARTIFACT}/{CARD} in it.")
    whole = read_card(artifact).training.get("pictures") == WHOLE
    calibrate(
        artifact,
        data,
        sets=sets,
        faces=faces,
        group_pattern=group_pattern,
        remove_leaks=remove_leaks,
        whole=whole,
        steady=steady,
        seed=seed,
    )
    evaluate(
        [artifact],
        data,
        sets=sets,
        corruptions=corruptions,
        limit=limit,
        write=True,
        faces=faces,
        group_pattern=group_pattern,
        remove_leaks=remove_leaks,
        whole=whole,
        seed=seed,
    )
    write_model_card(artifact, run / DOCUMENT.name)
