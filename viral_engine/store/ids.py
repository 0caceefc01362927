"""Ids as callers spell them."""

from uuid import UUID

__all__ = ["uuid_of"]


def uuid_of(text: str) -> UUID | None:
    """The id, None for text that is none: asking for such a thing is asking for something that is not there."""
    try:
        return UUID(text)
    except ValueError:
        return None
