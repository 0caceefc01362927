"""The daemons that share this database, each with a row that says when it was last alive by the database's clock."""

from datetime import timedelta

from sqlalchemy import Connection, text

__all__ = ["FORGOTTEN_AFTER", "heartbeat", "live_nodes"]

FORGOTTEN_AFTER = timedelta(days=1)
"""A daemon that was silent for longer loses its row: the table holds a day's daemons, however often one restarts."""


def heartbeat(connection: Connection, boot_id: str, url: str) -> None:
    """A sign of life of the daemon that serves `url`; rows of daemons long gone are dropped along the way.

    Args:
        connection: In a transaction that is committed afterwards.
        boot_id: Of this start of the daemon.
        url: Where it serves.
    """
    connection.execute(
        text(
            "INSERT INTO nodes (boot_id, url, started_at, heartbeat_at) VALUES (:boot_id, :url, now(), now())"
            " ON CONFLICT (boot_id) DO UPDATE SET url = excluded.url, heartbeat_at = excluded.heartbeat_at"
        ),
        {"boot_id": boot_id, "url": url},
    )
    connection.execute(
        text("DELETE FROM nodes WHERE heartbeat_at < now() - CAST(:age AS interval)"), {"age": FORGOTTEN_AFTER}
    )


def live_nodes(connection: Connection, silent_s_max: float) -> list[str]:
    """Boot ids of the daemons with a sign of life in the last `silent_s_max` seconds, in order of their start."""
    rows = connection.scalars(
        text(
            "SELECT boot_id FROM nodes WHERE heartbeat_at > now() - CAST(:age AS interval) ORDER BY started_at, boot_id"
        ),
        {"age": timedelta(seconds=silent_s_max)},
    )
    return list(rows)
