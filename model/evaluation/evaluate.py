"""Measures models: ``python -m model evaluate model/weights/lite_attention DATA``."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from model.artifact.card import load_artifact, named_after, report_folder, write_card
from model.cli import print_report_path
from model.data.dataset import choose, gather
from model.data.layout import SPLITS, Example
from model.data.options import (
    FACES,
    Faces,
    GroupPattern,
    RemoveLeaks,
    Sets,
    WholePictures,
    grouping,
    warn_of_other_view,
)
from model.data.split import split_of_run
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation.charts import save_charts
from model.evaluation.files import (
    CLASSIFICATION,
    CURVES,
    PREDICTIONS,
    REPORT,
    begin,
    classification_text,
    describe,
    read_arguments,
    write_figures,
    write_predictions,
    write_summary,
    write_transfer,
)
from model.evaluation.measuring import attention_peaks, judge, measure, scorable_members, truth_of
from model.evaluation.metrics import SetScores
from model.evaluation.plots import read_history, training_curves
from model.evaluation.reports import save
from model.evaluation.robustness import for_card, measure_robustness
from model.photos.corruptions import CLEAN

CHOICES = (*SPLITS, "all")
HISTORY = "history.csv"  # beside the model folder, if a training run made it
UNREADABLE = "unreadable.txt"
LAST_DIGIT = 1.5e-4  # figures have four digits; the last one varies with the machine
Members = Mapping[str, Sequence[Example]]


def listed(
    data: Path,
    faces: Path | None,
    split: str,
    sets: Sequence[str] | None,
    seed: int,
    group_pattern: str | None = None,
    remove_leaks: bool = False,
    unreadable: Path | None = None,
) -> list[Example]:
    """The examples of a data folder; with split ``all`` no split is assigned, so that even a tiny folder works.

    Args:
        split: ``train``, ``val``, ``test`` or ``all``; the result may contain pictures of other splits.
        data, faces, sets, seed, remove_leaks, unreadable: see ``model.data.dataset.gather``.
        group_pattern: see ``model.data.options.grouping``.

    Raises:
        DatasetError: if the split or a name in ``sets`` is unknown, or there are no readable pictures.
    """
    if split not in CHOICES:
        raise DatasetError(f"There is no split {split!r}; choose {', '.join(CHOICES)}.")
    if split == "all":
        return choose(data, faces, sets, unreadable=unreadable)
    group_of = grouping(group_pattern)
    return gather(data, faces, seed, sets, group_of, remove_leaks, unreadable, lambda example: example.split == split)


def measure_sets(
    detector: Detector, data: Path, members: Members, folder: Path, charts: bool, without_face: Mapping[str, int]
) -> dict[str, Any]:
    """Figures by data set; also writes each set's predictions, classification report and charts."""
    figures: dict[str, Any] = {}
    for name, examples in members.items():
        with tqdm(total=len(examples), desc=name, unit="picture") as bar:
            p_fake = judge(detector, data, examples, advance=bar.update)[CLEAN]
        scores = SetScores(name, p_fake, truth_of(examples), detector.card.inconclusive_band)
        values = measure(scores, [example.path for example in examples])
        values["without_face"] = without_face.get(name, 0)
        if any(example.mask for example in examples):
            values["attention_peak_inside"] = attention_peaks(detector, data, examples)
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_predictions(folder / name / PREDICTIONS, examples, scores, detector)
        (folder / name / CLASSIFICATION).write_text(classification_text(scores), encoding="utf-8")
        if charts:
            save_charts(scores, folder / name)
        figures[name] = values
        write_figures(folder, figures)  # after each set, so that the next run knows what to remove
    return figures


def write_metrics(
    folder: Path, split: str, figures: dict[str, Any], robust: dict[str, Any] | None, keep_other_sets: bool
) -> None:
    """Write figures into a model's card. They replace all figures of this split, or only those of the measured sets.

    If corrupted pictures were not measured again and the other figures have changed, the old figures of corrupted
    pictures are removed: they belong to other weights, another calibration or other pictures. A measure that the card
    did not have before does not count as a change.

    Args:
        folder: the model folder.
        split: the measured split.
        figures: figures by data set.
        robust: figures of corrupted pictures, see ``measure_robustness``; None if they were not measured.
        keep_other_sets: keep the card's figures of data sets that are not in ``figures``.
    """
    card, corrupted = load_artifact(folder), f"{split}_corruptions"
    before = card.metrics.get(split, {})
    measured = {split: figures, **({corrupted: for_card(robust)} if robust else {})}
    if keep_other_sets:
        measured = {key: {**card.metrics.get(key, {}), **values} for key, values in measured.items()}
    kept = dict(card.metrics)
    if not robust and not all(
        name in before and _is_unchanged(before[name], values) for name, values in figures.items()
    ):
        kept.pop(corrupted, None)
    write_card(folder, replace(card, metrics={**kept, **measured}))


def _is_unchanged(before: Any, now: Any) -> bool:
    """Whether all earlier figures are unchanged, except for rounding of the last digit."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(key in now and _is_unchanged(value, now[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(_is_unchanged, before, now))
    if isinstance(before, float) and isinstance(now, float):
        return math.isclose(before, now, rel_tol=0, abs_tol=LAST_DIGIT)
    return bool(before == now)


def histories_of(models: Mapping[str, Path], given: Path | None) -> dict[str, dict[str, list[float]]]:
    """The training history of each model, from ``given`` or from the table beside the model folder, if there is one.

    Raises:
        DatasetError: if a table can't be read or has no epoch, or one is given for several models.
    """
    if given and len(models) > 1:
        raise DatasetError("--history belongs to one run: give it with one model, or leave it out.")
    tables = {name: given or folder.resolve().parent / HISTORY for name, folder in models.items()}
    return {name: read_history(table) for name, table in tables.items() if given or table.exists()}


def name_models(folders: Sequence[Path]) -> dict[str, Path]:
    """Each model folder by a unique name (``named_after``); if two are equal, the parent's name becomes the prefix.

    Raises:
        DatasetError: if a folder is given twice.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise DatasetError("A model folder is given twice.")
    alike = Counter(named_after(folder).name for folder in folders)
    named = {}
    for folder in folders:
        *_, parent, name = named_after(folder).parts
        named[name if alike[name] == 1 else f"{parent}-{name}"] = folder
    if len(named) < len(folders):
        raise DatasetError("Two of the models have the same name and are in folders of the same name; rename one.")
    return named


def evaluate(
    artifacts: Annotated[list[Path], typer.Argument(help="Model folders; several also give a transfer matrix.")],
    data: Annotated[
        Path,
        typer.Argument(help="Data folder: ROOT/SET/test/real and fake, ROOT/test/Real, or ROOT/Real and ROOT/Fake."),
    ],
    split: Annotated[str, typer.Option(help="train, val or test; all takes every picture.")] = "test",
    sets: Sets = None,
    corruptions: Annotated[
        bool, typer.Option("--corruptions", help="Also measure under JPEG, blur, noise, hidden eyes and more.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=0, help="Pictures of each class, split and set to corrupt; 0 takes all.")
    ] = 200,
    write: Annotated[bool, typer.Option("--write", help="Write each model's figures into its card.")] = False,
    transfer_into: Annotated[
        Path | None, typer.Option(help="Also write the transfer matrix into this model folder's card.")
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            help="A training run's history.csv, drawn as training_curves.png. Default: the one beside the model "
            "folder, if it exists."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for figures, predictions and charts.", show_default="in the model's run, or in runs/"
        ),
    ] = None,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    whole: WholePictures = False,
    charts: Annotated[bool, typer.Option(help="Draw charts.")] = True,
    seed: Annotated[int, typer.Option(help="Decides the split of pictures without one, and all random choices.")] = 0,
) -> None:
    """Measure false accusations, misses, accuracy, AUC and calibration on every data set, with 95% intervals.

    OUT/report.md shows all results; figures.json, arguments.json and, per data set, predictions and charts are
    beside it.

    With several models, each has its own folder; transfer.csv and .png hold the AUC of each on each data set.

    A model that stores the split of its training is measured on that split; seed and options don't change it.
    """
    out = out or (report_folder(artifacts[0], "evaluation") if len(artifacts) == 1 else Path("runs/evaluation"))
    models = name_models(artifacts)
    folders = {name: out / name if len(models) > 1 else out for name in models}
    for folder in {out, *folders.values()}:
        read_arguments(folder)  # refuses another command's folder before the long work
    histories = histories_of(models, history)
    detectors = {name: Detector(folder) for name, folder in models.items()}
    for name, detector in detectors.items():
        warn_of_other_view(detector.card, name, whole)
    examples = listed(data, None if whole else faces, split, sets, seed, group_pattern, remove_leaks, out / UNREADABLE)
    sides = {name: examples if split == "all" else split_of_run(model, examples) for name, model in models.items()}
    members = {name: scorable_members(side, split, whole) for name, side in sides.items()}
    arguments = dict(models=list(models), data=data, split=split, sets=sets, corruptions=corruptions, limit=limit,
                     whole=whole, seed=seed, group_pattern=group_pattern, remove_leaks=remove_leaks)  # fmt: skip
    if len(models) > 1:
        begin(out, arguments)
    figures: dict[str, Any] = {}
    for name, detector in detectors.items():
        folder, chosen = folders[name], members[name]
        faceless = Counter(e.dataset for e in sides[name] if split in (e.split, "all") and e.box is None and not whole)
        begin(folder, arguments)
        figures[name] = measure_sets(detector, data, chosen, folder, charts, faceless)
        print(f"\n{name}, {split} pictures")
        print("\n".join(describe(dataset, values) for dataset, values in figures[name].items()))
        robust = measure_robustness(detector, data, chosen, folder, limit, seed) if corruptions else None
        if name in histories and (charts or history):
            save(training_curves(histories[name], f"Training of {name}"), folder / CURVES)
        write_summary(folder, name, split, figures[name], robust is not None, charts)
        if write:
            write_metrics(models[name], split, figures[name], robust, keep_other_sets=bool(sets))
    if len(models) > 1 or transfer_into:
        matrix = write_transfer(out, figures, {name: detector.card for name, detector in detectors.items()})
        if transfer_into:
            card = load_artifact(transfer_into)
            write_card(transfer_into, replace(card, metrics={**card.metrics, "transfer": matrix}))
    for folder in folders.values():
        print_report_path(folder / REPORT)
