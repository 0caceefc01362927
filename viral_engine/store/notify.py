"""Telling the other nodes what changed: they hold users, lists, keys and flags in memory and drop what is named."""

from typing import Literal

from viral_engine.messages.journal import Statement
from viral_engine.store.statements import statement

__all__ = ["CHANNEL", "Kind", "notify"]

CHANNEL = "viral_engine"
Kind = Literal["user", "blocks", "allows", "labels", "keys", "flags", "policies"]


def notify(kind: Kind, key: str = "") -> Statement:
    """A notice that leaves with the transaction's commit; several equal ones in one transaction leave as one.

    Args:
        kind: What `messages.database.Invalidate` calls it.
        key: Which one, empty for all of the kind. It may hold colons: the first one ends the kind.
    """
    return statement("SELECT pg_notify(%s, %s)", CHANNEL, f"{kind}:{key}")
