"""The report in a real browser, from a file and without a network."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from agentbench.record import Exchange, Firing, HandOver, Memory, MemoryEntry, Note
from agentbench.report import html
from agentbench.report.visible import visible_data

pytestmark = pytest.mark.requires("browser")

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
WIDTHS = {"narrow": 380, "wide": 1280}
HARMFUL = "retrying/bank.rent_payment/lost-transfer/0"
HIT = "window.hit=1"
PAYLOADS = [
    f"<script>{HIT}</script>",
    f"</script><script>{HIT}</script>",
    f"</style><script>{HIT}</script>",
    f"</title><script>{HIT}</script>",
    f"<!--<script>{HIT}",
    f"--><script>{HIT}</script>",
    f"]]><script>{HIT}</script>",
    f"<img src=x onerror={HIT}>",
    f"\"><img src=x onerror='{HIT}'>",
    f'\'><img src=x onerror="{HIT}">',
    f"<svg onload={HIT}>",
    f"<svg><script>{HIT}</script></svg>",
    f"<svg><animate onbegin={HIT} attributeName=x dur=1s>",
    f"</svg><script>{HIT}</script>",
    f"<body onload={HIT}>",
    f"<details open ontoggle={HIT}>",
    f"<input autofocus onfocus={HIT}>",
    f"<video><source onerror={HIT}></video>",
    f"<iframe srcdoc='<script>parent.{HIT}</script>'></iframe>",
    f"<iframe src='javascript:parent.{HIT}'></iframe>",
    f"<object data='javascript:{HIT}'></object>",
    f"<a href='javascript:{HIT}'>x</a>",
    f"javascript:{HIT}",
    f'" onmouseover="{HIT}" x="',
    f"' autofocus onfocus='{HIT}' x='",
    f"`onmouseover={HIT}`",
    "<style>*{background:url(http://127.0.0.1:9/leak)}</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<base href=http://127.0.0.1:9/>",
    f"<form action='javascript:{HIT}'><button autofocus>x</form>",
    f"{{{{ {HIT} }}}}{{% raw %}}${{{HIT}}}",
    f"&lt;script&gt;{HIT}&lt;/script&gt;",
    f"\\u003cscript\\u003e{HIT}\\u003c/script\\u003e",
    f"\\';{HIT};//",
    f"\u2028{HIT}\u2029//",
    f"\u202e\u2066<script>{HIT}</script>",
    f"\x1b]8;;javascript:{HIT}\x07x\x1b]8;;\x07",
    f"%3Cscript%3E{HIT}%3C/script%3E&agent=x#trial=y",
    f"__proto__ constructor <math><mtext></p><script>{HIT}</script>",
]

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for the module."""
    from playwright.sync_api import sync_playwright

    path = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Any, sample: ModuleType, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a run offline from its file; what the browser complains of fails the test."""
    contexts, said = [], []

    def open_(run: Any = None, *, width: int = 1280, scheme: str = "light", fragment: str = "") -> Any:
        run = run or sample.build()
        path = tmp_path / "report.html"
        html.write(path, run.plan, run.measured, run.judgements, run.record_of)
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
        page.goto(path.as_uri() + fragment)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []


def _rows(page: Any) -> int:
    return int(page.locator("#list tbody tr").count())


def _text(page: Any, selector: str) -> str:
    return " ".join(page.locator(selector).inner_text().split())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_never_runs_and_is_shown(opened: Open, sample: ModuleType, payload: str) -> None:
    """A payload in every field leaves no element, no request and no effect, and can be read as it was written."""
    run = sample.build(payload, trials=1)
    shown = visible_data(payload)
    page = opened(run)
    page.locator(".scenario summary").first.click()
    page.locator(".grid a").first.wait_for()
    content = page.locator("#run").evaluate("node => node.textContent")
    for field in ("naive", "default", "flaky-reads", "bank.rent_payment", "crewAI#5802).", "message me a receipt."):
        assert field + shown in page.evaluate("document.body.textContent"), field
    assert shown in content
    trial = next(each for each in run.records if each.startswith("retrying") and "lost-transfer" in each)
    page.evaluate("id => { location.hash = 'trial=' + encodeURIComponent(id) }", visible_data(trial))
    page.locator(".timeline").wait_for()
    timeline = page.locator("#trial").evaluate("node => node.textContent")
    for field in ("October rent", "Kim", "req-51c2", "Try again later", "send_message", "I paid 1200 EUR to Kim Lee.",
                  "Rent is paid.", "agent.py:41", "lost_reply", "scripted", "paid", "1 is allowed"):  # fmt: skip
        assert field + shown in timeline, field
    page.mouse.move(300, 300)
    assert page.evaluate("window.hit") is None
    strange = (
        "img,iframe,object,embed,form,base,video,source,math,animate,[onload],[onerror],[style],[http-equiv=refresh]"
    )
    assert page.locator(strange).count() == 0
    assert page.evaluate("[...document.links].every(a => a.getAttribute('href').startsWith('#'))")
    executable = "[...document.scripts].filter(s => s.type !== 'application/json').length"
    assert page.evaluate(executable) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_no_page_scrolls_sideways(opened: Open, tmp_path: Path, width: int, scheme: str) -> None:
    """Overview, an open scenario and a trial fit the window, narrow and wide, light and dark."""
    page = opened(width=width, scheme=scheme)
    page.locator(".scenario summary").first.click()
    page.locator(".grid a").first.wait_for()
    fits = "document.scrollingElement.scrollWidth <= innerWidth"
    for name, fragment in (("run", ""), ("trial", f"#trial={quote(HARMFUL)}")):
        if fragment:
            page.evaluate("hash => { location.hash = hash }", fragment)
            page.locator(".timeline").wait_for()
        picture = tmp_path / f"{name}-{width}-{scheme}.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 10_000
        assert page.evaluate(fits), name
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in background[4:-1].split(",")) < 200) == (scheme == "dark")


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_what_agents_remember_and_hand_over_is_shown(
    opened: Open, sample: ModuleType, tmp_path: Path, width: int
) -> None:
    """The forgotten entries, a message that did not arrive and the restart stand in the timeline, in any window."""
    said = [MemoryEntry(role="user", text="Pay the rent."), MemoryEntry(role="agent", text="To whom?")]
    before = Memory(entries=said, digests=["a", "b"])
    left = Memory(entries=before.entries[1:], digests=["b"])
    fired = [Firing(injection=0, fault="history_cut", at_s=1.0, receipt={"witness": "forgotten", "forgets": 1})]
    events = [
        Exchange(at_s=1.0, end_s=2.0, turn=1, number=2, said="Kim.", heard=["Kim."], fired=fired, remembered=before,
                 left=left),
        HandOver(at_s=2.0, end_s=9.0, turn=1, channel="boss to clerk", number=1, sent={"do": "pay"}, received=[],
                 abandoned=True),
        HandOver(at_s=9.0, end_s=9.0, turn=1, channel="boss to clerk", number=2, sent={"a": 1},
                 received=[{"a": 1}] * 2),
        Note(at_s=9.5, kind="restarted", detail="process 2"),
    ]  # fmt: skip
    run = sample.build()
    run.records[HARMFUL] = msgspec.structs.replace(run.records[HARMFUL], events=events)
    page = opened(run, width=width, fragment=f"#trial={quote(HARMFUL)}")
    page.locator(".memory summary").click()
    assert "of 2 entries of its memory, 1 was left" in _text(page, ".exchange")
    assert _text(page, ".memory .forgotten") == "user Pay the rent."
    sides = [" ".join(each.split()) for each in page.locator(".handover").all_inner_texts()]
    assert "Nothing arrived." in sides[0]
    assert "the sender stopped waiting" in sides[0]
    assert sides[1].count("a1") + sides[1].count("a 1") == 3
    assert "Handed over on boss to clerk" in sides[0]
    assert "restarted: process 2" in _text(page, ".note")
    picture = tmp_path / f"memory-{width}.png"
    page.screenshot(path=picture, full_page=True)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_hostile_text_without_blanks_does_not_widen_the_page(opened: Open, sample: ModuleType) -> None:
    """A very long word in every field is broken, in a narrow window too."""
    page = opened(sample.build("W" * 300, trials=1), width=380)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    page.locator("#list a").first.click()
    page.locator(".timeline").wait_for()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_timeline_stands_side_by_side(opened: Open) -> None:
    """A wide window has what was asked, done, told and the fault's mark in four columns of one line."""
    page = opened(fragment=f"#trial={quote(HARMFUL)}")
    call = page.locator("#call-c2")
    boxes = [call.locator(f".{name}").bounding_box() for name in ("asked", "done", "told", "faults")]
    assert len({round(box["y"]) for box in boxes}) == 1
    assert [box["x"] for box in boxes] == sorted({box["x"] for box in boxes})
    assert "amount_cents" in call.locator(".asked").inner_text()
    done = " ".join(call.locator(".done").inner_text().split())
    assert "insert transfer TRF-9C41A7E0" in done
    assert "250000 → 130000" in done
    assert "no reply: timeout" in call.locator(".told").inner_text()
    assert "not what the environment answered" in call.locator(".told").inner_text()
    assert "lost_reply witnessed" in call.locator(".faults").inner_text()
    assert "never reached the environment" in page.locator("#call-c4 .done").inner_text()
    everything = _text(page, "#trial")
    for expected in ("User, turn 0", "Agent answers", "Agent claims", "The world changes", "blocking sleep",
                     "412 tokens in", "Ended: finished", "pass paid", "unknown receipt", "fired 1, witnessed 1",
                     f"agentbench replay runs/2031-04-02-a41f {HARMFUL}"):  # fmt: skip
        assert expected in everything
    assert page.locator("#run").is_hidden()


def test_timeline_is_stacked_and_labelled_when_narrow(opened: Open) -> None:
    """A narrow window has the four parts below each other, each under its name."""
    page = opened(width=380, fragment=f"#trial={quote(HARMFUL)}")
    boxes = [page.locator(f"#call-c2 .{name}").bounding_box() for name in ("asked", "done", "told", "faults")]
    assert [box["y"] for box in boxes] == sorted({box["y"] for box in boxes})
    assert page.locator("#call-c2 .part-name").all_inner_texts() == ["Asked", "Done to the world", "Told", "Fault"]


def test_filters(opened: Open) -> None:
    """Each filter narrows the list, together they narrow it further, and clearing brings everything back."""
    page = opened()
    assert "135 trials" in page.locator("#found").inner_text()
    page.select_option("[data-filter=agent]", "retrying")
    page.select_option("[data-filter=outcome]", "harmful")
    assert page.locator("#found").inner_text() == "6 of 135 trials"
    assert _rows(page) == 6
    page.select_option("[data-filter=scenario]", "bank.card_dispute")
    page.select_option("[data-filter=faultload]", "lost-transfer")
    assert _rows(page) == 2
    page.fill("[data-filter=text]", "/1")
    assert _rows(page) == 1
    assert "agent=retrying" in page.evaluate("location.hash")
    page.click("#clear")
    assert page.locator("#found").inner_text() == "135 trials"
    page.fill("[data-filter=text]", "NO WITNESS")
    assert _rows(page) == 3
    page.select_option("[data-filter=outcome]", "missing")
    assert _rows(page) == 0


def test_pages_and_order(opened: Open) -> None:
    """A long list comes in pages, and a column's head sorts it both ways."""
    page = opened()
    assert _rows(page) == 100
    page.click("#after")
    assert _rows(page) == 35
    assert page.locator("#page").inner_text() == "2 of 2"
    head = page.get_by_role("button", name="Outcome")
    head.click()
    assert "success" in page.locator("#list tbody tr").first.inner_text()
    head.click()
    assert "missing" in page.locator("#list tbody tr").first.inner_text()
    assert page.locator("#list th[aria-sort=descending]").count() == 1


def test_five_thousand_rows_stay_fast(opened: Open, sample: ModuleType) -> None:
    """Filtering 5,000 trials takes well under a frame budget of patience: 0.3 s in the page's own clock."""
    page = opened(sample.build(trials=112))
    took = page.evaluate(
        """() => {
          const field = document.querySelector("[data-filter=text]");
          const start = performance.now();
          field.value = "lost-transfer/7";
          field.dispatchEvent(new Event("input"));
          return performance.now() - start;
        }"""
    )
    assert "of 5040 trials" in page.locator("#found").inner_text()
    assert took < 300


def test_deep_links(opened: Open) -> None:
    """A link to a trial opens it, one with filters sets them, an unknown trial says so, and back leads to the list."""
    page = opened(fragment="#agent=naive&faultload=lost-transfer")
    assert page.locator("#found").inner_text() == "9 of 135 trials"
    page.locator("#list a").first.click()
    page.locator(".timeline").wait_for()
    page.get_by_role("link", name="Next →").click()
    page.locator("#trial .title").get_by_text("lost-transfer/1").wait_for()
    page.get_by_role("link", name="Its control trial").click()
    page.locator("#trial .title").get_by_text("naive/bank.rent_payment/none/1").wait_for()
    page.get_by_role("link", name="← All trials").click()
    page.locator("#list").wait_for()
    assert page.locator("#found").inner_text() == "9 of 135 trials"
    page.evaluate("location.hash = 'trial=no/such/trial/0'")
    page.get_by_text("There is no trial no/such/trial/0 in this run.").wait_for()
    page.evaluate("location.hash = 'trial=%E0%A4%A'")
    page.locator("#run").wait_for()


def test_a_matrix_cell_leads_to_its_trials(opened: Open) -> None:
    """The cell of an agent and a faultload filters the list to its trials."""
    page = opened()
    page.locator(".matrix .cell a[href*='retrying'][href*='lost-transfer']").click()
    page.get_by_text("9 of 135 trials").wait_for()


def test_a_trial_without_timeline_names_the_command(opened: Open, sample: ModuleType) -> None:
    """Where the file has no timeline, the page says which command prints it."""
    run = sample.build()
    del run.records[HARMFUL]
    page = opened(run, fragment=f"#trial={quote(HARMFUL)}")
    text = _text(page, "#trial")
    assert "not in this file" in text
    assert f"agentbench show runs/2031-04-02-a41f {HARMFUL}" in text


def test_commands_are_quoted_for_a_shell(opened: Open, sample: ModuleType) -> None:
    """What is meant to be pasted cannot start anything else."""
    run = sample.build("'; rm -rf ~ $(x)", trials=1)
    page = opened(run)
    page.locator("#list a").first.click()
    page.locator(".timeline").wait_for()
    code = page.locator(".commands code").first.inner_text()
    assert code.count("'\\''; rm -rf ~ $(x)") == 3


def test_usable_by_keyboard(opened: Open) -> None:
    """The first tab stop skips to the results, and a scenario opens with Enter."""
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.locator(".scenario summary").first.focus()
    page.keyboard.press("Enter")
    page.locator(".grid a").first.wait_for()
    names = "[...document.querySelectorAll('select,input,button')].every(e => e.labels?.length || e.textContent.trim())"
    assert page.evaluate(names)


def test_prints_without_controls(opened: Open) -> None:
    """On paper there are no filters and no navigation, and the numbers are there."""
    page = opened()
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("#filters").is_hidden()
    assert page.locator("#overview").is_visible()


def test_readable_without_scripts(browser: Any, sample: ModuleType, tmp_path: Path) -> None:
    """With scripts turned off the overview is there, and the page says what is not."""
    run = sample.build()
    path = tmp_path / "report.html"
    html.write(path, run.plan, run.measured, run.judgements, run.record_of)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert "42%" in page.locator("#overview").inner_text()
    assert "need scripts" in page.locator("#trials").inner_text()
    context.close()
