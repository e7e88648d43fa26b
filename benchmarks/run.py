"""The performance suite: agentbench and its peers on the same work, interleaved, with ratios.

Usage: run.py [--quick]. Writes the tables of README.md; peers are installed into environments under `.venvs/`.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
import venv
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
SIDES = HERE / "sides"
WORK = HERE / ".work"
PEERS = {"inspect": "inspect-ai==0.3.285", "agentdojo": "agentdojo==0.1.35"}
START, END = "<!-- written by run.py -->", "<!-- end -->"


class Side:
    """One process that takes turns; `turns` holds what it answered."""

    def __init__(self, name: str, script: str, *arguments: str | int, python: str = sys.executable) -> None:
        self.name = name
        self.turns: list[dict[str, float]] = []
        log = WORK / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.log"
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [python, str(SIDES / script), *map(str, arguments)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=HERE,
            )  # fmt: skip

    def wait(self) -> dict[str, float]:
        """The next line that it writes."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"'{self.name}' ended early ({self._process.wait()}); see {WORK}")
        answer: dict[str, float] = json.loads(line)
        return answer

    def turn(self) -> None:
        """Let it work once, alone."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.turns.append(self.wait())

    def end(self) -> None:
        """Let it go."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def median(self, key: str = "seconds") -> float:
        """The median over its turns."""
        return statistics.median(turn[key] for turn in self.turns)


class Row(NamedTuple):
    """One line of a table; `met` is None where there is no bar."""

    what: str
    figure: str
    bar: str = ""
    met: bool | None = None


def interleaved(sides: list[Side], rounds: int) -> list[Side]:
    """Turn after turn, in an order that is turned round every time; start-up is over before the first."""
    for side in sides:
        side.wait()
    for number in range(rounds):
        for side in sides if number % 2 else reversed(sides):
            side.turn()
        say(f"  round {number + 1} of {rounds}")
    for side in sides:
        side.end()
    return sides


def ratio(one: Side, other: Side, key: str = "seconds") -> tuple[float, str]:
    """How many times as long `one` takes as `other`: the median of the rounds, and its quartiles as text."""
    ratios = [a[key] / b[key] for a, b in zip(one.turns, other.turns, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return statistics.median(ratios), f"{low:.2f} to {high:.2f}"


def langgraph(rounds: int) -> list[Row]:
    """A LangGraph agent in the testbed against the same agent alone."""
    say("LangGraph agent, in the testbed and bare")
    batch = 16
    ours, bare, again, lent = interleaved(
        [
            Side("testbed graph", "testbed.py", "graph", "none", "none", batch, rounds),
            Side("bare", "bare.py", batch, "langchain"),
            Side("bare again", "bare.py", batch, "langchain"),
            Side("bare with tools of agentbench", "bare.py", batch, "agentbench"),
        ],
        rounds,
    )
    rows = [
        Row("bare LangGraph agent", _ms(bare)),
        Row("bare, with tools of the class that agentbench hands out", _ms(lent)),
        Row("the same agent in agentbench", f"{_ms(ours)} ({_parts(ours)})"),
        Row("CPU time of it, runner and worker together", _ms(ours, "cpu")),
    ]
    times, spread = ratio(ours, bare)
    rows.append(Row("**agentbench / bare**", f"**{times:.2f} ×** ({spread})", "≤ 1.15 ×", times <= 1.15))
    for what, compared in (
        ("agentbench / bare with agentbench's tools", ratio(ours, lent)),
        ("agentbench / bare, CPU time", ratio(ours, bare, "cpu")),
        ("bare / bare", ratio(again, bare)),
    ):
        rows.append(Row(what, f"{compared[0]:.2f} × ({compared[1]})"))
    return rows


def harnesses(rounds: int) -> list[Row]:
    """A plain async agent in the testbed against other harnesses."""
    say("plain async agent, Inspect AI, AgentDojo")
    peer = {name: str(HERE / ".venvs" / name / "bin" / "python") for name in PEERS}
    ours, inspect, same, logged, unlogged, copied = interleaved(
        [
            Side("testbed plain", "testbed.py", "plain", "none", "none", 60, rounds),
            Side("inspect", "peer_inspect.py", 5, 25, python=peer["inspect"]),
            Side("agentdojo", "peer_agentdojo.py", "same", 30, python=peer["agentdojo"]),
            Side("agentdojo logged", "peer_agentdojo.py", "logged", 40, python=peer["agentdojo"]),
            Side("agentdojo unlogged", "peer_agentdojo.py", "unlogged", 60, python=peer["agentdojo"]),
            Side("agentdojo copied", "peer_agentdojo.py", "copied", 100, python=peer["agentdojo"]),
        ],
        rounds,
    )
    sides: list[tuple[Side, str, int | None]] = [
        (inspect, "Inspect AI", 30),
        (same, "AgentDojo", 4),
        (logged, "AgentDojo, own tools", None),
        (unlogged, "AgentDojo, own tools, no log", None),
        (copied, "AgentDojo, own tools, no log, environment loaded once", None),
    ]
    rows = [Row("agentbench, plain async agent", f"{_ms(ours)} ({_parts(ours)})")]
    rows += [Row(what, _ms(side)) for side, what, _bar in sides]
    for side, what, bar in sides:
        times, spread = ratio(side, ours)
        met = None if bar is None else times >= bar
        rows.append(Row(f"**{what} / agentbench**", f"**{times:.2f} ×** ({spread})", f"≥ {bar} ×" if bar else "", met))
    return rows


def timeouts(rounds: int) -> list[Row]:
    """Trials that wait out two timeouts of 30 s each, against the same trials without them."""
    say("timeouts of 30 s")
    batch = 1000 // rounds
    without, within = interleaved(
        [
            Side("no timeouts", "testbed.py", "patient", "none", "none", batch, rounds),
            Side("timeouts", "testbed.py", "patient", "timeouts.yaml", "timeouts", batch, rounds),
        ],
        rounds,
    )
    count = batch * rounds
    one, other = (sum(turn["seconds"] for turn in side.turns) * batch for side in (without, within))
    return [
        Row(f"{count:,} trials without timeouts", f"{one:.2f} s"),
        Row(f"{count:,} trials, two timeouts of 30 s in each", f"{other:.2f} s"),
        Row("**more**", f"**{other - one:.2f} s**", "< 1 s", other - one < 1.0),
    ]


def memory() -> list[Row]:
    """Growth of the runner's and the worker's resident memory."""
    rows = []
    agents = (("plain", "plain async agent", 2000, 10_000), ("graph", "LangGraph agent", 500, 2500))
    for agent, name, warm, trials in agents:
        say(f"memory, {name}")
        done = subprocess.run(
            [sys.executable, str(SIDES / "memory.py"), agent, str(warm), str(trials)],
            check=True, capture_output=True, text=True, cwd=HERE,
        )  # fmt: skip
        found: dict[str, float] = json.loads(done.stdout)
        of = f"{name}, {trials:,} trials after {warm:,}"
        for part in ("runner", "worker"):
            figure = f"**{found[part]:+.2f} MB per 10,000** (at {found[f'{part}_mb']:.0f} MB)"
            rows.append(Row(f"{part}: {of}", figure, "< 1 MB", found[part] < 1))
        rows.append(Row(f"judging in the runner's process: {name}", f"{found['judging']:+.0f} MB per 10,000"))
    return rows


def start_up() -> list[Row]:
    """`agentbench --help`, and what it imports."""
    say("agentbench --help")
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "agentbench --help": [str(Path(sys.executable).with_name("agentbench")), "--help"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(10):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    look = (
        "import sys; from agentbench.cli import run_command_line as run; run(['--help']); "
        "print('heavy:', *sorted({name.partition('.')[0] for name in sys.modules} & {'langgraph', 'langchain', "
        "'langchain_core', 'opentelemetry', 'docker', 'apsw', 'pydantic', 'jinja2'}))"
    )
    shown = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True).stdout
    heavy = shown.rpartition("heavy:")[2].strip()
    ours = medians["agentbench --help"]
    return [
        Row("`python -c pass`", f"{medians['python -c pass']:.3f} s"),
        Row("`agentbench --help`", f"**{ours:.3f} s**", "< 0.5 s", ours < 0.5),
        Row("heavy packages that it imports", heavy or "none", "no LangGraph", "lang" not in heavy),
    ]


def install() -> None:
    """The peers, each into an environment of its own, unless it is there."""
    for name, requirement in PEERS.items():
        folder = HERE / ".venvs" / name
        mark = folder / f".{requirement}"
        if mark.exists():
            continue
        say(f"installing {requirement}")
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, requirement], check=True)
        mark.touch()


def main() -> None:
    """Run everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, for a look; leaves README.md as it is")
    quick = parser.parse_args().quick
    WORK.mkdir(exist_ok=True)
    install()
    subprocess.run([sys.executable, str(SIDES / "work.py"), str(WORK / "work.json")], check=True)
    tables = {
        "A LangGraph agent, per trial": langgraph(5 if quick else 31),
        "A plain async agent and other harnesses, per trial": harnesses(3 if quick else 11),
        "Timeouts in virtual time": timeouts(4 if quick else 20),
        "Memory": [] if quick else memory(),
        "Start-up": start_up(),
    }
    text = "\n".join([_about(), *(line for name, rows in tables.items() for line in _table(name, rows))])
    sys.stdout.write(text + "\n")
    if not quick:
        readme = HERE / "README.md"
        before, _, rest = readme.read_text("utf-8").partition(START)
        readme.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}", "utf-8")
    missed = [row.what.strip("*") for rows in tables.values() for row in rows if row.met is False]
    say(f"missed: {'; '.join(missed)}" if missed else "every bar is met")


def say(text: str) -> None:
    """Progress, to standard error."""
    sys.stderr.write(text + "\n")


def _about() -> str:
    model = "unknown processor"
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        model = found[1] if found else model
    names = ("agentbench", "langgraph", "langchain", "apsw", "msgspec", "pydantic")
    return (
        f"{datetime.now(UTC):%d %B %Y}; {os.cpu_count()} CPUs ({model}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; {', '.join(f'{name} {version(name)}' for name in names)}; "
        f"{', '.join(PEERS.values())}; load average at the end {os.getloadavg()[0]:.1f}."
    )


def _table(name: str, rows: list[Row]) -> list[str]:
    met = {None: "", True: "yes", False: "**no**"}
    lines = [f"\n### {name}\n", "| | measured | bar | met |", "|---|---|---|---|"]
    return lines + [f"| {row.what} | {row.figure} | {row.bar} | {met[row.met]} |" for row in rows]


def _ms(side: Side, key: str = "seconds") -> str:
    return f"{1e3 * side.median(key):.2f} ms"


def _parts(side: Side) -> Any:
    return f"{1e3 * side.median('execution'):.2f} running, {1e3 * side.median('judging'):.2f} measures and traces"


if __name__ == "__main__":
    main()
