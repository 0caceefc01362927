"""Paging through recorded decisions, for verbs that evaluate them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from viral_engine.cli.options import Session
from viral_engine.domain.policy import SHIPPED, Policy, policy_from_dict

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


class Policies:
    """The versions that decided, each asked for once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[int, Policy] = dict(SHIPPED)

    def of(self, version: int) -> Policy:
        """Returns the version of that number."""
        if version not in self._known:
            self._known[version] = self._read(str(version))
        return self._known[version]

    def enforced(self) -> Policy:
        """Returns the version in force."""
        return self._read("enforced")

    def _read(self, name: str) -> Policy:
        return policy_from_dict(self._session.daemon.http("GET", f"/v1/policies/{name}")["body"])
