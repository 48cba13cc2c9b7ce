"""The summary of a bulk job as one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explain.drawing.bulk import faces_chart, histogram_chart
from explain.html.charts import charts_html
from explain.html.rendering import render
from model.i18n.catalogue import number, translate


@dataclass(frozen=True)
class Case:
    """A strange photo.

    Attributes:
        name: its displayed name.
        p_fake: P(Fake) of each judged face, largest face first.
        verdict: on the most suspicious face.
        picture: a small JPEG; empty if the photo could not be read again.
    """

    name: str
    p_fake: tuple[float, ...]
    verdict: str
    picture: bytes

    @property
    def sentence(self) -> str:
        """Verdict and probabilities."""
        shares = " · ".join(number(value, ".0%") for value in self.p_fake)
        return f"{translate(f'verdict.{self.verdict}')}, P({translate('class.Fake')}) {shares}"


def summary_page(
    rows: Sequence[tuple[str, str, str]],
    histogram: Sequence[int],
    faces: Sequence[int],
    band: tuple[float, float],
    problems: Sequence[tuple[str, str]],
    cases: Mapping[str, Sequence[Case]],
    request: Mapping[str, Any],
    photos: int,
    passed_over: int,
) -> str:
    """The page; it holds no script and no external resources.

    Args:
        rows: verdict, number of photos and their share, as text.
        histogram: number of photos by P(Fake), in equal steps from 0 to 1.
        faces: number of photos by number of faces; the last number also counts photos with more.
        band: of P(Fake), in which a verdict is inconclusive.
        problems: sentence and number of photos, as text.
        cases: strange photos by kind.
        request: the request of the job.
        photos: number of photos.
        passed_over: number of other files among them.
    """
    return render(
        "bulk/summary",
        rows=rows,
        charts=charts_html([histogram_chart(histogram, band), faces_chart(faces)]),
        problems=problems,
        cases=[(translate(f"bulk.kind.{kind}"), of_kind) for kind, of_kind in cases.items()],
        request=list(_as_rows(request)),
        photos=photos,
        passed_over=passed_over,
    )


def _as_rows(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values of the request, digests in rows of their own."""
    for name, value in request.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {key}", str(inner)) for key, inner in value.items())
        else:
            yield name, ", ".join(value) if isinstance(value, list) else str(value)
