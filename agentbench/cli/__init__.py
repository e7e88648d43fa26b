"""The command line: the verbs are the stages of the flow, and only here do execution and evaluation meet.

Exit codes: 0 fine, 1 a gate failed or a replay differs, 2 the call or a file is wrong, 3 the testbed broke,
4 nothing could be judged, 130 interrupted. Results go to standard output, everything else to standard error.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from agentbench import __version__
from agentbench.cli.console import fail
from agentbench.cli.settings import file_settings
from agentbench.errors import TestbedError, UsageError

# verb → module of this folder; each is imported when it is used, so that `--help` stays fast.
VERBS = {
    "run": "running",
    "plan": "running",
    "measure": "judging",
    "report": "judging",
    "show": "showing",
    "list": "listing",
    "validate": "validating",
    "sweep": "sweeping",
    "replay": "replaying",
    "shrink": "shrinking",
    "init": "starting",
    "doctor": "doctoring",
}
RESUMING = {"run", "sweep"}  # what goes on with the same --out


class Verbs(click.Group):
    """The commands, loaded by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the flow."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One verb's command."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"agentbench.cli.{VERBS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with a hint at the verb that was probably meant."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from agentbench.documents import closest

            raise UsageError(f"there is no command '{args[0]}'", remedy=closest(args[0], list(VERBS)))
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="agentbench")
@click.option("--verbose", "-v", count=True, help="Say more in the log on standard error; twice: everything.")
def cli(verbose: int) -> None:
    """Does your agent survive production? Stateful tool worlds, faults proven to land, measures with intervals."""
    from agentbench.cli.log import configure

    configure(verbose)


def run_command_line(arguments: Sequence[str]) -> int:
    """Execute a command line and return its exit code; no traceback reaches a user for codes 0, 1, 2 and 4."""
    try:
        result: Any = cli.main(
            list(arguments), prog_name="agentbench", standalone_mode=False, default_map=file_settings()
        )
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except UsageError as error:
        return fail(str(error), 2)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=False)
        return 0
    except click.ClickException as error:
        hint = f"; see 'agentbench {error.ctx.info_name} --help'" if isinstance(
            error, click.UsageError) and error.ctx and error.ctx.parent else ""  # fmt: skip
        return fail(error.format_message().rstrip(".") + hint, 2)
    except TestbedError as error:
        return fail(str(error), 3)
    except (KeyboardInterrupt, click.Abort):
        resumes = next((each in RESUMING for each in arguments if each in VERBS), False)
        return fail("interrupted" + "; the same command with the same --out goes on from here" * resumes, 130)
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - the last boundary: a defect of agentbench is code 3
        traceback.print_exc()
        return fail("this is a defect of agentbench; please report the lines above", 3)
