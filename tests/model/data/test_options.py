"""Tests that all commands on a data folder have the same options, and that the options affect the split."""

from __future__ import annotations

import inspect
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest

from model.__main__ import COMMANDS
from model.data import options
from model.data.dataset import gather
from model.errors import DatasetError

SHARING = ("calibrate", "compare", "compress", "evaluate", "train", "tune")


@pytest.mark.parametrize("name", SHARING)
def test_commands_share_their_options(name: str) -> None:
    parameters = inspect.signature(resolve_name(COMMANDS[name][0])).parameters
    kinds = {parameter.annotation for parameter in parameters.values()}
    shared = ("Sets", "Faces", "WholePictures", "GroupPattern", "RemoveLeaks")
    assert all(getattr(options, kind) in kinds for kind in shared)


def test_group_pattern_keeps_frames_of_a_video_together(tmp_path: Path, picture) -> None:
    import cv2

    for label in ("real", "fake"):
        (tmp_path / label).mkdir()
        for clip in range(12):
            for frame in range(2):
                path = tmp_path / label / f"{label}{clip}_frame{frame}.png"
                assert cv2.imwrite(str(path), picture(100 * clip + 10 * frame + (label == "fake")))
    examples = gather(tmp_path, None, 0, None, options.grouping("(.+)_frame"))
    splits: dict[str, set[str]] = {}
    for example in examples:
        splits.setdefault(Path(example.path).name.split("_")[0], set()).add(example.split)
    assert len(splits) == 24
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "val", "test"}
    assert np.mean([found == {"train"} for found in splits.values()]) > 0.5


def test_pattern_without_a_group_is_refused() -> None:
    with pytest.raises(DatasetError, match="has no group"):
        options.grouping("frame")
    assert options.grouping(None) is None
