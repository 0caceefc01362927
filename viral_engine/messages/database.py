"""What the database actor tells the others, and what it is asked to do."""

from __future__ import annotations

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal


class DatabaseReady(Struct, frozen=True, gc=False):
    """The database is reachable and migrated: connect now instead of at the next try."""


@personal("key")
class Invalidate(Struct, frozen=True, gc=False):
    """Another node changed something that is held in memory here.

    Attributes:
        kind: user, blocks, allows, labels, keys, flags or policies; `all` after a lost connection, when notices may be
            missing.
        key: which one; empty for all of the kind.
    """

    kind: str
    key: str = ""


class EnsurePartitions(Struct, frozen=True, gc=False):
    """Have the coming days' partitions of `decisions` made."""


class PurgeIdempotency(Struct, frozen=True, gc=False):
    """Have answers deleted that were kept long enough."""


class Heartbeat(Struct, frozen=True, gc=False):
    """Have this daemon's row in `nodes` renewed."""


class CleanUp(Struct, frozen=True, gc=False):
    """Have expired windows dropped from memory."""
