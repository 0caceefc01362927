"""`reevaluate`: decide recorded decisions once more on their recorded facts, and compare to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from viral_engine.cli.errors import ExitCode
from viral_engine.cli.options import SPAN, Session, common
from viral_engine.domain.decision import Decision
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import facts_from_dict
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED

PAGE_ROWS = 200
DIFFERENCES_SHOWN = 20


@click.command()
@click.option("--since", type=SPAN, default="24h", show_default=True, metavar="24h", help="How far to look back.")
@common
def reevaluate(session: Session, since: float) -> int:
    """Evaluate recorded decisions again.

    Decides each on the facts recorded with it, by the version of the policy that decided then, and compares
    outcome, reasons, score, contributions, limits and consent with what was answered. Exits 1 when any differs.
    """
    compared, different, skipped = 0, [], 0
    for record in _records(session, since):
        policy = SHIPPED.get(record["policy"]["version"]) if record["policy"]["id"] == DEFAULT_POLICY.id else None
        if policy is None:
            skipped += 1
            continue
        compared += 1
        again = comparable(evaluate(policy, facts_from_dict(record["facts"])))
        if any(record[name] != value for name, value in again.items()):
            different.append(record["decision_id"])
    lines = [f"{compared:,} decisions evaluated again, {len(different):,} differ"]
    if skipped:
        lines.append(f"{skipped:,} were decided by another policy and were left out")
    lines += [f"  {decision_id}" for decision_id in different[:DIFFERENCES_SHOWN]]
    answer = {"compared": compared, "different": different, "other_policy": skipped}
    session.printer.answer(answer, lines)
    return ExitCode.NOT_WELL if different else ExitCode.OK


def comparable(decision: Decision) -> dict[str, Any]:
    """Returns the part of an answer that the facts alone decide, as the answer spells it."""
    limits, consent = decision.limits, decision.consent
    return {
        "decision": decision.outcome.value,
        "reasons": [reason.value for reason in decision.reasons],
        "score": decision.score,
        "contributions": [
            {"rule": term.rule, "version": term.version, "weight": term.weight, "why": term.why}
            for term in decision.contributions
        ],
        "limits": None
        if limits is None
        else {
            "limit": limits.limit,
            "remaining": limits.remaining,
            "reset_s": limits.reset_ms / 1_000,
            "retry_after_s": None if limits.retry_after_ms is None else limits.retry_after_ms / 1_000,
        },
        "consent": {
            "required": consent.required,
            "scope": consent.scope,
            "basis": consent.basis,
            "state": consent.state.value,
        },
        "missing": list(decision.missing),
    }


def _records(session: Session, since_s: float) -> Iterator[dict[str, Any]]:
    """Pages through the recorded decisions, newest first."""
    since = (datetime.now(UTC) - timedelta(seconds=since_s)).isoformat()
    before: str | None = None
    while True:
        query = {"since": since, "limit": PAGE_ROWS, "before": before}
        page = session.daemon.http("GET", "/v1/decisions", query=query)
        yield from page["decisions"]
        before = page["next_before"]
        if before is None:
            return
