"""The report as a file: what is in it, what it allows, and how it is written."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from agentbench.judgement import OUTCOMES
from agentbench.report import html

HOSTILE = '</script><img src=x onerror="alert(1)">\'"&<!--\u2028\u202e\x1b[31m'


class Page(HTMLParser):
    """Elements with their attributes, and the text of each, in the order of the file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.raw: list[tuple[str, dict[str, str], str]] = []
        self.text: list[str] = []
        self._inside: tuple[str, dict[str, str]] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag in ("script", "style"):
            self._inside = (tag, found)

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw.append((*self._inside, data))
        else:
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def shown(self) -> str:
        """The text of the page as one line."""
        return " ".join(" ".join(self.text).split())


def _page(run: Any, **settings: Any) -> str:
    return html.page(run.plan, run.measured, run.judgements, run.record_of, **settings)


def _index(text: str) -> Any:
    raw = next(body for _, attributes, body in Page(text).raw if attributes.get("id") == "index")
    return json.loads(raw)


def test_policy_allows_exactly_the_style_and_script_of_the_page(sample: ModuleType) -> None:
    """The hashes in the policy are those of what stands between the tags, and nothing else is allowed."""
    page = Page(_page(sample.build(HOSTILE)))
    policies = [each["content"] for each in page.of("meta") if "http-equiv" in each]
    assert len(policies) == 1
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        bodies = [body for name, attributes, body in page.raw if name == tag and "type" not in attributes]
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    names = [name for name, _ in page.elements]
    assert names.index("meta") < names.index("style")


def test_nothing_is_loaded_and_nothing_is_inline(sample: ModuleType) -> None:
    """There is no address to load from, no style attribute, no handler, and no form."""
    page = Page(_page(sample.build(HOSTILE)))
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "form", "base", "audio", "video"}
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert "src" not in attributes
        if tag != "link":
            assert attributes.get("href", "#").startswith("#")
    assert [each["href"] for each in page.of("link")] == ["data:,"]


def test_hostile_text_is_text(sample: ModuleType) -> None:
    """Markup in any name stays text, data cannot leave its script, and unseen characters are written out."""
    text = _page(sample.build(HOSTILE))
    assert "<img" not in text
    assert not set("\x1b\u202e\u2028") & set(text)
    assert '</script><img src=x onerror="alert(1)">' in Page(text).shown
    assert json.loads(json.dumps(_index(text)))["agents"][0].startswith("naive</script>")


def test_what_the_numbers_rest_on_stands_above_them(sample: ModuleType) -> None:
    """Run, profile with version and hash, seed, counts of trials and of faults come before the overview."""
    shown = Page(_page(sample.build())).shown
    head = shown[: shown.index("Success, clean")]
    for expected in (
        "runs/2031-04-02-a41f", "default v1 (9f31c2d07ab4)", "seed 7", "clock virtual", "sandbox process",
        "isolation process", "135 planned", "131 valid", "3 invalid", "1 missing", "108 planned", "101 injected",
        "96 witnessed", "7 not reached", "2 ineffective",
    ):  # fmt: skip
        assert expected in head


def test_undefined_is_a_dash_with_its_reason(sample: ModuleType) -> None:
    """A measure that is None is a dash with its reason as title, for a reader of screens, and in a note below."""
    page = Page(_page(sample.build()))
    reason = "no scenario has 3 valid trials; run with --trials 3 or more"
    assert sum(each.get("title") == reason for each in page.of("span")) == 3
    assert f"undefined: {reason}" in page.shown
    assert page.shown.count(reason) == 4
    assert "None" not in page.shown
    assert "nan" not in page.shown


def test_numbers_come_with_interval_and_n(sample: ModuleType) -> None:
    """The overview prints value, interval and n, and draws the interval."""
    text = _page(sample.build())
    overview = text[text.index('id="overview"') : text.index('id="outcomes"')]
    assert "42%" in overview
    assert "26–61 · n&nbsp;26" in overview
    assert overview.count('class="range"') == 3 * 7


def test_matrix_marks_what_cannot_succeed_and_what_tells_nothing(sample: ModuleType) -> None:
    """Cells without attainable success are marked and counted by the best that can be had; alike ones are named."""
    text = _page(sample.build())
    matrix = text[text.index('id="matrix"') : text.index('id="measures"')]
    shown = Page(matrix).shown
    assert "uninformative: every agent the same" in shown
    assert re.search(r"◇ ?6 ?/9 as well as could be had", shown)
    assert "mostly harmful" in shown
    assert "slow-quotes" in shown
    assert "lost_reply (as timeout, after_s 30) at tool transfer, call 1" in shown
    assert "#agent=retrying&amp;faultload=lost-transfer" in matrix


def test_every_trial_is_in_the_list(sample: ModuleType) -> None:
    """The list has all planned trials, judged, invalid or missing, and says how many have a timeline."""
    run = sample.build()
    text = _page(run)
    index = _index(text)
    assert len(index["trials"]) == len(run.plan.trials)
    standings = {index["standings"][row[4]] for row in index["trials"]}
    assert standings == {*OUTCOMES, "invalid", "missing"}
    assert "Timelines of 134 of 135 trials are in this file" in Page(text).shown
    assert "agentbench show RUN TRIAL" in Page(text).shown


def test_timelines_stay_within_the_size(sample: ModuleType) -> None:
    """With a limit the file keeps to it, every trial stays in the list, and the worst keep their timelines."""
    run = sample.build()
    text = _page(run, bytes_max=260_000)
    assert len(text.encode()) < 262_000
    index = _index(text)
    embedded = [row for row in index["trials"] if row[11] >= 0]
    assert 0 < len(embedded) < len(index["trials"])
    harmful = index["standings"].index("harmful")
    assert all(row[11] >= 0 for row in index["trials"] if row[4] == harmful)
    assert len(index["trials"]) == len(run.plan.trials)


def test_five_thousand_trials_stay_below_six_megabytes(sample: ModuleType) -> None:
    """A large run still makes one file of a bearable size with all its trials."""
    run = sample.build(trials=112)
    assert len(run.plan.trials) == 5_040
    text = _page(run)
    assert len(text.encode()) < 6_100_000
    assert len(_index(text)["trials"]) == 5_040


def test_written_whole(sample: ModuleType, tmp_path: Path) -> None:
    """The file is complete, named by its run, readable as any file, and nothing else is left in the folder."""
    run = sample.build()
    run.measured.run.pop("id")
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    path = folder / "report.html"
    html.write(path, run.plan, run.measured, run.judgements, run.record_of)
    text = path.read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>")
    assert _index(text)["run"] == "runs/mine"
    assert [each.name for each in folder.iterdir()] == ["report.html"]
    assert path.stat().st_mode & 0o400


def test_a_failure_leaves_the_old_file(sample: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk gives up, the report of before is untouched and no half file remains."""
    run = sample.build()
    path = tmp_path / "report.html"
    path.write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        html.write(path, run.plan, run.measured, run.judgements, run.record_of)
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_an_empty_run_has_a_report(sample: ModuleType) -> None:
    """Nothing planned and nothing measured is a page that says so, not an error."""
    run = sample.build()
    plan = msgspec.structs.replace(run.plan, agents=[], scenarios={}, trials=[], skipped=[])
    measured = msgspec.structs.replace(run.measured, run={}, trials={}, faults={}, measures=[])
    text = html.page(plan, measured, [], run.record_of)
    assert "No measure was computed for any agent." in Page(text).shown


def test_same_input_same_bytes(sample: ModuleType) -> None:
    """The page is a function of its input; it holds no time of its own."""
    assert _page(sample.build()) == _page(sample.build())
