"""Tests of a job's summary: the counts add up, the strangest photos are found, and every text is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from explain.bulk.records import COLUMNS
from explain.bulk.run import in_process, opened, run
from explain.bulk.stages import Request
from explain.bulk.summary import BINS, CASES, Figures, write_summary
from explain.drawing.bulk import faces_chart, histogram_chart
from explain.html.bulk import Case, summary_page
from model.detector.detector import Detector
from model.i18n.catalogue import languages, use_language
from model.paths import EXAMPLES


def row(number: int, *p_fake: float, problem: str | None = None, verdict: str = "Fake") -> dict[str, Any]:
    return {
        "number": number,
        "photo": f"{number}.jpg",
        "faces": len(p_fake),
        "p_fake": max(p_fake, default=None),
        "verdict": verdict if p_fake else None,
        "by_face": [{"p_fake": value, "verdict": verdict} for value in p_fake],
        "problem": problem and f"It is {problem}.",
        "problem_key": problem,
    }


def figures_of(*parts: list[dict[str, Any]], middle: float = 0.5) -> Figures:
    figures = Figures()
    for part in parts:
        figures.add(pa.Table.from_pylist(part, COLUMNS), middle)
    return figures


def test_counts_add_up_over_the_parts() -> None:
    figures = figures_of(
        [row(1, 1.0), row(2), row(3, problem="cut")], [row(4, 0.5, 0.1, verdict="Real"), row(5, problem="cut")]
    )
    assert figures.photos == 5 == figures.verdicts.total()
    assert dict(figures.verdicts) == {"Fake": 1, "no_face": 1, "not_judged": 2, "Real": 1}
    assert figures.histogram.sum() == 2 and figures.histogram[BINS - 1] == 1 and figures.histogram[BINS // 2] == 1
    assert figures.faces.tolist() == [1, 1, 1, 0, 0, 0]
    assert figures.problems == {"cut": (2, "It is cut.")}


def test_strangest_photos_are_those_of_all_parts() -> None:
    values = [(number * 37 % 101) / 101 for number in range(1, 101)]
    rows = [row(number, value, value / 3) for number, value in enumerate(values, 1)]
    figures = figures_of(*(rows[start : start + 9] for start in range(0, 100, 9)), middle=0.4)

    def found(kind: str) -> list[float]:
        return [ranked["p_fake"] for _, _, ranked in figures.strangest[kind]]

    assert found("fake") == found("apart") == sorted(values, reverse=True)[:CASES]
    assert found("undecided") == sorted(values, key=lambda value: abs(value - 0.4))[:CASES]


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
def test_page_shows_pictures_and_counts(language: str, detector: Detector, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    job_request = Request(str(detector.folder), detector.name, language=language)
    folder, plan = opened(str(EXAMPLES / "*.jpg"), str(out), job_request, detector, 50)
    *_, last = run(folder, plan, job_request, in_process(detector))
    with use_language(language):
        figures, place = write_summary(folder, plan, detector.card.inconclusive_band)
        assert str(last.done) in figures.sentence()
    assert place == str(tmp_path / "out.html")
    page = Path(place).read_text("utf-8")
    assert page.count("data:image/jpeg") >= 5
    assert "astronaut.jpg" in page and "<script" not in page and f'lang="{language}"' in page


def test_names_are_escaped() -> None:
    case = Case("<b>x</b>.jpg", (0.5, 0.25), "Fake", b"")
    page = summary_page([], [0, 1], [1, 0], (0.4, 0.6), [("<i>", "1")], {"fake": [case]}, {"input": "<u>"}, 1, 0)
    assert not {"<b>", "<i>", "<u>"} & set(page.split("<main>")[1].split()) and "&lt;b&gt;" in page
    assert "50% · 25%" in page


def test_bars_have_the_height_of_their_counts() -> None:
    chart = histogram_chart([0, 4, 1, 0], (0.4, 0.6))
    band, bars = chart.areas
    assert list(bars.high) == [0, 0, 4, 4, 1, 1, 0, 0] and bars.x[:4] == [0, 0.25, 0.25, 0.5]
    assert (chart.high, tuple(band.x), tuple(band.high)) == (4, (0.4, 0.6), (4, 4))
    assert [text for _, text in faces_chart([1, 2, 3]).x_ticks] == ["0", "1", "2+"]
    assert faces_chart([0, 0]).high == 1
