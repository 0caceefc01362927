"""Blocks, allows and labels: requests, internal messages, answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal

EntryKind = Literal["user", "device", "ip", "network", "email_domain"]
ListName = Literal["blocks", "allows", "labels"]


@personal("value", "reason")
class EntryBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/allows`."""

    kind: EntryKind
    value: int | str
    reason: str
    expires_at: datetime | None = None


@personal("value", "reason")
class BlockBody(EntryBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/blocks`; a blocked network must expire."""


@personal("value", "reason")
class LabelBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/labels`; every label ends, at most 400 days from now."""

    kind: EntryKind
    value: int | str
    label: str
    reason: str
    expires_at: datetime


@personal("value", "reason")
class BlockView(Struct, frozen=True, kw_only=True):
    """One block."""

    block_id: str
    kind: str
    value: str
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime | None


@personal("value", "reason")
class AllowView(Struct, frozen=True, kw_only=True):
    """One allow."""

    allow_id: str
    kind: str
    value: str
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime | None


@personal("value", "reason")
class LabelView(Struct, frozen=True, kw_only=True):
    """One label."""

    label_id: str
    kind: str
    value: str
    label: str
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime


@personal("value", "reason")
class AddEntry(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to add to a list; answers an `EntryStands`. Only the labels have a `label`."""

    list_name: ListName
    kind: EntryKind
    value: str
    reason: str
    expires_at: datetime | None
    author: str
    label: str = ""


@personal("reason")
class EntryStands(Struct, frozen=True, kw_only=True):
    """The entry as it stands after it was added.

    Attributes:
        entry_id: text of a UUID.
        is_new: False when the thing stood on the list already: its entry is never made shorter, and keeps its reason
            unless it was made longer.
        is_longer: whether it stood there and was made longer.
    """

    entry_id: str
    reason: str
    expires_at: datetime | None
    is_new: bool
    is_longer: bool = False


@personal("reason")
class RemoveEntry(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to lift an entry; answers None, refuses an unknown one with not_found.

    Attributes:
        child_safety: whether its author may see cases of child safety; to others the blocks of such ones are unknown.
    """

    list_name: ListName
    entry_id: str
    author: str
    reason: str
    child_safety: bool = False
