"""API keys: requests, internal messages, answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal

RATE_PER_MINUTE_MAX = 60_000
"""Half a megabyte of memory for each key that has such a rate; one that may ask more often needs none."""

Scope = Literal["check", "write", "review", "child_safety", "operate", "audit", "backfill", "pii_read"]


@personal("name", "networks")
class KeyBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/keys`.

    Attributes:
        name: what people call it.
        scopes: what it allows.
        expires_at: when it ends; never when it is left out.
        networks: where it may be used from; empty for anywhere.
        rate_per_minute: how many requests any 60 s take, each check of a bulk request being one; any number without it.
    """

    name: str
    scopes: list[Scope]
    expires_at: datetime | None = None
    networks: list[str] = []
    rate_per_minute: int | None = None


@personal("name", "networks")
class KeyView(Struct, frozen=True, kw_only=True):
    """One key, without its secret."""

    key_id: str
    name: str
    scopes: list[str]
    networks: list[str]
    rate_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@personal("name", "networks", "secret_mac")
class KeyRecord(Struct, frozen=True, kw_only=True):
    """A key as stored: `secret_mac` is the HMAC of the whole key text under the instance key."""

    key_id: str
    name: str
    scopes: list[str]
    networks: list[str]
    secret_mac: bytes
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rate_per_minute: int | None = None
