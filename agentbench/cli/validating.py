"""`validate`: prove of each scenario that it can be passed and failed; with `--faults` lint what faults tell."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from agentbench import documents, plugins, sweep, validation
from agentbench import plan as plans
from agentbench.cli.concluding import reached_calls
from agentbench.cli.console import put, put_json
from agentbench.cli.running import select
from agentbench.cli.sweeping import Sweeping
from agentbench.coverage import Coverage, covered
from agentbench.errors import UsageError
from agentbench.judgement import Judgement
from agentbench.plan import Plan, PlannedAgent
from agentbench.scenario import Promise
from agentbench.store import RunDirectory

PASSES, FAILS = "oracle", "nop"  # the two agents that the proofs are made with


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was proven of a scenario, or not, and why."""

    name: str
    ok: bool
    reason: str = ""


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario with its proofs."""

    id: str
    ok: bool
    proofs: list[Proof]


@click.command("validate")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--faults", "faults", is_flag=True, help="Lint faults instead: the names are those of faults.")
@click.option("--json", "as_json", is_flag=True, help="Print the proofs, or the lint's report, as JSON.")
def validate_command(scenarios: tuple[str, ...], faults: bool, as_json: bool) -> int:
    """Check scenario files and prove that they work: the oracle passes, an agent that does nothing does not.

    With --faults: let every fault (or those named) loose on every tool of every environment, and hold each reply to
    what the fault claims to be: a success of the tool's own schema, or an error as services tell it. No reply may
    hold a word or value that gives it away. Exit code 1 when one does.
    """
    if faults:
        from agentbench.cli.linting import lint_faults

        return lint_faults(scenarios, as_json)
    found = [prove(name, path) for name, path in select(scenarios).items()]
    if as_json:
        put_json(found)
    else:
        for each in found:
            put(f"{'ok   ' if each.ok else 'WRONG'}  {each.id}")
            for proof in each.proofs:
                if not proof.ok:
                    for line in proof.reason.splitlines():
                        put(f"       {proof.name}: {line}")
    if all(each.ok for each in found):
        return 0
    return 2


def prove(name: str, path: Path) -> Proven:
    """All proofs of one scenario; a file that does not load has only the first."""
    try:
        validation.load(path)
    except UsageError as error:
        return Proven(id=name, ok=False, proofs=[Proof(name="loads", ok=False, reason=str(error))])
    proofs = [Proof(name="loads", ok=True), *_played(name, path), *_promised(name, path)]
    return Proven(id=name, ok=all(proof.ok for proof in proofs), proofs=proofs)


def _played(name: str, path: Path) -> Iterator[Proof]:
    plan = plans.make(
        scenarios={name: path},
        agents=[PlannedAgent(name=agent, ref=agent) for agent in (PASSES, FAILS)],
        profile=None,
        trials=1,
        seed=1,
        clock="virtual",
        sandbox="inprocess",
    )
    judged = {each.agent: each for each in _judge(plan)}
    passes, fails = judged[PASSES], judged[FAILS]
    yield _proof("the oracle passes", passes.outcome == "success", passes)
    yield _proof("doing nothing does not pass", fails.outcome not in ("success", "degraded"), fails)
    yield _proof("nothing outside the write-set changes", not passes.harms, passes)
    yield from _checks(passes, fails)


def _checks(passes: Judgement, fails: Judgement) -> Iterator[Proof]:
    before = {check.name: check.result for check in fails.checks}
    stuck = [check.name for check in passes.checks if check.result != "pass"]
    yield Proof(name="every check can pass", ok=not stuck, reason=", ".join(stuck))
    if all(before.get(check.name) == "pass" for check in passes.checks):
        yield Proof(name="a check can fail", ok=False, reason="every check passes although nothing was done")
    else:
        yield Proof(name="a check can fail", ok=True)


def _promised(name: str, path: Path) -> Iterator[Proof]:
    """Whether a sweep with the oracle reaches what the scenario promises; tried with few faults first, then with all.

    The other faults may be what leads to a call, such as that of a fallback.
    """
    document = documents.load(path)
    promises = dict(enumerate(validation.load(path).promises))
    if not promises:
        return
    phases = {each.phase for each in promises.values()}
    first = {each.fault for each in promises.values() if each.fault}
    every = sweep.fault_set(sweep.ALL).variants
    first |= {each.fault for each in every if each.phase in phases}
    # What is told and keeps a tool from its work is what leads to fallbacks.
    made = {each.fault: plugins.fault_class(each.fault) for each in every}
    first |= set(sorted(name for name, each in made.items() if each.explicit and each.blocking)[:1])
    problems: list[str] = []
    for faults in (",".join(sorted(first)), sweep.ALL):
        found = _swept(name, path, faults, frozenset(each.tool for each in promises.values()))
        broken = {index: why for index, each in promises.items() if (why := _broken(each, found))}
        problems = [str(document.error(why[0], "promises", index, remedy=why[1])) for index, why in broken.items()]
        if not problems:
            break
    yield Proof(name="a sweep reaches what is promised", ok=not problems, reason="\n".join(problems))


def _broken(promise: Promise, found: Coverage) -> tuple[str, str] | None:
    """What is not reached and what could be, or None when the promise is kept."""
    places = [each for each in found.map if each.tool == promise.tool]
    landed = [each for each in places if each.state == "witnessed" and promise.call in (None, *each.witnessed_at)]
    wanted = [each for each in places if promise.fault == each.fault or promise.phase == each.phase]
    if any(each in landed for each in wanted):
        return None
    what = promise.fault or f"a fault of the phase '{promise.phase}'"
    where = f"'{promise.tool}'" if promise.call is None else f"call {promise.call} of '{promise.tool}'"
    reason = next((f": {each.reason}" for each in wanted if each.reason), "")
    calls = sorted(each.call for each in found.calls if each.tool == promise.tool)
    could = ", ".join(each.fault for each in landed) or f"calls {', '.join(map(str, calls)) or 'none'}"
    return f"the sweep of the oracle does not reach {what} at {where}{reason}", f"there it reaches: {could}"


def _swept(name: str, path: Path, faults: str, tools: frozenset[str]) -> Coverage:
    from agentbench.measure import measure

    agent, chosen = PlannedAgent(name=PASSES, ref=PASSES), sweep.fault_set(faults)
    plan = sweep.start(
        name=name, path=path, agent=agent, faults=chosen, trials=1, seed=1, clock="virtual", sandbox="inprocess"
    )
    with tempfile.TemporaryDirectory(prefix="agentbench-") as folder:
        made = Sweeping(RunDirectory(Path(folder) / "sweep"), plan, workers=1, rounds=2, tools=tools)
        made.begin()
        made.singles()
        judgements, _ = measure(made.plan, made.run.records(), made.run.world)
        return covered(made.plan, judgements, reached_calls(made.run, made.plan))


def _proof(name: str, ok: bool, judged: Judgement) -> Proof:
    if ok:
        return Proof(name=name, ok=True)
    failed = [f"{each.name} {each.result} {each.reason}".strip() for each in judged.checks if each.result != "pass"]
    harms = [f"{harm.kind}: {harm.detail}" for harm in judged.harms]
    outcome = [judged.outcome or "invalid", judged.kind, judged.reason or judged.invalid_reason]
    found = [*outcome, *failed, *harms]
    return Proof(name=name, ok=False, reason=f"{judged.agent}: " + "; ".join(each for each in found if each))


def _judge(plan: Plan) -> list[Judgement]:
    from agentbench.measure import measure
    from agentbench.runner import Runner

    with tempfile.TemporaryDirectory(prefix="agentbench-") as folder:
        run = RunDirectory(Path(folder))
        Runner(plan, run, workers=1).execute()
        judgements, _ = measure(plan, run.records(), run.world)
    return judgements
