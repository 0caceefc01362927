"""`rederive`: build the facts of recorded decisions once more from rows, compare, and decide on them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

import click
import msgspec

from viral_engine.actors.growth.trust_safety.rederive import BACK_MS, Rederived
from viral_engine.actors.growth.trust_safety.rederive import rederive as built_again
from viral_engine.cli.errors import ExitCode
from viral_engine.cli.layout import clean
from viral_engine.cli.options import SPAN, Session, common
from viral_engine.cli.policy import as_json, read_policy, told
from viral_engine.cli.records import Policies
from viral_engine.config import load
from viral_engine.domain.facts import facts_to_dict
from viral_engine.domain.policy_trial import Trial
from viral_engine.domain.reasons import Reason
from viral_engine.messages.history import ENTRIES_MAX, EntrySource, PastDecision, PastDecisions, PastEntries, PastEntry

DECISIONS_MAX = 200_000
DECISIONS = 10_000
EXAMPLES_SHOWN = 10
PAGE_ROWS = 50
"""A page keeps the reader busy for some ten milliseconds, in which checks of users who are not in memory wait."""


@dataclass(slots=True)
class Difference:
    """How often a part was built otherwise, with one example; by why, as far as that is known."""

    count: int = 0
    example: str = ""
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Tally:
    """What came of building facts again.

    Attributes:
        equal: decisions of which every part that was built is as recorded.
        unexplained: decisions with a part that is not, nobody knows why.
        taken: (part, why) to the decisions whose record it was taken from.
    """

    trial: Trial
    built: int = 0
    equal: int = 0
    unexplained: int = 0
    left_out: int = 0
    differences: dict[str, Difference] = field(default_factory=dict)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, made: Rederived) -> None:
        """Counts one decision."""
        self.built += 1
        self.equal += not made.differing
        self.unexplained += None in made.differing.values()
        for name, why in made.differing.items():
            one = self.differences.setdefault(name, Difference(example=made.row.decision_id))
            one.count += 1
            one.reasons[why or "not known"] += 1
        self.taken.update(made.taken.items())
        row = made.row
        # What an outage policy answered says nothing about another one.
        by = "outage" if Reason.DEGRADED.value in row.reasons else "policy"
        self.trial.add(
            {
                "decision_id": row.decision_id,
                "user_id": row.user_id,
                "action_type": row.action_type,
                "policy": {"id": by, "version": row.policy_version},
                "decision": row.decision,
                "reasons": row.reasons,
                "score": row.score,
                "facts": facts_to_dict(made.tried),
            }
        )


@click.command()
@click.option("--since", type=SPAN, default="24h", show_default=True, metavar="24h", help="How far to look back.")
@click.option(
    "--limit", type=click.IntRange(1, DECISIONS_MAX), default=DECISIONS, show_default=True, help="The first N of them."
)
@click.option(
    "--filled", type=SPAN, default="24h", show_default=True, metavar="24h", help="How much before them fills memory."
)
@click.option(
    "--policy", "file", type=click.Path(allow_dash=True), metavar="FILE", help="Decide by it, not by the one in force."
)
@click.option("--examples", type=click.IntRange(0, 1_000), default=EXAMPLES_SHOWN, show_default=True)
@common
def rederive(session: Session, since: float, *, limit: int, filled: float, file: str | None, examples: int) -> int:
    """Build the facts of recorded decisions again from what is stored, and decide on them.

    Says which facts are not as recorded, which can't be built again and were taken from the record, and what would be
    decided otherwise. Changes nothing. Exits 1 when facts differ and nobody knows why.
    """
    now_ms = int(datetime.now(UTC).timestamp() * 1_000)
    since_ms = max(0, now_ms - int(since * 1_000))
    policies = Policies(session)
    tried = policies.enforced() if file is None else read_policy(file)[1]
    tally = Tally(Trial(tried, policies.of))
    filled_ms = min(int(filled * 1_000), BACK_MS)
    from_ms = max(0, since_ms - filled_ms)
    entries: dict[EntrySource, list[PastEntry]] = {
        source: list(_entries(session, source, from_ms)) for source in get_args(EntrySource)
    }
    rows = _Rows(session, since_ms, limit)
    for made in built_again(
        rows.read(from_ms),
        entries,
        policy_of=policies.of,
        tried=tried,
        settings=load().trust_safety,
        since_ms=since_ms,
        is_whole=filled_ms == BACK_MS,
    ):
        tally.add(made)
    tally.left_out = rows.given - tally.built
    session.printer.answer(_plain(tally, rows), _lines(tally, rows, examples, session))
    return ExitCode.NOT_WELL if tally.unexplained else ExitCode.OK


class _Rows:
    """Recorded decisions page by page, with what there was of them."""

    def __init__(self, session: Session, since_ms: int, limit: int) -> None:
        self._session = session
        self._since_ms = since_ms
        self._limit = limit
        self.given = 0
        self.is_cut = False
        self.last_ms: int | None = None

    def read(self, from_ms: int) -> Iterator[PastDecision]:
        """Yields those before the span, then the first ones of it."""
        after: str | None = None
        while True:
            query = {"since": _time(from_ms), "after": after, "limit": PAGE_ROWS}
            page = msgspec.convert(
                self._session.daemon.http("GET", "/v1/history/decisions", query=query), PastDecisions
            )
            for row in page.decisions:
                if row.at_ms >= self._since_ms:
                    if self.given == self._limit:
                        self.is_cut = True
                        return
                    self.given += 1
                    self.last_ms = row.at_ms
                yield row
            after = page.next_after
            if after is None:
                return


def _entries(session: Session, source: EntrySource, from_ms: int) -> Iterator[PastEntry]:
    before: str | None = None
    given = 0
    while given < ENTRIES_MAX:
        query = {"source": source, "since": _time(from_ms), "before": before, "limit": PAGE_ROWS}
        page = msgspec.convert(session.daemon.http("GET", "/v1/history/entries", query=query), PastEntries)
        yield from page.entries
        given += len(page.entries)
        before = page.next_before
        if before is None:
            return


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")


def _lines(tally: Tally, rows: _Rows, examples: int, session: Session) -> list[str]:
    """Returns the sum, the parts that differ, those that were not built, and what would be decided."""
    lines = [f"{tally.built:,} decisions, the facts of {tally.equal:,} built again as they were recorded"]
    if rows.is_cut and rows.last_ms is not None:
        lines.append(f"not looked at: those recorded after {_time(rows.last_ms)} (see --limit)")
    if tally.left_out:
        lines.append(f"{tally.left_out:,} were answered by an outage policy, without facts, and left out")
    if not tally.built:
        return lines
    table = session.printer.table
    if tally.differences:
        differing = [
            [clean(name), f"{one.count:,}", one.example, _most(one.reasons)]
            for name, one in sorted(tally.differences.items(), key=lambda item: -item[1].count)
        ]
        lines += ["", *table(("OTHERWISE", "DECISIONS", "FOR EXAMPLE", "BECAUSE"), differing)]
    taken = [[name, f"{count:,}", why] for (name, why), count in tally.taken.most_common()]
    lines += ["", *table(("FROM THE RECORD", "DECISIONS", "BECAUSE"), taken), "", "decided on these facts:"]
    return [*lines, *told(tally.trial, examples, session)]


def _most(reasons: Counter[str]) -> str:
    return "; ".join(
        reason if len(reasons) == 1 else f"{reason} ({count:,})" for reason, count in reasons.most_common()
    )


def _plain(tally: Tally, rows: _Rows) -> dict[str, Any]:
    return {
        "built": tally.built,
        "equal": tally.equal,
        "unexplained": tally.unexplained,
        "left_out": tally.left_out,
        "ended_at_limit": rows.is_cut,
        "different": {
            name: {"count": one.count, "example": one.example, "reasons": dict(one.reasons)}
            for name, one in tally.differences.items()
        },
        "from_record": [{"part": name, "why": why, "count": count} for (name, why), count in tally.taken.most_common()],
        "trial": as_json(tally.trial),
    }
