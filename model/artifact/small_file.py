"""Reads the small files that describe a model; one of gigabytes is refused unread."""

from pathlib import Path

from model.errors import ArtifactError
from model.i18n.catalogue import Message

MAX_BYTES = 4_000_000  # json.loads makes 120 MB of the worst; a card has 0.1 MB, EfficientNetB7's description 0.6 MB


def read_small(file: Path, limit: int = MAX_BYTES, name: str | None = None) -> bytes:
    """The content of a file of a model folder.

    Args:
        file: its path.
        limit: bytes that it may have.
        name: of the file in the message; None for ``file.name``.

    Raises:
        ArtifactError: if it has more bytes.
        FileNotFoundError: if there is none. A pipe counts as none: reading it could wait without end.
    """
    if file.exists() and not (file.is_file() or file.is_dir()):
        raise FileNotFoundError(file.name)
    with file.open("rb") as opened:
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise ArtifactError(Message("model.too_large_file", file=name or file.name, limit=limit))
    return content
