"""The table at the end of a run, for a terminal of any width and for a pipe.

Invariant: only `Text` objects with visible text reach rich, so that no agent can colour or steer the terminal.
"""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from agentbench.judgement import OUTCOMES, Judgement, Measured
from agentbench.plan import Plan
from agentbench.report import figures, tally
from agentbench.report.figures import OUTCOME_LABELS, OUTCOME_LETTERS, Footnotes
from agentbench.report.stamp import Stamp
from agentbench.report.visible import visible

SHOWN = ("success_clean", "success_faulted", "recovery_rate", "false_success_rate", "harm_rate")
STYLES = {
    "success": "green", "degraded": "cyan", "honest_failure": "blue",
    "silent_failure": "yellow", "false_success": "magenta", "harmful": "bold red", "invalid": "dim",
}  # fmt: skip
LEGEND_WIDTH = 90  # the legend on one line
AGENT_WIDTH = 28  # a longer name is folded


def render(plan: Plan, measured: Measured, judgements: Iterable[Judgement]) -> RenderableType:
    """The summary of a run; it chooses its columns when it is printed, by the width there is."""
    return Summary(plan, measured, judgements)


class Summary:
    """Stamp, what the numbers rest on, and one line per agent, in the widest form that fits."""

    def __init__(self, plan: Plan, measured: Measured, judgements: Iterable[Judgement]) -> None:
        trials = tally.rows(plan, judgements)
        self._stamp = Stamp.of(plan, measured, trials)
        self._measures = figures.Measures(measured.measures)
        self._agents = tally.agents(plan, trials)
        self._counts = {
            agent: tally.standings(row for row in trials if row.agent == agent) for agent in self._agents
        }  # fmt: skip

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        notes = Footnotes()
        body: RenderableType | None = None
        lettered = False
        for lettered, folded in ((False, False), (True, False), (True, True)):
            table = self._table([*self._count_columns(lettered)], folded=folded, notes=notes, rates=True)
            if _fits(console, options, table):
                body = table
                break
        if body is None:
            counts = self._table([*self._count_columns(True)], folded=True, notes=notes, rates=False)
            rates = self._table([], folded=True, notes=notes, rates=True)
            fits = _fits(console, options, counts) and _fits(console, options, rates)
            body = Group(counts, rates) if fits else self._blocks(notes)
            lettered = fits
        parts: list[RenderableType] = [*self._head(), Text(""), body]
        if lettered:
            parts.extend(_legend(options.max_width))
        parts.extend(
            Text(f"{_superscript(index)} {visible(reason)}", style="dim", overflow="fold")
            for index, reason in enumerate(notes.reasons, start=1)
        )
        if not options.ascii_only:
            yield from parts
            return
        # A terminal that knows only ASCII must not make the end of a run fail.
        for segment in console.render(Group(*parts), options):
            yield Segment(_ascii(segment.text), segment.style, segment.control)

    def _head(self) -> list[Text]:
        lines = [Text(f"run {self._stamp.run}", style="bold", overflow="fold")] if self._stamp.run else []
        lines.append(Text(" · ".join(f"{name} {value}" for name, value in self._stamp.settings), style="dim"))
        for title, counts in (("trials", self._stamp.trials), ("faults", self._stamp.faults)):
            line = Text(f"{title}: ", overflow="fold")
            line.append(", ".join(f"{count} {name}" for name, count in counts) or "none counted")
            lines.append(line)
        lines.extend(Text(warning, style="yellow", overflow="fold") for warning in self._stamp.warnings)
        return lines

    def _count_columns(self, lettered: bool) -> list[tuple[str, tally.Standing]]:
        names: list[tuple[str, tally.Standing]] = [
            (OUTCOME_LETTERS[each] if lettered else OUTCOME_LABELS[each].replace(" failure", ""), each)
            for each in OUTCOMES
        ]
        for standing in ("invalid", "missing"):
            if any(counts[standing] for counts in self._counts.values()):
                names.append((standing[:3] if lettered else standing, standing))
        return names

    def _table(
        self, counts: Sequence[tuple[str, tally.Standing]], *, folded: bool, notes: Footnotes, rates: bool
    ) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
        table.add_column("agent", overflow="fold", max_width=AGENT_WIDTH, min_width=8)
        for label, _ in counts:
            table.add_column(label, justify="right", no_wrap=True)
        for name in SHOWN if rates else ():
            short = figures.figure(name).short
            table.add_column(f"{short} rate" if short == "false" and not folded else short, no_wrap=True)
        for agent in self._agents:
            cells = [self._count(agent, standing) for _, standing in counts]
            if rates:
                cells.extend(self._rate(agent, name, folded, notes) for name in SHOWN)
            table.add_row(Text(visible(agent), style="bold"), *cells)
        return table

    def _count(self, agent: str, standing: tally.Standing) -> Text:
        count = self._counts[agent][standing]
        return Text(str(count), style=STYLES.get(standing, "dim") if count else "dim")

    def _rate(self, agent: str, name: str, folded: bool, notes: Footnotes) -> Text:
        measure = self._measures.of(name, agent)
        if measure.value is None:
            return Text(figures.UNDEFINED + _superscript(notes.mark(figures.reason(measure))), style="dim")
        text = Text(figures.number(measure))
        interval = figures.interval(measure)
        if folded:
            text.append(f" n{measure.n}", style="dim")
            text.append(f"\n{interval}" if interval else "", style="dim")
        else:
            text.append(f" [{interval}]" if interval else "", style="dim")
            text.append(f" n{measure.n}", style="dim")
        return text

    def _blocks(self, notes: Footnotes) -> Group:
        lines: list[Text] = []
        for agent in self._agents:
            lines.append(Text(visible(agent), style="bold", overflow="fold"))
            counted = [f"{count} {name.replace('_', ' ')}" for name, count in self._counts[agent].items() if count]
            lines.append(Text("  " + (", ".join(counted) or "no trial"), overflow="fold"))
            for name in SHOWN:
                line = Text(f"  {figures.figure(name).label.lower()} ", overflow="fold")
                lines.append(line.append_text(self._rate(agent, name, False, notes)))
        return Group(*lines)


def _fits(console: Console, options: ConsoleOptions, table: Table) -> bool:
    roomy = options.update(width=10_000)
    return Measurement.get(console, roomy, table).maximum <= options.max_width


def _legend(width: int) -> list[Text]:
    """What the letters mean, in as few lines as there is room for."""
    per_line = len(OUTCOMES) if width >= LEGEND_WIDTH else len(OUTCOMES) // 2
    lines: list[Text] = []
    for index, outcome in enumerate(OUTCOMES):
        if index % per_line == 0:
            lines.append(Text(style="dim", overflow="fold"))
        lines[-1].append("  " if lines[-1].plain else "")
        lines[-1].append(OUTCOME_LETTERS[outcome], style=STYLES[outcome])
        lines[-1].append(f" {OUTCOME_LABELS[outcome]}")
    return lines


def _superscript(index: int) -> str:
    return str(index).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _ascii(text: str) -> str:
    plain = text.translate(str.maketrans("–—−·⁰¹²³⁴⁵⁶⁷⁸⁹", "---|0123456789"))
    return plain.encode("ascii", "backslashreplace").decode()
