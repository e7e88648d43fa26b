"""Finds and loads what can be added by adding a file: its file name is its name, and it is imported when used.

Looked at in this order: the folders of `AGENTBENCH_PATH`, the working directory (`environments/`, `scenarios/`,
`profiles/` only: an `agents/` folder there is the user's own code), what agentbench brings, entry points.
"""

import dataclasses
import importlib
import importlib.util
import inspect
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias, cast

import pydantic

from agentbench import documents, seeds
from agentbench.abc import CHANNELS, Adapter, Channel, Fault, Sandbox
from agentbench.environment import Environment
from agentbench.errors import UsageError, UsageErrors
from agentbench.faultload import BELONGS, Faultload, Profile

Kind: TypeAlias = Literal["faults", "adapters", "agents", "sandboxes", "environments", "scenarios", "profiles"]

_PACKAGE = Path(__file__).parent
_SINGULAR = {"faults": "fault", "adapters": "adapter", "agents": "agent", "sandboxes": "sandbox",
             "environments": "environment", "scenarios": "scenario", "profiles": "profile"}  # fmt: skip


def folders(kind: Kind) -> list[Path]:
    """The folders that may hold plugins of a kind, those that win first."""
    roots = [Path(part) for part in os.environ.get("AGENTBENCH_PATH", "").split(os.pathsep) if part]
    found = [root / kind for root in roots]
    if kind in {"environments", "scenarios", "profiles"}:
        found.append(Path.cwd() / kind)
    if kind in {"environments", "scenarios"}:
        # Beside the package in a checkout, inside it once it is installed.
        beside, inside = _PACKAGE.parent / kind, _PACKAGE / "bundled" / kind
        found.append(inside if inside.is_dir() else beside)
    else:
        found.append(_PACKAGE / kind)
    unique = {folder.resolve(): folder for folder in found if folder.is_dir()}
    return list(unique)


def names(kind: Kind) -> list[str]:
    """Every plugin of a kind, sorted."""
    return sorted({name for name, _ in _files(kind)} | {point.name for point in _points(kind)})


def summary(kind: Kind, name: str) -> str:
    """The first line of a plugin's docstring, or what it says of itself."""
    if kind == "environments":
        return environment(name).summary
    if kind == "profiles":
        return profile(name).summary
    return (inspect.getdoc(module(kind, name)) or "").split("\n")[0]


def module(kind: Kind, name: str) -> Any:
    """The module (or entry point's object) of a plugin; raises `UsageError` when there is none or it fails."""
    path = dict(_files(kind)).get(name)
    if path is None:
        for point in _points(kind):
            if point.name == name:
                return _guarded(f"entry point {point.value}", point.load)
        raise _unknown(kind, name)
    if path.is_relative_to(_PACKAGE) and kind not in {"environments", "scenarios"}:
        return _guarded(str(path), lambda: importlib.import_module(f"agentbench.{kind}.{name}"))
    return _guarded(str(path), lambda: _load_file(path, f"agentbench_{kind}.{name}"))


def channel_of(made: Any) -> Channel:
    """What a fault, or its class, strikes at."""
    found: Channel = getattr(made, "channel", CHANNELS[made.site])
    return found


def fault_class(name: str) -> type[Fault]:
    """A fault by file name, entry point, or `module:attr`."""
    found = attribute(name) if ":" in name else module("faults", name)
    found = getattr(found, "fault", found)
    if not (inspect.isclass(found) and dataclasses.is_dataclass(found)):
        raise UsageError(f"the fault '{name}' is not a dataclass", remedy="end its file with 'fault = ClassName'")
    return found  # type: ignore[return-value]


def fault(name: str, parameters: Mapping[str, Any]) -> Fault:
    """A fault with its YAML parameters; raises `UsageError` for one that it does not have or that is wrong."""
    made = fault_class(name)
    known = parameter_names(made)
    for key in parameters:
        if key not in known:
            raise UsageError(f"the fault '{name}' has no parameter '{key}'", remedy=documents.closest(key, known))
    try:
        return _adapter_of(made).validate_python(dict(parameters))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"parameter '{place}' of the fault '{name}' is wrong: {first['msg']}") from None


def parameter_names(made: type[Fault]) -> list[str]:
    """The names of a fault's parameters in YAML; a field that would be a Python keyword has a '_' behind it."""
    return [field.name.rstrip("_") for field in dataclasses.fields(made)]  # type: ignore[arg-type]


def environment(name: str) -> Environment:
    """An environment by folder name; loaded once per process."""
    folder = dict(_files("environments")).get(name)
    if folder is None:
        found = [point for point in _points("environments") if point.name == name]
        if not found:
            raise _unknown("environments", name)
        loaded = _guarded(found[0].value, found[0].load)
        if not isinstance(loaded, Environment):
            raise UsageError("this entry point is not an environment", where=found[0].value)
        return _named(loaded, name)
    return _environment_in(folder, name)


@cache
def _environment_in(folder: Path, name: str) -> Environment:
    loaded = _guarded(str(folder / "environment.py"), lambda: _load_folder(folder, f"agentbench_environments.{name}"))
    if not isinstance(getattr(loaded, "environment", None), Environment):
        raise UsageError("the module has no 'environment'", where=folder / "environment.py",
                         remedy="write 'environment = Environment(…)'")  # fmt: skip
    return _named(loaded.environment, name)


def profile(ref: str) -> Profile:
    """A profile by name or path; a file with `injections` is a profile of one faultload."""
    path = Path(ref)
    if path.suffix not in {".yaml", ".yml"}:
        found = dict(_files("profiles")).get(ref)
        if found is None:
            raise _unknown("profiles", ref)
        path = found
    document = documents.load(path)
    keys = set(document.data) if isinstance(document.data, Mapping) else {"faultloads"}
    if not {"injections", "faultloads"} & keys:
        raise document.error("there are no 'injections' and no 'faultloads' in this file", remedy="add 'injections:'")
    content, mistakes = document.examine(Faultload if "injections" in keys else Profile)
    if content is None:
        raise UsageErrors(mistakes)
    if isinstance(content, Faultload):
        name = content.name if "name" in keys else "custom"
        content = Profile(name=name, summary=content.summary, faultloads=[content.model_copy(update={"name": name})])
    made = cast(Profile, content).came_from(document)
    for faultload in made.faultloads:
        for number, injection in enumerate(faultload.injections):
            try:
                check_injection(document, injection, *made.place(faultload, number)[1])
            except UsageError as error:
                mistakes.append(error)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise UsageErrors(sorted(mistakes, key=lambda each: int(each.where.rpartition(":")[2])))
    return made


def check_injection(document: documents.Document, injection: Any, *place: str | int) -> None:
    """Raise a `UsageError` with `file:line` unless the injection's fault exists and takes its parameters."""
    try:
        made = fault(injection.fault, injection.with_)
    except UsageError as error:
        named = re.search(r"parameter '(\w+)", error.problem)
        key = ("with", named[1]) if named else ("fault",)
        raise document.error(error.problem, *place, *key, remedy=error.remedy) from None
    strikes = channel_of(made)
    for name in sorted(injection.at.model_fields_set & BELONGS.keys()):
        if BELONGS[name] != strikes:
            what, remedy = f"which has no '{name}'", f"take '{name}' away"
            if name == BELONGS[name]:
                what, remedy = f"not at a {name}", f"write '{strikes}: N'"
            problem = f"'{injection.fault}' strikes at a {strikes}, {what}"
            raise document.error(problem, *place, "at", name, remedy=remedy)


def scenarios() -> dict[str, Path]:
    """The path of every scenario by id."""
    found: dict[str, Path] = {}
    for folder in reversed(folders("scenarios")):
        for path in sorted(folder.glob("*/*.yaml")):
            found[f"{path.parent.name}.{path.stem}"] = path
    return dict(sorted(found.items()))


def sandbox_class(name: str) -> type[Sandbox]:
    """A sandbox backend by name."""
    made: type[Sandbox] = _offered("sandboxes", name, "Sandbox")
    return made


def _offered(kind: Kind, name: str, attribute_name: str) -> Any:
    """What a plugin's file must define, or the object itself when an entry point names it."""
    found = module(kind, name)
    if not inspect.ismodule(found):
        return found
    if not hasattr(found, attribute_name):
        raise UsageError(f"the {_SINGULAR[kind]} '{name}' has no '{attribute_name}'", where=found.__file__ or name,
                         remedy=f"define '{attribute_name}' in it")  # fmt: skip
    return getattr(found, attribute_name)


def adapter_for(target: Any, ref: str) -> tuple[str, Adapter]:
    """The adapter that accepts an agent; raises `UsageError` when none does."""
    found = [(name, _offered("adapters", name, "adapter")) for name in names("adapters")]
    for name, adapter in sorted(found, key=lambda pair: (getattr(pair[1], "order", 50), pair[0])):
        if adapter.accepts(target):
            return name, adapter
    raise UsageError(
        f"agentbench does not know how to drive '{ref}' (a {type(target).__name__})",
        remedy="give a LangGraph graph, a factory 'make_graph(tools)', or 'async def agent(message, tools)'",
    )


def agent(ref: str) -> Any:
    """The object behind an agent reference: a built-in name, `module:attr`, `./file.py:attr`, `langgraph.json#name`.

    Raises `UsageError` that says what is wrong with the reference.
    """
    if "#" in ref and ref.partition("#")[0].endswith(".json"):
        return _from_langgraph_json(ref)
    if ":" in ref:
        return attribute(ref)
    if ref.endswith(".py"):
        raise UsageError(f"'{ref}' names a file but not what in it", remedy=f"write '{ref}:NAME'")
    if ref.endswith(".json"):
        raise UsageError(f"'{ref}' names no graph", remedy=f"write '{ref}#NAME'")
    found = module("agents", ref)
    return getattr(found, "agent", found)


def attribute(ref: str, base: Path | None = None) -> Any:
    """What `module:attr` or `path/file.py:attr` refers to."""
    place, _, name = ref.rpartition(":")
    if not place or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"'{ref}' is not a reference", remedy="write 'module:NAME' or './file.py:NAME'")
    if place.endswith(".py"):
        path = ((base or Path.cwd()) / place).resolve()
        if not path.is_file():
            raise UsageError(f"there is no file '{place}'", where=ref)
        # Two files of the same name in different folders are two modules.
        unique = f"agentbench_target_{path.stem}_{seeds.digest(str(path))[:8]}"
        loaded = _guarded(place, lambda: _load_file(path, unique))
    else:
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        loaded = _guarded(place, lambda: importlib.import_module(place))
    for part in name.split("."):
        if not hasattr(loaded, part):
            known = [each for each in vars(loaded) if not each.startswith("_")] if hasattr(loaded, "__dict__") else []
            raise UsageError(f"'{place}' has no '{part}'", where=ref, remedy=documents.closest(part, known))
        loaded = getattr(loaded, part)
    return loaded


def _from_langgraph_json(ref: str) -> Any:
    text, _, name = ref.partition("#")
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"there is no file '{text}'", where=ref)
    try:
        graphs = json.loads(path.read_text("utf-8"))["graphs"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        graphs = None
    if not isinstance(graphs, dict):
        raise UsageError("this is not a langgraph.json with 'graphs'", where=text) from None
    if name not in graphs:
        raise UsageError(f"there is no graph '{name}'", where=text, remedy=documents.closest(name, list(graphs)))
    entry = graphs[name]
    target = entry.get("path") if isinstance(entry, dict) else entry
    if not isinstance(target, str):
        raise UsageError(f"the graph '{name}' has no path", where=text, remedy="write './file.py:NAME'")
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return attribute(target, base=path.parent)


def _files(kind: Kind) -> Iterator[tuple[str, Path]]:
    seen: set[str] = set()
    for folder in folders(kind):
        for path in sorted(folder.iterdir()):
            name = path.stem
            if name.startswith(("_", ".")) or name in seen or not _is_plugin(kind, path):
                continue
            seen.add(name)
            yield name, path


def _is_plugin(kind: Kind, path: Path) -> bool:
    match kind:
        case "environments":
            return (path / "environment.py").is_file()
        case "profiles":
            return path.suffix == ".yaml"
        case "scenarios":
            return path.is_dir()
        case _:
            return path.suffix == ".py" or (path / "__init__.py").is_file()


def _points(kind: Kind) -> list[Any]:
    return list(entry_points(group=f"agentbench.{kind}"))


@cache
def _adapter_of(made: type[Fault]) -> pydantic.TypeAdapter[Fault]:
    return pydantic.TypeAdapter(made)


def _named(made: Environment, name: str) -> Environment:
    made.name = name
    return made


def _load_file(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {path}")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    folder = str(path.parent)
    added = folder not in sys.path
    if added:  # so that an agent's file can import its neighbours
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return loaded


def _load_folder(folder: Path, name: str) -> ModuleType:
    """The folder as a package, so that `environment.py` may import its neighbours with `from . import data`."""
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    outer = name.partition(".")[0]  # `from . import …` asks for the outermost package too
    sys.modules.setdefault(outer, ModuleType(outer)).__path__ = []
    for known in [each for each in sys.modules if each.startswith(f"{name}.")]:
        del sys.modules[known]
    return importlib.import_module(f"{name}.environment")


def _guarded(place: str, load: Any) -> Any:
    try:
        return load()
    except UsageError:
        raise
    except ModuleNotFoundError as error:
        raise UsageError(
            f"cannot be imported: {documents.shown(str(error))}", where=place, remedy="install it or correct the name"
        ) from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"fails on import: {_one_line(error)}", where=_place_of(error, place)) from error


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - trust boundary: an exception of the user's own code
        text = ""
    name = type(error).__name__
    return documents.shown(f"{name}: {text}" if text else name)


def _place_of(error: BaseException, place: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    trace = error.__traceback__
    last = place
    files: tuple[str, ...] = (place.rpartition("/")[2],)
    if not place.endswith(".py"):  # a module's dotted name
        files = tuple(f"/{place.replace('.', '/')}{ending}" for ending in (".py", "/__init__.py"))
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(files):
            last = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return last


def _unknown(kind: Kind, name: str) -> UsageError:
    word = _SINGULAR[kind]
    return UsageError(f"there is no {word} '{name}'", remedy=documents.closest(name, names(kind)))
