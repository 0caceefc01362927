"""`audit`: who did what to whom."""

from __future__ import annotations

from typing import Any, get_args

import click

from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import SPAN, Session, common, without_none
from viral_engine.cli.records import since_ago
from viral_engine.messages.audit import AuditSubject


@click.command()
@click.option(
    "--subject",
    type=(click.Choice(get_args(AuditSubject)), str),
    metavar="KIND ID",
    help="What was done to it, such as: user 4711.",
)
@click.option("--action", metavar="ACT", help="Exactly this act, such as blocks.add.")
@click.option("--since", type=SPAN, metavar="24h", help="By default all.")
@click.option("--limit", type=click.IntRange(1, 200))
@click.option("--before", metavar="ID", help="The page after the one that ended with this entry.")
@common
def audit(session: Session, *, subject: tuple[str, str] | None, since: float | None, **query: Any) -> None:
    """List who did what to whom, newest first.

    Reports, appeals, their cases and blocks are listed for keys that have the scope child_safety too.
    """
    kind, value = subject or (None, None)
    when = None if since is None else since_ago(since)
    wanted = {**query, "subject_kind": kind, "subject_id": value, "since": when}
    answer = session.daemon.http("GET", "/v1/audit", query=wanted)
    rows = [
        [word(one["at"]), clean(one["action"]), clean(one["author"]), _subject(one),
         word(without_none(**one["details"]))]
        for one in answer["entries"]
    ]  # fmt: skip
    session.printer.answer(answer, session.printer.table(("AT", "ACTION", "BY", "SUBJECT", "DETAILS"), rows))
    if answer.get("next_before"):
        session.printer.note(f"there are more: --before {answer['next_before']}")


def _subject(entry: dict[str, Any]) -> str:
    return "-" if entry["subject_kind"] is None else clean(f"{entry['subject_kind']} {entry['subject_id']}")
