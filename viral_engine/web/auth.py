"""API keys: who asks, and what the key allows."""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass

from viral_engine.messages.keys import KeyRecord
from viral_engine.messages.reading import ReadKeys
from viral_engine.runtime.system import System
from viral_engine.web.client import Network, lies_in, parse_networks
from viral_engine.web.context import READER
from viral_engine.web.errors import ApiError, unavailable
from viral_engine.web.key_rates import KeyRates
from viral_engine.web.keytext import key_id_of, mac_of

CACHED_MAX = 10_000
"""Header values remembered; when full all are dropped and proved again, at some microseconds each."""

REFRESH_TIMEOUT_S = 1.0
UNKNOWN_REFRESH_S = 0.25
"""An unknown key makes the keys be read again before it is refused, but not more often than this: all that come in
between wait for the same reading, so a flood of guesses costs four reads a second."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a proved key allows.

    Attributes:
        expires_s: when it ends, seconds since 1970; None for never.
        networks: where it may be used from; empty for anywhere.
        rate_per_minute: None for no limit.
        is_conditional: whether each use must be looked at (expiry, networks, rate).
        is_hot: whether it checks without conditions.
    """

    key_id: str
    scopes: frozenset[str]
    expires_s: float | None
    networks: tuple[Network, ...]
    rate_per_minute: int | None
    is_conditional: bool
    is_hot: bool


class KeyRing:
    """All live keys in memory, with the header values that were proved against them.

    While the database is away the last known keys go on working: a revocation cannot be made without the database
    either, so nothing revoked gets in. Before the keys were read once nobody is refused as unknown, as that would
    tell callers to throw good keys away: they get 503. Refused values are not remembered; refusing one costs a
    checksum and at most one HMAC, less than the table that would have to be bounded.

    Args:
        instance_key: HMAC key of this installation.
    """

    def __init__(self, system: System, instance_key: bytes) -> None:
        self._system = system
        self._instance_key = instance_key
        self._records: dict[str, KeyRecord] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_s = float("-inf")
        self._rates = KeyRates(system.clock.monotonic_s)
        self.proved: dict[bytes, Grant] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether the keys were read at least once."""
        return self._records is not None

    async def authenticate(self, header: bytes) -> Grant:
        """Returns what the key in an Authorization header allows, apart from networks.

        Raises:
            ApiError: 401 for no, a wrong or an ended key; 503 while no key could be read yet.
        """
        grant = self.proved.get(header)
        if grant is None:
            grant = await self._prove(header)
        if grant.expires_s is not None and grant.expires_s <= time.time():
            raise _unauthenticated()
        return grant

    @staticmethod
    def check_network(grant: Grant, address: str | None) -> None:
        """Refuses a key outside the networks it may be used from.

        Raises:
            ApiError: 403 network_not_allowed.
        """
        if grant.networks and (address is None or not lies_in(address, grant.networks)):
            raise ApiError(403, "network_not_allowed", "this API key may not be used from this network")

    def count(self, grant: Grant) -> None:
        """Counts a request against the rate of its key.

        Raises:
            ApiError: 429 key_rate_exceeded.
        """
        if grant.rate_per_minute is not None:
            self._rates.take(grant.key_id, grant.rate_per_minute)

    def count_items(self, grant: Grant, items: int) -> None:
        """Counts a request, which was counted as one, as the many that it holds; not at all when that is refused.

        Raises:
            ApiError: 429 key_rate_exceeded, or 422 when the rate is below their number.
        """
        if grant.rate_per_minute is not None:
            self._rates.take(grant.key_id, grant.rate_per_minute, items, taken=1)

    def mac_of(self, text: str) -> bytes:
        """Returns what is stored of a key's text."""
        return mac_of(self._instance_key, text)

    def forget(self, key_id: str) -> None:
        """Refuses a key that was just revoked, also while the keys can't be read."""
        if self._records is not None:
            self._records = {known: record for known, record in self._records.items() if known != key_id}
            self._rates.keep(self._records)
        self.proved.clear()

    async def refresh(self) -> None:
        """Reads the keys; whoever asks while that is under way waits for the same reading."""
        if self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().create_task(self._read(), name="web: read keys")
        await asyncio.shield(self._refreshing)

    async def refresh_again(self) -> None:
        """Reads the keys after any reading that is under way, which may not have seen the newest change."""
        if self._refreshing is not None:
            await asyncio.shield(self._refreshing)
        await self.refresh()

    async def _read(self) -> None:
        self._refreshed_s = time.monotonic()
        try:
            records = await self._system.call(READER, ReadKeys(), REFRESH_TIMEOUT_S)
        except Exception:  # noqa: BLE001  (whatever keeps the reader from answering, the last known keys go on)
            return
        finally:
            self._refreshing = None
        found = {record.key_id: record for record in records if record.revoked_at is None}
        if found != self._records:
            self._records = found
            self.proved.clear()
            self._rates.keep(found)

    async def _prove(self, header: bytes) -> Grant:
        scheme, _, text = header.decode("latin-1").partition(" ")
        key_id = key_id_of(text.strip()) if scheme.lower() == "bearer" else None
        if key_id is None:
            raise _unauthenticated()
        if not (self._records and key_id in self._records):
            await self._look_again()
        if self._records is None:
            raise unavailable("the API keys could not be read yet")
        record = self._records.get(key_id)
        if record is None or not hmac.compare_digest(record.secret_mac, self.mac_of(text.strip())):
            raise _unauthenticated()
        if len(self.proved) >= CACHED_MAX:
            self.proved.clear()
        grant = self.proved[header] = _grant_of(record)
        return grant

    async def _look_again(self) -> None:
        """Has the keys read after now, as an unknown one may have been made a moment ago, elsewhere."""
        asked_s = time.monotonic()
        await asyncio.sleep(max(self._refreshed_s + UNKNOWN_REFRESH_S - asked_s, 0.0))
        if self._refreshed_s <= asked_s:
            await self.refresh_again()
        elif self._refreshing is not None:
            await self.refresh()


def _grant_of(record: KeyRecord) -> Grant:
    is_conditional = record.expires_at is not None or bool(record.networks) or record.rate_per_minute is not None
    return Grant(
        record.key_id,
        frozenset(record.scopes),
        None if record.expires_at is None else record.expires_at.timestamp(),
        parse_networks(record.networks),
        record.rate_per_minute,
        is_conditional=is_conditional,
        is_hot=not is_conditional and "check" in record.scopes,
    )


def _unauthenticated() -> ApiError:
    return ApiError(
        401,
        "authentication_required",
        "this needs a valid API key in the header Authorization: Bearer ve_...",
        headers=((b"www-authenticate", b"Bearer"),),
    )
