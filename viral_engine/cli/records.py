"""Paging through recorded decisions, for verbs that evaluate them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from viral_engine.cli.options import Session

PAGE_ROWS = 200


def since_ago(since_s: float) -> str:
    """Returns the instant so many seconds ago, as RFC 3339 spells it."""
    return (datetime.now(UTC) - timedelta(seconds=since_s)).isoformat()


def records_since(session: Session, since_s: float) -> Iterator[dict[str, Any]]:
    """Yields the recorded decisions of the last seconds, newest first, with their facts."""
    since = since_ago(since_s)
    before: str | None = None
    while True:
        query = {"since": since, "limit": PAGE_ROWS, "before": before}
        page = session.daemon.http("GET", "/v1/decisions", query=query)
        yield from page["decisions"]
        before = page["next_before"]
        if before is None:
            return
