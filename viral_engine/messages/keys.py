"""API keys: requests, internal messages, answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal

Scope = Literal["check", "write", "review", "child_safety", "operate", "audit", "backfill", "pii_read"]


@personal("name", "networks")
class KeyBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/keys`."""

    name: str
    scopes: list[Scope]
    expires_at: datetime | None = None
    networks: list[str] = []


@personal("name", "networks")
class KeyView(Struct, frozen=True, kw_only=True):
    """One key, without its secret."""

    key_id: str
    name: str
    scopes: list[str]
    networks: list[str]
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
