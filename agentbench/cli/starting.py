"""`init`: the smallest project that tests an agent of one's own, written as files that run as they are."""

from pathlib import Path

import click

from agentbench.cli.console import put
from agentbench.errors import UsageError

AGENT = '''"""The agent under test: any async function of a message and tools. Replace it by yours."""

from typing import Any


async def agent(message: str, tools: Any) -> dict[str, Any]:
    """Answer one user turn; the tools are those of the scenario's environment."""
    accounts = await tools.list_accounts()
    await tools.report_outcome(status="failed", summary="I only looked.", missing=[message])
    return f"I see {accounts['total']} accounts, but I cannot do more yet."
'''

SCENARIO = """why: "A transfer whose reply is lost must not be made twice; replace this by a failure you have seen."
environment: bank
script:
  - user: "How much is in my checking account CHK-1?"
reference:
  - call: get_account
    with: {account: CHK-1}
    save: {balance: balance_cents}
  - reply: "There are ${balance} cents in CHK-1."
checks:
  told: {answer: {contains: [CHK-1]}}
  asked: {called: {tool: get_account, with: {account: CHK-1}}}
outcomes:
  success: [told, asked]
limits: {tool_calls: 10, time_s: 300}
"""

FAULTS = """name: slow-and-down
summary: The first read takes 20 s, and the second one answers 503 twice.
injections:
  - fault: latency
    with: {delay_s: 20}
    at: {effect: read, call: 1}
  - fault: outage
    with: {status: 503}
    at: {effect: read, call: 2}
    lasts: {calls: 2}
"""

SETTINGS = """
[tool.agentbench]
agents = ["./my_agent.py:agent"]
trials = 3
"""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init_command(folder: Path) -> None:
    """Write an agent, a scenario, a faultload and settings into FOLDER; nothing that exists is overwritten."""
    files = {
        "my_agent.py": AGENT.replace("-> dict[str, Any]", "-> str"),
        "scenarios/bank/my_first.yaml": SCENARIO,
        "my_faults.yaml": FAULTS,
        "pyproject.toml": SETTINGS.lstrip(),
    }
    try:
        for name, text in files.items():
            path = folder / name
            if path.exists():
                put(f"kept     {path}")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            put(f"wrote    {path}")
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=folder) from None
    put("")
    if folder != Path():
        put(f"  cd {folder}")
    put("  agentbench validate bank.my_first")
    put("  agentbench run bank.my_first --faults my_faults.yaml")
