"""`serve`: becomes the daemon."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import click

from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.folders import root_folder


@click.command()
@click.option("--data-dir", metavar="D", help="Where everything is kept [env: VIRAL_ENGINE_DATA_DIR].")
@click.option("--host", metavar="H", help="Address to listen on; 127.0.0.1 unless configured.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="P", help="Port to listen on; 4000 unless configured.")
@click.option("--database-url", metavar="U", help="A PostgreSQL of yours instead of the embedded one.")
@click.option("--config", metavar="F", type=click.Path(dir_okay=False), help="A TOML file that overrides the defaults.")
@click.option("--dev", is_flag=True, hidden=True, help="For trials: the operators' socket may make an actor hang.")
def serve(*, dev: bool, **flags: str | int | None) -> NoReturn:
    """Run the daemon in the foreground.

    SIGTERM or Ctrl-C ends it in order.
    """
    arguments = ["serve", *(["--dev"] if dev else [])]
    for name, value in flags.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    become_supervisor(arguments)


def become_supervisor(arguments: list[str]) -> NoReturn:
    """Replaces this process by supervisor.py: signals and exit codes are the daemon's own."""
    program = root_folder() / "supervisor.py"
    if not program.is_file():
        raise CliError(
            ExitCode.NOT_WELL, "broken_installation", f"{program} is missing", "install viral-engine again"
        )  # fmt: skip
    sys.stdout.flush()
    sys.stderr.flush()
    # They wait until the program over there can answer them: a starting interpreter would just die of them.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    os.execv(sys.executable, [sys.executable, str(program), *arguments])  # noqa: S606  (our own program, no shell)
