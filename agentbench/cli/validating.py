"""`validate`: prove of each scenario that it can be passed and failed; with `--faults` lint what faults tell."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from agentbench import plan as plans
from agentbench import validation
from agentbench.cli.console import put, put_json
from agentbench.cli.running import select
from agentbench.errors import UsageError
from agentbench.judgement import Judgement
from agentbench.plan import Plan, PlannedAgent
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
    proofs = [Proof(name="loads", ok=True), *_played(name, path)]
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
