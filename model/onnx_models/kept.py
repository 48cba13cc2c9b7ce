"""Bounds what the networks in the cache take; a network that was deleted is copied again when it is next opened."""

from __future__ import annotations

import os
from pathlib import Path

from model.artifact.card import CARD

PREFIX = "onnx-"  # of such a folder in the cache
FACTS = "facts.json"  # beside the card: what the network said in its process
KEPT_BYTES = 10_000_000_000  # of all networks together
SMALL = (CARD, FACTS)  # files that stay: a calibration is in the card


def mark_used(folder: Path) -> None:
    """Note that a network is used now."""
    os.utime(folder / FACTS)


def make_room(folder: Path, most: int = KEPT_BYTES) -> None:
    """Delete the networks beside this one that were used least recently, until all together fit.

    A network that a running server has opened is in its memory already. Files that can't be deleted are left.

    Args:
        folder: a model folder in the cache; it stays.
        most: bytes of all networks.
    """
    sizes = {other: _size(other) for other in folder.parent.glob(f"{PREFIX}*")}
    total = sum(sizes.values())
    for other in sorted(sizes.keys() - {folder}, key=_used):
        if total <= most:
            return
        for file in _networks(other):
            try:
                file.unlink()
            except OSError:  # another process has it open (on Windows), or has deleted it
                continue
        total -= sizes[other] - _size(other)


def _networks(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name not in SMALL and path.is_file()]
    except OSError:
        return []


def _size(folder: Path) -> int:
    total = 0
    for path in _networks(folder):
        try:
            total += path.stat().st_size
        except OSError:  # deleted meanwhile
            continue
    return total


def _used(folder: Path) -> float:
    """When a network was last used; 0 for a folder without facts, which nothing can use."""
    try:
        return (folder / FACTS).stat().st_mtime
    except OSError:
        return 0.0
