"""Ids as callers spell them, addresses as the engine does."""

from uuid import UUID

from viral_engine.domain import canonical

__all__ = ["address_of", "uuid_of"]


def uuid_of(text: str) -> UUID | None:
    """The id, None for text that is none: asking for such a thing is asking for something that is not there."""
    try:
        return UUID(text)
    except ValueError:
        return None


def address_of(host: str | None) -> str | None:
    """An address as PostgreSQL's `host` spells it (`::1.2.3.4`), in the one spelling that is compared."""
    return canonical.ip_address(host) if host is not None and ":" in host else host
