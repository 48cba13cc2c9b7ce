"""Shuffles the shipped network part by part and draws how its maps fall apart: ``python -m docs.sanity`` (minutes)."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from explain.sanity import INTACT, LIME_SAMPLES, READINGS, KerasDetector, decay
from explain.subject import Subject
from explain.superpixels import segment
from model.charts import QUIET, head, save, styled
from model.faces import find_faces
from model.photo import open_photo
from model.plots import LINES

ROOT = Path(__file__).parent.parent
STAYS = 0.5  # mean correlation with the intact map, above which a reading has not fallen apart
TITLES = {
    "attention": "Attention mask",
    "gradcam": "Grad-CAM",
    "gradcam_attention": "Grad-CAM before attention",
    "lime": "LIME",
    "integrated_gradients": "Integrated gradients",
    "lime, signed": "LIME, signed",
    "integrated_gradients, signed": "Integrated gradients, signed",
    "integrated_gradients, pixels": "Integrated gradients, mean of absolute pixels",
}
PANELS = (
    ("How much each region matters", tuple(READINGS)[:5]),
    ("Which way, and by its pixels", tuple(READINGS)[5:]),
)

Likeness = dict[str, dict[str, float]]


def main(
    examples: Annotated[Path, typer.Option(help="Folder of photos; those without a face are left out.")] = ROOT
    / "examples",
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


def curves(runs: list[Likeness]) -> Figure:
    """The mean over all faces against the depth of shuffling, the faces' range behind it."""
    figure = Figure((13, 5.4), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(1, len(PANELS), sharey=True), PANELS, strict=True):
        _draw(axes, runs, names)
        head(axes, title, "rank correlation with the intact network's map; lines: mean over faces, bands: their range")
    figure.suptitle("Maps while the network is shuffled\n", x=0.01, ha="left", fontsize=15, fontweight="bold")
    return figure


def _draw(axes: Axes, runs: list[Likeness], names: tuple[str, ...]) -> None:
    parts = list(runs[0])
    places = range(len(parts))
    axes.axhline(0, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    for name, (colour, marker, dash) in zip(names, LINES, strict=False):
        values = np.array([[run[part][name] for part in parts] for run in runs])
        axes.fill_between(places, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.08, linewidth=0)
        style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": dash, "label": TITLES[name]}
        axes.plot(places, values.mean(axis=0), markersize=5, **style)
    axes.set_xticks(places, [INTACT, *(f"+ {part}" for part in parts[1:])], rotation=45, ha="right")
    axes.set_ylim(-0.75, 1.03)
    axes.yaxis.set_major_locator(MultipleLocator(0.25))
    axes.legend(fontsize=9, loc="upper right")


def page(runs: dict[str, Likeness]) -> str:
    """The run in words and numbers."""
    parts = list(next(iter(runs.values())))
    means = {name: [np.mean([run[part][name] for run in runs.values()]) for part in parts] for name in READINGS}
    rows = [["map", *(part if part == INTACT else f"+ {part}" for part in parts)]]
    rows += [["---"] * len(rows[0])]
    rows += [[TITLES[name], *(f"{mean:.2f}" for mean in means[name])] for name in READINGS]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"""# Do the maps depend on what the network has learnt?

Made by `python -m docs.sanity` on two CPU cores, from {len(runs)} faces: {", ".join(runs)}.

After Adebayo et al. (arXiv 1810.03292) the weights of the shipped network are shuffled within each array, part by part
from the verdict down to the pixels; what is shuffled stays shuffled. After each part every map is made anew for the
class that was likelier at first, and compared with the intact network's by Spearman's rank correlation over the face's
superpixels: 1 is the same order, 0 is chance. Means over the faces, each of which has its own shuffle; LIME has
{LIME_SAMPLES} samples. Unless "signed", a region counts by how much it matters, for or against.

{table}

![Rank correlation against the depth of shuffling](sanity.png)

{words({name: float(values[-1]) for name, values in means.items()})}
"""


def words(last: dict[str, float]) -> str:
    """What the means after the last part show, in sentences."""
    fallen = {name: mean for name, mean in last.items() if mean < STAYS}
    stayed = {name: mean for name, mean in last.items() if mean >= STAYS}
    told = ", ".join(f"{TITLES[name]} {mean:.2f}" for name, mean in sorted(fallen.items(), key=lambda item: item[1]))
    sentences = [f"With every part shuffled, what is left of the intact map's order is: {told}."]
    for name, mean in stayed.items():
        sentences.append(f"{TITLES[name]} stays at {mean:.2f} and does not pass: it shows the picture, not the model.")
    return " ".join(sentences)


if __name__ == "__main__":
    typer.run(main)
