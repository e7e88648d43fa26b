"""Settings from files: `[tool.agentbench]` of the nearest pyproject.toml, overridden by environment and options."""

import tomllib
from pathlib import Path
from typing import Any

from agentbench.errors import UsageError

KEYS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "agents": ("agent", list),
    "scenarios": ("scenarios", list),
    "faults": ("faults", str),
    "trials": ("trials", int),
    "seed": ("seed", int),
    "clock": ("clock", str),
    "sandbox": ("sandbox", str),
    "workers": ("workers", int),
    "out": ("out", str),
    "deadline": ("deadline", (int, float)),
}


def file_settings() -> dict[str, dict[str, Any]]:
    """Defaults for `run` and `plan`; raises `UsageError` for a key or a type that agentbench does not know."""
    path = _nearest()
    if path is None:
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("agentbench")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not valid TOML: {error}", where=path) from None
    if table is None:
        return {}
    defaults: dict[str, Any] = {}
    for key, value in table.items():
        where = f"{path}:{_line(path, key)}"
        if key not in KEYS:
            from agentbench.documents import closest

            raise UsageError(f"unknown setting '{key}' in [tool.agentbench]", where=where,
                             remedy=closest(key, list(KEYS)))  # fmt: skip
        option, kind = KEYS[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise UsageError(f"the setting '{key}' has the wrong type", where=where)
        defaults[option] = value
    return {"run": defaults, "plan": defaults}


def _nearest() -> Path | None:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
    return None


def _line(path: Path, key: str) -> int:
    inside = False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip().startswith("["):
            inside = line.strip() == "[tool.agentbench]"
        elif inside and line.split("=")[0].strip().strip("\"'") == key:
            return number
    return 1
