"""Holds the documents to the code: what there is is documented, what is documented is there, and examples run."""

import importlib
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from agentbench import metrics, plan, plugins
from agentbench.cli import VERBS
from agentbench.cli.settings import KEYS
from agentbench.outcomes import UTILITY
from agentbench.witness import landings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "docker").glob("*.md")])
WORLDS = sorted((ROOT / "environments").glob("*/README.md"))
KINDS: tuple[plugins.Kind, ...] = ("faults", "adapters", "agents", "sandboxes", "environments", "profiles")
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (?P<name>[\w./-]+\.\w+)\n")


@cache
def _text(*pages: Path) -> str:
    return "\n".join(page.read_text("utf-8") for page in pages)


def _all() -> str:
    return _text(*PAGES)


@cache
def _reference() -> Any:
    """docs/reference.py, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("docs_reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _command(verb: str) -> click.Command:
    command: click.Command = getattr(importlib.import_module(f"agentbench.cli.{VERBS[verb]}"), f"{verb}_command")
    return command


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


# -- what there is is documented -----------------------------------------------------------------------


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=_id)
def test_generated_parts_are_fresh(page: Path) -> None:
    """What docs/reference.py writes into a page is what the code says today."""
    text = page.read_text("utf-8")
    assert _reference().written(text) == text, f"run 'python docs/reference.py': {page.name} is stale"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_is_documented(verb: str) -> None:
    """Each command is in the README and in docs/commands.md, with all its options."""
    assert f"`{verb}`" in _text(ROOT / "README.md")
    section = _text(DOCS / "commands.md").split(f"## `{verb}`")[1].split("\n## ")[0]
    for parameter in _command(verb).params:
        for name in parameter.opts if isinstance(parameter, click.Option) else ():
            assert f"`{name}`" in section, f"{verb} {name}"


def test_every_verb_has_help() -> None:
    """Each command and each option says what it does."""
    for verb in VERBS:
        command = _command(verb)
        assert command.help
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, f"{verb} {parameter.name}"


def test_every_setting_is_documented() -> None:
    """Each key of [tool.agentbench] is shown in docs/commands.md."""
    for key in KEYS:
        assert f"\n{key} = " in _text(DOCS / "commands.md"), key


@pytest.mark.parametrize("kind", KINDS)
def test_every_plugin_is_documented(kind: plugins.Kind) -> None:
    """Each bundled plugin is named in the README and on a page."""
    for name in plugins.names(kind):
        assert f"`{name}`" in _text(ROOT / "README.md"), f"{kind}: {name} is not in the README"
        assert f"`{name}`" in _text(*DOCS.glob("*.md")), f"{kind}: {name} is on no page"


def test_every_environment_has_a_page() -> None:
    """Each bundled environment has a README that names all its tools."""
    assert [path.parent.name for path in WORLDS] == plugins.names("environments")
    for path in WORLDS:
        for tool in plugins.environment(path.parent.name).tools:
            assert f"`{tool}`" in path.read_text("utf-8"), f"{path.parent.name}: {tool}"


@pytest.mark.parametrize("name", plugins.names("faults"))
def test_every_fault_and_parameter_is_in_the_catalogue(name: str) -> None:
    """Each fault has a section in docs/faults.md that names its parameters and its witness."""
    made = plugins.fault_class(name)
    section = _text(DOCS / "faults.md").split(f"\n## {name}\n")[1].split("\n## ")[0]
    for parameter in plugins.parameter_names(made):
        assert f"`{parameter}`" in section, f"{name}: {parameter}"
    assert f"`{made.witness}`" in section


def test_every_key_is_in_the_references() -> None:
    """Each key of a scenario and of a faultload is on its page, with the model that it belongs to."""
    reference = _reference()
    for page, models in (("scenarios.md", reference.SCENARIO_MODELS), ("faultloads.md", reference.FAULTLOAD_MODELS)):
        text = _text(DOCS / page)
        for model in models:
            section = text.split(f"\n### {model.__name__}\n")[1].split("\n### ")[0]
            for name, field in model.model_fields.items():
                key = field.alias or name
                assert f"| `{key}` |" in section or (model.__name__, key) == ("Scenario", "id"), f"{model}: {key}"


def test_every_model_is_in_a_reference() -> None:
    """No model that can be written in YAML is left out of the two references."""
    from agentbench import faultload, scenario
    from agentbench.documents import Strict

    reference = _reference()
    known = {*reference.SCENARIO_MODELS, *reference.FAULTLOAD_MODELS}
    for module in (scenario, faultload):
        for made in vars(module).values():
            if isinstance(made, type) and issubclass(made, Strict) and made is not Strict:
                assert made in known, made.__name__


def test_every_measure_and_outcome_is_documented() -> None:
    """Each measure, outcome and witness is on docs/outcomes.md."""
    text = _text(DOCS / "outcomes.md")
    for name in metrics.METRICS:
        assert f"\n### `{name}`\n" in text, name
    for outcome in (*UTILITY, "degraded"):
        assert f"| `{outcome}` |" in text, outcome
    for witness in {plugins.fault_class(name).witness for name in plugins.names("faults")}:
        assert f"| `{witness}` |" in text, witness
    assert landings.__doc__


def test_the_words_are_those_of_the_state_machine() -> None:
    """The states of an injection and the kinds of an ending are documented under their own names."""
    from typing import get_args

    from agentbench.judgement import InjectionState
    from agentbench.record import EndingKind

    for state in get_args(InjectionState):
        assert f"| `{state}` |" in _text(DOCS / "outcomes.md"), state
    for kind in get_args(EndingKind):
        assert f"`{kind}`" in _text(DOCS / "records.md"), kind


def test_changelog_has_a_section() -> None:
    """The changelog has an Unreleased section or one of the present version."""
    from agentbench import __version__

    assert re.search(rf"^## (Unreleased|\[?{re.escape(__version__)})", _text(ROOT / "CHANGELOG.md"), re.MULTILINE)


def test_licence_is_whole() -> None:
    """LICENSE is the text of Apache-2.0 that the metadata names."""
    text = _text(ROOT / "LICENSE")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


# -- what is documented is there -----------------------------------------------------------------------


def _anchor(heading: str) -> str:
    """The anchor that a forge makes of a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", text))


@pytest.mark.parametrize("page", [*PAGES, *WORLDS], ids=_id)
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file that is there, and to a heading that is on it."""
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        path = (page.parent / place).resolve() if place else page
        assert path.exists(), f"{_id(page)}: {target}"
        if anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
            assert anchor in {_anchor(each) for each in headings}, f"{_id(page)}: {target}"


def test_documented_environment_variables_exist() -> None:
    """Every AGENTBENCH_ variable in the documents is one that the code or the tests read."""
    sources = _text(*(ROOT / "agentbench").rglob("*.py"), ROOT / "tests" / "conftest.py")
    for name in set(re.findall(r"\bAGENTBENCH_[A-Z]+\b", _all())):
        assert name in sources, name


def test_documented_make_targets_exist() -> None:
    """Every `make` command in the documents is a target, and CI runs the README's test command."""
    targets = set(re.findall(r"^([a-z][\w-]*):", _text(ROOT / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"^make (\w+)|`make (\w+)`", _all(), re.MULTILINE))
    wanted = {name for pair in named for name in pair if name}
    assert {"run", "test"} <= wanted <= targets
    assert "\nmake test\n" in _text(ROOT / ".ci" / "run")


def test_report_picture_is_small() -> None:
    """The one picture is a PNG that does not weigh the repository down."""
    data = (DOCS / "report.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) <= 300_000


# -- examples run --------------------------------------------------------------------------------------


def _commands(block: str) -> list[str]:
    """What a reader would type: the lines after `$`."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def _shell(command: str, folder: Path) -> str:
    """Run a documented command as a reader would; fails unless it exits with 0."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        ["sh", "-ec", command.replace(".venv/bin/agentbench", "agentbench")],
        cwd=folder, env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "tutorial.md"], ids=_id)
def test_examples_run(page: Path, tmp_path: Path) -> None:
    """Every Python block is saved or executed and every console block is run, one after another, outside the checkout.

    What a block shows of a command's output is what the command prints, but for numbers, which belong to the
    scenarios and change with them.
    """
    ran = 0
    for block in FENCE.finditer(page.read_text("utf-8")):
        language, body = block["language"], block["body"]
        named = NAMED.match(body)
        if language in ("python", "yaml") and named:
            (tmp_path / named["name"]).write_text(body, "utf-8")
        elif language == "python":
            exec(compile(body, page.name, "exec"), {"__name__": "__main__"})
        elif language == "console":
            printed = "".join(_shell(command, tmp_path) for command in _commands(body))
            _compare(body, printed)
            ran += 1
    assert ran >= 3, "the page shows no commands"


def test_the_scenario_page_is_a_scenario(tmp_path: Path) -> None:
    """The parts that docs/scenarios.md shows, put together, are a scenario that passes every proof."""
    parts = [block["body"] for block in FENCE.finditer(_text(DOCS / "scenarios.md")) if block["language"] == "yaml"]
    path = tmp_path / "scenarios" / "bank" / "october.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("".join(parts), "utf-8")
    assert "ok" in _shell("agentbench validate bank.october", tmp_path)


def test_the_faultload_page_is_a_faultload(tmp_path: Path) -> None:
    """The faultload that docs/faultloads.md shows is read, and lands."""
    (tmp_path / "load.yaml").write_text(FENCE.search(_text(DOCS / "faultloads.md"))["body"], "utf-8")  # type: ignore[index]
    _shell("agentbench plan bank.rent_and_receipt -a careful --faults load.yaml", tmp_path)


def test_the_faultloads_of_the_choosing_page_are_planned(tmp_path: Path) -> None:
    """Each faultload of docs/choosing-faults.md strikes in a bundled scenario, and each fault it names exists."""
    text = _text(DOCS / "choosing-faults.md")
    blocks = [block["body"] for block in FENCE.finditer(text) if block["language"] == "yaml"]
    assert len(blocks) >= 9
    for number, body in enumerate(blocks):
        path = tmp_path / f"load-{number}.yaml"
        path.write_text(body, "utf-8")
        made = plan.make(
            scenarios={"bank.rent_and_receipt": plugins.scenarios()["bank.rent_and_receipt"]},
            agents=[plan.PlannedAgent(name="oracle", ref="oracle")], profile=plugins.profile(str(path)),
            trials=1, seed=1, clock="auto", sandbox="inprocess",
        )  # fmt: skip
        assert len(made.trials) == 2, body
    table = text.partition("| your worry |")[2].partition("\n## ")[0]
    for row in table.splitlines()[2:]:
        for name in re.findall(r"`([a-z_]+)`", row.split("|")[2] if row.count("|") > 3 else ""):
            assert name in plugins.names("faults"), name


def test_the_broken_injector_of_the_proofs_page_is_found_out(tmp_path: Path) -> None:
    """The plugin and the faultload of docs/proofs.md give an invalid trial and no faulted one, as the page says."""
    python, yaml = (
        block["body"] for block in FENCE.finditer(_text(DOCS / "proofs.md")) if block["language"] != "console"
    )
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "broken_outage.py").write_text(python, "utf-8")
    (tmp_path / "broken.yaml").write_text(yaml, "utf-8")
    command = "AGENTBENCH_PATH=. agentbench run bank.rent_and_receipt -a careful --faults broken.yaml"
    assert f"$ {command}\n" in _text(DOCS / "proofs.md")
    made = json.loads(_shell(f"{command} --json", tmp_path))
    assert made["trials"].items() >= {"planned": 2, "valid": 1, "invalid": 1}.items()
    assert made["faults"]["witnessed"] == 0


def test_agents_of_the_agents_page_run(tmp_path: Path) -> None:
    """Each agent of docs/agents.md that needs no API key runs as it stands there."""
    blocks = [block["body"] for block in FENCE.finditer(_text(DOCS / "agents.md")) if block["language"] == "python"]
    runnable = [body for body in blocks if "init_chat_model" not in body]
    assert len(runnable) == 3
    for body in blocks:
        compile(body, "agents.md", "exec")
    for number, body in enumerate(runnable):
        name = re.findall(r"^(?:async )?def (\w+)", body, re.MULTILINE)[-1]
        (tmp_path / f"agent_{number}.py").write_text(body, "utf-8")
        _shell(f"agentbench run bank.gym_switch -a ./agent_{number}.py:{name} --faults none --out r{number}", tmp_path)


def _compare(block: str, printed: str) -> None:
    """What the block shows of the output was printed, numbers and line breaks aside."""
    lines = [line for line in block.splitlines() if not line.startswith(("$ ", "run: ", "report: "))]
    for part in "\n".join(lines).split("…"):
        assert _bare(part) in _bare(printed), f"not printed:\n{part}\nbut:\n{printed}"


def _bare(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{12}\b|[\d,.<]+|[—–−¹²³⁴⁵─%\s]", "", text)
