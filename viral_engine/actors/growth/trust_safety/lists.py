"""Blocks, allows, labels and device flags in memory, as they stand in the database."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from viral_engine.domain.blocks import AllowList, BlockList, EntryList, LabelList, ListRow
from viral_engine.domain.duplicates import DAY_MS
from viral_engine.domain.facts import Flag, FlagSeverity, ListKind, source_ordinals
from viral_engine.domain.reports import severity_of

if TYPE_CHECKING:
    from datetime import datetime

    from viral_engine.messages.access import AllowView, BlockView, LabelView, ListName
    from viral_engine.messages.reading import WarmStart
    from viral_engine.messages.reviews import ReportRow

_SEVERITY_FROM = (
    (4_500, FlagSeverity.CRITICAL),
    (3_000, FlagSeverity.HIGH),
    (1_500, FlagSeverity.MEDIUM),
    (0, FlagSeverity.LOW),
)


class Lists:
    """Everything that somebody put down about users, devices, addresses and domains.

    Args:
        rows_max: rows of a list beyond which `has_room` is False. What the database holds is held here all the same:
            a limit that was lowered, or an entry that another node added, must not free anybody.
    """

    def __init__(self, rows_max: int) -> None:
        self.rows_max = rows_max
        self.blocks = BlockList(sys.maxsize)
        self.allows = AllowList(sys.maxsize)
        self.labels = LabelList(sys.maxsize)
        self._by_name: dict[ListName, EntryList] = {
            "blocks": self.blocks,
            "allows": self.allows,
            "labels": self.labels,
        }
        self._flags: dict[str, list[tuple[str, int, int]]] = {}
        self._reports: dict[tuple[str, str], dict[str, ReportRow]] = {}

    def add(self, name: ListName, row: ListRow) -> None:
        """Adds or replaces a row."""
        self._by_name[name].add(row)

    def remove(self, name: ListName, row_id: str) -> None:
        """Removes a row; harmless when it is not there."""
        self._by_name[name].remove(row_id)

    def has_room(self, name: ListName, coming: int = 0) -> bool:
        """Tells whether one more row may be added while so many others are on their way."""
        return len(self._by_name[name]) + coming < self.rows_max

    def sizes(self) -> dict[str, int]:
        """Returns how many rows each list holds, by its name."""
        return {name: len(rows) for name, rows in self._by_name.items()}

    def flag(self, device: str, kind: str, risk: int, at_ms: int) -> None:
        """Adds what was observed about a device, before what was observed earlier."""
        self._flags[device] = [(kind, risk, at_ms), *self._flags.get(device, ())]

    def report(self, row: ReportRow) -> None:
        """Adds a report, or what is known of it by now."""
        self._reports.setdefault((row.kind, row.value), {})[row.report_id] = row

    def dismiss(self, report_id: str) -> None:
        """Forgets a report; harmless when there is none."""
        for key, rows in self._reports.items():
            if rows.pop(report_id, None) is not None:
                if not rows:
                    del self._reports[key]
                return

    def flags_of(self, user: str, device: str | None, ip: str | None, now_ms: int) -> tuple[Flag, ...]:
        """Returns what was observed about a device, and what was reported of it, of the user and of the address."""
        if not self._reports and not self._flags:
            return ()
        rows = [
            row
            for key in (("user", user), ("device", device), ("ip", ip))
            for row in self._reports.get(key, {}).values()  # type: ignore[arg-type]  # of what is absent there is none
        ]
        sources = source_ordinals(row.reporter_id for row in rows)
        reported = [_flag(row, source, now_ms) for row, source in zip(rows, sources, strict=True)]
        return (*self._observed(device, now_ms), *reported)

    def _observed(self, device: str | None, now_ms: int) -> tuple[Flag, ...]:
        rows = self._flags.get(device) if device is not None else None
        if not rows:
            return ()
        return tuple(
            Flag(
                id=f"{kind}:{at_ms}",
                kind=ListKind.DEVICE,
                severity=next(severity for least, severity in _SEVERITY_FROM if risk >= least),
                source=kind,
                age_days=max(now_ms - at_ms, 0) // DAY_MS,
            )
            for kind, risk, at_ms in rows
        )

    def clean_up(self, now_ms: int, budget: int) -> int:
        """Drops rows that have ended; returns how many."""
        return sum(len(rows.expire(now_ms, budget)) for rows in self._by_name.values())


def lists_of(start: WarmStart, rows_max: int) -> Lists:
    """Builds the lists from what the database holds."""
    lists = Lists(rows_max)
    for block in start.blocks:
        lists.add("blocks", _row(block.block_id, block))
    for allow in start.allows:
        lists.add("allows", _row(allow.allow_id, allow))
    for label in start.labels:
        lists.add("labels", _row(label.label_id, label, label.label))
    lists._flags = dict(start.device_flags)  # noqa: SLF001  (its own module builds it)
    for report in start.reports:
        lists.report(report)
    return lists


def _flag(row: ReportRow, source: str, now_ms: int) -> Flag:
    return Flag(
        id=row.report_id,
        kind=ListKind(row.kind),
        severity=severity_of(FlagSeverity(row.severity), row.upheld, row.dismissed),
        source=source,
        age_days=max(now_ms - row.at_ms, 0) // DAY_MS,
    )


def expiry_ms(instant: datetime | None) -> int | None:
    """Returns an expiry as milliseconds since 1970."""
    return None if instant is None else round(instant.timestamp() * 1_000)


def _row(row_id: str, view: BlockView | AllowView | LabelView, label: str = "") -> ListRow:
    return ListRow(row_id, ListKind(view.kind), view.value, expiry_ms(view.expires_at), label)
