"""`blocks`, `allows` and `labels`: the lists, with the same verbs; labels have their own words for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

import click

from viral_engine.cli.api import segment
from viral_engine.cli.errors import wrong_use
from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import Session, common, without_none
from viral_engine.cli.times import expiry, validity
from viral_engine.cli.would_hit import tell_would_hit
from viral_engine.messages.access import EntryKind, ListName

KINDS = get_args(EntryKind)
_Verb = TypeVar("_Verb", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class _Words:
    """How the help speaks of one list."""

    one: str
    many: str
    add: str
    again: str
    remove: str
    removed: str


_ENTRIES = _Words(
    one="entry",
    many="entries",
    add="Add an entry; it counts from the next check on.",
    again="A thing stands on a list once: again makes its entry last longer, with the new reason, or changes nothing.",
    remove="Lift an entry.",
    removed="is lifted",
)
_LABELS = _Words(
    one="label",
    many="labels",
    add="Label a thing; it counts from the next check on.",
    again="A thing has a label once: giving it again makes it last longer, with the new reason, or changes nothing.",
    remove="Take a label off.",
    removed="is taken off",
)


def _words(list_name: ListName) -> _Words:
    return _LABELS if list_name == "labels" else _ENTRIES


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
    labelled, words = list_name == "labels", _words(list_name)

    @group.command(name="list", help=f"List live {words.many}, newest first.")
    @click.option("--kind", type=click.Choice(KINDS))
    @click.option("--value")
    @_if(labelled, click.option("--label", help="Things of this label."))
    @click.option("--limit", type=click.IntRange(1, 200))
    @click.option("--before", metavar="ID", help=f"The page after the one that ended with this {words.one}.")
    @common
    def list_entries(session: Session, **query: Any) -> None:
        answer = session.daemon.http("GET", f"/v1/{list_name}", query=query)
        named = ("label",) if labelled else ()
        names = (id_field, "kind", "value", *named, "reason", "author", "created_at", "expires_at")
        rows = [[word(entry[name]) for name in names] for entry in answer[list_name]]
        columns = [name.removesuffix("_at").upper() for name in ("id" if labelled else id_field[:-3], *names[1:])]
        session.printer.answer(answer, session.printer.table(columns, rows))
        if answer.get("next_before"):
            session.printer.note(f"there are more: --before {answer['next_before']}")


def _add(group: click.Group, list_name: ListName, id_field: str) -> None:
    labelled, words = list_name == "labels", _words(list_name)

    @group.command(help=f"{words.add}\n\n{words.again}")
    @click.argument("kind", type=click.Choice(KINDS))
    @click.argument("value")
    @_if(labelled, click.argument("label"))
    @click.option("--reason", required=True, metavar="TEXT")
    @_if(list_name == "blocks", click.option("--dry-run", is_flag=True, help="Only tell whom it would hit."))
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
        dry_run: bool = False,
    ) -> None:
        expires = expiry(expires_at, expires_after_s)
        if dry_run:
            tell_would_hit(session, kind, value)
            return
        if labelled and expires is None:
            raise wrong_use("a label always ends", "say when by --for or --expires-at")
        body = {"kind": kind, "value": value, "reason": reason, **without_none(label=label, expires_at=expires)}
        answer: dict[str, Any] = session.daemon.http("POST", f"/v1/{list_name}", body)
        said = f"{clean(str(answer[id_field]))}  {kind} {clean(value)}{_stands(answer, label)}"
        session.printer.answer(answer, [said])


def _stands(answer: dict[str, Any], label: str | None) -> str:
    """Returns what adding did: a new entry, a longer one, or nothing."""
    end = f"until {word(answer['expires_at'])}" if answer["expires_at"] else "without end"
    labelled = "" if label is None else f" is labelled {clean(label)}"
    if answer["added"]:
        return f"{labelled or ' is on the list'}, {end}"
    if answer["extended"]:
        return f"{labelled or ' stays on the list'} longer now, {end}"
    return f"{labelled or ' stands'} already, {end}, reason: {clean(answer['reason'])}"


def _remove(group: click.Group, list_name: ListName, id_field: str) -> None:
    words = _words(list_name)

    @group.command(help=words.remove)
    @click.argument("entry_id", metavar=f"{words.one.upper()}_ID")
    @click.option("--reason", metavar="TEXT")
    @common
    def remove(session: Session, entry_id: str, *, reason: str | None) -> None:
        session.daemon.http("DELETE", f"/v1/{list_name}/{segment(entry_id)}", query={"reason": reason})
        session.printer.answer({id_field: entry_id, "removed": True}, [f"{clean(entry_id)} {words.removed}"])


blocks = _verbs("blocks", "block", "Who and what is refused.")
allows = _verbs("allows", "allow", "Who and what is spared rate limits; never consent.")
labels = _verbs("labels", "label", "What users, devices, addresses and domains are called, for policies to ask.")
