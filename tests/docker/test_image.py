"""The image of agentbench: built without a registry and without a network, and run with nothing allowed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The first stage has a name, too, or it would be left behind.
BASE, STAGE, IMAGE = (f"agentbench-test-{part}:{os.getpid()}" for part in ("base", "stage", "image"))
PACKAGES = "python3,python3-venv,ca-certificates"

pytestmark = [pytest.mark.slow, pytest.mark.requires("docker"), pytest.mark.timeout(1500)]


def _do(*command: str | Path, timeout: float = 600, **environment: str) -> str:
    """Run a command; fails with the end of what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command[0]} {command[1]}: {done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout


def _codename() -> str:
    """The release of this machine's distribution, which its own mirror has."""
    lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    return dict(line.partition("=")[::2] for line in lines)["VERSION_CODENAME"].strip('"')


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image, made as docker/README.md says where there is no registry, and removed afterwards."""
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        problem = "making a base image without a registry needs debootstrap and root"
        required = "debootstrap" in os.environ.get("AGENTBENCH_REQUIRE", "").split(",")
        pytest.fail(problem) if required else pytest.skip(problem)
    folder = tmp_path_factory.mktemp("image")
    try:
        root = folder / "base"
        _do("debootstrap", "--variant=minbase", f"--include={PACKAGES}", _codename(), root)
        tar = folder / "base.tar"
        _do("tar", "-C", root, "-cf", tar, ".")
        _do("docker", "import", tar, BASE)
        shown = "import sys; print('%d.%d' % sys.version_info[:2])"
        version = _do("docker", "run", "--rm", "--network", "none", BASE, "python3", "-c", shown).strip()
        context = _context(folder / "context", version)
        build = ["docker", "build", "--network", "none", "--build-arg", f"BASE_IMAGE={BASE}"]
        _do(*build, "--target", "install", "-t", STAGE, context, DOCKER_BUILDKIT="0")
        _do(*build, "-t", IMAGE, context, DOCKER_BUILDKIT="0")
        yield IMAGE
    finally:
        for name in (IMAGE, STAGE, BASE):
            subprocess.run(["docker", "image", "rm", "-f", name], capture_output=True, timeout=120, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _context(context: Path, version: str) -> Path:
    """The build context: Dockerfile, lock and wheels for the base's Python."""
    wheels = context / "wheelhouse"
    wheels.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    lock = ROOT / "requirements.lock"
    _do(*pip, "download", "--only-binary=:all:", "--python-version", version, "--require-hashes", "-r", lock,
        "-d", wheels)  # fmt: skip
    _do(*pip, "wheel", "--no-deps", "-w", wheels, ROOT)
    shutil.copy(lock, context)
    shutil.copy(ROOT / "docker" / "Dockerfile", context)
    return context


def _run(image: str, *arguments: str) -> str:
    return _do(
        "docker", "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--pids-limit", "256", "--memory", "2g",
        "--tmpfs", "/tmp", "--tmpfs", "/work:uid=10001,mode=0700", image, *arguments,
    )  # fmt: skip


def test_image_runs_the_bundled_suite_with_nothing_allowed(image: str) -> None:
    """LangGraph agents are tested without network, capabilities or a writable root; the numbers come out as JSON."""
    result = json.loads(_run(image, "run", "bank.rent_and_receipt", "-a", "careful", "-a", "naive", "--json"))
    assert result["trials"]["valid"] == result["trials"]["planned"] >= 20
    assert result["trials"]["invalid"] == 0
    assert result["faults"]["witnessed"] > 0
    clean = {each["agent"]: each["value"] for each in result["measures"]
             if each["name"] == "success_clean" and "scenario" not in each}  # fmt: skip
    assert clean == {"careful": 1.0, "naive": 1.0}


def test_image_runs_as_nobody(image: str) -> None:
    """The image's user is not root, and agentbench finds everything it needs."""
    user = _do("docker", "image", "inspect", "--format", "{{.Config.User}}", image).strip()
    assert user == "10001:10001"
    findings = json.loads(_run(image, "doctor", "--json"))
    assert [each for each in findings if each["state"] == "wrong"] == []
