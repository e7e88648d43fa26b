"""The lines and the page of a sweep: complete, escaped, and readable in a real browser without scripts."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentbench import plugins, sweep
from agentbench.coverage import Coverage, Reached, covered
from agentbench.judgement import Judgement, Landing
from agentbench.plan import Plan, PlannedAgent
from agentbench.report import sweeps
from agentbench.sweep import Base, Spot

SCENARIO = "bank.rent_and_receipt"
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
HOSTILE = "</pre><script>window.hit=1</script><img src=x onerror=window.hit=1>\x1b[31m\u202e"
STATES = ("witnessed", "ineffective", "not_reached")


def swept(extra: str = "") -> tuple[Plan, Coverage]:
    """A made-up sweep whose trials ended in every way; `extra` stands in every text of the agent's."""
    plan = sweep.start(
        name=SCENARIO, path=plugins.scenarios()[SCENARIO], agent=PlannedAgent(name=f"agent{extra}", ref="naive"),
        faults=sweep.fault_set("default"), trials=1, seed=1, clock="auto", sandbox="inprocess",
    )  # fmt: skip
    spots = {Spot(tool, 1): Base(0, "none", []) for tool in ("list_payees", "transfer", "send_message")}
    plan = sweep.extended(plan, sweep.grow(plan, spots, rounds=1, trials_max=1000).trials)
    outcomes = ("success", "harmful", "false_success", "silent_failure", "honest_failure", "degraded", "success")
    found = [
        Judgement(
            trial=trial.id, agent=trial.agent, scenario=SCENARIO, faultload=trial.faultload, number=0, attempt=1,
            valid=place % 11 != 10, invalid_reason=f"broken{extra}", reason=f"because{extra}", kind=f"kind{extra}",
            outcome=None if place % 11 == 10 else outcomes[place % 7] if place else "success",  # type: ignore[arg-type]
            landings=[Landing(index=0, fault=trial.injections[0]["fault"], state=STATES[place % 13 // 11],  # type: ignore[arg-type]
                              reason=f"why{extra}")],
            end_s=40.0, pairing="matched",
        )
        for place, trial in enumerate(plan.trials)
    ]  # fmt: skip
    calls = [Reached(tool=spot.tool, call=1, depth=0) for spot in spots]
    return plan, covered(plan, found, [*calls, Reached(tool="get_payee", call=1, depth=1, through=f"outage{extra}")])


def test_lines_say_everything_in_little_room() -> None:
    """The map has a line for each fault and a mark for each tool, and the weak points come by harm."""
    plan, coverage = swept()
    text = sweeps.lines(coverage, {"rounds": 12, "pairs": 3})
    faults = sweep.faults_of(plan)
    assert faults is not None
    for variant in faults.variants:
        assert sum(line.startswith(f"{variant.label} ") for line in text) == 1
    assert "left out: 12 trials behind more faults than --rounds allows" in text
    assert "left out: 3 trials pairs beyond --max-trials" in text
    outcomes = [line.split(":")[0].strip() for line in text if re.match(r"  [a-z]", line)]
    assert outcomes == sorted(outcomes, key=["harmful", "false success", "silent failure", "honest failure"].index)
    assert len(text) < 80


def test_a_long_reason_is_seen_to_be_cut() -> None:
    """A reason that does not fit ends with an ellipsis, and one that fits does not."""
    short, long = swept()[1], swept("x" * 200)[1]
    assert not any(line.endswith("…") for line in sweeps.lines(short, {}) if "because" in line)
    cut = [line for line in sweeps.lines(long, {}) if "because" in line]
    assert cut
    assert all(line.endswith("x…") and len(line) < 170 for line in cut)


def test_lines_hold_no_control_characters() -> None:
    """Whatever an agent said steers no terminal."""
    for line in sweeps.lines(swept(HOSTILE)[1], {}):
        assert line.isprintable(), line


def test_a_sweep_without_weak_points_says_so() -> None:
    """Nothing to list is said in words, on the terminal and on the page."""
    plan, coverage = swept()
    coverage = msgspec.structs.replace(coverage, weak_points=[])
    assert any("no weak point" in line for line in sweeps.lines(coverage, {}))
    assert "None: under every witnessed fault" in sweeps.page(plan, coverage, run="out")


def test_the_page_trusts_nothing() -> None:
    """No script at all, one style with its hash, and every text escaped and visible."""
    page = sweeps.page(*swept(HOSTILE), run=f"runs/{HOSTILE}")
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "script-src" not in policy[1]
    assert "&lt;script&gt;" in page


def test_commands_are_quoted_for_a_shell() -> None:
    """What is meant to be pasted cannot start anything else."""
    page = sweeps.page(*swept(), run="runs/$(x); y")
    assert "agentbench show &#39;runs/$(x); y&#39; agent/" in page


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.0, "3.0 s"), (150.0, "2.5 min"), (9000.0, "2.5 h"), (3e5, "3.5 days")]
)
def test_durations(seconds: float, text: str) -> None:
    """Long times are said in larger units."""
    assert sweeps.duration(seconds) == text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for the module."""
    from playwright.sync_api import sync_playwright

    path = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.mark.requires("browser")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1280])
@pytest.mark.parametrize("extra", ["", HOSTILE, "W" * 300])
def test_in_a_browser(browser: Any, tmp_path: Path, extra: str, width: int, scheme: str) -> None:
    """The page opens from a file without complaint, runs nothing, and does not scroll sideways."""
    path = tmp_path / "sweep.html"
    path.write_text(sweeps.page(*swept(extra), run="runs/one"), "utf-8")
    said: list[str] = []
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    for summary in page.locator("details summary").all()[1:4]:
        summary.click()
    picture = tmp_path / "sweep.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate("window.hit") is None
    assert page.locator(".coverage tbody tr:not(.phase)").count() == 11
    assert page.locator(".weak").count() > 3
    assert "agentbench replay runs/one" in page.locator(".weak .commands").first.inner_text()
    assert said == []
    context.close()
