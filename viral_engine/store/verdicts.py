"""What became of decisions that people look at: the newest case of each, of those that the asker may know of."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from viral_engine.domain.verdicts import ReviewState
from viral_engine.messages.reviews import DecisionReview, ReadVerdicts
from viral_engine.store.ids import uuid_of

__all__ = ["read_verdicts"]

# Two rows of a decision at most, however often it was appealed.
_NEWEST = text(
    "SELECT DISTINCT ON (decision_id, queue) decision_id::text AS decision_id, queue, id::text AS case_id, outcome,"
    " opened_at, closed_at FROM cases WHERE decision_id IS NOT NULL AND decision_id = ANY(:ids)"
    " ORDER BY decision_id, queue, opened_at DESC, cases.id DESC"
)
_STATES: dict[str | None, ReviewState] = {None: "open", "uphold": "upheld", "overturn": "overturned"}


def read_verdicts(connection: Connection, messages: Sequence[ReadVerdicts]) -> list[dict[str, DecisionReview]]:
    """The review of each decision that has one; the cases of child safety are for those alone who may see them."""
    ids = {known for message in messages for one in message.decision_ids if (known := uuid_of(one)) is not None}
    found: dict[tuple[str, str], Any] = {
        (row["decision_id"], row["queue"]): row for row in connection.execute(_NEWEST, {"ids": list(ids)}).mappings()
    }
    return [_those_of(message, found) for message in messages]


def _those_of(message: ReadVerdicts, found: dict[tuple[str, str], Any]) -> dict[str, DecisionReview]:
    queues = ("review", "child_safety") if message.child_safety else ("review",)
    reviews = {}
    for decision_id in message.decision_ids:
        rows = [found[decision_id, queue] for queue in queues if (decision_id, queue) in found]
        if rows:
            newest = max(rows, key=lambda row: (row["opened_at"], row["case_id"]))
            reviews[decision_id] = DecisionReview(
                case_id=newest["case_id"], state=_STATES[newest["outcome"]], closed_at=newest["closed_at"]
            )
    return reviews
