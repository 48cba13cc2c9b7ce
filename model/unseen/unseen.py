"""Measures a model on sources that it never saw: ``python -m model unseen model/weights/lite_attention DATA``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import load_artifact, report_folder, write_card
from model.cli import run
from model.data.layout import SPLITS, UNSPLIT, Example
from model.data.options import FACES, Faces, warn_of_other_view
from model.data.split import draw
from model.detector.detector import Detector
from model.evaluation.measuring import judge, peak_hits
from model.photos.corruptions import CLEAN
from model.unseen.alike import judge_alike
from model.unseen.figures import (
    Groups,
    Said,
    auc_between,
    calibration_figures,
    fake_figures,
    join,
    learnt_by_heart,
    peak_figures,
    real_figures,
)
from model.unseen.mild_edits import ask_edited, edit_figures
from model.unseen.report import SUMMARY, read_earlier, write_results
from model.unseen.sources import AGAINST, UNSEEN, Sources, find_sources

LIMIT = 300  # real pictures of each split of a source learnt from
EDITED = 100  # photos of each data set that are edited
METRICS = "unseen"  # what the card's metrics call these figures


def ask(detector: Detector, data: Path, examples: Sequence[Example], name: str) -> NDArray[np.float64]:
    """P(Fake) ``(N,)`` of examples, with a progress bar of that name."""
    with tqdm(total=len(examples), desc=name, unit="picture") as bar:
        return judge(detector, data, examples, advance=bar.update)[CLEAN]


def ask_sources(detector: Detector, data: Path, sources: Sources) -> list[Said]:
    """What the model says of every unseen source, reals first."""
    return [
        Said(name, label, examples, ask(detector, data, examples, f"{name}, {label.lower()}"))
        for label, sets in (("Real", sources.reals()), ("Fake", sources.fakes()))
        for name, examples in sets.items()
    ]


def measure_unseen(
    detector: Detector,
    data: Path,
    sources: Sources,
    said: Sequence[Said],
    against: Sequence[str] = AGAINST,
    edited: int = EDITED,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures on unseen sources; each estimate is ``value``, ``low`` and ``high``.

    Args:
        detector: the model.
        data: the folder that the examples' paths start from.
        sources: see ``model.unseen.sources``.
        said: what the model said of them, see ``ask_sources``.
        against: how the names of the data sets begin whose real faces generators are held against.
        edited: photos of each of those sets that are edited.
        seed: decides the photos that are edited, and how pictures are recompressed and resized.

    Returns:
        ``reals`` and ``fakes`` by data set, see ``model.unseen.figures``; ``twins``: AUC where a data set has both;
        ``generators``: of fakes alone against ``against``, ``auc_alike`` after all were recompressed and resized
        alike, ``auc`` as they are; ``peaks`` of the attention; ``learnt_by_heart``; ``calibration``; ``edits``.
    """
    groups, band = sources.groups, detector.card.inconclusive_band
    reals = {of.source: of for of in said if of.label == "Real"}
    fakes = {of.source: of for of in said if of.label == "Fake"}
    yardstick = [reals[name] for name in sources.yardstick(against)]
    return {
        "reals": {name: real_figures(of, groups, band) for name, of in reals.items()},
        "fakes": {name: fake_figures(of, groups, band) for name, of in fakes.items()},
        "twins": {
            name: {**counts(reals[name], of), "auc": auc_between(of, reals[name], groups)}
            for name, of in fakes.items()
            if name in reals
        },
        "generators": generator_figures(
            detector, data, [of for name, of in fakes.items() if name not in reals], yardstick, groups, seed
        ),
        "peaks": {
            name: peak_figures(peak_hits(detector, data, of.examples), of.examples, groups)
            for name, of in fakes.items()
            if any(example.mask for example in of.examples)
        },
        "learnt_by_heart": {
            name: learnt_by_heart(ask(detector, data, seen, f"{name}, seen"), ask(detector, data, new, f"{name}, new"))
            for name, (seen, new) in sources.learnt.items()
        },
        "calibration": calibration_figures(said),
        "edits": measure_edits(detector, data, yardstick, edited, seed),
    }


def counts(reals: Said, fakes: Said) -> dict[str, int]:
    """How many pictures of each class a figure rests on."""
    return {"real": len(reals.examples), "fake": len(fakes.examples)}


def generator_figures(
    detector: Detector, data: Path, generators: Sequence[Said], yardstick: Sequence[Said], groups: Groups, seed: int
) -> dict[str, Any]:
    """AUC of each generator against the real faces of ``yardstick``, as they are and after ``model.unseen.alike``."""
    if not generators or not yardstick:
        return {}
    reals = join(yardstick)

    def alike(said: Said) -> Said:
        with tqdm(total=len(said.examples), desc=f"{said.source}, alike", unit="picture") as bar:
            return replace(said, p_fake=judge_alike(detector, data, said.examples, seed, bar.update))

    reals_alike = alike(reals)
    return {
        of.source: {
            **counts(reals, of),
            "auc_alike": auc_between(alike(of), reals_alike, groups),
            "auc": auc_between(of, reals, groups),
        }
        for of in generators
    }


def measure_edits(detector: Detector, data: Path, yardstick: Sequence[Said], edited: int, seed: int) -> dict[str, Any]:
    """What mild edits do to the verdicts of ``edited`` photos of each source, drawn by ``seed``."""
    splits = dict.fromkeys((*SPLITS, UNSPLIT), edited)
    photos = [example for of in yardstick for example in draw(of.examples, splits, seed)]
    if not photos or not edited:
        return {}
    with tqdm(total=len(photos), desc="edits", unit="photo") as bar:
        return edit_figures(detector, ask_edited(detector, data, photos, bar.update))


def unseen(
    artifact: Annotated[Path, typer.Argument(help="Model folder.")],
    data: Annotated[Path, typer.Argument(help="Data folder: ROOT/SET/test/real and fake, or one class alone.")],
    sources: Annotated[
        list[str] | None,
        typer.Option(help="How the names of unseen data sets begin; may be repeated. Default: unseen_ and utkface."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="How the names of the data sets begin whose real faces generators are held against and that are "
            "edited, where they hold no fakes; may be repeated. Default: unseen_."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Real pictures of each split of a source learnt from; 0 takes all.")
    ] = LIMIT,
    edited: Annotated[int, typer.Option(min=0, help="Photos of each data set that are edited; 0 edits none.")] = EDITED,
    before: Annotated[
        Path | None, typer.Option(help="The --out folder of another model's run, to stand beside this one's figures.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the figures into the model's card.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for figures, predictions, summary and picture.", show_default="in the model's run, or in runs/"
        ),
    ] = None,
    faces: Faces = FACES,
    seed: Annotated[int, typer.Option(help="Decides all draws.")] = 0,
) -> None:
    """Measure on sources and generators that a model never saw how often it accuses and finds, with 95 % intervals.

    Also: how much of the real class was learnt by heart, and how often an edit that nobody sees changes the verdict.

    OUT/summary.md shows it all; unseen.json, predictions.csv and ridgelines.png lie beside it.
    """
    out = out or report_folder(artifact, "unseen")
    earlier = read_earlier(before) if before else None
    detector = Detector(artifact)
    warn_of_other_view(detector.card, detector.name, whole=False)
    chosen = find_sources(artifact, detector.card, data, faces, sources or UNSEEN, limit, seed)
    said = ask_sources(detector, data, chosen)
    measured = measure_unseen(detector, data, chosen, said, against or AGAINST, edited, seed)
    figures = {
        "model": detector.name,
        "weights": detector.card.sha256,
        "band": list(detector.card.inconclusive_band),
        "seed": seed,
        "without_face": dict(chosen.without_face),
        **measured,
    }
    write_results(out, detector.name, figures, said, earlier)
    if write:
        card = load_artifact(artifact)
        write_card(artifact, replace(card, metrics={**card.metrics, METRICS: measured}))
    print((out / SUMMARY).read_text(encoding="utf-8"))
    print(f"Wrote {out}.")


if __name__ == "__main__":
    run(unseen)
