"""Holds the code to the repository's own rules: who may import whom, how long things may be, what is done where."""

import ast
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "agentbench"

# From the ground up. A module imports its own floor and lower ones; a package is named as a whole.
FLOORS: dict[str, set[str]] = {
    "words": {
        "rewording",
        "errors",
        "calls",
        "answers",
        "giveaways",
        "copying",
        "seeds",
        "clock",
        "record",
        "judgement",
        "stats",
        "shrink",
        "semconv",
        "otlp",
    },
    "contracts": {
        "documents",
        "world",
        "environment",
        "faultload",
        "schedule",
        "scenario",
        "goals",
        "abc",
        "deeds",
        "plugins",
        "claiming",
        "collector",
    },
    "plugins": {"faults", "adapters", "agents"},
    "definition": {"validation", "reach", "attainment", "luring", "plan", "reduction", "store", "sweep"},
    "execution": {
        "enacting",
        "injector",
        "gateway",
        "conversation",
        "script",
        "stage",
        "trial",
        "worker",
        "runner",
        "surroundings",
        "continuation",
        "following",
        "sandboxes",
        "situations",
        "realism",
    },
    "evaluation": {
        "checks",
        "consent",
        "scene",
        "aftermath",
        "intrusion",
        "timetable",
        "continuity",
        "coping",
        "witness",
        "outcomes",
        "pairing",
        "metrics",
        "measure",
        "coverage",
    },
    "showing": {"report", "tracing"},
    "edge": {"cli", "__main__"},
}
FLOOR_OF = {module: name for name, modules in FLOORS.items() for module in modules}
ORDER = list(FLOORS)
KINDS = {"faults", "adapters", "agents", "sandboxes"}

# Who may not be reached, however indirectly, by an import that is done when the module is loaded.
WALLS: dict[str, set[str]] = {
    "evaluation": FLOORS["execution"] | KINDS,
    "execution": FLOORS["evaluation"] | FLOORS["showing"],
    "showing": FLOORS["execution"] | KINDS,
}

BANNED_NAMES = {"utils", "util", "common", "misc", "core", "helpers", "base_utils"}
LINES_MAX = 400
TEST_LINES_MAX = 500  # tables of cases are long
FUNCTION_LINES_MAX = 70

# What is called (or imported) -> where it may be, and what to use elsewhere.
DOORS: dict[str, tuple[set[str], str]] = {
    "random": ({"seeds.py"}, "agentbench.seeds, whose draws are keyed"),
    "time": ({"clock.py"}, "agentbench.clock, or the trial's clock"),
    "importlib": ({"plugins.py", "cli/__init__.py", "cli/doctoring.py"}, "agentbench.plugins"),
}
BANNED_CALLS: dict[str, tuple[set[str], str]] = {
    r"(datetime|date)\.(now|utcnow|today)": ({"clock.py"}, "agentbench.clock.wall_now, or World.now"),
    r"(random\.)?(Random|SystemRandom)": ({"seeds.py"}, "agentbench.seeds.derive"),
    r"print|(rich\.)?print": (set(), "agentbench.cli.console"),
    r"sys\.std(out|err)\.write": ({"cli/console.py"}, "agentbench.cli.console"),
    r"eval|exec|(pickle|marshal)\.loads?": (set(), "data, not code"),
    r"yaml\.(load|unsafe_load|full_load)": (set(), "agentbench.documents.load"),
}

# Modules without a test file of their own name, and what tests them instead. This list may only shrink.
NO_MIRROR = {
    "abc": "contracts without behaviour; test_extension_cost keeps one of each kind",
    "deeds": "a contract without behaviour; test_enacting holds what carries it out to it",
    "errors": "shapes; the tests of what raises them read their text",
    "cli.concluding": "what run, measure and report have in common; test_running and test_judging drive it",
    "collector": "test_tracing, which reads the spans that it collects",
    "judgement": "shapes without behaviour",
    "otlp": "test_tracing, which decodes its lines with the protocol's own classes",
    "report.sections": "test_html and test_browser, which read the whole page",
    "scene": "test_witness and test_aftermath, whose witnesses see by it",
    "semconv": "names without behaviour; test_tracing holds the spans to them",
    "__main__": "one call of the command line, which tests/cli makes",
}


@cache
def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "bundled" not in path.parts)


@cache
def _known() -> dict[str, Path]:
    return {_dotted(path): path for path in _modules()}


def _sources() -> list[Path]:
    return [*_modules(), *sorted((ROOT / "environments").rglob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py"))]


def _texts() -> Iterator[Path]:
    """Every file that a person wrote."""
    hidden = {".ci/run", ".gitignore"}
    for path in sorted(ROOT.rglob("*")):
        place = path.relative_to(ROOT)
        visible = str(place) in hidden or not any(part.startswith(".") for part in place.parts)
        made = {"runs", "__pycache__", "dist", "build"} & set(place.parts)
        if path.is_file() and visible and not made and path.suffix not in {".png", ".pyc", ".lock"}:
            yield path


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _part(path: Path) -> str:
    """The top-level module or package of agentbench that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def _typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@cache
def _imports(path: Path, *, lazy: bool) -> list[tuple[str, int]]:
    """Modules of agentbench that a file imports, with the line; `lazy` ones are imported inside functions."""
    found: list[tuple[str, int]] = []
    stack: list[ast.AST] = list(_tree(path).body)
    while stack:
        node = stack.pop()
        inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if _typing_only(node) or (inner and not lazy):
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        for name in names:
            dotted = name.removeprefix("agentbench.")
            if name.startswith("agentbench.") and dotted in _known():
                found.append((dotted, node.lineno))
        stack.extend(ast.iter_child_nodes(node))
    return found


def _reachable(path: Path) -> dict[str, str]:
    """Every module of agentbench that loading a file loads, with the module that imports it."""
    found: dict[str, str] = {}
    queue = [path]
    while queue:
        here = queue.pop()
        for name, _ in _imports(here, lazy=False):
            if name not in found:
                found[name] = _dotted(here)
                queue.append(_known()[name])
    return found


# -- who imports whom ----------------------------------------------------------------------------------


def test_every_module_has_a_floor() -> None:
    """A new module is put on a floor, where people read what it may import."""
    parts = {_part(path) for path in _modules()} - {"__init__"}
    assert parts - set(FLOOR_OF) == set(), "put these modules on a floor of FLOORS"
    assert set(FLOOR_OF) - parts == set(), "these modules of FLOORS are gone"


@pytest.mark.parametrize("path", _modules(), ids=_id)
def test_imports_go_down(path: Path) -> None:
    """A module imports only its own floor and lower ones; only the command line sees everything."""
    part = _part(path)
    if part == "__init__":
        return
    mine = ORDER.index(FLOOR_OF[part])
    for name, line in _imports(path, lazy=True):
        other = name.split(".")[0]
        assert other == part or ORDER.index(FLOOR_OF[other]) <= mine, (
            f"{_id(path)}:{line}: '{part}' ({FLOOR_OF[part]}) imports '{name}' ({FLOOR_OF[other]}), which is above it"
        )


@pytest.mark.parametrize("path", [path for path in _modules() if FLOOR_OF.get(_part(path)) in WALLS], ids=_id)
def test_walls_hold(path: Path) -> None:
    """Judging reaches no execution and no plugin, and execution reaches no judging, by any chain of imports."""
    reached = _reachable(path)
    for name, importer in reached.items():
        assert name.split(".")[0] not in WALLS[FLOOR_OF[_part(path)]], f"{_id(path)} reaches {name} through {importer}"


@pytest.mark.parametrize("path", _sources(), ids=_id)
def test_nobody_names_a_plugin(path: Path) -> None:
    """Plugins are loaded by name through `agentbench.plugins`; no module imports one of them.

    Private modules (with a leading underscore) are what plugins of one kind share. The LangGraph adapter brings
    the scripted model, and hands a plain callable to its neighbour.
    """
    owner = _part(path) if path.is_relative_to(PACKAGE) else ""
    for name, line in _imports(path, lazy=True):
        kind, _, plugin = name.partition(".")
        shared = owner == "adapters" and plugin.startswith("_")
        assert kind not in KINDS or not plugin or kind == owner or shared, (
            f"{_id(path)}:{line}: imports the plugin '{name}'"
        )


def test_no_import_cycles() -> None:
    """The modules can be read in an order in which each needs only those before it."""
    for path in _modules():
        mine = _dotted(path)
        chain = _reachable(path)
        assert mine not in chain, f"{mine} reaches itself through {chain[mine]}"


def test_help_loads_nothing_heavy() -> None:
    """`agentbench --help` answers before any framework is imported."""
    program = (
        "import sys; from agentbench.cli import run_command_line; code = run_command_line(['--help']); "
        "heavy = {'langgraph', 'langchain', 'langchain_core', 'opentelemetry', 'docker', 'jinja2'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"--help imports {done.stderr.strip()}"
    assert "doctor" in done.stdout


@pytest.mark.parametrize("module", ["measure", "report.html", "report.table", "tracing"])
def test_judging_needs_no_framework(module: str) -> None:
    """A stored run can be judged and shown where neither LangGraph nor Docker is installed."""
    program = (
        f"import sys; import agentbench.{module}; "
        "sys.exit(', '.join(sorted({'langgraph', 'langchain', 'langchain_core', 'docker'} & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"agentbench.{module} imports {done.stderr.strip()}"


# -- sizes and names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*_sources(), *sorted((ROOT / "tests").rglob("*.py"))], ids=_id)
def test_sizes(path: Path) -> None:
    """Files have at most 400 lines (tests 500), functions 70, and no module is a drawer for odds and ends."""
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= (TEST_LINES_MAX if path.is_relative_to(ROOT / "tests") else LINES_MAX), (
        f"{_id(path)} has {lines} lines; make it a package of the same name"
    )
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # In tests the cap is for the tests themselves; sample data may be one long literal.
            if path.is_relative_to(ROOT / "tests") and not node.name.startswith("test_"):
                continue
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{_id(path)}:{node.lineno}: {node.name} has {length} lines"
    assert not BANNED_NAMES & {part.lstrip("_").removesuffix(".py") for part in path.relative_to(ROOT).parts}


@pytest.mark.parametrize("path", _sources(), ids=_id)
def test_every_module_says_what_it_is(path: Path) -> None:
    """A module begins with a docstring, and so does everything public in it."""
    tree = _tree(path)
    assert ast.get_docstring(tree), f"{_id(path)} has no docstring"
    for node in tree.body:
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if named and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{_id(path)}:{node.lineno}: {node.name} has no docstring"


def test_every_test_states_a_behaviour() -> None:
    """Each test has a docstring of its own: the sentence that it proves."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{_id(path)}:{node.lineno}: {node.name} has no docstring"


@pytest.mark.parametrize("path", [path for path in _modules() if path.name != "__init__.py"], ids=_id)
def test_every_module_has_its_tests(path: Path) -> None:
    """The tests mirror the tree, or NO_MIRROR says what tests a module instead."""
    place = path.relative_to(PACKAGE)
    name = place.stem.lstrip("_") if place.stem != "__main__" else place.stem
    tests = ROOT / "tests"
    mirrors = [tests / place.parent / f"test_{name}.py", tests / place.parent / name]
    if len(place.parts) > 1:
        mirrors.append(tests / f"test_{place.parts[0]}.py")
    found = any(each.exists() for each in mirrors)
    dotted = _dotted(path)
    assert found != (dotted in NO_MIRROR), (
        f"write {mirrors[0].relative_to(ROOT)}" if not found else f"remove '{dotted}' from NO_MIRROR: it has a test now"
    )


# -- doors ---------------------------------------------------------------------------------------------


def _allowed(path: Path, places: set[str]) -> bool:
    return path.is_relative_to(PACKAGE) and str(path.relative_to(PACKAGE)) in places


@pytest.mark.parametrize("path", [path for path in _sources() if not path.is_relative_to(ROOT / "benchmarks")], ids=_id)
def test_doors(path: Path) -> None:
    """Randomness, time, dynamic imports and the terminal are reached through one door each."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # The generator's type may be named; making one is a call, and that is banned below.
            module = (node.module or "").split(".")[0]
            names = [] if module == "random" and {alias.name for alias in node.names} == {"Random"} else [module]
        elif isinstance(node, ast.Call):
            written = ast.unparse(node.func)
            for pattern, (places, instead) in BANNED_CALLS.items():
                if re.fullmatch(pattern, written) and not _allowed(path, places):
                    pytest.fail(f"{_id(path)}:{node.lineno}: {written}(); use {instead}")
            continue
        else:
            continue
        for name in names:
            if name in DOORS and not _allowed(path, DOORS[name][0]):
                pytest.fail(f"{_id(path)}:{node.lineno}: imports {name}; use {DOORS[name][1]}")


def test_broad_exceptions_say_why() -> None:
    """`except Exception` is for trust boundaries, and each carries the reason why it is one."""
    for path in _sources():
        lines = path.read_text("utf-8").splitlines()
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                broad = {"Exception", "BaseException"} & {
                    name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)
                }
                reraised = any(isinstance(each, ast.Raise) for each in ast.walk(node))
                told = re.search(r"# noqa: BLE001\W+\S+ \S+", lines[node.lineno - 1])
                assert not broad or reraised or told, f"{_id(path)}:{node.lineno}: say why this catches everything"


# -- words ---------------------------------------------------------------------------------------------


def _strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """String constants that are no docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


TELLTALE = re.compile(r"inject|simulat|agentbench|test\s?bed|chaos|\bfault|\bmock|\bfake", re.IGNORECASE)


@pytest.mark.parametrize(
    "path",
    [*sorted((PACKAGE / "faults").glob("*.py")), *sorted((ROOT / "environments").rglob("*.py")),
     PACKAGE / "adapters" / "_langchain.py"],
    ids=_id,
)  # fmt: skip
def test_nothing_gives_a_fault_away(path: Path) -> None:
    """No text that an agent can read says that it is in a test or that a fault was arranged."""
    for node in _strings(_tree(path)):
        assert not TELLTALE.search(node.value), f"{_id(path)}:{node.lineno}: an agent may read {node.value!r}"


def test_tools_give_nothing_away() -> None:
    """No description or parameter of a tool, docstrings included, says that the world is a test."""
    from agentbench import plugins
    from agentbench.claiming import REPORT

    specs = [tool.spec for name in plugins.names("environments") for tool in plugins.environment(name).tools.values()]
    for spec in [*specs, REPORT]:
        assert not TELLTALE.search(f"{spec.name} {spec.description} {spec.parameters}"), spec.name


# Package index hosts by their digests, so that this file names none either: of runs of the labels of a host's name.
INDEX_HOSTS = {"2960ad205cb64ff3", "3378f2e28cc4630e", "39a3d3e6643931ce", "a4aa2ac280bb8d1a"}


def _names_an_index(line: str) -> bool:
    """Whether a line holds the host name of a package index, in whole or the part that tells it."""
    for host in re.findall(r"[\w-]+(?:\.[\w-]+)+", line.lower()):
        labels = host.split(".")
        runs = (
            ".".join(labels[start:end]) for start in range(len(labels)) for end in range(start + 1, len(labels) + 1)
        )
        if any(hashlib.sha256(run.encode()).hexdigest()[:16] in INDEX_HOSTS for run in runs):
            return True
    return False


def test_no_loose_ends() -> None:
    """No file holds a reminder to do something later, nor the host name of a package index."""
    loose = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
    for path in _texts():
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert not loose.search(line), f"{_id(path)}:{number}: {line.strip()}"
            assert not _names_an_index(line), f"{_id(path)}:{number}: names a package index"
    for path in ROOT.glob("*.lock"):
        assert not any(map(_names_an_index, path.read_text("utf-8").splitlines())), f"{path.name} names a package index"


def test_hosts_are_known_by_their_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose digest is listed is found with what stands before and behind it, and no other is."""
    listed = {hashlib.sha256(part.encode()).hexdigest()[:16] for part in ("index.example", "wheelstore")}
    monkeypatch.setitem(globals(), "INDEX_HOSTS", listed)
    for line in ("see https://index.example/simple", "at files.wheelstore.test:443", "index.example.org"):
        assert _names_an_index(line)
    for line in ("see https://example.test/index", "a wheelstore", "index.examples.test"):
        assert not _names_an_index(line)
