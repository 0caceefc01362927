"""`check`, `decisions` and `why`: ask for a decision, find those that were made, have one explained."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from viral_engine.cli.api import segment
from viral_engine.cli.errors import ExitCode, wrong_use
from viral_engine.cli.facts import told_facts
from viral_engine.cli.layout import clean, fields, table, word
from viral_engine.cli.options import SPAN, Session, common, without_none
from viral_engine.cli.records import since_ago
from viral_engine.cli.style import BAD, OK, WARN, Style
from viral_engine.domain.reasons import REASONS, Reason

_COLORS = {"allow": OK, "deny": BAD}


@click.command()
@click.argument("user")
@click.argument("action")
@click.option("--device", "device_id", metavar="ID")
@click.option("--ip", "ip_address", metavar="ADDRESS")
@click.option("--email")
@click.option("--phone")
@click.option("--content", help="The text that is to be sent or shown.")
@click.option("--subject", "subject_id", metavar="USER", help="Whose data it is about, when not the user's own.")
@click.option("--data-class")
@click.option("--recipient-class")
@click.option("--session", "session_id", metavar="ID")
@click.option("--context", metavar="JSON", help="An object.")
@common
def check(session: Session, user: str, action: str, *, context: str | None, **details: str | None) -> int:
    """Ask whether USER may do ACTION now.

    The decision is recorded like any other. Exits 1 when it is deny.
    """
    body = {"user_id": user, "action_type": action, **without_none(**details)}
    if context is not None:
        body["context"] = json_object(context, "--context")
    answer = session.daemon.http("POST", "/v1/actions/check", body)
    session.printer.answer(answer, decided(answer, session.printer.style))
    return ExitCode.NOT_WELL if answer["decision"] == "deny" else ExitCode.OK


@click.command()
@click.option("--user", "user_id", metavar="USER", help="Decisions about this user's attempts.")
@click.option(
    "--reason", type=click.Choice([reason.value for reason in Reason]), metavar="CODE", help="With this code."
)
@click.option("--since", type=SPAN, metavar="24h", help="By default all, or the last day for a reason alone.")
@click.option("--limit", type=click.IntRange(1, 200))
@click.option("--before", metavar="ID", help="The page after the one that ended with this decision.")
@common
def decisions(session: Session, *, since: float | None, **query: Any) -> None:
    """List recorded decisions, newest first."""
    wanted = {**query, "since": None if since is None else since_ago(since)}
    answer = session.daemon.http("GET", "/v1/decisions", query=wanted)
    rows = [
        [one["decision_id"], word(one["occurred_at"]), clean(one["user_id"]), clean(one["action_type"]),
         one["decision"], str(one["score"]), word(one["reasons"])]
        for one in answer["decisions"]
    ]  # fmt: skip
    columns = ("DECISION", "WHEN", "USER", "ACTION", "OUTCOME", "SCORE", "REASONS")
    session.printer.answer(answer, session.printer.table(columns, rows))
    if answer.get("next_before"):
        session.printer.note(f"there are more: --before {answer['next_before']}")


@click.command()
@click.argument("decision_id")
@common
def why(session: Session, decision_id: str) -> None:
    """Explain a decision.

    Its reasons in words, the arithmetic of its score, and the facts that it was made on. Scores and weights are
    whole thousandths, as in a policy's file.
    """
    record = session.daemon.http("GET", f"/v1/decisions/{segment(decision_id)}")
    session.printer.answer(record, explained(record, session.printer.style))


def json_object(text: str, option: str) -> dict[str, Any]:
    """Reads an object given on the command line.

    Raises:
        CliError: it is none.
    """
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise wrong_use(f"{option} is no JSON object: {error}") from error


def decided(answer: dict[str, Any], style: Style) -> list[str]:
    """Returns the lines of a decision: the outcome, why, the score, the limit."""
    lines = [f"{style.paint(answer['decision'], _COLORS.get(answer['decision'], WARN))}  {answer['decision_id']}"]
    if not answer["recorded"]:
        lines.append(style.paint("not recorded yet: the database is away, and the outage policy answered", WARN))
    lines += reasons(answer["reasons"])
    lines += arithmetic(answer["contributions"], answer["score"])
    if (limits := answer.get("limits")) is not None:
        wait = limits["retry_after_s"]
        room = f"wait {wait:g} s" if wait is not None else f"{limits['remaining']} of {limits['limit']} left"
        lines += ["", f"limit    {room}, reset in {limits['reset_s']:g} s"]
    consent = answer["consent"]
    if consent["required"]:
        basis = f" by {consent['basis']}" if consent["basis"] else ""
        lines.append(f"consent  {word(consent['scope'])}: {consent['state']}{basis}")
    policy = answer["policy"]
    lines.append(f"policy   {policy['id']} version {policy['version']} ({policy['mode']})")
    if answer["missing"]:
        lines.append(f"absent   {word(answer['missing'])}")
    return lines


def explained(record: dict[str, Any], style: Style) -> list[str]:
    """Returns the lines of a recorded decision."""
    lines = [*decided(record, style), *looked_at(record.get("review"))]
    named = (
        "user_id",
        "action_type",
        "occurred_at",
        "recorded_at",
        "device_id",
        "ip_address",
        "api_key_id",
        "backfill",
    )
    lines += ["", *fields({name.replace("_", " "): record[name] for name in named if name in record})]
    if would_allow := record.get("would_allow"):
        lines += ["", "would be let through after", *(f"  {_and(steps)}" for steps in would_allow)]
    facts = told_facts(record.get("facts") or {})
    return [*lines, "", "facts", *facts] if facts else lines


def looked_at(review: dict[str, Any] | None) -> list[str]:
    """Returns the line of the case that a decision or its appeal opened, none without one."""
    if review is None:
        return []
    if review["state"] == "open":
        return [f"review   waits for a person: viral-engine reviews show {clean(review['case_id'])}"]
    return [f"review   a person has looked: {clean(review['state'])} at {word(review['closed_at'])}"]


def _and(steps: list[str]) -> str:
    return " and ".join(clean(step).replace("_", " ") for step in steps)


def reasons(codes: list[str]) -> list[str]:
    """Returns a line per reason: the code and what it means."""
    known = {str(reason.value): REASONS[reason].meaning for reason in Reason}
    longest = max(map(len, codes), default=0)
    return [f"  {clean(code):{longest}}  {known.get(code, 'not known to this version')}" for code in codes]


def arithmetic(contributions: list[dict[str, Any]], score: int) -> list[str]:
    """Returns the terms of the score and their sum, which is checked: a sum that is off is said to be."""
    rows = [[str(term["weight"]), f"{term['rule']} v{term['version']}", clean(term["why"])] for term in contributions]
    total = sum(term["weight"] for term in contributions)
    rows.append([str(score), "score", "" if total == score else f"the terms sum to {total}"])
    return ["", *(f"  {line}" for line in table(("WEIGHT>", "RULE", "WHY"), rows, headers=False))]
