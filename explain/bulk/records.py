"""The table of a bulk job's verdicts: its columns, and an analysis as a row of it.

``docs/scale.md`` describes the columns; ``VERSION`` grows when one changes its meaning or goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from explain.batch.judge import Row
from explain.maps.attribution import Attribution, strongest
from explain.result import Analysis
from model.i18n.catalogue import Message

VERSION = "1"
MAP_SIDE = 64  # cells of a stored map's side at most: 16 kB
REGIONS = 5  # that are stored by name
REGION = pa.struct([("name", pa.string()), ("weight", pa.float32())])
MAP = pa.struct(
    [
        ("method", pa.string()),
        ("target", pa.string()),  # the class explained
        ("complete", pa.bool_()),
        ("regions", pa.list_(REGION)),  # strongest first; empty for a map without regions
        ("rows", pa.int32()),
        ("columns", pa.int32()),
        ("values", pa.list_(pa.float32())),  # row by row; positive speaks for ``target``
        ("problem", pa.string()),
    ]
)
FACE = pa.struct([("p_fake", pa.float64()), ("verdict", pa.string())])
COLUMNS = pa.schema(
    [
        ("number", pa.int64()),
        ("photo", pa.string()),
        ("place", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("faces", pa.int32()),
        ("p_fake", pa.float64()),
        ("verdict", pa.string()),
        ("face", pa.int32()),
        ("by_face", pa.list_(FACE)),
        ("notes", pa.list_(pa.string())),
        ("problem", pa.string()),
        ("problem_key", pa.string()),
        ("seconds", pa.float32()),
        ("maps", pa.list_(MAP)),
    ]
)


def schema(request: Mapping[str, Any]) -> pa.Schema:
    """The columns, with the request and the version in the metadata."""
    return COLUMNS.with_metadata({"whyfake.version": VERSION, "whyfake.job": json.dumps(request, sort_keys=True)})


def record(row: Row, place: str, size: tuple[int, int], maps: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of the table.

    Args:
        row: of ``explain.batch.judge.row_of``, or with a problem.
        place: path or URL of its file.
        size: the photo's width and height in pixels; zeros if it could not be read.
        maps: of ``map_records``.
    """
    return {
        "number": row.number,
        "photo": row.name,
        "place": place.encode("utf-8", "backslashreplace").decode(),
        "sha256": row.sha256 or None,
        "width": size[0] or None,
        "height": size[1] or None,
        "faces": row.found,
        "p_fake": row.p_fake,
        "verdict": row.verdict,
        "face": None if row.suspect is None else row.suspect + 1,
        "by_face": [{"p_fake": face.p_fake, "verdict": face.verdict} for face in row.faces],
        "notes": list(map(str, row.notes)),
        "problem": None if row.problem is None else str(row.problem),
        "problem_key": None if row.problem is None else row.problem.key,
        "seconds": row.seconds,
        "maps": maps,
    }


def map_records(analysis: Analysis) -> list[dict[str, Any]]:
    """The maps of an analysis, also those that could not be made."""
    made = [_map_record(found) for found in analysis.attributions.values()]
    return made + [_failed(name, problem) for name, problem in analysis.problems.items()]


def _map_record(found: Attribution) -> dict[str, Any]:
    rows, columns = (min(side, MAP_SIDE) for side in found.native_shape)
    values = cv2.resize(found.map, (columns, rows), interpolation=cv2.INTER_AREA)
    return {
        "method": found.method,
        "target": found.target,
        "complete": bool(found.evidence.get("complete", True)),
        "regions": _regions(found),
        "rows": rows,
        "columns": columns,
        "values": np.asarray(values, np.float32).ravel().tolist(),
        "problem": None,
    }


def _regions(found: Attribution) -> list[dict[str, Any]]:
    if found.weights is None:
        return []
    return [
        {"name": str(place) if found.names is None else found.names[place], "weight": float(found.weights[place])}
        for place in strongest(found.weights, REGIONS)
    ]


def _failed(name: str, problem: Message) -> dict[str, Any]:
    return {"method": name, "complete": False, "regions": [], "values": [], "problem": str(problem)}
