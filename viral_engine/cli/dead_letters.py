"""`dead-letters`: messages that ended their actor three times in a row and are refused since."""

from __future__ import annotations

from typing import Any

import click

from viral_engine.cli.layout import clean, count
from viral_engine.cli.options import Session, common
from viral_engine.control.protocol import ACT_TIMEOUT_S, Request


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Show the messages that ended their actor three times in a row, and let them through again.

    Each is refused from its third time on, until somebody forgives it or the daemon is started again.
    """


@dead_letters.command(name="list")
@click.option("-n", "limit", type=click.IntRange(1, 1_000), default=100, show_default=True)
@common
def list_letters(session: Session, *, limit: int) -> None:
    """List the newest, oldest first, without anything personal.

    `history PATH` has the crashes themselves.
    """
    data: dict[str, Any] = session.daemon.ask(Request(verb="dead_letters", limit=limit))
    rows = [
        [letter["at"], letter["path"], letter["error"], clean(letter["message"] or letter["message_type"])]
        for letter in data["letters"]
    ]
    if data["source"] != "database":
        session.printer.note(f"from the history, as the database can't be asked: {data['why']}")
    if data["waiting"]:
        session.printer.note(f"{count(data['waiting'], 'letter')} will be in the database when it is back")
    for path, refused in data["refused_now"].items():
        session.printer.note(f"{path} refuses {refused} of them; `dead-letters forgive {path}` lets them through")
    session.printer.answer(data, session.printer.table(("AT", "PATH", "ERROR", "MESSAGE"), rows))


@dead_letters.command()
@click.argument("path")
@click.option("--reason", metavar="TEXT", help="Why; kept in the audit.")
@common
def forgive(session: Session, path: str, *, reason: str | None) -> None:
    """Let the messages that PATH refuses through again, because somebody mended what they broke.

    The list of dead letters stays as it is.
    """
    request = Request(verb="forgive", path=path, reason=reason, timeout_s=ACT_TIMEOUT_S)
    data: dict[str, Any] = session.daemon.ask(request)
    session.printer.answer(data, [f"{clean(data['path'])} lets {count(data['letters'], 'message')} through again"])
