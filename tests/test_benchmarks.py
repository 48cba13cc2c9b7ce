"""Tests of the measures of the benchmarks, on input with known correct results."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import _results, lime_stability, load, localisation, recompression, region_names, stability, tokens
from benchmarks._faces import LabelledFace
from benchmarks._parallel import spread
from explain.maps.attribution import Attribution
from explain.maps.lime_fit import Neighbourhood, paired_masks
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.photos.faces import Face
from tests.conftest import on_every_core

SIDE = 64
CHANGED = np.zeros((SIDE, SIDE), bool)
CHANGED[:16] = True  # a quarter


def test_make_bench_runs_only_benchmarks_without_required_arguments() -> None:
    """``make bench`` stops at the first benchmark that ends with an error."""
    makefile = (_results.FOLDER.parents[1] / "Makefile").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"^BENCHMARKS := \$\(filter-out _% (.+?),", makefile, re.MULTILINE)
    files = [path for path in _results.FOLDER.parent.glob("[a-z]*.py") if path.stem not in pattern.split()]
    assert len(files) > 5
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert '__name__ == "__main__"' in text, file.name
        assert not re.search(r"Annotated\[Path, typer\.Argument\([^\n]+\)\],", text), file.name


def measures_of(inside: float, outside: float) -> dict[str, float]:
    """The measures of a map with one value inside the changed area and another one outside."""
    return localisation.measures(np.where(CHANGED, inside, outside).astype(np.float32), CHANGED)


def test_map_of_exactly_the_changed_area_is_perfect() -> None:
    assert measures_of(1, 0) == {"peak": 1, "share": 4, "AP": 1}


def test_map_of_the_unchanged_area_has_no_hit() -> None:
    assert measures_of(0, 1) == {"peak": 0, "share": 0, "AP": pytest.approx(0.25)}


def test_flat_map_is_at_chance_level() -> None:
    assert measures_of(0.3, 0.3) == {"peak": 0, "share": pytest.approx(1), "AP": pytest.approx(0.25)}


def test_negative_values_are_not_counted_in_the_share() -> None:
    assert measures_of(-1, -2) == {"peak": 1, "share": 1, "AP": 1}


def test_peak_of_equal_values_is_in_their_middle() -> None:
    values = np.zeros((9, 9))
    values[2:7, 3:6] = 1
    assert localisation.peak_of(values) == (4, 4)


@pytest.mark.parametrize(
    ("second", "index"), [([5, 4, 3, 2, 1, 0], 1), ([5, -4, 3, -2, 0, 1], 4 / 6), ([1, 1, 1, 1, 1, 0], 1)]
)
def test_jaccard_index_uses_the_five_strongest_regions(second: list[float], index: float) -> None:
    first = np.array([5.0, 4, 3, 2, 1, 0])
    assert stability.jaccard([first, np.array(second, float)]) == pytest.approx(index)


def test_card_states_how_often_each_map_peaks_inside_the_changed_area() -> None:
    row = {"faces": 7, "peak": 0.5, "centred_blob": {"peak": 0.8}}
    card = Card("lite_attention", Preprocessing(128), ("Fake", "Real"), metrics={"test": {}})
    found = localisation.with_peaks(card, {"blob_sigma": 0.2, "runs": [], "dfdc": {"methods": {"lime": row}}})
    assert found.metrics == {
        "test": {},
        "localisation": {"dfdc": {"lime": {"fakes": 7, "inside": 0.5, "centre": 0.8}}},
    }


def test_name_is_right_by_its_share_of_labelled_parts() -> None:
    label = region_names.Label("set/a.jpg", (0, 0), frozenset({"nose", "mouth"}))
    names = ("nose", "nose + mouth", "mouth + chin", "chin", None)
    found = [region_names.Found(label, name, name and name.split(" + ")[0], True) for name in names]
    assert [name.share_right for name in found] == [1, 1, 0.5, 0, 0]
    assert region_names.summary(found) == {"superpixels": 5, "right": 0.4, "half_right": 0.2, "largest_part": 0.6}


def test_mask_of_a_crop_beyond_the_photo_marks_the_photo() -> None:
    face = Face((0, 0, 4, 4), 1.0, np.zeros((0, 2), np.float32), np.zeros((8, 8, 3), np.uint8), (-1.0, 2.0, 4.0))
    inside = region_names.in_photo(face, (5, 2))  # 5 rows, 2 columns; the crop shows rows 2 to 5, columns -1 to 2
    assert np.array_equal(inside, np.outer([1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1, 0, 0]).astype(bool))


def test_labels_are_ten_superpixels_of_forty_faces_and_all_of_two_examples() -> None:
    labels = region_names.read_labels()
    assert len({(label.picture, label.point) for label in labels}) == len(labels) == 450
    data = [label for label in labels if label.dataset != "examples"]
    assert len(data) == 400 and len({label.picture for label in data}) == 40
    assert all(0 <= value < 256 for label in labels for value in label.point)
    assert all(label.parts for label in labels)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_are_in_the_order_of_the_work(processes: int) -> None:
    assert list(spread(divmod, [(7, 2), (9, 4), (5, 5)], processes, "rows")) == [(3, 1), (2, 1), (1, 0)]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot assign cores to processes")
def test_each_process_has_one_core() -> None:
    with on_every_core():  # this process may have only one core, which its children would inherit
        assert all(len(cores) == 1 for cores in spread(os.sched_getaffinity, [(0,)] * 4, 2, "rows"))


def run_of(weights: list[float], samples: int, converged: bool) -> Attribution:
    """A LIME result over six regions; the predictions are exactly linear in the weights."""
    segments = np.arange(6).repeat(6).reshape(6, 6).astype(np.int32)
    masks, values = paired_masks(4001, 6, seed=0), np.array(weights, np.float32)
    evidence: dict[str, float | int | str | bool] = {"samples": samples, "converged": converged}
    evidence |= {"halves_rank_correlation": 0.9, "halves_same_top": 1.0, "r2": 1.0}
    neighbourhood = Neighbourhood(masks, masks @ values.astype(np.float64), np.ones(len(masks)))
    return Attribution(
        *("lime", "Fake", values[segments], (6, 6), segments, values, evidence), neighbourhood=neighbourhood
    )


@pytest.mark.slow
def test_bootstrap_and_seeds_are_compared_on_the_same_faces() -> None:
    face = LabelledFace("a.jpg", "Fake", None, None)  # type: ignore[arg-type]
    upwards, downwards = [1.0, 2, 3, 4, 5, 6], [6.0, 5, 4, 3, 2, 1]
    same = lime_stability.row_of(face, [run_of(upwards, 300, True), run_of(upwards, 500, False)])
    opposite = lime_stability.row_of(face, [run_of(upwards, 500, False), run_of(downwards, 300, True)])
    alone = lime_stability.row_of(face, [run_of(upwards, 400, True)])
    assert (same["bootstrap"]["rank_correlation"], same["seeds"]["rank_correlation"]) == (1, 1)
    assert (opposite["bootstrap"]["rank_correlation"], opposite["seeds"]["rank_correlation"]) == (1, -1)
    assert opposite["seeds"]["jaccard"] == pytest.approx(4 / 6, abs=1e-4)
    found = lime_stability.summary([same, opposite, alone])
    assert (found["converged"], found["samples"], found["compared_faces"]) == (0.667, 400, 2)
    assert found["rank_correlation"]["mean_difference"] == 1


# Load


def test_summary_of_visits_has_percentiles_and_errors() -> None:
    visits = [{"verdict": 1.0, "complete": 3.0}, {"verdict": 2.0}, {"error": "ReadTimeout"}]
    found = load.summary(visits)
    assert found["errors"] == ["ReadTimeout"]
    assert found["verdict"] == {"median": 1.5, "p90": 1.9, "worst": 2.0, "of": 2}
    assert found["complete"]["worst"] == 3 and "first_map" not in found


@pytest.mark.parametrize(
    ("part", "value", "shown"),
    [
        ("verdict", '<section class="verdict waiting">', False),
        ("verdict", [["replace", [], '<section class="verdict fake">']], True),
        ("first_map", None, False),
        ("first_map", [["replace", [], {"path": "picture.jpg"}]], True),
        ("first_map", {"__type__": "update"}, False),
    ],
)
def test_part_of_the_page_is_recognised_in_a_message(part: str, value: object, shown: bool) -> None:
    assert load._shown(value, part) is shown


def test_docs_quote_the_measured_waiting_times() -> None:
    found = _results.read("load")
    text = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text("utf-8")
    for count, parts in found["visitors"].items():
        assert parts["errors"] == []
        cells = [
            ", ".join(f"{parts[part][kind]:.{digits}f}" for kind in ("median", "worst"))
            if parts.get(part, {}).get("of") == int(count)
            else f"{parts.get(part, {}).get('of', 0)} of {count} within {load.WATCHED_S} s"
            for part, digits in (("verdict", 1), ("first_map", 1), ("complete", 0))
        ]
        memory = found["memory_mb"][f"after {count} visitors"]
        assert f"| {count} | {' | '.join(cells)} | {memory} MB |" in text
    for run in found["deepfake"].values():
        assert f"{run['photos_per_second']} photos a second" in text and run["refused"] == 0
    assert f"load average was {found['load_before']}" in text


def test_every_visitor_has_a_different_photo() -> None:
    assert len({load.photo(number) for number in (0, 1, 2, 31, 10_000)}) == 5


# Written files


FACE = LabelledFace("a.jpg", "Fake", None, None)  # type: ignore[arg-type]
COST = {"seconds": 1.0, "samples": 2, "converged": True, "r2": 0.5}
PERCENTILES = {hide: {"deletion": 0.9, "insertion": 0.8} for hide in (*tokens.WAYS, "blur")}
# The benchmarks that take a data folder, and the replacements for their work.
REPLACEMENTS: dict[Any, dict[str, Any]] = {
    recompression: {"pictures": lambda folder: [Image.new("L", (64, 64))]},
    lime_stability: {
        "mixed_test_faces": lambda *_: [FACE],
        "spread": lambda *_: [run_of([1, 2, 3, 4, 5, 6], 300, True)] * 2,
    },
    localisation: {"test_faces": lambda *_: [], "spread": lambda *_: []},
    stability: {"test_faces": lambda *_: [FACE], "spread": lambda *_: [(np.arange(6.0), 300, True)] * 4},
    tokens: {
        "test_faces": lambda *_: [FACE],
        "Detector": lambda _: SimpleNamespace(card=Card("clip_attention", Preprocessing(160), ("Fake", "Real"))),
        "figures_of_face": lambda *_: {way: {**COST, "percentiles": PERCENTILES} for way in tokens.WAYS},
    },
}
OPTIONS = {lime_stability: {"compared": 1, "seeds": 2}, stability: {"seeds": 2, "stock_seeds": 2}}


@pytest.mark.parametrize("with_data", [True, False], ids=["data", "examples"])
@pytest.mark.parametrize("benchmark", REPLACEMENTS, ids=lambda module: module.__name__)
def test_only_a_run_with_data_changes_the_published_figures(
    benchmark: Any, with_data: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_results, "FOLDER", tmp_path / "results")
    for name, replacement in REPLACEMENTS[benchmark].items():
        monkeypatch.setattr(benchmark, name, replacement)
    if hasattr(benchmark, "example_faces"):
        monkeypatch.setattr(benchmark, "example_faces", lambda margin: [] if benchmark is localisation else [FACE])
    benchmark.main(tmp_path if with_data else None, **OPTIONS.get(benchmark, {}))
    written = [file.stem for file in (tmp_path / "results").glob("*")]
    assert written == ([benchmark.__name__.rpartition(".")[2]] if with_data else [])
