"""`shrink`: reduce a failing trial to the smallest faultload and script that still fail, as a file that runs."""

import signal
from pathlib import Path
from textwrap import wrap
from typing import Any

import click
import msgspec

from agentbench import documents, plugins, scenario
from agentbench import plan as plans
from agentbench.checks import Examiner
from agentbench.cli.console import fail, put, put_json, say
from agentbench.cli.explaining import Point, inevitable, paragraph
from agentbench.cli.failing import MARK, CannotShrink, Failure, failure_of, target_for
from agentbench.cli.reducing import Case, Reducer
from agentbench.cli.running import interrupt
from agentbench.cli.trying import Laboratory, Spent, Tried
from agentbench.errors import UsageError
from agentbench.faultload import Injection
from agentbench.outcomes import judge_by
from agentbench.plan import Plan, Trial
from agentbench.shrink import Sequential
from agentbench.store import RunDirectory, write_whole

RESERVED = 2  # trials that are kept back, so that the file that was written can be run at the end
WIDTH = 116


@click.command("shrink")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("trial", metavar="TRIAL")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="The scenario to write, in a folder named as its environment. "
    "Default: ENVIRONMENT/SCENARIO-AGENT-FAULTLOAD.yaml in the current folder.",
)
@click.option(
    "--max-trials",
    type=click.IntRange(10, 100_000),
    default=500,
    show_default=True,
    metavar="N",
    help="Execute at most so many trials.",
)
@click.option(
    "--alpha",
    type=float,
    default=0.05,
    show_default=True,
    metavar="P",
    help="For an agent that does not repeat itself: chance to keep what fails only with p0.",
)
@click.option(
    "--beta", type=float, default=0.1, show_default=True, metavar="P", help="Chance not to keep what fails with p1."
)
@click.option(
    "--p0",
    type=float,
    default=0.3,
    show_default=True,
    metavar="P",
    help="A case that fails with this rate or less is not the failure.",
)
@click.option(
    "--p1", type=float, default=0.7, show_default=True, metavar="P", help="A case that fails with this rate or more is."
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=0.1),
    default=None,
    envvar="AGENTBENCH_DEADLINE",
    help="Real seconds that one trial may take before its process is killed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def shrink_command(
    run: Path, trial: str, out: Path | None, max_trials: int, alpha: float, beta: float, p0: float, p1: float,
    deadline: float | None, as_json: bool,
) -> int:  # fmt: skip
    """Reduce the failing TRIAL of RUN to the least that still fails, and write it as a scenario that runs.

    Left out, one after another: injections, single hits of them, parameters, and what the script does not need. The
    file holds a faultload, and 'agentbench run FILE -a REF' shows the failure again.
    """
    test = _test(alpha, beta, p0, p1)
    laboratory = Laboratory(most=max_trials - RESERVED, deadline_s=deadline)
    try:
        failure = failure_of(RunDirectory.existing(run), trial)
        target = target_for(out, failure)
        signal.signal(signal.SIGTERM, interrupt)
        return _Shrinking(failure, laboratory, target, test, max_trials).run(as_json)
    except CannotShrink as error:
        return fail(f"{trial}: {error}", 4)
    finally:
        laboratory.close()


class _Shrinking:
    """One call of the command."""

    def __init__(
        self, failure: Failure, laboratory: Laboratory, target: Path, test: Sequential, max_trials: int
    ) -> None:
        self._failure = failure
        self._laboratory = laboratory
        self._target = target
        self._test = test
        self._max_trials = max_trials
        self._steps: list[dict[str, Any]] = []
        self._stopped = ""
        self._explanation = ""
        self._point = Point(reason="it was not looked for")
        self._reproduces = False
        self._faultload = _speaking(failure.trial.faultload)
        self._provable: bool | None = None
        self._reducer = Reducer(
            laboratory, failure, name=f"{failure.environment}.{target.stem}", faultload=self._faultload, test=test,
            kept=self._kept, provable=self._proven,
        )  # fmt: skip

    def run(self, as_json: bool) -> int:
        """Shrink, write, execute what was written, and explain it; the exit code."""
        try:
            self._search()
        except KeyboardInterrupt:
            self._stopped = "interrupted"
        except Spent:
            self._stopped = "max-trials"
        if self._reducer.best is None:
            if self._stopped == "interrupted":
                return fail("interrupted before the failure came back; nothing was written", 130)
            raise CannotShrink(f"{self._max_trials} trials were not enough to see the failure again; give --max-trials")
        self._write()
        self._show(as_json)
        if self._stopped == "interrupted":
            return fail(f"interrupted; {documents.display(self._target)} holds the best so far", 130)
        return 0 if self._reproduces else 4

    def _search(self) -> None:
        self._reducer.run()
        if not self._confirmed() and self._reducer.deterministic:
            say("what was written did not fail when it was run: the agent does not repeat itself; starting over")
            self._laboratory.most = self._max_trials - RESERVED
            self._reducer.start_over()
            self._confirmed()
        self._stopped = "" if self._reducer.minimal else "max-trials"

    def _confirmed(self) -> bool:
        """Execute the file just as `run` would, and explain what is seen; whether it failed in the same way."""
        if self._reducer.best is None:
            return False
        self._write()
        plan = plans.make(
            scenarios={self._reducer.name: self._target}, agents=[self._failure.agent],
            profile=plugins.profile("default"), trials=1, seed=self._reducer.seed, clock=self._failure.plan.clock,
            sandbox=self._failure.plan.sandbox,
        )  # fmt: skip
        [trial] = [each for each in plan.trials if each.faultload == self._faultload]
        self._laboratory.most = self._max_trials
        verdict = "open"
        failed = total = 0
        while verdict == "open" and self._laboratory.used < self._max_trials:
            tried = self._laboratory.attempt(plan, trial)
            total += 1
            if self._failure.same(tried.judgement):
                failed += 1
                self._explain(plan, trial, tried)
            certain = "accept" if failed else "reject"
            verdict = certain if self._reducer.deterministic else self._test.verdict(failed, total - failed)
        self._reproduces = verdict == "accept" or (verdict == "open" and failed > 0)
        return self._reproduces

    def _explain(self, plan: Plan, trial: Trial, tried: Tried) -> None:
        from agentbench.continuation import Continuations

        planned = plan.scenarios[trial.scenario]
        content = scenario.parse(planned.content)
        environment = plugins.environment(content.environment)
        examiner = Examiner(content, planned.tools, environment.template(content.given.seed, content.given.sql))
        continuations = Continuations(tried.order, tried.record)
        try:
            self._point = inevitable(
                continuations, tried.record, trial.attainable, lambda record: judge_by(examiner, record, trial)
            )
        finally:
            continuations.close()
        self._explanation = paragraph(tried.record, tried.judgement, self._point)

    # -- while it goes on ------------------------------------------------------------------------------

    def _kept(self, case: Case, what: str) -> None:
        """A better case: it is written at once, so that nothing can lose it."""
        injections, script = len(case.injections), len(case.content["script"])
        self._steps.append({"step": what, "injections": injections, "script": script, "trials": self._laboratory.used})
        say(f"{self._laboratory.used:>5} trials: {what}: {_count(injections, 'injection')}, "
            f"{_count(script, 'script item')}")  # fmt: skip
        self._write()

    def _proven(self, path: Path) -> bool:
        """Whether a shortened scenario still has its proofs; one that never had them cannot lose them."""
        from agentbench.cli.validating import prove

        if self._provable is None:
            content = self._failure.plan.scenarios[self._failure.trial.scenario].content
            whole = self._laboratory.write(
                {key: part for key, part in content.items() if key != "faultload"},
                f"{self._failure.environment}.whole",
            )
            self._provable = prove(f"{self._failure.environment}.whole", whole).ok
        return not self._provable or prove(self._reducer.name, path).ok

    # -- what it leaves --------------------------------------------------------------------------------

    @property
    def _command(self) -> str:
        plan = self._failure.plan
        parts = ["agentbench run", documents.display(self._target), "-a", self._failure.agent.ref]
        for option, value, default in (
            ("--seed", self._reducer.seed, 1), ("--clock", plan.clock, "auto"), ("--sandbox", plan.sandbox, "process"),
        ):  # fmt: skip
            parts += [option, str(value)] if value != default else []
        return " ".join(parts)

    def _write(self) -> None:
        best = self._reducer.best
        assert best is not None
        injections = [
            Injection.model_validate(each).model_dump(mode="json", by_alias=True, exclude_defaults=True)
            for each in best.injections
        ]
        summary = f"What is left of '{self._failure.trial.faultload}'."
        trial = self._failure.trial.id
        faultload = {"name": self._faultload, "summary": summary, "seen_in": trial, "injections": injections}
        body = documents.dumped({**best.content, "faultload": faultload})
        lines = [f"{MARK} from the trial {self._failure.trial.id}.", *self._remarks()]
        shown = [wrap(line.removeprefix("# "), WIDTH, break_on_hyphens=False, break_long_words=False) for line in lines]
        head = "\n".join(f"# {part}" for parts in shown for part in parts)
        write_whole(self._target, f"{head}\n{body}".encode())

    def _remarks(self) -> list[str]:
        reducer = self._reducer
        lines = [
            f"It ends as {self._failure.equivalence}. To see it again (as the trial "
            f"{self._failure.agent.name}/{reducer.name}/{self._faultload}/0):",
            self._command,
        ]
        if not reducer.minimal:
            lines.append("The search was not finished: there may be more to leave out.")
        if not reducer.deterministic:
            lines.append(self._errors())
        return [*lines, *([self._explanation] if self._explanation else [])]

    def _errors(self) -> str:
        test, kept = self._test, self._reducer.accepted
        return (
            f"The agent does not repeat itself: each case was kept by a sequential test (alpha {test.alpha:g}, beta "
            f"{test.beta:g}, p0 {test.p0:g}, p1 {test.p1:g}). A case that fails with a rate of {test.p0:g} or less is "
            f"kept with a chance of {test.error:.3f} at most; over {kept} cases, {min(1.0, kept * test.error):.2f}."
        )

    def _show(self, as_json: bool) -> None:
        if as_json:
            put_json(self._document())
            return
        best, whole = self._reducer.best, self._failure.trial.injections
        assert best is not None
        put(f"{self._failure.trial.id}: {self._failure.equivalence}")
        put(f"before   {_count(len(whole), 'injection')}")
        put(f"left     {_count(len(best.injections), 'injection')}"
            f"{' (none can be left out)' if self._reducer.minimal else ' (the search was not finished)'}")  # fmt: skip
        for injection in best.injections:
            put(f"         {msgspec.json.encode(injection).decode()}")
        put(f"file     {documents.display(self._target)}")
        put(f"again    {self._command}")
        if not self._reproduces:
            stopped = self._stopped == "interrupted"
            how = "its case failed alike, the file itself was not run" if stopped else "run, it did not fail"
            put(f"         {how}")
        put(f"trials   {self._laboratory.used} of at most {self._max_trials} executed, {self._reducer.reused} answers "
            f"known already, {self._point.continuations} continuations by a careful player")  # fmt: skip
        if not self._reducer.deterministic:
            put(self._errors())
        if self._explanation:
            put(f"\n{self._explanation}")

    def _document(self) -> dict[str, Any]:
        reducer, best, test = self._reducer, self._reducer.best, self._test
        assert best is not None
        sequential = None if reducer.deterministic else {
            "alpha": test.alpha, "beta": test.beta, "p0": test.p0, "p1": test.p1, "most": test.most,
            "error": test.error, "kept": reducer.accepted, "error_of_all": min(1.0, reducer.accepted * test.error),
        }  # fmt: skip
        return {
            "trial": self._failure.trial.id,
            "outcome": self._failure.judgement.outcome,
            "kind": self._failure.judgement.kind,
            "equivalence": self._failure.equivalence,
            "file": str(self._target),
            "command": self._command,
            "reproduces": self._reproduces,
            "minimal": reducer.minimal,
            "stopped": self._stopped or None,
            "before": {"injections": self._failure.trial.injections,
                       "script": len(self._failure.plan.scenarios[self._failure.trial.scenario].content["script"])},
            "after": {"injections": best.injections, "script": len(best.content["script"])},
            "steps": self._steps,
            "trials": {"used": self._laboratory.used, "most": self._max_trials, "known": reducer.reused,
                       "continuations": self._point.continuations},
            "deterministic": reducer.deterministic,
            "sequential": sequential,
            "inevitable": self._point,
            "explanation": self._explanation,
        }  # fmt: skip


# -- what is asked for ---------------------------------------------------------------------------------


def _test(alpha: float, beta: float, p0: float, p1: float) -> Sequential:
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 < value < 0.5:
            raise UsageError(f"{value:g} is no chance of an error", where=f"--{name}",
                             remedy="write a number between 0 and 0.5")  # fmt: skip
    if not 0 < p0 < p1 < 1:
        raise UsageError(f"p0 {p0:g} and p1 {p1:g} cannot be told apart", where="--p0, --p1",
                         remedy="write 0 < p0 < p1 < 1")  # fmt: skip
    return Sequential(alpha=alpha, beta=beta, p0=p0, p1=p1)


def _speaking(name: str) -> str:
    return name if name.startswith("shrunk-") else f"shrunk-{name}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
