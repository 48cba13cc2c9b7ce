"""Tests of packaging: front matter for Spaces, pinned versions, Makefile, file sizes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import av
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.dependencies import LIMITS, LOCK, Locked, locked, serial_number

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_BYTES = 10_000_000
MAX_SHORT_DESCRIPTION = 60  # characters; Spaces refuses more
SPACES_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
MACHINES = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]


def requirements(name: str) -> list[Requirement]:
    """The packages in a requirements file, without those that it includes by ``-r``."""
    lines = (line.strip() for line in (ROOT / name).read_text("utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r "))]


@pytest.fixture(scope="module")
def front_matter() -> dict[str, Any]:
    """The YAML block between the first two ``---`` lines of the README."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert block, "README.md must begin with a front matter block between two --- lines"
    return yaml.safe_load(block[1])


def test_front_matter_has_a_title_and_a_card(front_matter: dict[str, Any]) -> None:
    assert isinstance(front_matter["title"], str)
    assert front_matter["title"]
    assert front_matter["emoji"]
    assert not re.search(r"[\w\s]", front_matter["emoji"]), "the field must contain only an emoji"
    assert {front_matter["colorFrom"], front_matter["colorTo"]} <= SPACES_COLOURS
    assert 0 < len(front_matter["short_description"]) <= MAX_SHORT_DESCRIPTION
    assert front_matter["tags"]
    assert all(isinstance(tag, str) for tag in front_matter["tags"])


def test_front_matter_names_an_existing_app_file(front_matter: dict[str, Any]) -> None:
    assert front_matter["sdk"] == "gradio"
    assert front_matter["app_file"] == "app.py"
    assert (ROOT / "app.py").is_file()


def test_front_matter_names_a_supported_python_as_text(front_matter: dict[str, Any]) -> None:
    assert front_matter["python_version"] in {"3.11", "3.12"}, "quote it: YAML reads a bare 3.11 as a number"


def test_front_matter_and_requirements_agree_on_gradio(front_matter: dict[str, Any]) -> None:
    (gradio,) = (pin for pin in requirements("requirements.txt") if pin.name == "gradio")
    assert str(gradio.specifier) == f"=={front_matter['sdk_version']}"


def test_licence_is_apache_2(front_matter: dict[str, Any]) -> None:
    assert front_matter["license"] == "apache-2.0"
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_each_requirement_is_pinned_to_one_version() -> None:
    lists = [requirements(file.name) for file in ROOT.glob("requirements*.txt")]
    assert len(lists) > 3 and all(lists)
    for requirement in (pin for pins in lists for pin in pins):
        (version,) = requirement.specifier
        assert version.operator == "==" and "*" not in version.version, requirement


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("requirements-mcp.txt", "requirements.txt"),
        ("requirements-train.txt", "requirements.txt"),
        ("requirements-dev.txt", "requirements-mcp.txt"),
        ("requirements-dev.txt", "requirements-train.txt"),
    ],
)
def test_each_requirements_file_includes_the_smaller_one(upper: str, lower: str) -> None:
    assert f"-r {lower}" in (ROOT / upper).read_text("utf-8").splitlines()


def test_change_of_a_requirements_file_triggers_a_new_installation() -> None:
    """The stamp file of an installation depends on all its requirements files."""
    rules = dict(re.findall(r"^(\$\(\w+\)): (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    files = {file.name for file in ROOT.glob("requirements*.txt")}
    assert "requirements.txt" in rules["$(DEMO)"].split()
    assert files <= {*rules["$(DEV)"].split(), *rules["$(DEMO)"].split()}


def test_no_package_is_pinned_twice() -> None:
    names = [pin.name for file in sorted(ROOT.glob("requirements*.txt")) for pin in requirements(file.name)]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(("system", "machine"), MACHINES)
def test_each_machine_gets_one_tensorflow_of_one_version(system: str, machine: str) -> None:
    builds = [pin for pin in requirements("requirements.txt") if pin.name in {"tensorflow", "tensorflow-cpu"}]
    assert len({str(pin.specifier) for pin in builds}) == 1
    environment = {"sys_platform": system, "platform_machine": machine}
    chosen = [pin.name for pin in builds if pin.marker and pin.marker.evaluate(environment)]
    assert chosen == (["tensorflow-cpu"] if (system, machine) == ("linux", "x86_64") else ["tensorflow"])


def test_only_headless_opencv_is_installed() -> None:
    pins = [pin for file in sorted(ROOT.glob("requirements*.txt")) for pin in requirements(file.name)]
    assert [pin.name for pin in pins if pin.name.startswith("opencv")] == ["opencv-python-headless"]


def shipped_files() -> list[Path]:
    """Files that git tracks or, without git, all files outside hidden folders and training runs."""
    # Git would refuse a checkout that belongs to another user, as in a container; listing names is harmless.
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    if (ROOT / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(command, check=True, capture_output=True).stdout
        files = [ROOT / os.fsdecode(name) for name in listing.split(b"\0") if name]
    else:
        parts_of = {path: path.relative_to(ROOT).parts for path in ROOT.rglob("*")}
        files = [path for path, parts in parts_of.items() if parts[0] != "runs" and parts[0][0] != "."]
    return [path for path in files if path.is_file()]


def test_no_shipped_file_is_too_large() -> None:
    files = shipped_files()
    assert ROOT / "model" / "photos" / "photo.py" in files, "the list must be of this repository"
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in files}
    assert sizes.pop("model/weights/clip_attention/model.tflite") < 65_000_000
    assert {name: size for name, size in sizes.items() if size > MAX_FILE_BYTES} == {}


def demo_command(*variables: str, **environment: str) -> str:
    """The line of ``make demo`` that runs app.py, without the environment variables of this test run."""
    make = shutil.which("make")
    assert make, "make is not installed"
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run = subprocess.run(
        [make, "-n", "--no-print-directory", "demo", *variables],
        cwd=ROOT,
        env=clean | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    (line,) = (line for line in run.stdout.splitlines() if " app.py " in line)
    return line


def test_make_demo_passes_port_and_share() -> None:
    line = demo_command("PORT=1234", "SHARE=1")
    assert "--port 1234" in line
    assert "--share" in line


def test_make_demo_is_local_on_port_7860_by_default() -> None:
    line = demo_command()
    assert "--port 7860" in line
    assert "--share" not in line
    assert "--share" not in demo_command("SHARE=0")


def test_make_demo_opens_a_browser_only_with_a_display_and_not_in_ci() -> None:
    assert "--open" in demo_command(DISPLAY=":0")
    assert "--open" not in demo_command(DISPLAY=":0", CI="true")


# Lock file


def locked_packages() -> list[Locked]:
    return list(locked((ROOT / LOCK).read_text("utf-8")))


def test_lock_file_has_every_pin_of_the_page_with_hashes() -> None:
    packages = locked_packages()
    versions = {(canonicalize_name(package.name), package.version) for package in packages}
    for pin in requirements("requirements.txt"):
        (exact,) = pin.specifier
        assert (canonicalize_name(pin.name), exact.version) in versions, f"{pin}: run python -m docs.dependencies"
    assert all(package.hashes for package in packages)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for package in packages for digest in package.hashes)


def test_locked_versions_support_our_python_versions() -> None:
    versions = {canonicalize_name(package.name): package.version for package in locked_packages()}
    for limit in map(Requirement, LIMITS.splitlines()):
        assert limit.specifier.contains(versions[canonicalize_name(limit.name)])


def test_dependencies_of_locked_packages_are_locked() -> None:
    """``pip install --require-hashes`` refuses packages outside the list; this test checks the installed packages."""
    names = {canonicalize_name(package.name) for package in locked_packages()}
    for name in names:
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another system
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in names, f"{name} needs {need}"


def test_bill_of_materials_and_licences_list_the_locked_packages() -> None:
    text = (ROOT / LOCK).read_text("utf-8")
    packages = locked_packages()
    bom = json.loads((ROOT / "docs" / "sbom.json").read_text("utf-8"))
    parts = sorted((part["name"], part["version"]) for part in bom["components"])
    assert parts == sorted((package.name, package.version) for package in packages)
    assert bom["bomFormat"] == "CycloneDX" and bom["serialNumber"].endswith(str(serial_number(text)))
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", (ROOT / "docs" / "licences.md").read_text("utf-8"), re.M)
    listed = [(name, version) for name, version, _ in rows if name != "package"]
    assert listed == [(package.name, package.version) for package in packages]


def test_licences_name_the_gpl_libraries_in_the_wheel_for_clips() -> None:
    page = (ROOT / "docs" / "licences.md").read_text("utf-8")
    configured = av._core.library_meta["libavcodec"]["configuration"]
    under_gpl = [name for name in ("x264", "x265", "xvid", "vidstab") if f"--enable-lib{name}" in configured]
    assert [name for name in under_gpl if name not in page] == []
