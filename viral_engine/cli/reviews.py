"""`reports`, `appeals` and `reviews`: what people say of others, of decisions, and who looks at it."""

from __future__ import annotations

from typing import Any, get_args

import click

from viral_engine.cli.api import segment
from viral_engine.cli.decisions import reasons
from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.cli.layout import clean, fields, word
from viral_engine.cli.options import Session, common, without_none
from viral_engine.domain.facts import FlagSeverity
from viral_engine.domain.reports import CLAIM_FIRST, READ_FIRST, Category
from viral_engine.messages.reviews import CaseKind, CaseState, Queue, SubjectKind

CHILD_SAFETY = "child_safety"
TOLD_AT_ONCE = "; whoever is on duty is told at once, if a mail server is set up: see `viral-engine health`"
COLUMNS = ("CASE", "KIND", "STATE", "SUBJECT", "CATEGORY", "SEVERITY", "OPENED", "CLAIMED BY")


@click.group()
def reports() -> None:
    """Report users, devices and addresses.

    `viral-engine reviews list --kind report` lists what was reported.
    """


@reports.command(name="add")
@click.argument("kind", type=click.Choice(get_args(SubjectKind)))
@click.argument("value")
@click.option("--reporter", required=True, metavar="USER", help="Who reports.")
@click.option("--category", type=click.Choice([str(one) for one in Category]), required=True)
@click.option("--severity", type=click.Choice([str(one) for one in FlagSeverity]), default="medium", show_default=True)
@click.option("--content", metavar="TEXT", help="Their words, or what it is about.")
@common
def add_report(session: Session, kind: str, value: str, *, reporter: str, **more: str | None) -> None:
    """Report a user, a device or an address; the same report on one day is one."""
    body = {"reporter_id": reporter, "kind": kind, "value": value, **without_none(**more)}
    answer: dict[str, Any] = session.daemon.http("POST", "/v1/reports", body)
    said = "is taken" if answer["is_new"] else "was taken before"
    if answer["blocked"]:
        said += f", {kind} {clean(value)} is blocked {_until(answer['blocked_until'])}"
    lines = [f"report {answer['report_id']} {said}"]
    if more["category"] == CHILD_SAFETY:
        # No word of a page that arrived: nobody knows that yet, and without a mail server there is none.
        lines.append(f"  it went into the queue {CHILD_SAFETY}" + (TOLD_AT_ONCE if answer["is_new"] else ""))
    session.printer.answer(answer, lines)


def _until(latest: str | None) -> str:
    """Returns how long a block of a report stands; without an end it was there before the report."""
    return f"until somebody has looked, at the latest until {latest}" if latest else "without an end, as before"


@click.group()
def appeals() -> None:
    """Appeal decisions for their users.

    `viral-engine reviews list --kind appeal` lists the appeals.
    """


@appeals.command(name="add")
@click.argument("decision_id")
@click.option("--content", required=True, metavar="TEXT", help="The user's words.")
@common
def add_appeal(session: Session, decision_id: str, *, content: str) -> None:
    """Open the appeal of a decision."""
    answer = session.daemon.http("POST", "/v1/appeals", {"decision_id": decision_id, "content": content})
    said = "is open" if answer["is_new"] else "was open before"
    session.printer.answer(answer, [f"case {answer['case_id']} {said}"])


@click.group()
def reviews() -> None:
    """The cases that wait for a person."""


@reviews.command(name="list")
@click.option("--queue", type=click.Choice(get_args(Queue)), help="By default review.")
@click.option("--state", type=click.Choice(get_args(CaseState)), help="By default all that are not closed.")
@click.option("--kind", type=click.Choice(get_args(CaseKind)))
@click.option("--limit", type=click.IntRange(1, 200))
@click.option("--after", metavar="ID", help="The page after the one that ended with this case.")
@common
def list_cases(session: Session, **query: Any) -> None:
    """List cases, oldest first."""
    answer = session.daemon.http("GET", "/v1/reviews", query=query)
    rows = [
        [one["case_id"], one["kind"], one["state"], clean(f"{one['subject_kind']} {one['subject_value']}"),
         word(one["category"]), word(one["severity"]), word(one["opened_at"]), word(one["claimed_by"])]
        for one in answer["cases"]
    ]  # fmt: skip
    session.printer.answer(answer, session.printer.table(COLUMNS, rows))
    if answer.get("next_after"):
        session.printer.note(f"there are more: --after {answer['next_after']}")
    if query["queue"] is None:
        session.printer.note(f"cases of child safety have a queue of their own: --queue {CHILD_SAFETY}")


@reviews.command()
@click.argument("case_id")
@common
def show(session: Session, case_id: str) -> None:
    """Show one case; the reading of one of child safety is logged."""
    answer = session.daemon.http("GET", f"/v1/reviews/{segment(case_id)}")
    told = {name.replace("_", " "): value for name, value in answer.items() if value is not None}
    lines = fields(told)
    if (decision_id := answer["decision_id"]) is not None and not session.printer.json:
        lines += ["", *_decided(session, decision_id)]
    session.printer.answer(answer, lines)


def _decided(session: Session, decision_id: str) -> list[str]:
    """Returns what was decided and why, or how to learn it for a key that may not read decisions."""
    whole = f"viral-engine why {decision_id}"
    try:
        record = session.daemon.http("GET", f"/v1/decisions/{segment(decision_id)}")
    except CliError as error:
        if error.exit_code not in (ExitCode.NOT_ALLOWED, ExitCode.NO_SUCH_THING):
            raise
        return [f"what was decided, for a key that may read decisions: {whole}"]
    return [f"it was decided: {record['decision']}", *reasons(record["reasons"]), f"  all of it: {whole}"]


@reviews.command()
@click.argument("case_id")
@common
def claim(session: Session, case_id: str) -> None:
    """Take a case, for an hour."""
    answer = session.daemon.http("POST", f"/v1/reviews/{segment(case_id)}/claim")
    session.printer.answer(answer, [f"case {case_id} is yours for an hour"])


def _with_next_step(error: CliError, case_id: str) -> CliError:
    """Returns a refused verdict with the verb that does what is missing, where one does."""
    for words, verb in ((CLAIM_FIRST, "claim"), (READ_FIRST, "show")):
        if words in error.message:
            hint = f"viral-engine reviews {verb} {clean(case_id)}"
            # Without the route that the API's own words name.
            message = error.message.partition(words)[0] + words
            return CliError(error.exit_code, error.code, message, hint)
    return error


def _verdict(name: str, explanation: str) -> None:
    @reviews.command(name=name, help=explanation)
    @click.argument("case_id")
    @click.option("--note", required=True, metavar="TEXT", help="Why, for the audit.")
    @common
    def close(session: Session, case_id: str, *, note: str) -> None:
        body = {"outcome": name, "note": note}
        try:
            answer = session.daemon.http("POST", f"/v1/reviews/{segment(case_id)}/close", body)
        except CliError as error:
            raise _with_next_step(error, case_id) from None
        lines = [f"case {case_id} is closed: {name}"]
        lines += [f"  block {block_id} is lifted" for block_id in answer["blocks_lifted"]]
        lines += [f"  block {block_id} stays: it is not yours to lift" for block_id in answer["blocks_kept"]]
        session.printer.answer(answer, lines)


_verdict("uphold", "Close a case: the decision was right, the report is true.")
_verdict("overturn", "Close a case: the decision was wrong, the report is not true; its blocks are lifted.")
