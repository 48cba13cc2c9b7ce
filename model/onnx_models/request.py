"""What a user says about a model that is to be opened."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import ArtifactError
from model.i18n.catalogue import Message

HUB = "hf:"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REFERENCE = re.compile(rf"hf:({_NAME}/{_NAME})(?:@({_NAME}(?:/{_NAME})*))?")


@dataclass(frozen=True)
class Request:
    """A model to open.

    Attributes:
        source: path of an ``.onnx`` file or of a folder in the Hub's layout, or ``hf:OWNER/NAME[@REVISION]``.
        fake_labels: names, or numbers, of the model's classes that mean Fake; empty to read them from their names.
        sees: ``face`` or ``picture``; empty to read it from the names of the classes.
    """

    source: str
    fake_labels: tuple[str, ...] = ()
    sees: str = ""

    @property
    def on_the_hub(self) -> bool:
        """Whether the model has to be downloaded."""
        return self.source.startswith(HUB)

    @property
    def name(self) -> str:
        """The model's name on screen: that of a folder for files that are all called alike."""
        if self.on_the_hub:
            return self.source.removeprefix(HUB)
        path = Path(self.source).resolve()
        if path.name == "model.onnx":
            path = path.parent.parent if path.parent.name == "onnx" else path.parent
        return path.name

    def reference(self) -> tuple[str, str | None]:
        """Repository and revision of a model on the Hub.

        Raises:
            ArtifactError: if the source does not have that form.
        """
        found = _REFERENCE.fullmatch(self.source)
        if found is None or ".." in self.source:
            raise ArtifactError(Message("onnx.reference", source=self.source[:200]))
        return found[1], found[2]


def is_onnx(source: str) -> bool:
    """Whether a source is an ONNX model or a folder of the Hub, by names alone."""
    path = Path(source)
    if source.startswith(HUB) or path.suffix.lower() == ".onnx":
        return True
    return path.is_dir() and bool(onnx_files(path) or is_of_hub(path))


def onnx_files(folder: Path) -> Sequence[Path]:
    """The ONNX files of a folder in the Hub's layout, the usual one first."""
    usual = [folder / "onnx" / "model.onnx", folder / "model.onnx"]
    found = [path for path in usual if path.is_file()]
    return found or sorted([*folder.glob("onnx/*.onnx"), *folder.glob("*.onnx")])


def is_of_hub(folder: Path) -> bool:
    """Whether a folder holds a model of the Hub without an ONNX file."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
