"""Tests whether trivial features separate a data set's classes: a network would learn these instead of the forgery."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from model.data.layout import Example
from model.evaluation.bootstrap import Estimate, bootstrap
from model.evaluation.metrics import auc

ALARM = 0.65  # a feature is a shortcut if its AUC is above this, including the interval's lower end
FEWEST = 20  # pictures of each class; with fewer, the AUC is not reported
MOST = 5000  # pictures of each class that are used: with more, no interval would change the result
ROUNDS = 200  # bootstrap resamples
FOLDS = 5
TREES, LEAF = 100, 5  # number of trees, and minimum number of pictures in a leaf
LOSSLESS = 101.0  # JPEG quality given to files that are not JPEG: better than 100
TOGETHER = "together"


@dataclass(frozen=True)
class Feature:
    """A property that can be measured without understanding the picture.

    Attributes:
        name: name in sentences and on axes.
        unit: unit of the values; empty if they have none.
        advice: what to do if the feature separates the classes.
    """

    name: str
    unit: str
    advice: str


SAME_SIZE = "resize both classes to one size with the same filter, from originals of similar size"
SAME_FILES = "first save both classes in the same way, with one JPEG quality and one quantisation table"
SAME_SOURCE = "take both classes from one source, or degrade both in the same way in training"
SAME_LIGHT = "take both classes from one source, or vary light and colour in training"
SAME_FRAME = "crop the faces of both classes in the same way (--faces)"

FEATURES: dict[str, Feature] = {
    "file_bytes": Feature("file size", "bytes", SAME_FILES),
    "bytes_per_pixel": Feature("bytes per pixel", "bytes", SAME_FILES),
    "jpeg_quality": Feature("JPEG quality", "1 to 100; 101 is lossless", SAME_FILES),
    "chroma": Feature("chroma sampling", "colour values per brightness value", SAME_FILES),
    "width": Feature("width", "pixels", SAME_SIZE),
    "height": Feature("height", "pixels", SAME_SIZE),
    "sharpness": Feature("sharpness", "deviation of the Laplacian", SAME_SOURCE),
    "brightness": Feature("brightness", "0 to 255", SAME_LIGHT),
    "contrast": Feature("contrast", "deviation of the grey values", SAME_LIGHT),
    "colour_cast": Feature("colour cast", "red minus blue", SAME_LIGHT),
    "border_contrast": Feature("border", "deviation of the outer ring", SAME_FRAME),
    "framing": Feature("framing", "face box over shorter side", SAME_FRAME),
}
ALL_TOGETHER = Feature("all of them together", "", "first remove the features that separate the classes on their own")


@dataclass(frozen=True)
class Finding:
    """How well one feature separates a data set's classes.

    Attributes:
        dataset: the data set's name.
        column: a key of ``FEATURES``, or ``TOGETHER``.
        estimate: AUC with its 95% interval. A single feature is negated if needed, so that its AUC is at least 0.5;
            for ``TOGETHER`` it may be lower.
        higher: the class with the higher values.
        fake: median among fakes; nan for ``TOGETHER``.
        real: median among reals; nan for ``TOGETHER``.
    """

    dataset: str
    column: str
    estimate: Estimate
    higher: str
    fake: float
    real: float

    @property
    def feature(self) -> Feature:
        """The feature that the finding is about."""
        return FEATURES.get(self.column, ALL_TOGETHER)

    @property
    def alarming(self) -> bool:
        """Whether it is a shortcut: even the lower end of the AUC's interval is above ``ALARM``."""
        return self.estimate.low > ALARM

    @property
    def side(self) -> str:
        """A chart label with the class that has the higher values; empty for ``TOGETHER``."""
        return "" if self.column == TOGETHER else f"higher in {self.higher}"

    @property
    def sentence(self) -> str:
        """The finding as one or more sentences."""
        found = f"AUC {_short(self.estimate.value)} ({_short(self.estimate.low)} to {_short(self.estimate.high)})"
        if self.column == TOGETHER:
            finding = f"{self.dataset}: file and light statistics together separate Real from Fake with {found}"
            medians = ""
        else:
            finding = f"{self.dataset}: the {self.feature.name} alone separates Real from Fake with {found}"
            medians = f" It is higher in {self.higher}: median {self.fake:.4g} in Fake, {self.real:.4g} in Real."
        if not self.alarming:
            return f"{finding}.{medians}"
        return (
            f"{finding}: a network will learn that instead of the forgery.{medians} What helps: {self.feature.advice}."
        )


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def feature_table(rows: pandas.DataFrame, examples: Sequence[Example]) -> pandas.DataFrame:
    """The columns of ``FEATURES``, with ``dataset``, ``split``, ``label`` and ``family``, one row per picture.

    Args:
        rows: result of ``measure_all``.
        examples: pictures; those without a row are left out.
    """
    chosen = [example for example in examples if example.path in rows.index]
    table = rows.loc[[example.path for example in chosen]].copy()
    table["jpeg_quality"] = table["jpeg_quality"].fillna(LOSSLESS)
    table["colour_cast"] = table["red"] - table["blue"]
    faces = np.array([max(example.box[2:]) if example.box else np.nan for example in chosen])
    table["framing"] = faces / table[["width", "height"]].min(axis=1).to_numpy()
    table["dataset"] = [example.dataset for example in chosen]
    table["split"] = [example.split for example in chosen]
    table["label"] = [example.label for example in chosen]
    table["family"] = [example.twin or example.path for example in chosen]
    return table


def find_shortcuts(table: pandas.DataFrame, seed: int = 0) -> list[Finding]:
    """Findings for each feature and for all features together, set by set, the highest AUC first.

    Data sets with fewer than ``FEWEST`` pictures of a class are left out. Data sets are never pooled, because
    differences between two sets would look like differences between the classes.

    Args:
        table: result of ``feature_table``.
        seed: decides the resamples, the folds and trees, and which pictures of a large set are used.
    """
    findings = []
    for dataset, members in table.groupby("dataset"):
        counts = members["label"].value_counts()
        if len(counts) < 2 or counts.min() < FEWEST:
            continue
        members = members.groupby("label").sample(frac=1, random_state=seed).groupby("label").head(MOST)
        is_fake = (members["label"] == "Fake").to_numpy()
        found = [_judge(str(dataset), column, members[column].to_numpy(float), is_fake, seed) for column in FEATURES]
        together = _all_together(members, is_fake, seed)
        value = bootstrap(auc, together, is_fake, ROUNDS, seed)
        found.append(Finding(str(dataset), TOGETHER, value, "Fake", float("nan"), float("nan")))
        findings.extend(sorted(filter(None, found), key=lambda finding: -finding.estimate.value))
    return findings


def _judge(
    dataset: str, column: str, values: NDArray[np.float64], is_fake: NDArray[np.bool_], seed: int
) -> Finding | None:
    """The finding for one feature; None if too few pictures of a class have it, such as framing without known faces."""
    has = np.isfinite(values)
    values, is_fake = values[has], is_fake[has]
    if min(is_fake.sum(), (~is_fake).sum()) < FEWEST:
        return None
    higher_in_fake = auc(values, is_fake) >= 0.5
    estimate = bootstrap(auc, values if higher_in_fake else -values, is_fake, ROUNDS, seed)
    fake, real = float(np.median(values[is_fake])), float(np.median(values[~is_fake]))
    return Finding(dataset, column, estimate, "Fake" if higher_in_fake else "Real", fake, real)


def _all_together(members: pandas.DataFrame, is_fake: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    """P(Fake) ``(N,)`` of each picture from all features, cross-validated with extremely randomised trees.

    Twins are always in the same fold.
    """
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    trees = ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=seed)
    groups = members["family"].to_numpy()
    features = members[list(FEATURES)].dropna(axis=1, how="all").to_numpy(float)
    return cross_val_predict(trees, features, is_fake, groups=groups, cv=folds, method="predict_proba")[:, 1]


def summarise(findings: Sequence[Finding]) -> list[str]:
    """One text for each shortcut, and one for each data set without a shortcut."""
    sentences = []
    for dataset in dict.fromkeys(finding.dataset for finding in findings):
        found = [finding for finding in findings if finding.dataset == dataset]
        alarming = sorted((f for f in found if f.alarming), key=lambda f: f.column == TOGETHER)  # the sum comes last
        shortcuts = [f"WARNING {finding.sentence}" for finding in alarming]
        sentences.extend(shortcuts or [_no_shortcut(found[0])])
    return sentences


def _no_shortcut(best: Finding) -> str:
    """The text for a data set without a shortcut.

    Args:
        best: its finding with the highest AUC.
    """
    if best.estimate.value > ALARM or (best.estimate.low > 0.5 and best.estimate.high > ALARM):
        return f"{best.sentence} This is close to a warning, which needs the whole interval above {_short(ALARM)}."
    return (
        f"{best.dataset}: no trivial feature separates the classes. The best one is {best.feature.name} with "
        f"AUC {_short(best.estimate.value)}: .5 is chance, and above {_short(ALARM)} would be a warning."
    )
