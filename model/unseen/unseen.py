"""Measures a model on unseen sources: ``python -m model unseen model/weights/lite_attention DATA``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import load_artifact, report_folder, write_card
from model.data.layout import SPLITS, UNSPLIT, Example
from model.data.options import FACES, Faces, warn_of_other_view
from model.data.split import draw
from model.detector.detector import Detector
from model.evaluation.measuring import judge, peak_hits
from model.photos.corruptions import CLEAN
from model.unseen.alike import judge_alike
from model.unseen.figures import (
    Groups,
    SourceScores,
    auc_between,
    calibration_figures,
    fake_figures,
    join,
    learnt_by_heart,
    peak_figures,
    real_figures,
)
from model.unseen.mild_edits import edit_figures, score_edited
from model.unseen.report import SUMMARY, read_earlier, write_results
from model.unseen.sources import AGAINST, UNSEEN, Sources, find_sources

LIMIT = 300  # real pictures of each split of a training source
EDITED = 100  # photos of each data set that are edited
METRICS = "unseen"  # key of these figures in the card's metrics


def score(detector: Detector, data: Path, examples: Sequence[Example], name: str) -> NDArray[np.float64]:
    """P(Fake) ``(N,)`` of examples, with a progress bar of that name."""
    with tqdm(total=len(examples), desc=name, unit="picture") as bar:
        return judge(detector, data, examples, advance=bar.update)[CLEAN]


def score_sources(detector: Detector, data: Path, sources: Sources) -> list[SourceScores]:
    """The model's answers for every unseen source, reals first."""
    return [
        SourceScores(name, label, examples, score(detector, data, examples, f"{name}, {label.lower()}"))
        for label, sets in (("Real", sources.reals()), ("Fake", sources.fakes()))
        for name, examples in sets.items()
    ]


def measure_unseen(
    detector: Detector,
    data: Path,
    sources: Sources,
    scores: Sequence[SourceScores],
    against: Sequence[str] = AGAINST,
    edited: int = EDITED,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures on unseen sources; each estimate is ``value``, ``low`` and ``high``.

    Args:
        detector: the model.
        data: the folder that the examples' paths start from.
        sources: see ``model.unseen.sources``.
        scores: the model's answers for them, see ``score_sources``.
        against: prefixes of the data sets that provide the real faces to compare generators with.
        edited: how many photos of each of those sets to edit.
        seed: decides which photos are edited, and how pictures are recompressed and resized.

    Returns:
        ``reals`` and ``fakes`` by data set, see ``model.unseen.figures``; ``twins``: AUC if a data set has both;
        ``generators``: fakes of sets without reals compared with ``against``, ``auc_alike`` after the same
        recompression and resizing, ``auc`` unchanged; ``peaks`` of the attention; ``learnt_by_heart``;
        ``calibration``; ``edits``.
    """
    groups, band = sources.groups, detector.card.inconclusive_band
    reals, fakes = ({group.source: group for group in scores if group.label == label} for label in ("Real", "Fake"))
    comparison_reals = [reals[name] for name in sources.comparison_reals(against)]
    return {
        "reals": {name: real_figures(group, groups, band) for name, group in reals.items()},
        "fakes": {name: fake_figures(group, groups, band) for name, group in fakes.items()},
        "twins": {
            name: {**counts(reals[name], group), "auc": auc_between(group, reals[name], groups)}
            for name, group in fakes.items()
            if name in reals
        },
        "generators": generator_figures(
            detector,
            data,
            [group for name, group in fakes.items() if name not in reals],
            comparison_reals,
            groups,
            seed,
        ),
        "peaks": {
            name: peak_figures(peak_hits(detector, data, group.examples), group.examples, groups)
            for name, group in fakes.items()
            if any(example.mask for example in group.examples)
        },
        "learnt_by_heart": {
            name: learnt_by_heart(
                score(detector, data, seen, f"{name}, seen"), score(detector, data, new, f"{name}, new")
            )
            for name, (seen, new) in sources.learnt.items()
        },
        "calibration": calibration_figures(scores),
        "edits": measure_edits(detector, data, comparison_reals, edited, seed),
    }


def counts(reals: SourceScores, fakes: SourceScores) -> dict[str, int]:
    """How many pictures of each class a figure rests on."""
    return {"real": len(reals.examples), "fake": len(fakes.examples)}


def generator_figures(
    detector: Detector,
    data: Path,
    generators: Sequence[SourceScores],
    comparison_reals: Sequence[SourceScores],
    groups: Groups,
    seed: int,
) -> dict[str, Any]:
    """AUC of each generator against ``comparison_reals``, unchanged and after ``model.unseen.alike``."""
    if not generators or not comparison_reals:
        return {}
    reals = join(comparison_reals)

    def alike(scores: SourceScores) -> SourceScores:
        with tqdm(total=len(scores.examples), desc=f"{scores.source}, alike", unit="picture") as bar:
            return replace(scores, p_fake=judge_alike(detector, data, scores.examples, seed, bar.update))

    reals_alike = alike(reals)
    return {
        generator.source: {
            **counts(reals, generator),
            "auc_alike": auc_between(alike(generator), reals_alike, groups),
            "auc": auc_between(generator, reals, groups),
        }
        for generator in generators
    }


def measure_edits(
    detector: Detector, data: Path, comparison_reals: Sequence[SourceScores], edited: int, seed: int
) -> dict[str, Any]:
    """The effect of mild edits on the verdicts of ``edited`` photos of each source, drawn by ``seed``."""
    splits = dict.fromkeys((*SPLITS, UNSPLIT), edited)
    photos = [example for source in comparison_reals for example in draw(source.examples, splits, seed)]
    if not photos or not edited:
        return {}
    with tqdm(total=len(photos), desc="edits", unit="photo") as bar:
        return edit_figures(detector, score_edited(detector, data, photos, bar.update))


def unseen(
    artifact: Annotated[Path, typer.Argument(help="Model folder.")],
    data: Annotated[Path, typer.Argument(help="Data folder: ROOT/SET/test/real and fake, or only one class.")],
    sources: Annotated[
        list[str] | None,
        typer.Option(
            help="Prefix of the names of unseen data sets; may be repeated.", show_default=" and ".join(UNSEEN)
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Prefix of the data sets without fakes that provide the real faces to compare generators with, and "
            "the photos to edit; may be repeated.",
            show_default=" and ".join(AGAINST),
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Real pictures of each split of a training source; 0 takes all.")
    ] = LIMIT,
    edited: Annotated[int, typer.Option(min=0, help="Photos of each data set to edit; 0 edits none.")] = EDITED,
    before: Annotated[
        Path | None, typer.Option(help="The --out folder of another model's run, to show its figures beside these.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the figures into the model's card.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for figures, predictions, summary and picture.", show_default="in the model's run, or in runs/"
        ),
    ] = None,
    faces: Faces = FACES,
    seed: Annotated[int, typer.Option(help="Decides all random choices.")] = 0,
) -> None:
    """Measure false accusations and found fakes on unseen sources and generators, with 95% intervals.

    It also measures how much more often new real faces of the training's sources are called fake than those used in
    training, and how often an invisible edit changes the verdict.

    OUT/summary.md shows all results; unseen.json, predictions.csv and ridgelines.png are beside it.
    """
    out = out or report_folder(artifact, "unseen")
    earlier = read_earlier(before) if before else None
    detector = Detector(artifact)
    warn_of_other_view(detector.card, detector.name, whole=False)
    chosen = find_sources(artifact, detector.card, data, faces, sources or UNSEEN, limit, seed)
    scores = score_sources(detector, data, chosen)
    measured = measure_unseen(detector, data, chosen, scores, against or AGAINST, edited, seed)
    figures = {
        "model": detector.name,
        "weights": detector.card.sha256,
        "band": list(detector.card.inconclusive_band),
        "seed": seed,
        "without_face": dict(chosen.without_face),
        **measured,
    }
    write_results(out, detector.name, figures, scores, earlier)
    if write:
        card = load_artifact(artifact)
        write_card(artifact, replace(card, metrics={**card.metrics, METRICS: measured}))
    print((out / SUMMARY).read_text(encoding="utf-8"))
    print(f"Wrote {out}.")
