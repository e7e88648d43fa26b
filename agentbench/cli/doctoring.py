"""`doctor`: what this machine has, what that means for agentbench, and how to get the rest."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from agentbench import __version__, plugins
from agentbench.cli.console import put, put_json
from agentbench.errors import UsageError

FREE_BYTES_MIN = 200 * 1024 * 1024


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: `ok`, `missing` (something optional is not there) or `wrong`."""

    name: str
    state: Literal["ok", "missing", "wrong"]
    detail: str
    remedy: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor_command(as_json: bool) -> int:
    """Check this machine; exit code 3 when something that agentbench needs is wrong."""
    findings = list(_findings())
    if as_json:
        put_json(findings)
    else:
        width = max(len(each.name) for each in findings)
        for each in findings:
            put(f"{each.state:<7}  {each.name:<{width}}  {each.detail}" + (f"; {each.remedy}" if each.remedy else ""))
    return 3 if any(each.state == "wrong" for each in findings) else 0


def _findings() -> Iterator[Finding]:
    yield Finding(name="agentbench", state="ok", detail=__version__)
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Finding(
        name="python", state="ok" if good else "wrong", detail=version, remedy="" if good else "use 3.11 or newer"
    )
    yield Finding(name="cpus", state="ok", detail=str(os.cpu_count()))
    yield from _packages()
    yield _sessions()
    yield _folder()
    yield _disk()
    yield from _worlds()
    yield _docker()
    yield _program("bubblewrap", ["bwrap", "--version"], "apt install bubblewrap")
    yield _program("browser", [_browser() or "chromium", "--version"], "apt install chromium (only the tests use it)")


def _packages() -> Iterator[Finding]:
    for name in ("langgraph", "langchain-core", "pydantic", "apsw", "docker", "structlog", "opentelemetry-sdk"):
        try:
            yield Finding(name=name, state="ok", detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name=name, state="wrong", detail="not installed", remedy="install agentbench again")


def _sessions() -> Finding:
    import apsw

    ok = hasattr(apsw, "Session")
    detail = f"SQLite {apsw.sqlite_lib_version()} with the session extension" if ok else "no session extension"
    return Finding(name="ledger", state="ok" if ok else "wrong", detail=detail,
                   remedy="" if ok else "install apsw from its own wheel")  # fmt: skip


def _folder() -> Finding:
    here = Path.cwd()
    if os.access(here, os.W_OK):
        return Finding(name="folder", state="ok", detail=f"{here} can be written")
    return Finding(name="folder", state="missing", detail=f"{here} cannot be written", remedy="give 'run' an --out DIR")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    state: Literal["ok", "wrong"] = "ok" if free >= FREE_BYTES_MIN else "wrong"
    return Finding(
        name="disk", state=state, detail=f"{free // 2**20:,} MiB free", remedy="" if state == "ok" else "make room"
    )


def _worlds() -> Iterator[Finding]:
    for name in plugins.names("environments"):
        try:
            tools = plugins.environment(name).tools
            yield Finding(name=f"environment {name}", state="ok", detail=f"{len(tools)} tools")
        except UsageError as error:
            yield Finding(name=f"environment {name}", state="wrong", detail=str(error))


def _docker() -> Finding:
    import docker

    client: Any = None
    try:
        # With a version given, and asked without one, an engine of any age answers.
        client = docker.from_env(version="1.41", timeout=5)
        return Finding(name="docker", state="ok", detail=f"engine {client.api.version(api_version=False)['Version']}")
    except Exception as error:  # noqa: BLE001 - docker-py raises requests', docker's and OS errors alike
        text = "the daemon does not answer" if "FileNotFound" in str(error) or "refused" in str(error) else str(error)
        return Finding(name="docker", state="missing", detail=text[:120],
                       remedy="start Docker; nothing in this release needs it")  # fmt: skip
    finally:
        if client is not None:
            client.close()


def _browser() -> str | None:
    return next(
        (path for name in ("chromium-headless-shell", "chromium", "google-chrome") if (path := shutil.which(name))),
        None,
    )


def _program(name: str, command: list[str], remedy: str) -> Finding:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return Finding(name=name, state="missing", detail="not found", remedy=remedy)
    return Finding(name=name, state="ok", detail=(done.stdout or done.stderr).strip().split("\n")[0])
