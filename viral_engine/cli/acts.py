"""`restart`, `stop`, `kill`, `suspend`, `resume`: what an operator does to an actor."""

from __future__ import annotations

from typing import Any

import click

from viral_engine.cli.layout import clean
from viral_engine.cli.options import Session, common
from viral_engine.control.protocol import ACT_TIMEOUT_S, Request, Verb

_path = click.argument("path")
_yes = click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal to ask on.")
_reason = click.option("--reason", metavar="TEXT", help="Why; kept in the audit.")


@click.command()
@_path
@_yes
@_reason
@common
def restart(session: Session, path: str, *, yes: bool, reason: str | None) -> None:
    """Stop PATH and start it again.

    In order, and never counted. Starts a stopped actor, too.
    """
    session.confirm(f"Restart {path}? What waits in its mailbox fails.", yes=yes)
    _act(session, "restart", path, yes=True, reason=reason)


@click.command()
@_path
@_yes
@_reason
@common
def stop(session: Session, path: str, *, yes: bool, reason: str | None) -> None:
    """Stop PATH until somebody restarts it."""
    session.confirm(f"Stop {path} until somebody restarts it?", yes=yes)
    _act(session, "stop", path, yes=True, reason=reason)


@click.command()
@_path
@_yes
@click.option("--reason", metavar="TEXT", help="Why; kept in the audit and the history.")
@click.option("--force", is_flag=True, help="Even if it is one restart too many and the daemon ends.")
@common
def kill(session: Session, path: str, *, yes: bool, reason: str | None, force: bool) -> None:
    """End PATH at once, as a crash would.

    Its supervisor starts it again, and it counts as a restart. `tree --if-dies PATH` tells what follows.
    """
    session.confirm(f"Kill {path}? It counts as a restart of its supervisor.", yes=yes)
    _act(session, "kill", path, yes=True, reason=reason, force=force)


@click.command()
@_path
@_yes
@_reason
@common
def suspend(session: Session, path: str, *, yes: bool, reason: str | None) -> None:
    """Let PATH take no message until resumed.

    Its mailbox fills meanwhile.
    """
    session.confirm(f"Suspend {path}? Whoever asks it waits until it is resumed.", yes=yes)
    _act(session, "suspend", path, yes=True, reason=reason)


@click.command()
@_path
@_reason
@common
def resume(session: Session, path: str, *, reason: str | None) -> None:
    """Let a suspended PATH go on."""
    _act(session, "resume", path, yes=True, reason=reason)


def _act(session: Session, verb: Verb, path: str, *, yes: bool, reason: str | None, force: bool = False) -> None:
    request = Request(verb=verb, path=path, yes=yes, force=force, reason=reason, timeout_s=ACT_TIMEOUT_S)
    data: dict[str, Any] = session.daemon.ask(request, extra_s=ACT_TIMEOUT_S)
    incarnation = f" (incarnation {data['incarnation']})" if data["incarnation"] is not None else ""
    session.printer.answer(data, [f"{clean(data['path'])} {data['done']}{incarnation}"])
