"""Locks the packages that the page runs on, and lists them with their licences: ``python -m docs.dependencies``.

Writes three files: ``requirements.lock`` with every package and the SHA-256 of its files, for
``pip install --require-hashes``; ``docs/sbom.json``, the same as a CycloneDX 1.6 bill of materials; and
``docs/licences.md``. Licences come from the packages' own metadata, so the command needs an environment that has them.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Annotated

import typer

from model.cli import run
from model.paths import ROOT

REQUIREMENTS, LOCK = "requirements.txt", "requirements.lock"
OLDEST_PYTHON = "3.11"
# uv ignores a package's upper limit on Python, pip does not: version 1.3 refuses 3.11 and later.
LIMITS = "backports-strenum<1.3\n"
ELSEWHERE = "not installed on the machine that wrote this list"
CLASSIFIER = "License :: OSI Approved :: "
HEADER = """\
# Every package that the page runs on, with the SHA-256 of its files, written by `python -m docs.dependencies`.
# Install it by `pip install --require-hashes -r requirements.lock`.
"""
# What the metadata of a package does not say; ``av.library_versions`` and the files beside it do.
BUNDLED = """\
## What wheels bundle

A wheel may hold libraries under other licences than the package's own. The one of `av` (PyAV, BSD-3-Clause) holds
FFmpeg, which states "LGPL version 3 or later", and with it the encoders x264 and x265, which are under the GPL,
version 2 or later. FFmpeg's libraries in it are linked with both. WhyFake decodes clips by that FFmpeg and uses
neither encoder.

- Running WhyFake, also as a service for others, creates no obligation from this.
- Distributing a container image, a folder or an installer that contains that wheel distributes these libraries, too.
  The GPL then applies to x264, x265 and the FFmpeg that is linked with them, in version 3 because of FFmpeg's licence:
  include the licence texts and notices, and the complete source or a way to it that the GPL allows. WhyFake's own
  licence, Apache-2.0, is compatible with version 3.
- The `Dockerfile` and `requirements.txt` hold no such library; pip fetches the wheel from the package index.
- An image without them needs PyAV built from source against an FFmpeg that was configured without x264 and x265.
  Patents on H.264 and H.265 are another question, which no licence of these packages answers.
"""


@dataclass
class Locked:
    """A package of the lock file."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)

    @property
    def licence(self) -> str:
        """As the installed package states it, in one line."""
        try:
            stated = metadata.metadata(self.name)
        except metadata.PackageNotFoundError:
            return ELSEWHERE
        named = [line.removeprefix(CLASSIFIER) for line in stated.get_all("Classifier", []) if CLASSIFIER in line]
        lines = [stated["License-Expression"] or "", ", ".join(named), *(stated["License"] or "").splitlines()]
        return next((line.strip() for line in lines if line.strip()), "not stated")


def locked(text: str) -> Iterator[Locked]:
    """The packages of a lock file with hashes."""
    package = None
    for line in text.splitlines():
        word = line.strip().removesuffix("\\").strip()
        if "==" in line and not line.startswith((" ", "#")):
            pin, _, marker = word.partition(" ; ")
            name, _, version = pin.partition("==")
            package = Locked(name, version.strip(), marker.strip())
            yield package
        elif word.startswith("--hash=sha256:") and package is not None:
            package.hashes.append(word.removeprefix("--hash=sha256:"))


def lock() -> str:
    """Resolve ``requirements.txt`` for every system and supported Python."""
    command = [sys.executable, "-m", "uv", "pip", "compile", REQUIREMENTS, "--universal", "--generate-hashes"]
    options = ["--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate", "--quiet", "--constraints", "-"]
    done = subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True, text=True, input=LIMITS)
    return HEADER + done.stdout


def serial_number(text: str) -> uuid.UUID:
    """The bill's serial number, from the text of the lock file."""
    return uuid.UUID(hashlib.sha256(text.encode()).hexdigest()[:32])


def bill_of_materials(text: str, packages: list[Locked]) -> str:
    """A CycloneDX bill of materials as JSON; the same lock file gives the same text."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    components = [
        Component(
            name=package.name,
            version=package.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"{package.name}=={package.version}",
            purl=PackageURL("pypi", name=package.name, version=package.version),
            licenses=[DisjunctiveLicense(name=package.licence)],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.hashes],
        )
        for package in packages
    ]
    bom = Bom(components=components, serial_number=serial_number(text))
    bom.metadata.timestamp = datetime(2026, 1, 1, tzinfo=UTC)  # fixed: the version control knows when it was written
    page = bom.metadata.component = Component(name="whyfake", type=ComponentType.APPLICATION, bom_ref="whyfake")
    bom.register_dependency(page, components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def licences(packages: list[Locked]) -> str:
    """The licences as a page."""
    rows = [f"| {package.name} | {package.version} | {package.licence.replace('|', '/')} |" for package in packages]
    return "\n".join(
        [
            "# Licences of the packages",
            "",
            f"The packages that `{LOCK}` installs, with the licence that each states in its metadata. Written by",
            "`python -m docs.dependencies`; [sbom.json](sbom.json) is the same list as a CycloneDX bill of materials.",
            "",
            "| package | version | licence |",
            "|---|---|---|",
            *rows,
            "",
            BUNDLED,
        ]
    )


def main(
    keep_lock: Annotated[bool, typer.Option("--keep-lock", help="Do not resolve again; only write the lists.")] = False,
) -> None:
    """Lock the packages, and write their bill of materials and licences."""
    text = (ROOT / LOCK).read_text("utf-8") if keep_lock else lock()
    packages = list(locked(text))
    (ROOT / LOCK).write_text(text, "utf-8")
    (ROOT / "docs" / "sbom.json").write_text(bill_of_materials(text, packages), "utf-8")
    (ROOT / "docs" / "licences.md").write_text(licences(packages), "utf-8")
    typer.echo(f"{len(packages)} packages are locked; docs/sbom.json and docs/licences.md list them.")


if __name__ == "__main__":
    run(main, "Locks the packages and lists their licences.")
