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
from model.cli import run, tell_report
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
    CURVES,
    FIGURES,
    REPORT,
    begin,
    classification_text,
    describe,
    fingerprint_of_data,
    fingerprint_of_model,
    read_arguments,
    read_figures,
    write_figures,
    write_predictions,
    write_summary,
    write_transfer,
)
from model.evaluation.measuring import attention_peaks, judge, judged_members, measure, truth_of
from model.evaluation.metrics import Judged
from model.evaluation.plots import read_history, training_curves
from model.evaluation.reports import save
from model.evaluation.robustness import JSON, for_card, measure_robustness
from model.photos.corruptions import CLEAN

CHOICES = (*SPLITS, "all")
WORKERS = 2  # processes that look for faces, threads that read
HISTORY = "history.csv"  # beside the model folder, where a training run made it
UNREADABLE = "unreadable.txt"
LAST_DIGIT = 1.5e-4  # figures have four; the last one varies with the machine
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
    """The examples to choose from; with ``all`` no split is looked for, so that a folder may be ever so small.

    Raises:
        DatasetError: if there are none, or a name among ``sets`` is not a data set's.
    """
    if split not in CHOICES:
        raise DatasetError(f"There is no split {split!r}; choose {', '.join(CHOICES)}.")
    if split == "all":
        return choose(data, faces, sets, WORKERS, unreadable)
    group_of = grouping(group_pattern)
    return gather(data, faces, seed, sets, group_of, remove_leaks, WORKERS, unreadable, lambda one: one.split == split)


def measure_sets(
    detector: Detector, data: Path, members: Members, folder: Path, charts: bool, without_face: Mapping[str, int]
) -> dict[str, Any]:
    """Figures by data set; each set's predictions, classification report and charts are written on the way.

    Sets that ``figures.json`` in the folder already holds are taken from there.
    """
    figures = read_figures(folder)
    for name, examples in members.items():
        report = folder / name / "classification_report.txt"
        if name in figures and report.exists():
            continue
        with tqdm(total=len(examples), desc=name, unit="picture") as bar:
            p_fake = judge(detector, data, examples, advance=bar.update)[CLEAN]
        judged = Judged(name, p_fake, truth_of(examples), detector.card.inconclusive_band)
        values = measure(judged, [example.path for example in examples])
        values["without_face"] = without_face.get(name, 0)
        if any(example.mask for example in examples):
            values["attention_peak_inside"] = attention_peaks(detector, data, examples)
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_predictions(folder / name / "predictions.csv", examples, judged, detector)
        report.write_text(classification_text(judged), encoding="utf-8")
        if charts:
            save_charts(judged, folder / name)
        figures[name] = values
        write_figures(folder, figures)
    return {name: figures[name] for name in members}


def write_metrics(
    folder: Path, split: str, figures: dict[str, Any], robust: dict[str, Any] | None, keep_other_sets: bool
) -> None:
    """Write figures into a model's card, in place of what it holds for this split (of these sets, or of all).

    What the card says of corrupted pictures goes if it was not measured again and the other figures have changed: then
    it was measured of other weights, another calibration or other pictures. A measure that the card did not hold is no
    change.
    """
    card, corrupted = load_artifact(folder), f"{split}_corruptions"
    before = card.metrics.get(split, {})
    measured = {split: figures, **({corrupted: for_card(robust)} if robust else {})}
    if keep_other_sets:
        measured = {key: {**card.metrics.get(key, {}), **values} for key, values in measured.items()}
    kept = dict(card.metrics)
    if not robust and not all(name in before and _stands(before[name], values) for name, values in figures.items()):
        kept.pop(corrupted, None)
    write_card(folder, replace(card, metrics={**kept, **measured}))


def _stands(before: Any, now: Any) -> bool:
    """Whether all that was measured before still holds, but for a last digit that was rounded the other way."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(key in now and _stands(value, now[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(_stands, before, now))
    if isinstance(before, float) and isinstance(now, float):
        return math.isclose(before, now, rel_tol=0, abs_tol=LAST_DIGIT)
    return bool(before == now)


def histories_of(models: Mapping[str, Path], given: Path | None) -> dict[str, dict[str, list[float]]]:
    """The epochs of the run that made each model, where they are known: as given, or from beside the model folder.

    Raises:
        DatasetError: if a table can't be read or holds no epoch, or one is given for several models.
    """
    if given and len(models) > 1:
        raise DatasetError("--history is one run's: give it with one model, or leave it out.")
    tables = {name: given or folder.resolve().parent / HISTORY for name, folder in models.items()}
    return {name: read_history(table) for name, table in tables.items() if given or table.exists()}


def name_models(folders: Sequence[Path]) -> dict[str, Path]:
    """Each model folder by a name of its own (``named_after``), with its parent's before it where two are alike.

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
        raise DatasetError("Two of the models have the same name and stand in folders of the same name; rename one.")
    return named


def evaluate(
    artifacts: Annotated[list[Path], typer.Argument(help="Model folders; several give a transfer matrix too.")],
    data: Annotated[
        Path, typer.Argument(help="Data: ROOT/SET/test/real and fake, ROOT/test/Real, or ROOT/Real and ROOT/Fake.")
    ],
    split: Annotated[str, typer.Option(help="train, val, test, or all pictures whatever their split.")] = "test",
    sets: Sets = None,
    corruptions: Annotated[
        bool, typer.Option("--corruptions", help="Measure under JPEG, blur, noise, hidden eyes and more, too.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=0, help="Pictures of each class, split and set that are corrupted; 0 takes all.")
    ] = 200,
    write: Annotated[bool, typer.Option("--write", help="Write each model's figures into its card.")] = False,
    transfer_into: Annotated[
        Path | None, typer.Option(help="Model folder whose card the transfer matrix is written into, too.")
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            help="A training run's history.csv, drawn as training_curves.png; without it the one beside the model "
            "folder, if there is one."
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
    seed: Annotated[int, typer.Option(help="Decides the split of pictures without one, and all draws.")] = 0,
) -> None:
    """Measure false accusations, misses, accuracy, AUC and calibration on every data set, with 95 % intervals.

    OUT/report.md shows it all; figures.json, arguments.json and, per data set, predictions and charts lie beside it.

    Several models get a folder each, and transfer.csv and .png: the AUC of each on each data set.

    A model that keeps the split that it was trained on is measured on that one, whatever seed and options say.

    The same command run again takes up what is done.
    """
    out = out or (report_folder(artifacts[0], "evaluation") if len(artifacts) == 1 else Path("runs/evaluation"))
    models = name_models(artifacts)
    folders = {name: out / name if len(models) > 1 else out for name in models}
    for folder in {out, *folders.values()}:
        read_arguments(folder)  # refuses another command's before hours are spent
    histories = histories_of(models, history)
    detectors = {name: Detector(folder) for name, folder in models.items()}
    for name, detector in detectors.items():
        warn_of_other_view(detector.card, name, whole)
    examples = listed(data, None if whole else faces, split, sets, seed, group_pattern, remove_leaks, out / UNREADABLE)
    sides = {name: examples if split == "all" else split_of_run(of, examples) for name, of in models.items()}
    members = {name: judged_members(of, split, whole) for name, of in sides.items()}
    arguments = dict(models=list(models), data=data, split=split, sets=sets, corruptions=corruptions, limit=limit,
                     whole=whole, seed=seed, group_pattern=group_pattern, remove_leaks=remove_leaks)  # fmt: skip
    if len(models) > 1:
        begin(out, arguments, {})
    figures: dict[str, Any] = {}
    for name, detector in detectors.items():
        folder, chosen = folders[name], members[name]
        faceless = Counter(e.dataset for e in sides[name] if split in (e.split, "all") and e.box is None and not whole)
        inputs = [fingerprint_of_model(detector.card), fingerprint_of_data(data, chosen), split, whole]
        begin(folder, arguments, {FIGURES: [*inputs, charts], JSON: [*inputs, limit, seed]})
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
        tell_report(folder / REPORT)


if __name__ == "__main__":
    run(evaluate)
