"""The blocklist, the allow-list and the labels: adding, listing, lifting. All have the same form and other names."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid
from viral_engine.messages.access import (
    AddEntry,
    AllowView,
    BlockView,
    EntryBody,
    EntryKind,
    EntryStands,
    LabelBody,
    LabelView,
    ListName,
    RemoveEntry,
)
from viral_engine.messages.reading import ReadEntries
from viral_engine.web import forms
from viral_engine.web.api.inputs import (
    EXPIRY_AHEAD_MAX,
    REASON_LENGTH_MAX,
    expiry,
    page_before,
    page_limit,
    text,
    uuid_text,
)
from viral_engine.web.routes import Answer, Call, Handler, Parameter

NETWORK_BITS_MIN_4 = 8
NETWORK_BITS_MIN_6 = 16
"""A larger network is a slip: it would block or allow whole continents."""

LABEL_AHEAD_MAX = timedelta(days=400)
"""No label stands for longer: what it says of somebody gets old."""

KINDS: tuple[EntryKind, ...] = ("user", "device", "ip", "network", "email_domain")
PAGE = (
    Parameter("kind", "Entries of this kind.", {"type": "string", "enum": list(KINDS)}),
    Parameter("value", "Entries of exactly this value in any of its spellings, of `kind` or of any kind."),
    Parameter("before", "The id that the page before ended with.", forms.UUID),
    Parameter("limit", "Rows of the page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
)
LABEL_PAGE = (*PAGE[:2], Parameter("label", "Things of this label.", forms.LABEL), *PAGE[2:])
WHY = (Parameter("reason", "Why the entry is lifted, for the audit.", forms.text(REASON_LENGTH_MAX)),)


class BlockStored(msgspec.Struct, frozen=True):
    """The block as it stands; when the thing was blocked already, `added` is false, and `extended` says what was done.

    Attributes:
        extended: whether it was made longer, with the new reason; of one that was not added false means unchanged.
    """

    block_id: str
    added: bool
    extended: bool
    reason: str
    expires_at: datetime | None


class AllowStored(msgspec.Struct, frozen=True):
    """The allow as it stands; when the thing was allowed already, `added` is false, and `extended` says what was done.

    Attributes:
        extended: whether it was made longer, with the new reason; of one that was not added false means unchanged.
    """

    allow_id: str
    added: bool
    extended: bool
    reason: str
    expires_at: datetime | None


class LabelStored(msgspec.Struct, frozen=True):
    """The label as it stands; when the thing had it already, `added` is false, and `extended` says what was done.

    Attributes:
        extended: whether it was made longer, with the new reason; of one that was not added false means unchanged.
    """

    label_id: str
    added: bool
    extended: bool
    reason: str
    expires_at: datetime


class Blocks(msgspec.Struct, frozen=True):
    """A page of live blocks, newest first; `next_before` is null on the last one."""

    blocks: list[BlockView]
    next_before: str | None


class Allows(msgspec.Struct, frozen=True):
    """A page of live allows, newest first; `next_before` is null on the last one."""

    allows: list[AllowView]
    next_before: str | None


class Labels(msgspec.Struct, frozen=True):
    """A page of live labels, newest first; `next_before` is null on the last one."""

    labels: list[LabelView]
    next_before: str | None


_STORED: Mapping[ListName, Any] = {"blocks": BlockStored, "allows": AllowStored, "labels": LabelStored}
_PAGES: Mapping[ListName, Any] = {"blocks": Blocks, "allows": Allows, "labels": Labels}


def canonical_value(kind: EntryKind, value: int | str) -> str:
    """Returns the key under which checks are compared.

    Raises:
        Invalid: no such thing.
    """
    match kind:
        case "user":
            return canonical.user_id(value, "value")
        case "device":
            found = canonical.device_id(value, "value")
        case "ip":
            found = canonical.ip_address(value, "value")
        case "network":
            network = canonical.network(value, "value")
            if int(network.partition("/")[2]) < (NETWORK_BITS_MIN_6 if ":" in network else NETWORK_BITS_MIN_4):
                raise Invalid("value", f"must be no larger than a /{NETWORK_BITS_MIN_4} (IPv6: /{NETWORK_BITS_MIN_6})")
            return network
        case "email_domain":
            return canonical.host(value, "value")
    if found is None:
        raise Invalid("value", f"must name a {kind}")
    return found


def add(list_name: ListName) -> Handler:
    """Returns the handler that adds to a list."""

    async def add_entry(call: Call) -> Answer:
        body: EntryBody | LabelBody = call.body
        value = canonical_value(body.kind, body.value)
        label = canonical.label(body.label) if isinstance(body, LabelBody) else ""
        reason = text(body.reason, "reason", REASON_LENGTH_MAX)
        ahead_max = LABEL_AHEAD_MAX if isinstance(body, LabelBody) else EXPIRY_AHEAD_MAX
        expires_at = expiry(body.expires_at, call.state.context.system.clock.wall_ms(), ahead_max=ahead_max)
        if list_name == "blocks" and body.kind == "network" and expires_at is None:
            raise Invalid("expires_at", "is needed: a blocked network hits whoever gets its addresses next")
        addition = AddEntry(
            list_name=list_name,
            kind=body.kind,
            value=value,
            reason=reason,
            expires_at=expires_at,
            author=call.author,
            label=label,
        )
        return await call.change(addition, stored)

    def stored(entry: EntryStands) -> Answer:
        now = _STORED[list_name](entry.entry_id, entry.is_new, entry.is_longer, entry.reason, entry.expires_at)
        return Answer(201 if entry.is_new else 200, now)

    return add_entry


def listing(list_name: ListName) -> Handler:
    """Returns the handler that shows a page of a list."""

    async def list_entries(call: Call) -> Answer:
        kind = _kind(call.query.get("kind"))
        value = call.query.get("value")
        values = None if value is None else _spellings(kind, value)
        label = call.query.get("label")
        if label is not None:
            canonical.label(label)
        limit, before = page_limit(call.query), page_before(call.query)
        views: list[Any] = await call.read(
            ReadEntries(list_name=list_name, kind=kind, values=values, label=label, before=before, limit=limit)
        )
        # The id is a view's first field.
        last = msgspec.structs.astuple(views[-1])[0] if len(views) >= limit else None
        return Answer(200, _PAGES[list_name](views, last))

    return list_entries


def remove(list_name: ListName) -> Handler:
    """Returns the handler that lifts an entry."""

    async def remove_entry(call: Call) -> Answer:
        [(field, value)] = call.path.items()
        entry_id = uuid_text(value, field)
        reason = text(call.query.get("reason", "lifted over the API"), "reason", REASON_LENGTH_MAX)
        await call.trust_safety(
            RemoveEntry(
                list_name=list_name,
                entry_id=entry_id,
                author=call.author,
                reason=reason,
                child_safety=call.may("child_safety"),
            )
        )
        return Answer(204)

    return remove_entry


def _spellings(kind: EntryKind | None, value: str) -> tuple[str, ...]:
    """Returns what a value can be on a list, by kind each once; nothing for one that no entry can have."""
    found: dict[str, None] = {}
    for one in KINDS if kind is None else (kind,):
        with suppress(Invalid):
            found[canonical_value(one, value)] = None
    return tuple(found)


def _kind(given: str | None) -> EntryKind | None:
    if given is None:
        return None
    for kind in KINDS:
        if kind == given:
            return kind
    raise Invalid("kind", f"must be one of {', '.join(KINDS)}")
