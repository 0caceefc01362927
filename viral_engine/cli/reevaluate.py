"""`reevaluate`: decide recorded decisions once more on their recorded facts, and compare to the last bit."""

from __future__ import annotations

from typing import Any

import click

from viral_engine.cli.errors import ExitCode
from viral_engine.cli.options import SPAN, Session, common
from viral_engine.cli.records import records_since
from viral_engine.domain.decision import Decision
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import facts_from_dict
from viral_engine.domain.policy import SHIPPED, Policy, policy_from_dict

OUTAGE = "outage"
"""The policy named by answers that nobody could decide."""

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
    policies: dict[int, Policy] = dict(SHIPPED)
    for record in records_since(session, since):
        version = record["policy"]["version"]
        if record["policy"]["id"] == OUTAGE:
            skipped += 1
            continue
        policy = policies.get(version)
        if policy is None:
            whole = session.daemon.http("GET", f"/v1/policies/{version}")
            policy = policies[version] = policy_from_dict(whole["body"])
        compared += 1
        again = comparable(evaluate(policy, facts_from_dict(record["facts"])))
        if any(record[name] != value for name, value in again.items()):
            different.append(record["decision_id"])
    lines = [f"{compared:,} decisions evaluated again, {len(different):,} differ"]
    if skipped:
        lines.append(f"{skipped:,} were answered by an outage policy and left out")
    lines += [f"  {decision_id}" for decision_id in different[:DIFFERENCES_SHOWN]]
    answer = {"compared": compared, "different": different, "left_out": skipped}
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
