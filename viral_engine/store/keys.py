"""API keys: their digests, what they allow, and until when."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from viral_engine.messages.journal import Statement
from viral_engine.messages.keys import KeyRecord
from viral_engine.messages.reading import ReadKeys
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, statement

__all__ = ["LAST_OPERATOR_AT", "create_key", "read_keys", "revoke_key"]

LAST_OPERATOR_AT = 1
"""Which statement of `revoke_key` differs when nobody could make keys any more."""

_LASTING = "'operate' = ANY(scopes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)"
# Whoever revokes another one at the same time waits here, and then counts what is left; all lock in one order.
_LOCK = f"SELECT key_id FROM api_keys WHERE {_LASTING} ORDER BY key_id FOR UPDATE"  # noqa: S608 - constants
_IS_LAST = (
    f"SELECT key_id FROM api_keys WHERE key_id = %s AND {_LASTING}"  # noqa: S608 - constants
    f" AND (SELECT count(*) FROM api_keys WHERE {_LASTING}) = 1"
)


def create_key(key: KeyRecord, *, author: str) -> tuple[Statement, ...]:
    """A new key; `RowsDiffer` when there is one of that id, which stays as it is.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    return (
        statement(
            "INSERT INTO api_keys"
            " (key_id, name, scopes, networks, secret_mac, author, created_at, expires_at, revoked_at, rate_per_minute)"
            " VALUES (%s, %s, %s::text[], %s::text[], %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            key.key_id,
            key.name,
            key.scopes,
            key.networks,
            key.secret_mac,
            author,
            key.created_at,
            key.expires_at,
            key.revoked_at,
            key.rate_per_minute,
            rows_expected=1,
        ),
        notify("keys", key.key_id),
    )


def revoke_key(key_id: str, *, at_ms: int) -> tuple[Statement, ...]:
    """Ends a key for good; `RowsDiffer` when there is none of that id. Revoking twice keeps the first instant.

    `RowsDiffer` at `LAST_OPERATOR_AT` when it is the last one that lasts and may make keys.
    """
    at = instant_of(at_ms)
    return (
        statement(_LOCK, at),
        statement(_IS_LAST, key_id, at, at, rows_expected=0),
        statement(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE key_id = %s",
            at,
            key_id,
            rows_expected=1,
        ),
        notify("keys", key_id),
    )


_READ = text(
    "SELECT key_id, name, scopes, networks, secret_mac, created_at, expires_at, revoked_at, rate_per_minute"
    " FROM api_keys WHERE revoked_at IS NULL ORDER BY created_at, key_id"
)


def read_keys(connection: Connection, messages: Sequence[ReadKeys]) -> list[list[KeyRecord]]:
    """Every key that is not revoked, oldest first; expired ones included, so that they are refused by their name."""
    keys = [KeyRecord(**row) for row in connection.execute(_READ).mappings()]
    return [keys for _ in messages]
