"""`blocks` and `allows`: the two lists, with the same verbs."""

from __future__ import annotations

from typing import Any, get_args

import click

from viral_engine.cli.api import segment
from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import Session, common, without_none
from viral_engine.cli.times import expiry, validity
from viral_engine.messages.access import EntryKind, ListName

KINDS = get_args(EntryKind)


def _verbs(list_name: ListName, one: str, explanation: str) -> click.Group:
    """Returns the group of one list."""
    id_field = f"{one}_id"

    @click.group(name=list_name, help=explanation)
    def group() -> None:
        return

    @group.command(name="list")
    @click.option("--kind", type=click.Choice(KINDS))
    @click.option("--value")
    @click.option("--limit", type=click.IntRange(1, 200))
    @click.option("--before", metavar="ID", help="The page after the one that ended with this entry.")
    @common
    def list_entries(session: Session, **query: Any) -> None:
        """List live entries, newest first."""
        answer = session.daemon.http("GET", f"/v1/{list_name}", query=query)
        names = (id_field, "kind", "value", "reason", "author", "created_at", "expires_at")
        rows = [[word(entry[name]) for name in names] for entry in answer[list_name]]
        columns = (one.upper(), "KIND", "VALUE", "REASON", "AUTHOR", "CREATED", "EXPIRES")
        session.printer.answer(answer, session.printer.table(columns, rows))
        if answer.get("next_before"):
            session.printer.note(f"there are more: --before {answer['next_before']}")

    @group.command()
    @click.argument("kind", type=click.Choice(KINDS))
    @click.argument("value")
    @click.option("--reason", required=True, metavar="TEXT")
    @validity
    @common
    def add(
        session: Session,
        kind: str,
        value: str,
        *,
        reason: str,
        expires_at: str | None,
        expires_after_s: float | None,
    ) -> None:
        """Add an entry; it counts from the next check on.

        A thing stands on a list once: adding it again makes its entry longer, with the new reason, or changes nothing.
        """
        expires = expiry(expires_at, expires_after_s)
        body = {"kind": kind, "value": value, "reason": reason, **without_none(expires_at=expires)}
        answer: dict[str, Any] = session.daemon.http("POST", f"/v1/{list_name}", body)
        said = f"{clean(str(answer[id_field]))}  {kind} {clean(value)}"
        if answer["added"]:
            said += " is on the list"
        else:
            end = f"until {word(answer['expires_at'])}" if answer["expires_at"] else "without end"
            said += f" stands already, {end}, reason: {clean(answer['reason'])}"
        session.printer.answer(answer, [said])

    @group.command()
    @click.argument("entry_id")
    @click.option("--reason", metavar="TEXT")
    @common
    def remove(session: Session, entry_id: str, *, reason: str | None) -> None:
        """Lift an entry."""
        session.daemon.http("DELETE", f"/v1/{list_name}/{segment(entry_id)}", query={"reason": reason})
        session.printer.answer({id_field: entry_id, "removed": True}, [f"{clean(entry_id)} is lifted"])

    return group


blocks = _verbs("blocks", "block", "Who and what is refused.")
allows = _verbs("allows", "allow", "Who and what is spared rate limits; never consent.")
