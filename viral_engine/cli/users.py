"""`users`: what is known of a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from viral_engine.cli.api import segment
from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.cli.layout import clean, fields, word
from viral_engine.cli.options import SPAN, Session, common, without_none
from viral_engine.cli.records import since_ago
from viral_engine.messages.people import AgeBandName, Persona

IMPORT_LINE_BYTES_MAX = 64 * 1024


@click.group()
def users() -> None:
    """Show and set users, and report signals about them."""


@users.command()
@click.argument("user")
@common
def show(session: Session, user: str) -> None:
    """Show USER with signals and consents."""
    answer = session.daemon.http("GET", f"/v1/users/{segment(user)}")
    session.printer.answer(answer, fields(_told(answer)))


def _told(user: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields as people read them: which guardians wait for a confirmation, whose age is vouched for."""
    told = {"guardians" if name == "guardian_ids" else name: value for name, value in user.items()}
    confirmed = told.pop("guardians_confirmed")
    told["guardians"] = [one if one in confirmed else f"{one} (not confirmed)" for one in user["guardian_ids"]]
    if user["adulthood_attested"] and user["age_band"] == "unknown":
        told["age_band"] = "unknown (an adult as attested)"
    return told


@users.command()
@click.argument("user")
@click.option("--since", type=SPAN, metavar="24h", help="By default all.")
@click.option("--limit", type=click.IntRange(1, 200))
@click.option("--before", metavar="ID", help="The page after the one that ended with this entry.")
@common
def disclosures(session: Session, user: str, *, since: float | None, **query: Any) -> None:
    """List who asked for USER's records and was shown or refused them; looking is logged too."""
    wanted = {**query, "since": None if since is None else since_ago(since)}
    answer = session.daemon.http("GET", f"/v1/users/{segment(user)}/disclosures", query=wanted)
    names = ("at", "record", "record_id", "asked_by", "on_behalf_of", "grounds", "result", "reason")
    rows = [[word(entry[name]) for name in names] for entry in answer["disclosures"]]
    columns = ("AT", "RECORD", "ID", "ASKED BY", "ON BEHALF OF", "GROUNDS", "RESULT", "REASON")
    session.printer.answer(answer, session.printer.table(columns, rows))
    if answer.get("next_before"):
        session.printer.note(f"there are more: --before {answer['next_before']}")


@users.command(name="confirm-guardian")
@click.argument("user")
@click.argument("guardian")
@click.option(
    "--by", "confirmed_by", metavar="USER", required=True, help="A confirmed guardian, or the school's staff."
)
@common
def confirm_guardian(session: Session, user: str, guardian: str, *, confirmed_by: str) -> None:
    """Let a further GUARDIAN of USER count."""
    path = f"/v1/users/{segment(user)}/guardians/{segment(guardian)}/confirm"
    session.daemon.http("POST", path, {"confirmed_by": confirmed_by})
    data = {"user_id": user, "guardian_id": guardian, "confirmed_by": confirmed_by}
    session.printer.answer(data, [f"{clean(guardian)} is a guardian of {clean(user)}"])


@users.command(name="set")
@click.argument("user")
@click.option("--persona", type=click.Choice(get_args(Persona)), required=True)
@click.option("--date-of-birth", metavar="YYYY-MM-DD")
@click.option("--age-band", type=click.Choice(get_args(AgeBandName)))
@click.option("--stated-on", metavar="YYYY-MM-DD", help="The day on which the age band was stated.")
@click.option("--adulthood-attested", is_flag=True, help="The company vouches that this tutor or parent is an adult.")
@click.option("--guardian", "guardian_ids", multiple=True, metavar="USER", help="May be repeated.")
@click.option("--tutor", "tutor_ids", multiple=True, metavar="USER", help="Who teaches USER; may be repeated.")
@click.option("--household", "household_id", metavar="ID")
@click.option("--school", "school_id", metavar="ID")
@click.option("--jurisdiction", metavar="CODE")
@click.option("--email")
@click.option("--phone")
@click.option("--referrer", "referrer_id", metavar="USER")
@common
def set_user(
    session: Session,
    user: str,
    *,
    adulthood_attested: bool,
    guardian_ids: tuple[str, ...],
    tutor_ids: tuple[str, ...],
    **details: str | None,
) -> None:
    """Replace what is known of USER; what is not given is unknown afterwards."""
    body = {
        **without_none(**details),
        "adulthood_attested": adulthood_attested,
        "guardian_ids": list(guardian_ids),
        "tutor_ids": list(tutor_ids),
    }
    answer = session.daemon.http("PUT", f"/v1/users/{segment(user)}", body)
    data = answer if isinstance(answer, dict) else {"user_id": user}
    session.printer.answer(data, [f"{clean(user)} is set"])


@users.command()
@click.argument("user")
@click.argument("name")
@click.argument("value", default="true")
@common
def signal(session: Session, user: str, name: str, value: str) -> None:
    """Report signal NAME about USER; VALUE is JSON, or plain text; true when left out.

    Of email_verified, phone_verified and payment_verified the last report counts, of referrer_id the first.
    """
    body = {"signal": name, "value": _value(value)}
    answer = session.daemon.http("POST", f"/v1/users/{segment(user)}/signals", body)
    data = answer if isinstance(answer, dict) else {"user_id": user, **body}
    counts = data.get("value", body["value"])
    line = f"{clean(name)} = {_written(counts)} is recorded for {clean(user)}"
    if str(counts) != str(body["value"]):
        line = f"{clean(name)} of {clean(user)} stays {_written(counts)}: the first report counts"
    session.printer.answer(data, [line])


@users.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@common
def import_users(session: Session, file: Path) -> int:
    """Set every user of FILE: one JSON object a line, `user_id` beside the fields of `users set`.

    A line that is refused does not stop the others; exits 1 when there was one.
    """
    done, failures = 0, []
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            failure = _import_line(session, line)
            if failure is None:
                done += 1
            else:
                failures.append({"line": number, "problem": failure})
    data = {"imported": done, "failed": len(failures), "failures": failures}
    told = [f"line {failure['line']}: {clean(str(failure['problem']))}" for failure in failures]
    session.printer.answer(data, [*told, f"{done} users are set, {len(failures)} lines failed"])
    return ExitCode.NOT_WELL if failures else ExitCode.OK


def _import_line(session: Session, line: bytes) -> str | None:
    """Returns what is wrong with the line, None when its user is set."""
    if len(line) > IMPORT_LINE_BYTES_MAX:
        return f"it is longer than {IMPORT_LINE_BYTES_MAX} bytes"
    try:
        body = msgspec.json.decode(line, type=dict[str, Any])
        user = str(body.pop("user_id"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return f"it is no JSON object: {error}"
    except KeyError:
        return "it has no user_id"
    try:
        session.daemon.http("PUT", f"/v1/users/{segment(user)}", body)
    except CliError as error:
        if error.exit_code not in (ExitCode.WRONG_USE, ExitCode.NO_SUCH_THING):
            raise
        return error.message
    return None


def _written(value: Any) -> str:
    """Returns a signal's value as it is given on the command line."""
    return clean(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _value(text: str) -> bool | int | str:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return text
    return value if isinstance(value, bool | int | str) else text
