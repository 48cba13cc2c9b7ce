"""Makes a model folder of an ONNX file and keeps it, so that a network is examined only once."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from model.artifact.card import CARD, ONNX, Card, digest, read_card, write_card
from model.artifact.small_file import read_small
from model.detector.onnx_engine import require_onnx
from model.errors import ArtifactError, message_of, one_line
from model.files import replacing
from model.i18n.catalogue import Message
from model.legacy.apart import UNFINISHED
from model.legacy.folder import CACHE_VARIABLE, cache_root, prepare
from model.onnx_models.apart import Facts, MissingWeights, examine_apart, facts_of
from model.onnx_models.describe import FORMAT, Description, describe, read_description
from model.onnx_models.hub import fetch
from model.onnx_models.kept import FACTS, PREFIX, make_room, mark_used
from model.onnx_models.request import Request, is_of_hub, onnx_files

MAX_BYTES = 2_500_000_000  # of a network with its weights
MOST_FILES = 64  # with weights
# Names that no file of weights may have: those of other files, and of what an analysis says of its model.
RESERVED = (ONNX, CARD, FACTS, "name", "architecture", "sees")

Notify = Callable[[Message], None]
Examine = Callable[[Path, int | None], Facts]


@dataclass(frozen=True)
class Place:
    """Where networks are kept, and how they are examined.

    Attributes:
        cache: the folder of all model folders; None for that of the user.
        examine: see ``model.onnx_models.apart.examine_apart``; None for its usual limits.
    """

    cache: Path | None = None
    examine: Examine | None = None

    @property
    def root(self) -> Path:
        """The folder of all model folders."""
        return self.cache or cache_root()


def model_folder(request: Request, notify: Notify = lambda message: None, place: Place | None = None) -> Path:
    """The model folder of an ONNX model; the first call creates it.

    Args:
        request: the model.
        notify: called with a message at each slow step.
        place: where it is kept; None for the user's cache.

    Raises:
        ArtifactError: if the model can't be used.
    """
    require_onnx()
    place = place or Place()
    onnx = find_onnx(request, notify)
    description = read_description(onnx)
    weights = sorted(path.name for path in onnx.parent.glob("*") if path.name.startswith(f"{onnx.name}"))
    weights.remove(onnx.name)
    try:
        try:
            return _folder(request, onnx, weights, description, notify, place)
        except MissingWeights as missing:
            return _folder(request, onnx, [*weights, *missing.names], description, notify, place)
    except MissingWeights as missing:
        raise ArtifactError(Message("onnx.no_weights", file=onnx.name, names=str(missing)[:200])) from missing
    except OSError as error:
        details = {"reason": one_line(error), "variable": CACHE_VARIABLE}
        raise ArtifactError(Message("legacy.not_kept", folder=str(place.root), **details)) from error


def find_onnx(request: Request, notify: Notify) -> Path:
    """The ONNX file of a request, downloaded if need be.

    Raises:
        ArtifactError: if there is none, or there are several.
    """
    path = fetch(*request.reference(), notify) if request.on_the_hub else Path(request.source)
    if path.is_file():
        return path
    files = onnx_files(path)
    if len(files) > 1 and files[0].name != ONNX:
        raise ArtifactError(Message("onnx.several", folder=request.name, files=", ".join(f.name for f in files[:5])))
    if not files:
        key = "onnx.safetensors" if is_of_hub(path) else "onnx.nowhere"
        raise ArtifactError(Message(key, folder=request.name))
    return files[0]


def _folder(
    request: Request, onnx: Path, weights: Sequence[str], description: Description, notify: Notify, place: Place
) -> Path:
    """The model folder of a network with these files of weights."""
    sources = _sources(onnx, weights)
    digests = {name: digest(path) for name, path in sources.items()}
    key = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    folder, side = place.root / f"{PREFIX}{key}", description.input_size
    facts = _read_facts(folder)
    if facts is None or (side and side != facts.side):
        notify(Message("onnx.examining", file=request.name))
        try:
            facts = _import(folder, sources, side, place.examine or examine_apart)
        except ArtifactError as error:
            raise ArtifactError(_naming(request, message_of(error))) from error
    for name, path in sources.items():
        if not (folder / name).is_file():  # deleted to free space
            with replacing(folder / name) as unfinished:
                shutil.copyfile(path, unfinished)
    mark_used(folder)
    make_room(folder)
    before = _card_in(folder)
    card = describe(request, description, facts, digests, before)
    if card != before:
        write_card(folder, card)
    return folder


def _sources(onnx: Path, weights: Sequence[str]) -> dict[str, Path]:
    """The files of a network by their names in the model folder.

    Raises:
        ArtifactError: if one lies elsewhere, or they are too large.
        MissingWeights: if one is missing.
    """
    repository = next((folder.parent for folder in onnx.absolute().parents if folder.name == "snapshots"), onnx.parent)
    sources = {ONNX: onnx}
    for name in weights[:MOST_FILES]:
        path = onnx.parent / name
        # The Hub's cache holds links to files beside its snapshots; no other link may lead out of the folder.
        if name in RESERVED or not path.resolve().is_relative_to(repository.resolve()):
            raise ArtifactError(Message("onnx.outside", file=onnx.name, name=repr(name)[:100]))
        if not path.is_file():
            raise MissingWeights((name,))
        sources[name] = path
    size = sum(path.stat().st_size for path in sources.values())
    if size > MAX_BYTES:
        raise ArtifactError(Message("onnx.too_large", file=onnx.name, size=size / 1e9, limit=MAX_BYTES / 1e9))
    return sources


def _import(folder: Path, sources: Mapping[str, Path], side: int | None, examine: Examine) -> Facts:
    """Copy a network into a folder after it was examined in a process of its own."""
    prepare(folder.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    try:
        for name, path in sources.items():
            shutil.copyfile(path, unfinished / name)
        facts = examine(unfinished / ONNX, side)
        text = json.dumps({"format": FORMAT, "facts": asdict(facts)})
        (unfinished / FACTS).write_text(text, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # it is missing, old, or for another size of input
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return facts


def _naming(request: Request, message: Message | str) -> Message | str:
    """The same message with the model's name: while a network is examined, its file has the name of all others."""
    if isinstance(message, Message) and message.values.get("file") == ONNX:
        return Message(message.key, **{**message.values, "file": request.name})
    return message


def _read_facts(folder: Path) -> Facts | None:
    """What the network of an earlier import said; None if there was none of the current ``FORMAT``."""
    try:
        kept = json.loads(read_small(folder / FACTS))
        return facts_of(kept["facts"]) if kept["format"] == FORMAT else None
    except (ArtifactError, OSError, ValueError, KeyError, TypeError):
        return None


def _card_in(folder: Path) -> Card | None:
    try:
        return read_card(folder)
    except ArtifactError:
        return None
