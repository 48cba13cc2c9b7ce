"""Shuffles the shipped network part by part and draws how its maps change: ``python -m docs.sanity`` (minutes)."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.sanity import INTACT, LIME_SAMPLES, READINGS, KerasDetector, decay
from explain.maps.registry import METHODS
from explain.maps.subject import Subject
from explain.regions.superpixels import segment
from model.cli import run
from model.evaluation.reports import LINE, QUIET, head, save, styled
from model.paths import EXAMPLES, ROOT
from model.photos.faces import find_faces
from model.photos.photo import open_photo

GONE, STAYS = 0.2, 0.5  # mean correlation with the intact map: below, nothing is left; above, most is
HOW_READ = {"": "", "signed": ", signed", "pixels": " by pixel"}
Likeness = dict[str, dict[str, float]]


def main(
    examples: Annotated[Path, typer.Option(help="Folder of photos; those without a face are left out.")] = EXAMPLES,
    out: Annotated[Path, typer.Option(help="Folder for sanity.md and sanity.png.")] = ROOT / "docs",
) -> None:
    """Explain each example's face by every method while the network's weights are shuffled from the top down."""
    detector = KerasDetector()
    runs: dict[str, Likeness] = {}
    for seed, path in enumerate(sorted(examples.glob("*.jpg"))):
        faces = find_faces(open_photo(path).pixels, detector.card.preprocessing.crop_margin)
        if faces:
            crop = faces[0].crop
            target = max(detector.predict(crop).probabilities.items(), key=lambda item: item[1])[0]
            (runs[path.name],) = decay(Subject(crop, segment(crop), target, detector), [seed])
            typer.echo(f"{path.name}: P({target}) explained")
    with styled():
        save(curves(list(runs.values())), out / "sanity.png")
    (out / "sanity.md").write_text(page(runs), encoding="utf-8")


def title(reading: str) -> str:
    """A reading in words."""
    method, _, how = reading.partition(", ")
    return METHODS[method].title + HOW_READ[how]


def curves(runs: list[Likeness]) -> Figure:
    """A panel per reading: the mean over all faces against the depth of shuffling, each face thin behind it."""
    parts = list(runs[0])
    places = range(len(parts))
    figure = Figure((15, 7.6), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    panels = figure.subplots(2, -(-len(READINGS) // 2), sharex=True, sharey=True).ravel()
    for spare in panels[len(READINGS) :]:
        spare.set_visible(False)
    for axes, name in zip(panels, READINGS, strict=False):
        values = np.array([[run[part][name] for part in parts] for run in runs])
        axes.axhline(0, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(places, values.T, color=QUIET, linewidth=0.8, alpha=0.6)
        axes.plot(places, values.mean(axis=0), color=LINE, linewidth=2.2, marker=".")
        head(axes, title(name), f"after the last part: {values[:, -1].mean():.2f}")
    panels[0].set_xticks(places, [part if part == INTACT else f"+ {part}" for part in parts])
    panels[0].set_ylim(-1.03, 1.03)
    for axes in panels:
        axes.tick_params(axis="x", rotation=90)
    figure.supylabel("Rank correlation with the intact network's map", fontsize=10, color="#444444")
    figure.suptitle(
        "Maps while the network is shuffled from the verdict down: mean over the faces (thick), each face (thin)\n",
        **{"x": 0.01, "ha": "left", "fontsize": 14, "fontweight": "bold"},
    )
    return figure


def page(runs: dict[str, Likeness]) -> str:
    """The run in words and numbers."""
    parts = list(next(iter(runs.values())))
    means = {name: [np.mean([run[part][name] for run in runs.values()]) for part in parts] for name in READINGS}
    rows = [["map", *(part if part == INTACT else f"+ {part}" for part in parts)]]
    rows += [["---"] * len(rows[0])]
    rows += [[title(name), *(f"{mean:.2f}" for mean in means[name])] for name in READINGS]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"""# Do the maps depend on the trained weights?

Made by `python -m docs.sanity` on two CPU cores, from {len(runs)} faces: {", ".join(runs)}.

After Adebayo et al. (arXiv 1810.03292) the weights of the shipped network are shuffled within each array, part by part
from the verdict down to the pixels; shuffled parts stay shuffled. After each part every map is made again for the class
that was likelier at first. It is compared with the intact network's map by Spearman's rank correlation over the face's
superpixels: 1 is the same order, 0 is chance. The values are means over the faces; each face has its own shuffle, and
LIME has {LIME_SAMPLES} samples. "Signed" compares the signed values of the regions, the other rows their absolute
values; "by pixel" adds up absolute values of pixels, so that they cannot cancel. The faces are few, and several show
the same person: the means are rough.

{table}

![Rank correlation against the depth of shuffling](sanity.png)

{words({name: float(values[-1]) for name, values in means.items()})}
"""


def words(last: dict[str, float]) -> str:
    """What the means after the last part show, in sentences."""

    def named(low: float, high: float) -> str:
        return ", ".join(f"{title(name)} ({mean:.2f})" for name, mean in last.items() if low <= mean < high)

    sentences = [f"With every part shuffled, no order is left in: {named(-1, GONE) or 'none'}."]
    if partly := named(GONE, STAYS):
        sentences.append(
            f"Some is left in: {partly}; because all weights are shuffled by then, this part of a map comes from "
            "the picture, the architecture or chance."
        )
    if stayed := named(STAYS, 2):
        sentences.append(f"Does not pass: {stayed}, which shows the picture more than the trained weights.")
    return " ".join(sentences)


if __name__ == "__main__":
    run(main)
