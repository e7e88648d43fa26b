"""Plays a scenario's reference solution: says what an agent of a given policy does next, after each reply.

Invariant: pure logic. What comes next depends on the reference, the tools, the policy and the replies alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from agentbench import seeds
from agentbench.agents._hints import Lessons, called
from agentbench.agents._memory import WAIT, Action, Call, Memory, Play, Reply, Wait
from agentbench.agents._outcome import Outcome
from agentbench.agents._policy import Policy
from agentbench.agents._values import Unbound, Values
from agentbench.calls import Meaning, ToolSpec

REPORT = "report_outcome"
MAX_WAIT_S = 300.0  # who is told to come back later than this looks for another way
MAX_PAGES = 10
_REREADS = 2
_ALL = Meaning()


# `seen`: it happened, but a value that it answered is missing and may still be had.
Fate: TypeAlias = Literal["done", "not_done", "unknown", "seen"]


# What a listening agent asks when the user's words are not enough to go on.
QUESTIONS = {
    "part": "I see. What else is there to know before I begin?",
    "nothing": "I need your answer before I go on: what shall I do?",
    "clash": "I cannot do both. Which of the two is right?",
}


class _GivenUp(Exception):
    """The agent ends its work: a step that everything hangs on could not be done."""


class _Unanswered(_GivenUp):
    """The agent ends its work: the user does not say what it needs to go on."""


class Player:
    """Plays one trial. `hear()` begins a user turn; `next(outcome)` says what to do after the last action.

    `reference` is a scenario's reference solution as data. Once the agent has answered, `next` repeats the answer
    until the next turn begins, so that a graph that asks its model once more gets no new action. `memory` is what is
    left of an earlier play of the trial, None if there was none: who looks before repeating a write then looks
    before the first attempt at one that is not remembered, too.
    """

    def __init__(
        self,
        reference: Sequence[Mapping[str, Any]],
        specs: Sequence[ToolSpec],
        policy: Policy,
        memory: Memory | None = None,
    ) -> None:
        self.policy = policy
        self.pending: Call | None = None
        self._reference = reference
        self._specs = {spec.name: spec for spec in specs}
        self._values = Values(reference, lenient=policy.claims == "always_done")
        self._missing: list[str] = []
        self._trouble = ""
        self._heard = _ALL
        self._due = 0  # the line of the user's that was last waited for
        self._lessons = Lessons(self._specs)
        self._answer: str | None = None
        self._memory = memory or Memory()
        self._doubts = memory is not None
        self._behind = 0  # turns that were heard and are still to be played
        self._turn_began = 0  # at which step
        self._play = self._solution(0)

    def hear(self, meaning: Meaning = _ALL, turns: int = 1) -> None:
        """Begin a user turn; of several at once, only the last one is answered, and the others were understood."""
        self._answer = None
        self._heard = meaning
        self._behind = max(0, turns - 1)

    def hear_again(self) -> None:
        """Begin the same turn once more: what was asked for is asked for again."""
        self._answer = None
        self._doubts = True
        self._due = max(0, self._due - 1)
        self._play = self._solution(self._turn_began)

    def next(self, outcome: Outcome | None) -> Action:
        """What to do now; `outcome` is that of the call in `pending`, None when there is none."""
        if self._answer is not None:
            return Reply(self._answer)
        action = self._play.send(outcome)
        while not isinstance(action, Reply) or self._behind:
            match action:
                case Reply():
                    self._behind -= 1
                    action = self._play.send(None)
                case Call(tool, arguments) if self._memory.holds(tool, arguments):
                    action = self._play.send(self._memory.recall(tool, arguments))
                case Wait(seconds) if self._memory.holds(WAIT, {"seconds": seconds}):
                    self._memory.recall(WAIT, {"seconds": seconds})
                    action = self._play.send(None)
                case _:
                    break
        self.pending = action if isinstance(action, Call) else None
        if isinstance(action, Reply):
            self._answer = action.text
        return action

    # -- the whole solution --------------------------------------------------------------------------------

    def _solution(self, first: int) -> Play:
        steps, index = self._reference, first
        self._turn_began = first
        reported, spoken = False, True
        while index < len(steps):
            try:
                if spoken and self.policy.listens:
                    yield from self._listen()
                    steps = self._as_meant(steps, index)
                step = steps[index]
                last = "reply" in step and not any(self._applies(later) for later in steps[index + 1 :])
                if last and not reported and self._applies(step):
                    reported = True
                    yield from self._report("partial" if self._missing else "done")
                yield from self._step(step, (index,))
            except _GivenUp as given_up:
                rest = steps[index:]
                self._miss(*_optional_names(rest))
                partly = isinstance(given_up, _Unanswered) and self._missing and not any(map(self._needed, rest))
                yield from self._report("partial" if partly else "failed")
                while True:
                    yield Reply(f"I could not do what you asked for: {self._trouble}.{self._apology()}")
            spoken = "reply" in step and self._applies(step)
            index += 1
            if spoken and not last:
                self._turn_began = index
        if not reported:
            yield from self._report("partial" if self._missing else "done")
            yield Reply(f"I have done what you asked for.{self._apology()}")
        while True:
            yield Reply(f"There is nothing more to do.{self._apology()}")

    def _listen(self) -> Play:
        """Let the user speak until there is something to go on; asks once more where no answer comes."""
        asked = False
        self._due += 1
        while not self._behind and ((gives := self._heard.gives) != "all" or self._heard.line > self._due):
            # A later line shows that the user went on without ever saying this one.
            if gives in ("all", "nobody") or (gives == "nothing" and asked):
                self._trouble = "there is no answer from you"
                raise _Unanswered
            asked = asked or gives == "nothing"
            yield Reply(QUESTIONS[gives])

    def _as_meant(self, steps: Sequence[Mapping[str, Any]], index: int) -> Sequence[Mapping[str, Any]]:
        """The steps, with those that are left replaced where the user wants something else now."""
        heard = self._heard
        self._miss(*heard.wishes[:1])
        if heard.steps is None:
            return steps
        self._values.learn(heard.steps)
        return [*steps[:index], *heard.steps]

    def _needed(self, step: Mapping[str, Any]) -> bool:
        """Whether it is a write that cannot be left out."""
        spec = self._specs.get(step.get("call", ""))
        return spec is not None and spec.effect == "write" and not step.get("optional")

    def _report(self, status: str) -> Play:
        if REPORT not in self._specs:
            return
        if self.policy.claims == "always_done":
            yield Call(REPORT, {"status": "done", "summary": "Everything is done.", "missing": []})
            return
        summary = {
            "done": "Everything is done.",
            "partial": f"Done, except: {', '.join(self._missing)}.",
            "failed": f"It could not be done: {self._trouble}.",
        }[status]
        yield Call(REPORT, {"status": status, "summary": summary, "missing": list(self._missing)})

    def _apology(self) -> str:
        return f" This is not done: {', '.join(self._missing)}." if self._missing else ""

    def _miss(self, *names: str) -> None:
        self._missing.extend(name for name in dict.fromkeys(names) if name not in self._missing)

    # -- one step ------------------------------------------------------------------------------------------

    def _applies(self, step: Mapping[str, Any]) -> bool:
        return "when" not in step or self._values.holds(step["when"], of_saved=True)

    def _step(self, step: Mapping[str, Any], path: tuple[int, ...]) -> Play:
        if not self._applies(step):
            return
        if "reply" in step:
            yield Reply(self._values.text(step["reply"]) + self._apology())
            return
        fate: Fate = yield from self._attempt(step, path)
        if fate == "done":
            return
        self._trouble = f"{step['call']} did not work"
        if self.policy.gives_up:
            raise _GivenUp
        # Who looks before repeating does not do in another way, either, what may have happened already.
        safe = fate == "not_done" or not self.policy.verifies
        if self.policy.uses_fallback and safe and step.get("fallback"):
            if (yield from self._alternative(step["fallback"], path)):
                return
            self._trouble = f"{step['call']} did not work"
        if self.policy.claims == "always_done":
            return
        if not step.get("optional"):
            raise _GivenUp
        self._miss(step["optional"])

    def _alternative(self, steps: Sequence[Mapping[str, Any]], path: tuple[int, ...]) -> Play:
        try:
            for index, step in enumerate(steps):
                yield from self._step(step, (*path, index))
        except _GivenUp:
            return False
        return True

    def _attempt(self, step: Mapping[str, Any], path: tuple[int, ...]) -> Play:
        tool = step["call"]
        try:
            arguments = self._values.fill(step.get("with", {}))
        except Unbound:
            return "not_done"
        spec = self._specs.get(tool)
        if spec is None or spec.effect == "read":
            return (yield from self._read(step, arguments))
        keyed = bool(spec.idempotency_key and arguments.get(spec.idempotency_key))
        if self.policy.idempotency and spec.idempotency_key and not keyed:
            arguments = {**arguments, spec.idempotency_key: seeds.digest("intent", tool, path, arguments)[:32]}
            keyed = True
        return (yield from self._write(step, arguments, keyed))

    # -- reads ---------------------------------------------------------------------------------------------

    def _read(self, step: Mapping[str, Any], arguments: dict[str, Any]) -> Play:
        def sound(body: Any) -> bool:
            return not self.policy.validates or self._sound(step, body)

        known, body = yield from self._query(step["call"], arguments, sound, _REREADS)
        if not known or not sound(body):
            return "not_done"
        self._save(step, body)
        return "done"

    def _query(self, tool: str, arguments: dict[str, Any], sound: Callable[[Any], bool], rereads: int) -> Play:
        """Read until the reply is sound; returns whether there was a reply at all, and the last one."""
        repeats = 0
        while True:
            outcome = yield from self._called(tool, arguments)
            if outcome.ok:
                body = yield from self._pages(tool, arguments, outcome.body, sound)
                if rereads <= 0 or self.policy.gives_up or sound(body):
                    return True, body
                rereads -= 1
            elif (yield from self._worthwhile(outcome, repeats)):
                repeats += 1
            else:
                return False, None

    def _pages(self, tool: str, arguments: dict[str, Any], body: Any, sound: Callable[[Any], bool]) -> Play:
        """Follow the cursor of a list until the reply is sound or the list is at its end."""
        for _ in range(MAX_PAGES):
            cursor = body.get("next_cursor") if isinstance(body, Mapping) else None
            if not cursor or sound(body):
                break
            outcome = yield from self._called(tool, {**arguments, "cursor": cursor})
            before, more = _items(body), _items(outcome.body)
            if before is None or more is None:
                break
            body = {**outcome.body, "items": [*before, *more]}
        return body

    def _called(self, tool: str, arguments: dict[str, Any]) -> Play:
        return (yield from self._lessons.heeding(tool, arguments) if self.policy.heeds else called(tool, arguments))

    def _worthwhile(self, outcome: Outcome, repeats: int) -> Play:
        """Whether to repeat a failed call; waits first."""
        if repeats >= self.policy.retries or outcome.hopeless:
            return False
        wait_s = self.policy.backoff_s * 2**repeats
        if self.policy.honours_retry_after and outcome.retry_after_s is not None:
            wait_s = outcome.retry_after_s
        if wait_s > MAX_WAIT_S:
            return False
        if wait_s > 0:
            yield Wait(wait_s)
        return True

    # -- writes --------------------------------------------------------------------------------------------

    def _write(self, step: Mapping[str, Any], arguments: dict[str, Any], keyed: bool) -> Play:
        fate: Fate = "not_done"
        doubtful = claimed = False  # whether an attempt so far may have been executed, or said that it was
        doubts = self._doubts and self.policy.verifies and step.get("verify")
        if doubts and not self._memory.holds(step["call"], arguments):
            fate = yield from self._looked_up(step, True, keyed)
            if fate == "done" or (fate == "unknown" and not keyed):
                return fate
        for repeats in range(self.policy.retries + 1):
            outcome = yield from self._called(step["call"], arguments)
            if outcome.ok:
                fate = yield from self._confirmed(step, outcome.body, keyed)
                # Without a key, a second success that cannot be seen could be one too many.
                final = fate in ("done", "unknown") or (repeats > 0 and not keyed)
                claimed, outcome = True, Outcome(ok=False)
            else:
                doubtful = doubtful or claimed or outcome.ambiguous
                fate = yield from self._looked_up(step, doubtful, keyed)
                final = fate == "done" or (fate == "unknown" and not keyed)
            if final or not (yield from self._worthwhile(outcome, repeats)):
                break
        if fate == "not_done" and claimed:
            return "unknown"  # it said that it was done; where nothing shows it, the view may be what is wrong
        return "done" if fate == "seen" else fate

    def _confirmed(self, step: Mapping[str, Any], body: Any, keyed: bool) -> Play:
        """What became of a write that reported success."""
        there: bool | None = None
        seen: Any = None
        if self.policy.verifies_success and step.get("verify"):
            # That it is not there is confirmed by a second look: the first may show an older state.
            there, seen = yield from self._there(step["verify"], rereads=1)
            if there is None and self.policy.gives_up:
                return "unknown"
        if there is False:
            return "not_done"
        if not self.policy.validates or self._sound(step, body):
            self._save(step, body)
            return "done"
        if there is None:
            return "unknown"
        if self._recovered(step, seen):
            return "done"
        return "seen" if keyed else "done"

    def _looked_up(self, step: Mapping[str, Any], doubtful: bool, keyed: bool) -> Play:
        """What became of a write that failed, `doubtful` if it may have been executed all the same."""
        if not self.policy.verifies or not doubtful:
            return "not_done"
        if not step.get("verify"):
            return "unknown"
        there, seen = yield from self._there(step["verify"], rereads=0)
        if not there:
            return "unknown" if there is None else "not_done"
        if self._recovered(step, seen):
            return "done"
        return "seen" if keyed else "done"

    def _there(self, verify: Mapping[str, Any], rereads: int) -> Play:
        """Whether a write is seen to have happened, None if nobody can say; and the reply that shows it."""
        try:
            arguments = self._values.fill(verify.get("with", {}))
        except Unbound:
            return None, None

        def there(body: Any) -> bool:
            return self._values.holds(verify["expect"], body)

        known, body = yield from self._query(verify["call"], arguments, there, rereads)
        return (there(body) if known else None), body

    # -- replies -------------------------------------------------------------------------------------------

    def _sound(self, step: Mapping[str, Any], body: Any) -> bool:
        if "expect" in step and not self._values.holds(step["expect"], body):
            return False
        return None not in self._values.found(step.get("save", {}), body).values()

    def _save(self, step: Mapping[str, Any], body: Any) -> None:
        self._values.keep(self._values.found(step.get("save", {}), body))

    def _recovered(self, step: Mapping[str, Any], seen: Any) -> bool:
        """Take what the step should save from the reply that shows its effect; returns whether it is all there."""
        items = _items(seen)
        for body in [seen, *(items if items and len(items) == 1 else [])]:
            values = self._values.found(step.get("save", {}), body)
            if None not in values.values():
                self._values.keep(values)
                return True
        return False


def _items(body: Any) -> list[Any] | None:
    items = body.get("items") if isinstance(body, Mapping) else None
    return items if isinstance(items, list) else None


def _optional_names(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (step["optional"] for step in steps if step.get("optional"))
