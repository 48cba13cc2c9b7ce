"""Helpers of the tests of data folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.layout import Example

BLANK = np.full((64, 64, 3), 127, np.uint8)
MakeData = Callable[..., tuple[Path, Path]]
Pixels = NDArray[np.uint8]


def by_path(examples: list[Example]) -> dict[str, Example]:
    return {example.path: example for example in examples}


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
