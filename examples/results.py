"""Makes the finished analyses of the examples that the page answers from: ``python -m examples.results``.

With ``--check`` it computes them again and compares, and writes nothing.
"""

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from explain.analysis import analyze
from explain.examples import Example, examples
from explain.result import Analysis
from explain.service.shipped import RESULTS, SETTINGS, key_of, result_file, shipped_analysis
from explain.service.stored import write_analysis
from explain.settings import Settings
from model.cli import run
from model.detector.detector import Detector
from model.photos.photo import open_photo

TOLERANCE = 1e-3  # between processors that round differently
UNSTORED = ("seconds", "file")  # times, and the bytes of the photo


def computed(example: Example, detector: Detector, settings: Settings = SETTINGS) -> Analysis:
    """The analysis of an example as the page would make it, without times."""
    *_, analysis = analyze(open_photo(example.path), settings, detector)
    return replace(analysis, seconds={})


def differences(
    one: Any, other: Any, tolerance: float = 0.0, ignored: Collection[str] = (), name: str = "analysis"
) -> Iterator[str]:
    """Where two values differ: the path to each part that does, and both parts.

    Args:
        one: an analysis, or a part of one.
        other: what to compare it with.
        tolerance: largest difference between two numbers with a point that counts as none.
        ignored: names of fields and entries that may differ.
        name: of the value.
    """
    one, other = (value.item() if isinstance(value, np.generic) else value for value in (one, other))
    if type(one) is not type(other):
        yield f"{name}: {one!r} and {other!r}"
    elif isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape
        if not (same and np.allclose(one, other, rtol=0, atol=tolerance)):
            yield f"{name}: two arrays {one.dtype} {one.shape} and {other.dtype} {other.shape}"
    elif isinstance(one, float):
        if not abs(one - other) <= tolerance:
            yield f"{name}: {one} and {other}"
    elif parts := _parts(one):
        others = _parts(other)
        if parts.keys() != others.keys():
            yield f"{name}: {sorted(parts)} and {sorted(others)}"
        for part in parts.keys() & others.keys() - set(ignored):
            yield from differences(parts[part], others[part], tolerance, ignored, f"{name}.{part}")
    elif one != other:
        yield f"{name}: {one!r} and {other!r}"


def _parts(value: Any) -> dict[str, Any]:
    """The fields, entries or elements of a value by name; empty if it has none."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | list):
        return {str(place): inner for place, inner in enumerate(value)}
    return {}


def compared(example: Example, detector: Detector, settings: Settings = SETTINGS) -> list[str]:
    """Where the shipped result of an example differs from a new analysis, in sentences."""
    stored = shipped_analysis(open_photo(example.path), settings, detector)
    if stored is None:
        return [f"{example.path.name} has no result of today's model and settings."]
    found = differences(stored, computed(example, detector, settings), TOLERANCE, UNSTORED)
    return [f"{example.path.name}, {difference}" for difference in found]


def results(
    check: Annotated[bool, typer.Option("--check", help="Compare the results with new ones, write nothing.")] = False,
) -> None:
    """Analyse each example and write its result, or compare the results that are there with new ones."""
    detector, problems = Detector(), []
    RESULTS.mkdir(exist_ok=True)
    for example in tqdm(examples(), disable=None):
        if check:
            problems += compared(example, detector)
        else:
            key = key_of(open_photo(example.path).sha256, SETTINGS, detector.card)
            write_analysis(computed(example, detector), result_file(example), key)
    if problems:
        sys.exit("\n".join([*problems, "Make them again: python -m examples.results"]))


if __name__ == "__main__":
    run(results)
