"""Makes ``tests/data/rayservice.json``: what KubeRay's schema says about the fields that our manifest uses.

``python -m tests.deploy.schema CRD.yaml VERSION``, with helm-chart/kuberay-operator/crds/ray.io_rayservices.yaml of
https://github.com/ray-project/kuberay. The whole schema is one megabyte, most of it about pods. Fields that the
manifest does not use keep only their names. Names that the schema does not have are refused, as ``kubectl`` does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "deploy" / "rayservice.yaml"
SCHEMA = ROOT / "tests" / "data" / "rayservice.json"
WORDS = ("description", "default", "format")  # a check does not use them
ABOUT = (
    "From KubeRay {version}, Copyright KubeRay contributors, Apache License 2.0; shortened by tests/deploy/schema.py."
)


def trimmed(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    """The part of a schema that is about this value."""
    kept = {word: part for word, part in schema.items() if word not in WORDS}
    if "properties" in schema and isinstance(value, dict):
        kept["properties"] = {
            name: trimmed(part, value[name]) if name in value else {} for name, part in schema["properties"].items()
        }
        kept["additionalProperties"] = False
    if "items" in schema and isinstance(value, list):
        kept["items"] = trimmed(schema["items"], value[0])
    return kept


def main(crd: Path, version: str) -> None:
    """Write the schema."""
    (stored,) = [entry for entry in yaml.safe_load(crd.read_text("utf-8"))["spec"]["versions"] if entry["storage"]]
    schema = trimmed(stored["schema"]["openAPIV3Schema"], yaml.safe_load(MANIFEST.read_text("utf-8")))
    schema["properties"] |= {"apiVersion": {"const": f"ray.io/{stored['name']}"}, "kind": {"const": "RayService"}}
    SCHEMA.write_text(json.dumps({"$comment": ABOUT.format(version=version), **schema}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
