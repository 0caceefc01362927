"""API keys: their digests, what they allow, and until when."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from viral_engine.messages.journal import Statement
from viral_engine.messages.keys import KeyRecord
from viral_engine.messages.reading import ReadKeys
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, statement

__all__ = ["create_key", "read_keys", "revoke_key"]


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
    """Ends a key for good; `RowsDiffer` when there is none of that id. Revoking twice keeps the first instant."""
    return (
        statement(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE key_id = %s",
            instant_of(at_ms),
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
