"""Tests of the text lines below the maps: each map with described regions has one, with the id for ``page.js``."""

from __future__ import annotations

import pytest

from explain.maps.registry import METHODS
from explain.page.components.extended import SteppedBlocks

DESCRIBED = [name for name, method in METHODS.items() if method.drawn_as != "signed_heat"]


@pytest.fixture(scope="module")
def classes(shipped_page: SteppedBlocks) -> dict[str, list[str]]:
    """The CSS classes of each component with an id."""
    return {
        str(block.elem_id): list(block.elem_classes)
        for block in shipped_page.blocks.values()
        if getattr(block, "elem_id", None)
    }


@pytest.mark.parametrize("name", DESCRIBED)
def test_map_with_regions_has_a_picture_and_a_line_with_its_name(classes: dict[str, list[str]], name: str) -> None:
    """``page.js`` looks for ``#NAME-readout`` with the id of the picture, which is also its key in the data."""
    assert "map-picture" in classes[name]
    assert f"{name}-readout" in classes


def test_partition_shap_has_described_regions() -> None:
    assert "partition_shap" in DESCRIBED


@pytest.mark.parametrize("name", sorted(set(METHODS) - set(DESCRIBED)))
def test_map_without_regions_has_no_line(classes: dict[str, list[str]], name: str) -> None:
    assert f"{name}-readout" not in classes
