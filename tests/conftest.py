"""What every test shares: tools that may be absent, and a working directory of its own."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

REQUIRED = {name for name in os.environ.get("AGENTBENCH_REQUIRE", "").split(",") if name}
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")


@cache
def _absent(tool: str) -> str:
    """Why a tool cannot be used here, or ''."""
    match tool:
        case "docker":
            if not shutil.which("docker"):
                return "docker is not installed"
            answer = subprocess.run(["docker", "version"], capture_output=True, check=False)
            return "" if answer.returncode == 0 else "no Docker daemon answers"
        case "bubblewrap":
            return "" if shutil.which("bwrap") else "bwrap is not installed"
        case "browser":
            return "" if any(shutil.which(name) for name in BROWSERS) else "no Chromium is installed"
    return f"the tests know no tool '{tool}'"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool is absent, and say why; fail it when AGENTBENCH_REQUIRE lists the tool."""
    for marker in item.iter_markers("requires"):
        reason = _absent(marker.args[0])
        if reason and marker.args[0] in REQUIRED:
            pytest.fail(f"AGENTBENCH_REQUIRE lists '{marker.args[0]}', but {reason}")
        if reason:
            pytest.skip(reason)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the checkout, and no setting of the caller's shell changes a test."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AGENTBENCH_") and name != "AGENTBENCH_REQUIRE"]:
        monkeypatch.delenv(name)
    return
