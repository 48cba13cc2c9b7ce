"""A small data folder, and fewer resamples than in a real measurement."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.evaluation import charts, measuring, robustness
from model.evaluation.bootstrap import bootstrap, bootstrap_band

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


def figures_in(folder: Path) -> dict[str, Any]:
    """The figures that an evaluation wrote into its folder."""
    return json.loads((folder / "figures.json").read_text())


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples for each interval; ``test_bootstrap.py`` checks the bounds."""
    monkeypatch.setattr(measuring, "bootstrap", partial(bootstrap, rounds=20))
    monkeypatch.setattr(charts, "bootstrap", lambda *given, **more: bootstrap(*given[:3], rounds=20, **more))
    monkeypatch.setattr(charts, "bootstrap_band", partial(bootstrap_band, rounds=20))


@pytest.fixture
def plain_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty figure instead of the curves under corruption; ``test_plots.py`` checks these."""
    monkeypatch.setattr(robustness, "robustness_curves", lambda *_: Figure())


@pytest.fixture
def data(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """A set of both classes with a mask and a missing face, a set of reals, and a validation picture."""
    names = [
        *(f"mixed/test/real/{i}.png" for i in range(4)),
        *(f"mixed/test/fake/{i}.png" for i in range(4, 8)),
        "mixed/test/fake/faceless.png",
        "mixed/val/fake/8.png",
        *(f"reals/test/real/{i}.png" for i in range(9, 12)),
    ]
    root, cache = make_data(
        {name: picture(seed) for seed, name in enumerate(names)}, without_face=["mixed/test/fake/faceless.png"]
    )
    (root / "mixed/test/mask").mkdir()
    assert cv2.imwrite(str(root / "mixed/test/mask/4.png"), np.full((64, 64), 255, np.uint8))
    (root / "mixed/test/pairs.csv").write_text("fake,real,mask\nfake/4.png,real/0.png,mask/4.png\n")
    return root, cache
