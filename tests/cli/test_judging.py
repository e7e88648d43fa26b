"""`measure` and `report` on a stored run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def test_measure_gives_the_same_numbers_again(agentbench, small_run: Path) -> None:
    """Judging a stored run is a function of its records."""
    before = (small_run / "measures.json").read_bytes()
    done = agentbench("measure", str(small_run), "--json")
    assert done.code == 0
    assert (small_run / "measures.json").read_bytes() == before


def test_measure_works_where_neither_langgraph_nor_docker_is_installed(small_run: Path, tmp_path: Path) -> None:
    """A stored run can be judged on a machine that could not have made it."""
    copy = tmp_path / "copy"
    shutil.copytree(small_run, copy)
    for name in ("measures.json", "judgements.jsonl", "report.html"):
        (copy / name).unlink()
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'langgraph', 'langchain', 'langchain_core', 'docker', 'httpx'}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from agentbench.cli import run_command_line\n"
        f"sys.exit(run_command_line(['measure', {str(copy)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (copy / "measures.json").read_bytes() == (small_run / "measures.json").read_bytes()
    assert (copy / "report.html").is_file()


def test_a_damaged_record_is_counted_and_not_judged(agentbench, small_run: Path, tmp_path: Path) -> None:
    """One flipped byte costs one trial, and is said."""
    copy = tmp_path / "copy"
    shutil.copytree(small_run, copy)
    lines = (copy / "records.jsonl").read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"at_s":0.0', b'"at_s":9.0', 1)
    (copy / "records.jsonl").write_bytes(b"".join(lines))
    document = agentbench("measure", str(copy), "--json").json
    assert document["run"]["damaged_records"] == 1
    assert document["trials"]["missing"] == 1


@pytest.mark.parametrize("verb", ["measure", "report"])
def test_what_is_not_a_run_is_refused(agentbench, tmp_path: Path, verb: str) -> None:
    """A directory without a plan, and a plan that is none, are said in one line."""
    (tmp_path / "empty").mkdir()
    done = agentbench(verb, "empty")
    assert (done.code, "it has no plan.json" in done.err) == (2, True)
    (tmp_path / "empty" / "plan.json").write_text("{}")
    done = agentbench(verb, "empty")
    assert (done.code, "not a plan of agentbench" in done.err) == (2, True)


def test_a_plan_of_a_newer_version_is_refused(agentbench, small_run: Path, tmp_path: Path) -> None:
    """A run that a later agentbench made is not misread."""
    copy = tmp_path / "copy"
    shutil.copytree(small_run, copy)
    plan = json.loads((copy / "plan.json").read_text())
    (copy / "plan.json").write_text(json.dumps({**plan, "version": 99}))
    done = agentbench("measure", str(copy))
    assert done.code == 2
    assert "version 99" in done.err


def test_report_writes_the_page_again(agentbench, small_run: Path) -> None:
    """The report can be had from the stored measures alone."""
    (small_run / "report.html").unlink()
    assert agentbench("report", str(small_run)).code == 0
    assert (small_run / "report.html").stat().st_size > 10_000
