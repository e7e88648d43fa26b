"""The report of a run as one HTML file that needs no network and trusts no text in it.

Invariant: the only style and script that a browser will accept are the two whose hashes the page carries.
"""

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from agentbench.judgement import Judgement, Measured
from agentbench.plan import Plan
from agentbench.record import TrialRecord
from agentbench.report import figures, sections, tally, timelines
from agentbench.report.stamp import Stamp
from agentbench.report.tally import Row
from agentbench.report.visible import visible, visible_data

BYTES_MAX = 6_000_000  # of the whole file, as long as the list of trials leaves room for timelines
TIMELINES_SHARE_MIN = 0.1  # of it, even when the list of trials alone fills the file
BY_SCENARIO = ("success_clean", "success_faulted", "false_success_rate", "harm_rate")
_TEMPLATES = Path(__file__).parent / "templates"


def write(
    path: Path,
    plan: Plan,
    measured: Measured,
    judgements: Iterable[Judgement],
    record_of: Callable[[str], TrialRecord | None],
) -> None:
    """Write the report, whole or not at all; raises `OSError` when the folder cannot be written to."""
    folder = path.resolve().parent
    run = f"runs/{folder.name}" if folder.parent.name == "runs" else folder.name
    text = page(plan, measured, judgements, record_of, run=run)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # a temporary file is private; a report is an ordinary one
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def page(
    plan: Plan,
    measured: Measured,
    judgements: Iterable[Judgement],
    record_of: Callable[[str], TrialRecord | None],
    *,
    run: str = "",
    bytes_max: int = BYTES_MAX,
) -> str:
    """The text of the file; `run` is what the command line calls the run, its directory."""
    trials = tally.rows(plan, judgements)
    stamp = Stamp.of(plan, measured, trials, run=run)
    context = visible_data(sections.context(plan, measured, trials, stamp))
    css, script = (source(name) for name in ("report.css", "report.js"))
    blocks = {"css": Markup(css), "script": Markup(script), "csp": _policy(css, script)}
    template = templates().get_template("report.html.j2")
    index = timelines.encoded(_index(plan, measured, trials, stamp, ()))
    bare = template.render(**context, **blocks, index=Markup(index), timelines=[])
    room = max(bytes_max - len(bare.encode()), int(bytes_max * TIMELINES_SHARE_MIN))
    found = timelines.embed(trials, record_of, room)
    embedded = [(number, Markup(text)) for number, text in enumerate(found.values())]
    index = timelines.encoded(_index(plan, measured, trials, stamp, list(found)))
    return template.render(**context, **blocks, index=Markup(index), timelines=embedded)


def templates() -> jinja2.Environment:
    """The templates, which escape everything and know every name that they use."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def source(name: str) -> str:
    """A style or script of the templates' folder."""
    return (_TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _policy(css: str, script: str) -> str:
    """The content security policy: nothing from anywhere, and of what is in the page only these two."""
    return (
        f"default-src 'none'; style-src '{allowed(css)}'; script-src '{allowed(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def allowed(text: str) -> str:
    """What a content security policy calls one style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _index(plan: Plan, measured: Measured, trials: Sequence[Row], stamp: Stamp, embedded: Sequence[str]) -> Any:
    """What the script needs: every trial as a short list, with names given by their place in a table of names."""
    names = _Names()
    at = {trial: number for number, trial in enumerate(embedded)}
    lists = [_listed(row, names, at) for row in trials]
    return visible_data(
        {
            "run": stamp.run,
            "standings": list(tally.STANDINGS),
            "labels": [*figures.OUTCOME_LABELS.values(), "invalid", "missing"],
            "letters": [*figures.OUTCOME_LETTERS.values(), "!", "?"],
            "names": names.all,
            "agents": tally.agents(plan, trials),
            "trials": lists,
            "same": sorted(tally.uninformative(trials)),
            "measures": [
                [each.scenario, each.agent, figures.figure(each.name).label, figures.number(each),
                 figures.interval(each), each.n, each.reason or "", each.fault or ""]
                for each in measured.measures if each.scenario is not None and each.name in BY_SCENARIO
            ],
        }
    )  # fmt: skip


def _listed(row: Row, names: "_Names", embedded: dict[str, int]) -> list[Any]:
    judgement = row.judgement
    reason = (judgement.reason if judgement.valid else judgement.invalid_reason) if judgement else ""
    found = [
        names.at(row.agent),
        names.at(row.scenario),
        names.at(row.faultload),
        row.number,
        tally.STANDINGS.index(row.standing),
        names.at(judgement.kind if judgement else ""),
        names.at(reason[:300]),
        names.at(row.attainable),
        int(judgement.landed) if judgement else 0,
        judgement.tool_calls if judgement else None,
        round(judgement.end_s, 2) if judgement else None,
        embedded.get(row.id, -1),
    ]
    usual = f"{row.agent}/{row.scenario}/{row.faultload}/{row.number}"
    return found if row.id == usual else [*found, visible(row.id)]


class _Names:
    """Texts that many trials share, each kept once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def at(self, text: str) -> int:
        """The place of this text."""
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(text)
        return self._places[text]
