"""`blocks`, `allows` and `labels`: the lists, with the same verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from viral_engine.cli.api import segment
from viral_engine.cli.errors import wrong_use
from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import Session, common, without_none
from viral_engine.cli.times import expiry, validity
from viral_engine.messages.access import EntryKind, ListName

KINDS = get_args(EntryKind)
_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def _if(wanted: bool, parameter: Callable[[_Verb], _Verb]) -> Callable[[_Verb], _Verb]:  # noqa: FBT001  (read as if)
    return parameter if wanted else lambda verb: verb


def _verbs(list_name: ListName, one: str, explanation: str) -> click.Group:
    """Returns the group of one list."""

    @click.group(name=list_name, help=explanation)
    def group() -> None:
        return

    for add_verb in (_list, _add, _remove):
        add_verb(group, list_name, f"{one}_id")
    return group


def _list(group: click.Group, list_name: ListName, id_field: str) -> None:
    labelled = list_name == "labels"

    @group.command(name="list")
    @click.option("--kind", type=click.Choice(KINDS))
    @click.option("--value")
    @_if(labelled, click.option("--label", help="Things of this label."))
    @click.option("--limit", type=click.IntRange(1, 200))
    @click.option("--before", metavar="ID", help="The page after the one that ended with this entry.")
    @common
    def list_entries(session: Session, **query: Any) -> None:
        """List live entries, newest first."""
        answer = session.daemon.http("GET", f"/v1/{list_name}", query=query)
        named = ("label",) if labelled else ()
        names = (id_field, "kind", "value", *named, "reason", "author", "created_at", "expires_at")
        rows = [[word(entry[name]) for name in names] for entry in answer[list_name]]
        columns = [name.removesuffix("_at").upper() for name in ("id" if labelled else id_field[:-3], *names[1:])]
        session.printer.answer(answer, session.printer.table(columns, rows))
        if answer.get("next_before"):
            session.printer.note(f"there are more: --before {answer['next_before']}")


def _add(group: click.Group, list_name: ListName, id_field: str) -> None:
    labelled = list_name == "labels"

    @group.command()
    @click.argument("kind", type=click.Choice(KINDS))
    @click.argument("value")
    @_if(labelled, click.argument("label"))
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
        label: str | None = None,
    ) -> None:
        """Add an entry; it counts from the next check on.

        A thing stands on a list once: adding it again makes its entry longer, with the new reason, or changes nothing.
        """
        expires = expiry(expires_at, expires_after_s)
        if labelled and expires is None:
            raise wrong_use("a label always ends", "say when by --for or --expires-at")
        body = {"kind": kind, "value": value, "reason": reason, **without_none(label=label, expires_at=expires)}
        answer: dict[str, Any] = session.daemon.http("POST", f"/v1/{list_name}", body)
        said = f"{clean(str(answer[id_field]))}  {kind} {clean(value)}"
        if label is not None:
            said += f" as {clean(label)}"
        if answer["added"]:
            said += " is on the list"
        else:
            end = f"until {word(answer['expires_at'])}" if answer["expires_at"] else "without end"
            said += f" stands already, {end}, reason: {clean(answer['reason'])}"
        session.printer.answer(answer, [said])


def _remove(group: click.Group, list_name: ListName, id_field: str) -> None:
    @group.command()
    @click.argument("entry_id")
    @click.option("--reason", metavar="TEXT")
    @common
    def remove(session: Session, entry_id: str, *, reason: str | None) -> None:
        """Lift an entry."""
        session.daemon.http("DELETE", f"/v1/{list_name}/{segment(entry_id)}", query={"reason": reason})
        session.printer.answer({id_field: entry_id, "removed": True}, [f"{clean(entry_id)} is lifted"])


blocks = _verbs("blocks", "block", "Who and what is refused.")
allows = _verbs("allows", "allow", "Who and what is spared rate limits; never consent.")
labels = _verbs("labels", "label", "What users, devices, addresses and domains are called, for policies to ask.")
