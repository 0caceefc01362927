"""One change to what decisions rest on: what is committed, and what memory and the caller are told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viral_engine.messages.journal import NotCommitted, RowsDiffer
from viral_engine.messages.refusals import Refused, outcome_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from viral_engine.domain.blocks import ListRow
    from viral_engine.messages.access import ListName
    from viral_engine.messages.journal import Statement
    from viral_engine.messages.policies import PolicyMode
    from viral_engine.messages.reviews import ReportRow

    Rows = Sequence[Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, ready to be committed.

    Attributes:
        statements: all in one transaction, the audit entry among them.
        users: whose profiles are outdated once it is committed.
        notices: makes of the rows what else is outdated, in the words of the notices that leave with the commit.
        answer: makes the caller's answer of the rows that the statements returned.
        adds_to: the list that gets a row.
        added: makes that row of the same; None for none.
        removed: a list and the id of the row that leaves it.
        lifted: makes of the same the ids of blocks that were lifted.
        reported: makes of the same what memory holds of a report; None when it changes nothing.
        dismissed: the report that counts no more.
        loads: whether all that a load reads may be different afterwards.
        stands: makes of the same which policy stands from then on: mode, version, and JSON of a loaded one.
        refused: the caller's answer when a statement does not find the row it is about.
        refusals: other answers, by the position of the statement that they are about.
    """

    statements: tuple[Statement, ...]
    users: tuple[str, ...] = ()
    notices: Callable[[Rows], Sequence[str]] = field(default=lambda _rows: ())
    answer: Callable[[Rows], Any] = field(default=lambda _rows: None)
    adds_to: ListName | None = None
    added: Callable[[Rows], tuple[ListName, ListRow] | None] | None = None
    removed: tuple[ListName, str] | None = None
    lifted: Callable[[Rows], Sequence[str]] | None = None
    reported: Callable[[Rows], ReportRow | None] | None = None
    dismissed: str | None = None
    loads: bool = False
    stands: Callable[[Rows], tuple[PolicyMode, int | None, str | None]] | None = None
    refused: Refused | None = None
    refusals: Mapping[int, Refused] = field(default_factory=dict)

    @property
    def lists_touched(self) -> bool:
        """Whether what a load reads, lists or policies, is different afterwards."""
        touched = (self.added, self.removed, self.stands, self.lifted, self.reported)
        return self.loads or any(one is not None for one in touched)

    def refusal(self, error: Exception) -> Exception:
        """Turns the journal's error into the caller's answer."""
        match error:
            case RowsDiffer() if error.position in self.refusals:
                return self.refusals[error.position]
            case RowsDiffer() if self.refused is not None:
                return self.refused
            case NotCommitted(maybe=True):
                return outcome_unknown(str(error))
            case NotCommitted():
                return Refused("unavailable", str(error), http_status=503)
            case _:
                return error
