"""What a run's numbers rest on: which run it was, how it was executed, and how much of it counts.

Invariant: it is shown above the numbers it qualifies, and all of it is visible text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentbench.judgement import Measured
from agentbench.plan import Plan
from agentbench.report import tally
from agentbench.report.visible import visible

_TRIALS = ("planned", "valid", "invalid", "missing")
_FAULTS = ("planned", "injected", "witnessed", "not_reached", "ineffective", "unwitnessed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Names, settings and counts of a run, in the order in which they are read."""

    run: str
    settings: list[tuple[str, str]]
    trials: list[tuple[str, int]]
    faults: list[tuple[str, int]]
    warnings: list[str]

    @staticmethod
    def of(plan: Plan, measured: Measured, trials: Sequence[tally.Row], *, run: str = "") -> "Stamp":
        """From the plan and, where it says more, from `Measured.run` (`id`, `clock`, `sandbox`, `damaged_records`).

        `run` is the directory of the run, when it is known.
        """
        about = measured.run
        profile = plan.profile
        isolation = str(about.get("sandbox", ""))  # as the records say it, which is what counts
        name = f"{profile.get('name', '?')} v{profile.get('version', '?')}"
        settings = [
            ("profile", name + (f" ({profile['hash']})" if profile.get("hash") else "")),
            ("seed", str(plan.seed)),
            ("clock", str(about.get("clock", plan.clock))),
            ("sandbox", plan.sandbox),
            ("isolation", isolation or plan.sandbox),
            ("plan", plan.hash),
            ("agentbench", plan.agentbench),
        ]
        counts = tally.standings(trials)
        return Stamp(
            run=visible(str(about.get("id") or run)),
            settings=[(key, visible(value)) for key, value in settings],
            trials=_ordered({"missing": counts["missing"], **measured.trials}, _TRIALS),
            faults=_ordered(measured.faults, _FAULTS),
            warnings=_warnings(measured, counts, f"{plan.sandbox}, {isolation}"),
        )


def _ordered(counts: Mapping[str, int], names: Sequence[str]) -> list[tuple[str, int]]:
    known = [(name.replace("_", " "), counts[name]) for name in names if name in counts]
    return known + [(visible(name.replace("_", " ")), count) for name, count in counts.items() if name not in names]


def _warnings(measured: Measured, counts: Mapping[tally.Standing, int], isolation: str) -> list[str]:
    found = []
    if invalid := measured.trials.get("invalid", counts["invalid"]):
        found.append(f"{invalid} invalid: the testbed failed or a fault has no witness; no rate counts them.")
    if missing := measured.trials.get("missing", counts["missing"]):
        found.append(f"{missing} missing: planned and not finished. The same command with the same --out goes on.")
    if damaged := measured.run.get("damaged_records"):
        found.append(f"{visible(str(damaged))} damaged: records whose checksum is wrong were left out.")
    if {"inprocess", "none"} & set(isolation.split(", ")):
        found.append("In-process isolation: an agent could have reached the testbed. For debugging only.")
    if measured.faults.get("planned") and not measured.faults.get("witnessed"):
        found.append("No fault was witnessed: nothing here says how the agents fare under faults.")
    return found
