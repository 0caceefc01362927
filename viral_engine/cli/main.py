"""The entry point: which verb is where, and what an error looks like to the shell."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from viral_engine.cli.errors import CliError, ExitCode, wrong_use
from viral_engine.cli.printer import ReaderGone, let_go, print_error
from viral_engine.cli.refused_arguments import told
from viral_engine.folders import is_text

VERBS = {
    "serve": "serve:serve",
    "doctor": "doctor:doctor",
    "check-config": "check_config:check_config",
    "check": "decisions:check",
    "decisions": "decisions:decisions",
    "why": "decisions:why",
    "reevaluate": "reevaluate:reevaluate",
    "rederive": "rederive:rederive",
    "replay": "replay:replay",
    "health": "health:health",
    "tree": "tree:tree",
    "ps": "ps:ps",
    "inspect": "inspect_actor:inspect_actor",
    "history": "history:history",
    "trace": "trace:trace",
    "dead-letters": "dead_letters:dead_letters",
    "restart": "acts:restart",
    "stop": "acts:stop",
    "kill": "acts:kill",
    "suspend": "acts:suspend",
    "resume": "acts:resume",
    "hang": "hang:hang",
    "keys": "keys:keys",
    "users": "users:users",
    "consents": "consents:consents",
    "blocks": "access:blocks",
    "allows": "access:allows",
    "labels": "access:labels",
    "audit": "audit:audit",
    "policy": "policy:policy",
    "reports": "reviews:reports",
    "appeals": "reviews:appeals",
    "reviews": "reviews:reviews",
}
"""Each verb's module and name in it; a module is imported when its verb is used."""


class Verbs(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the verbs in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the verb's module."""
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"viral_engine.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuses an unknown verb with the nearest one."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches  # noqa: PLC0415  (a tenth of a second that only a mistake costs)

            near = get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "`viral-engine --help` lists the verbs"
            raise CliError(ExitCode.WRONG_USE, "wrong_use", f"there is no verb {args[0]!r}", hint)
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="viral-engine", prog_name="viral-engine")
def cli() -> None:
    """Operate viral-engine: the daemon, its tree of actors, and what it decides.

    Exit codes: 0 ok, 1 the answer is "not well", 2 wrong use, 3 daemon not running, 4 no such actor or thing,
    5 not allowed, 6 no answer in time, 130 interrupted.
    """


def main() -> NoReturn:
    """Runs the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit code."""
    json = "--json" in arguments
    try:
        _refuse_undecodable(arguments)
        result = cli.main(list(arguments), prog_name="viral-engine", standalone_mode=False)
        sys.stdout.flush()
        return int(result or 0)
    except CliError as error:
        print_error(error, json=json)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return ExitCode.WRONG_USE
    except click.ClickException as error:
        print_error(told(error, arguments), json=json)
        return ExitCode.WRONG_USE
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except ReaderGone:
        let_go()
        return ExitCode.OK
    except SystemExit:
        # The library ends the process by itself when nobody reads its help any more; a verb never does.
        return ExitCode.OK


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    """Refuses bytes that are no text here, before a verb would send, write or print them.

    Raises:
        CliError: an argument holds some.
    """
    for argument in arguments:
        if not is_text(argument):
            raise wrong_use(f"the argument {os.fsencode(argument)!r} is not valid UTF-8", "say it in UTF-8")


if __name__ == "__main__":
    main()
