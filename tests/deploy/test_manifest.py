"""The manifest for Kubernetes fits KubeRay's schema and has the application that runs on one machine."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError, validate
from packaging.requirements import Requirement

from deploy.__main__ import CONFIG, VARIABLES, check_free, config_for
from model.errors import SettingsError
from tests.deploy.schema import MANIFEST, ROOT, SCHEMA

FROM_THE_IMAGE = "whyfake-serve"


@pytest.fixture
def manifest() -> Any:
    return yaml.safe_load(MANIFEST.read_text("utf-8"))


@pytest.fixture
def local() -> Any:
    return yaml.safe_load(CONFIG.read_text("utf-8"))


def check(manifest: Any) -> None:
    """Compare with KubeRay's schema."""
    validate(manifest, json.loads(SCHEMA.read_text("utf-8")), Draft202012Validator)


def pods(manifest: Any) -> list[Any]:
    cluster = manifest["spec"]["rayClusterConfig"]
    return [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def test_manifest_fits_the_schema(manifest: Any) -> None:
    check(manifest)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda spec: spec.update(serveConfig=spec.pop("serveConfigV2")),
        lambda spec: spec["rayClusterConfig"].pop("headGroupSpec"),
        lambda spec: spec["rayClusterConfig"].update(enableInTreeAutoscaling="yes"),
        lambda spec: spec["rayClusterConfig"]["authOptions"].update(mode="tokens"),
        lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][0].update(maxReplica=4),
        lambda spec: spec["rayClusterConfig"]["workerGroupSpecs"][0].update(replicas="one"),
        lambda spec: spec["rayClusterConfig"]["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}),
        lambda spec: spec["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0].pop("name"),
    ],
)
def test_a_manifest_with_a_mistake_is_refused(manifest: Any, spoil: Callable[[Any], Any]) -> None:
    spoil(manifest["spec"])
    with pytest.raises(ValidationError):
        check(manifest)


def test_the_application_is_the_same_on_one_machine(manifest: Any, local: Any) -> None:
    assert yaml.safe_load(manifest["spec"]["serveConfigV2"]) == {"applications": local["applications"]}
    assert local["http_options"]["host"] == "127.0.0.1", "open to this machine only, by default"


def test_workers_have_cpus_for_the_maximum_number_of_replicas(manifest: Any) -> None:
    (page,) = yaml.safe_load(manifest["spec"]["serveConfigV2"])["applications"][0]["deployments"]
    (group,) = manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    each = int(container["resources"]["limits"]["cpu"]) // page["ray_actor_options"]["num_cpus"]
    assert each * group["maxReplicas"] == page["autoscaling_config"]["max_replicas"]


@pytest.mark.slow
def test_serve_accepts_the_local_and_the_kubernetes_configuration(manifest: Any, local: Any) -> None:
    schema = pytest.importorskip("ray.serve.schema")
    for config in (local, yaml.safe_load(manifest["spec"]["serveConfigV2"]), config_for("0.0.0.0", 8001, 3)):
        schema.ServeDeploySchema.model_validate(config)
    local["applications"][0]["deployments"][0]["max_ongoing_requests"] = 0
    with pytest.raises(ValueError, match="max_ongoing_requests"):
        schema.ServeDeploySchema.model_validate(local)


@pytest.mark.slow
def test_serve_knows_every_field(local: Any) -> None:
    """Serve would ignore a misspelt field."""
    schema, config = pytest.importorskip("ray.serve.schema"), pytest.importorskip("ray.serve.config")
    (application,) = local["applications"]
    (page,) = application["deployments"]
    parts = [
        (local, schema.ServeDeploySchema),
        (local["http_options"], schema.HTTPOptionsSchema),
        (application, schema.ServeApplicationSchema),
        (page, schema.DeploymentSchema),
        (page["autoscaling_config"], config.AutoscalingConfig),
        (page["autoscaling_config"]["policy"], config.AutoscalingPolicy),
        (page["request_router_config"], config.RequestRouterConfig),
    ]
    for part, model in parts:
        assert set(part) <= set(model.model_fields), model


def test_a_fixed_number_of_replicas_replaces_autoscaling() -> None:
    config = config_for("0.0.0.0", 8001, 3)
    (page,) = config["applications"][0]["deployments"]
    assert page["num_replicas"] == 3 and "autoscaling_config" not in page
    assert config["http_options"] == {"host": "0.0.0.0", "port": 8001}


def test_image_has_the_pinned_ray_and_its_variables(manifest: Any) -> None:
    lines = (ROOT / "requirements-scale.txt").read_text("utf-8").splitlines()
    (ray,) = [Requirement(line) for line in lines if line.startswith("ray[")]
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    (base,) = re.findall(r"^FROM rayproject/ray:([\d.]+)-", dockerfile, re.MULTILINE)
    assert str(ray.specifier) == f"=={base}" == f"=={manifest['spec']['rayClusterConfig']['rayVersion']}"
    for name in ("RAY_SERVE_SESSION_ID_HEADER_KEY", "RAY_USAGE_STATS_ENABLED"):
        assert f"{name}={VARIABLES[name]}" in dockerfile
    images = {container["image"] for pod in pods(manifest) for container in pod["containers"]}
    assert {image.partition(":")[0] for image in images} == {FROM_THE_IMAGE}


def test_image_gets_the_files_of_the_page_and_of_this_package() -> None:
    page = set((ROOT / ".dockerignore").read_text("utf-8").splitlines()[1:])
    image = set((ROOT / "deploy" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()[1:])
    assert page - image == {"!app.py", "!requirements.lock"}
    assert image - page == {"!deploy/*.py", "!requirements-scale.txt"}


def test_a_port_in_use_is_refused_in_one_sentence() -> None:
    """Serve itself would retry forever."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)
