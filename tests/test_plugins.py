"""Every way to name a plugin or an agent, and every way to name it wrongly: one line with a remedy."""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from agentbench import plugins
from agentbench.environment import Environment
from agentbench.errors import UsageError

AGENT = '''"""An agent that greets."""

async def agent(message, tools):
    return "hello"

class Box:
    inner = agent
'''
ENVIRONMENT = """from agentbench.environment import Environment
from . import data

environment = Environment(summary=data.SUMMARY, schema="CREATE TABLE a (id TEXT PRIMARY KEY)", populate=lambda w, r: 0)
"""
FAULT = '''"""Nothing."""
from dataclasses import dataclass

@dataclass(frozen=True, kw_only=True)
class Quiet:
    """It does nothing."""

    from_: int = 1
    size: int = 2

fault = Quiet
'''
FAULTLOAD = "injections: [{fault: outage, with: {status: 503}}]"


@pytest.fixture(autouse=True)
def _imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports is forgotten after it."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith(("agentbench.", "langgraph", "langchain")):
            del sys.modules[name]


def write(name: str, text: str) -> Path:
    """A file in the working directory."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def offer(monkeypatch: pytest.MonkeyPatch, kind: str, name: str, value: str) -> None:
    """An installed package that offers one plugin."""
    point = EntryPoint(name, value, f"agentbench.{kind}")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == point.group else [])
    sys.path.insert(0, str(Path.cwd()))


def mistake(call, *arguments) -> UsageError:
    """The usage error that a call raises; its text is one line."""
    with pytest.raises(UsageError) as raised:
        call(*arguments)
    assert "\n" not in str(raised.value)
    return raised.value


# -- agents: right -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", plugins.names("agents"))
def test_a_built_in_agent_is_found_by_its_name(name: str) -> None:
    """Each bundled agent can be loaded, says what it is, and some adapter drives it."""
    target = plugins.agent(name)
    assert plugins.summary("agents", name)
    assert plugins.adapter_for(target, name)[0] in plugins.names("adapters")


@pytest.mark.parametrize("ref", ["./mine.py:agent", "mine.py:agent", "mine:agent", "mine:Box.inner", "deep.er:agent"])
def test_an_agent_is_named_by_module_or_file(ref: str) -> None:
    """A file, a module of the working directory, a nested module and a nested attribute are references."""
    write("mine.py", AGENT)
    write("deep/er.py", AGENT)
    assert plugins.agent(ref).__name__ == "agent"


def test_an_absolute_path_is_a_reference(tmp_path: Path) -> None:
    """A file outside the working directory is named by its whole path."""
    write("far/mine.py", AGENT)
    assert plugins.agent(f"{tmp_path}/far/mine.py:agent").__name__ == "agent"


def test_an_agent_file_may_import_its_neighbours() -> None:
    """The folder of the file is on the path, as when Python runs it."""
    write("app/mine.py", "from neighbour import GREETING\nasync def agent(message, tools): return GREETING")
    write("app/neighbour.py", "GREETING = 'hi'")
    assert plugins.agent("./app/mine.py:GREETING") == "hi"


def test_files_of_one_name_in_two_folders_are_two_agents() -> None:
    """The second is not mistaken for the first."""
    for folder in ("a", "b"):
        write(f"{folder}/mine.py", f"which = '{folder}'")
    assert [plugins.agent(f"./{folder}/mine.py:which") for folder in ("a", "b")] == ["a", "b"]


@pytest.mark.parametrize("entry", ["./graph.py:agent", {"path": "./graph.py:agent"}])
def test_a_graph_is_named_by_langgraph_json(entry: object) -> None:
    """`langgraph.json#name` is read relative to that file, in both shapes that LangGraph knows."""
    write("project/graph.py", AGENT)
    write("project/langgraph.json", json.dumps({"graphs": {"main": entry}}))
    assert plugins.agent("project/langgraph.json#main").__name__ == "agent"


def test_an_agent_of_the_search_path_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """AGENTBENCH_PATH comes before what agentbench brings, its first folder first, and adds names."""
    for folder in ("one", "two"):
        for name in ("naive", f"only_{folder}"):
            write(f"{folder}/agents/{name}.py", f'"""Mine."""\nagent = "{folder}"')
    monkeypatch.setenv("AGENTBENCH_PATH", "one:two:missing:")
    assert plugins.agent("naive") == "one"
    assert plugins.agent("only_two") == "two"
    assert {"naive", "only_one", "only_two", "careful"} <= set(plugins.names("agents"))
    assert plugins.summary("agents", "only_one") == "Mine."


def test_an_agents_folder_in_the_working_directory_is_the_users_own() -> None:
    """A user's `agents/` package is no folder of plugins; an environment's or a scenario's folder is."""
    write("agents/naive.py", "raise RuntimeError")
    write("environments/shop/environment.py", ENVIRONMENT)
    write("environments/shop/data.py", "SUMMARY = 'A shop.'")
    assert plugins.agent("naive") is not None
    assert "shop" in plugins.names("environments")


def test_an_entry_point_is_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installed package offers is listed and loaded by its name, as module or as object."""
    write("package_of_theirs.py", AGENT)
    offer(monkeypatch, "agents", "theirs", "package_of_theirs")
    assert "theirs" in plugins.names("agents")
    assert plugins.agent("theirs").__name__ == "agent"
    assert plugins.summary("agents", "theirs") == "An agent that greets."
    offer(monkeypatch, "agents", "theirs", "package_of_theirs:Box")
    assert plugins.agent("theirs").__name__ == "Box"


# -- agents: wrong -------------------------------------------------------------------------------------

WRONG_AGENTS = [
    ("navie", "there is no agent 'navie'", "did you mean 'naive'?"),
    ("mine.py", "'mine.py' names a file but not what in it", "write 'mine.py:NAME'"),
    ("langgraph.json", "'langgraph.json' names no graph", "write 'langgraph.json#NAME'"),
    (":agent", "':agent' is not a reference", "write 'module:NAME' or './file.py:NAME'"),
    ("mine:", "'mine:' is not a reference", "write 'module:NAME' or './file.py:NAME'"),
    ("mine:a b", "'mine:a b' is not a reference", "write 'module:NAME' or './file.py:NAME'"),
    ("./absent.py:agent", "./absent.py:agent: there is no file './absent.py'", ""),
    ("mine:agnet", "mine:agnet: 'mine' has no 'agnet'", "did you mean 'agent'?"),
    ("./mine.py:Box.iner", "'./mine.py' has no 'iner'", "did you mean 'inner'?"),
    ("absent_module:agent", "absent_module: cannot be imported: No module named 'absent_module'", "install it"),
    ("./needy.py:agent", "./needy.py: cannot be imported: No module named 'absent_framework'", "install it"),
    ("./fails.py:agent", "fails.py:2: fails on import: RuntimeError: no key for the model", ""),
    ("fails:agent", "fails.py:2: fails on import: RuntimeError", ""),
    ("./typo.py:agent", "typo.py:1: fails on import: SyntaxError", ""),
    ("./exits.py:agent", "fails on import: SystemExit: 3", ""),
    ("./odd.py:agent", "fails on import: Odd", ""),
    ("absent.json#main", "absent.json#main: there is no file 'absent.json'", ""),
    ("text.json#main", "text.json: this is not a langgraph.json with 'graphs'", ""),
    ("list.json#main", "list.json: this is not a langgraph.json with 'graphs'", ""),
    ("flat.json#main", "flat.json: this is not a langgraph.json with 'graphs'", ""),
    ("langgraph.json#mian", "langgraph.json: there is no graph 'mian'", "did you mean 'main'?"),
    ("langgraph.json#pathless", "the graph 'pathless' has no path", "write './file.py:NAME'"),
    ("langgraph.json#main", "there is no file './gone.py'", ""),
]


@pytest.mark.parametrize(("ref", "problem", "remedy"), WRONG_AGENTS, ids=[ref for ref, _, _ in WRONG_AGENTS])
def test_a_wrong_reference_is_one_clear_line(ref: str, problem: str, remedy: str) -> None:
    """The line says what is wrong, where, and what to write instead where that can be said."""
    write("mine.py", AGENT)
    write("fails.py", "agent = 1\nraise RuntimeError('no key\\n for the\\tmodel')")
    write("needy.py", "import absent_framework")
    write("typo.py", "def agent(:\n")
    write("exits.py", "raise SystemExit(3)")
    write("odd.py", "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd")
    write("text.json", "{not json")
    write("list.json", "[1]")
    write("flat.json", '{"graphs": 1}')
    write("langgraph.json", '{"graphs": {"main": "./gone.py:graph", "pathless": {"env": 1}}}')
    error = mistake(plugins.agent, ref)
    assert problem in str(error)
    assert remedy in error.remedy


def test_a_failed_import_leaves_nothing_behind() -> None:
    """A file that is put right loads in the same process."""
    write("mine.py", "raise ValueError")
    mistake(plugins.agent, "./mine.py:agent")
    write("mine.py", AGENT)
    assert plugins.agent("./mine.py:agent").__name__ == "agent"


def test_what_no_adapter_drives_is_said() -> None:
    """An object that is no agent is refused with the shapes that are."""
    error = mistake(plugins.adapter_for, 7, "mine:seven")
    assert error.problem == "agentbench does not know how to drive 'mine:seven' (a int)"
    assert "async def agent(message, tools)" in error.remedy


def test_an_interrupt_is_not_swallowed() -> None:
    """Ctrl-C during an import ends the program and is no mistake of the file."""
    write("slow.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins.agent("./slow.py:agent")


# -- environments, scenarios, sandboxes ----------------------------------------------------------------


def test_an_environment_is_a_folder_that_may_have_neighbours() -> None:
    """It is named after its folder, imports beside itself, and is loaded once."""
    write("environments/shop/environment.py", ENVIRONMENT)
    write("environments/shop/data.py", "SUMMARY = 'A shop.'")
    found = plugins.environment("shop")
    assert (found.name, plugins.summary("environments", "shop")) == ("shop", "A shop.")
    assert plugins.environment("shop") is found


def test_a_wrong_environment_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name nobody has, a module without one, a module that fails, and an entry point of another type."""
    assert mistake(plugins.environment, "bnak").remedy == "did you mean 'bank'?"
    write("environments/empty/environment.py", "environment = 1")
    error = mistake(plugins.environment, "empty")
    assert "empty/environment.py: the module has no 'environment'" in str(error)
    assert error.remedy == "write 'environment = Environment(…)'"
    write("environments/fails/environment.py", "\n\n1 / 0")
    assert "fails/environment.py:3: fails on import: ZeroDivisionError" in str(mistake(plugins.environment, "fails"))
    offer(monkeypatch, "environments", "theirs", "json:loads")
    assert str(mistake(plugins.environment, "theirs")) == "json:loads: this entry point is not an environment"


def test_an_environment_may_be_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the name of the entry point."""
    write("shop_package.py", ENVIRONMENT.replace("from . import data\n", "").replace("data.SUMMARY", "'A shop.'"))
    offer(monkeypatch, "environments", "theirs", "shop_package:environment")
    found = plugins.environment("theirs")
    assert isinstance(found, Environment)
    assert found.name == "theirs"


def test_scenarios_are_found_by_id_and_mine_win() -> None:
    """The id is folder and file name; a scenario of the working directory replaces the bundled one."""
    assert "bank.rent_and_receipt" in plugins.scenarios()
    mine = write("scenarios/bank/rent_and_receipt.yaml", "")
    write("scenarios/bank/another.yaml", "")
    found = plugins.scenarios()
    assert found["bank.rent_and_receipt"].resolve() == mine.resolve()
    assert "bank.another" in found
    assert list(found) == sorted(found)


def test_a_sandbox_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name and a file that defines none are told; an entry point may be the class itself."""
    assert plugins.sandbox_class("inprocess").__name__ == "Sandbox"
    assert mistake(plugins.sandbox_class, "inproces").remedy == "did you mean 'inprocess'?"
    offer(monkeypatch, "sandboxes", "theirs", "json:JSONDecoder")
    assert plugins.sandbox_class("theirs") is json.JSONDecoder
    write("more/sandboxes/empty.py", "")
    monkeypatch.setenv("AGENTBENCH_PATH", "more")
    error = mistake(plugins.sandbox_class, "empty")
    assert "more/sandboxes/empty.py: the sandbox 'empty' has no 'Sandbox'" in str(error)
    assert error.remedy == "define 'Sandbox' in it"


# -- faults and profiles -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", plugins.names("faults"))
def test_a_bundled_fault_is_made_from_nothing(name: str) -> None:
    """Every fault has a default for each parameter, and can be named with all of them."""
    made = plugins.fault(name, {})
    assert type(made) is plugins.fault_class(name)
    for parameter in plugins.parameter_names(type(made)):
        assert not parameter.endswith("_")


def test_a_fault_is_named_by_module_or_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """`module:attr`, `./file.py:attr` and a file of the search path give the same class by name."""
    write("more/faults/quiet.py", FAULT)
    write("quiet_module.py", FAULT)
    monkeypatch.setenv("AGENTBENCH_PATH", "more")
    for ref in ("quiet", "quiet_module:fault", "./quiet_module.py:Quiet"):
        assert plugins.fault_class(ref).__name__ == "Quiet"
        assert plugins.parameter_names(plugins.fault_class(ref)) == ["from", "size"]


WRONG_FAULTS = [
    ("outgae", {}, "there is no fault 'outgae'", "did you mean 'outage'?"),
    ("json:loads", {}, "the fault 'json:loads' is not a dataclass", "end its file with 'fault = ClassName'"),
    ("outage", {"statsu": 503}, "the fault 'outage' has no parameter 'statsu'", "did you mean 'status'?"),
    ("outage", {"status": 200}, "parameter 'status' of the fault 'outage' is wrong", ""),
    ("outage", {"as": 5}, "parameter 'as' of the fault 'outage' is wrong", ""),
    ("outage", {"as_": "reset"}, "the fault 'outage' has no parameter 'as_'", "did you mean 'as'?"),
]


@pytest.mark.parametrize(("name", "parameters", "problem", "remedy"), WRONG_FAULTS)
def test_a_wrong_fault_is_one_clear_line(name, parameters, problem, remedy) -> None:
    """An unknown fault, a thing that is none, an unknown parameter and a wrong value are told apart."""
    error = mistake(plugins.fault, name, parameters)
    assert problem in error.problem
    assert remedy in error.remedy


@pytest.mark.parametrize("name", plugins.names("profiles"))
def test_a_bundled_profile_is_found_by_its_name(name: str) -> None:
    """Each bundled profile can be read and is named after its file."""
    assert plugins.profile(name).name == name


def test_a_file_of_injections_is_a_profile_of_one_faultload() -> None:
    """It is called `custom` unless it names itself."""
    write("load.yaml", FAULTLOAD)
    made = plugins.profile("load.yaml")
    assert (made.name, [load.name for load in made.faultloads]) == ("custom", ["custom"])
    write("named.yml", f"name: mine\nsummary: Bad day.\n{FAULTLOAD}")
    made = plugins.profile("./named.yml")
    assert (made.name, made.summary, made.faultloads[0].name) == ("mine", "Bad day.", "mine")


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("injections:\n  - fault: outage\n  - fault: outgae", "x.yaml:3", "there is no fault 'outgae'"),
        ("injections:\n  - fault: outage\n    with: {size: 1}", "x.yaml:3", "the fault 'outage' has no parameter"),
        ("name: x\nfaultloads:\n  - name: y\n    injections:\n      - fault: a", "x.yaml:5", "there is no fault 'a'"),
    ],
)
def test_a_wrong_injection_is_found_when_the_profile_is_read(text: str, where: str, problem: str) -> None:
    """Before anything runs, the line of the injection is named."""
    write("x.yaml", text)
    error = mistake(plugins.profile, "x.yaml")
    assert error.where == where
    assert error.problem.startswith(problem)


def test_a_profile_that_is_nowhere_is_told() -> None:
    """An unknown name gets a suggestion, an absent file the plain fact."""
    assert mistake(plugins.profile, "defualt").remedy == "did you mean 'default'?"
    assert str(mistake(plugins.profile, "gone.yaml")) == "gone.yaml: there is no such file"
