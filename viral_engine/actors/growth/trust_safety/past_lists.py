"""Lists, flags and reports as they stood at an instant: rows with their times, played back in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from viral_engine.actors.growth.trust_safety.lists import Lists
from viral_engine.domain.blocks import ListRow
from viral_engine.domain.facts import ListKind
from viral_engine.messages.reviews import ReportRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viral_engine.messages.history import EntrySource, PastEntry


class _Event(NamedTuple):
    """What became of an entry at an instant."""

    at_ms: int
    begins: bool
    source: EntrySource
    entry: PastEntry


class PastLists:
    """Lists that follow time.

    An entry that was made longer has its last expiry from its beginning on: it stood all the while.

    Attributes:
        lists: as they stand at the instant that was last gone to.
        changed_ms: when they last changed before it.
    """

    def __init__(self, entries: Mapping[EntrySource, Sequence[PastEntry]], rows_max: int) -> None:
        self.lists = Lists(rows_max)
        self.changed_ms = 0
        self._verdicts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._reports: defaultdict[str, dict[str, ReportRow]] = defaultdict(dict)
        events = [
            _Event(at_ms, begins, source, entry)
            for source, rows in entries.items()
            if source != "starts"
            for entry in rows
            for at_ms, begins in ((entry.begins_ms, True), (entry.ends_ms, False))
            if at_ms is not None
        ]
        # What ends makes room for what begins in its place.
        self._events = sorted(events, key=lambda event: (event.at_ms, event.begins), reverse=True)

    def go_to(self, at_ms: int) -> None:
        """Makes every change up to an instant."""
        while self._events and self._events[-1].at_ms <= at_ms:
            event = self._events.pop()
            self.changed_ms = event.at_ms
            if event.source == "reports":
                self._judge(event)
            elif event.source == "flags":
                self.lists.flag(event.entry.value, event.entry.kind, event.entry.risk, event.at_ms)
            elif event.source != "starts":
                entry = event.entry
                if event.begins:
                    row = ListRow(entry.entry_id, ListKind(entry.kind), entry.value, entry.expires_ms, entry.label)
                    self.lists.add(event.source, row)
                else:
                    self.lists.remove(event.source, entry.entry_id)

    def _judge(self, event: _Event) -> None:
        """A report comes in, or its case is closed, which tells what its reporter's other ones are worth."""
        entry = event.entry
        reporter = entry.reporter_id or ""
        verdicts, held = self._verdicts[reporter], self._reports[reporter]
        if event.begins:
            held[entry.entry_id] = ReportRow(
                report_id=entry.entry_id, kind=entry.kind, value=entry.value, severity=entry.severity or "medium",
                reporter_id=reporter, at_ms=entry.begins_ms, upheld=verdicts["uphold"], dismissed=verdicts["overturn"],
            )  # fmt: skip
            self.lists.report(held[entry.entry_id])
            return
        verdicts[entry.ended_as or ""] += 1
        if entry.ended_as == "overturn":
            held.pop(entry.entry_id, None)
            self.lists.dismiss(entry.entry_id)
        for report_id, row in held.items():
            held[report_id] = structs.replace(row, upheld=verdicts["uphold"], dismissed=verdicts["overturn"])
            self.lists.report(held[report_id])
