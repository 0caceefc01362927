"""`consents`: what a guardian agreed to, and what was withdrawn."""

from __future__ import annotations

from typing import Any

import click

from viral_engine.cli.api import segment
from viral_engine.cli.decisions import json_object
from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import Session, common, without_none
from viral_engine.cli.times import expiry, validity
from viral_engine.domain.consent import EVIDENCE, POLICY_VERSION_MAX, DataClass, Purpose, RecipientClass


@click.group()
def consents() -> None:
    """List, add and withdraw consents."""


@consents.command(name="list")
@click.argument("user")
@common
def list_consents(session: Session, user: str) -> None:
    """List the consents about USER, withdrawn ones too."""
    found = session.daemon.http("GET", f"/v1/users/{segment(user)}")["consents"]
    names = ("consent_id", "scope", "method", "guardian_id", "granted_at", "expires_at", "withdrawn_at")
    rows = [[word(consent[name]) + _why_not(name, consent) for name in names] for consent in found]
    columns = ("CONSENT", "SCOPE", "METHOD", "GUARDIAN", "GRANTED", "EXPIRES", "WITHDRAWN")
    session.printer.answer({"user_id": user, "consents": found}, session.printer.table(columns, rows))


def _why_not(name: str, consent: dict[str, Any]) -> str:
    """Returns what is said beside a consent's guardian when the consent counts for nothing because of them."""
    return " (a minor then)" if name == "guardian_id" and consent["by_minor"] else ""


def _words() -> str:
    """Returns the words of scopes, and what each method must show, for the help text."""
    lines = [
        "\b",
        "Words of a scope:",
        f"  purposes    {' '.join(Purpose)}",
        f"  recipients  {' '.join(RecipientClass)} (with third_party only)",
        f"  data        {' '.join(DataClass)}",
        "",
        "\b",
        "Fields that the evidence of a method must hold:",
        *(f"  {method:<17}{' '.join(names)}" for method, names in EVIDENCE.items()),
        "",
        "email_plus and text_plus never cover a third_party scope.",
    ]
    return "\n".join(lines)


@consents.command(epilog=_words())
@click.argument("user")
@click.option("--scope", required=True, metavar="SCOPE", help="purpose[:recipient][/data], such as service/contact.")
@click.option("--method", required=True, metavar="METHOD", help="How it was given, such as signed_form.")
@click.option("--guardian", "guardian_id", required=True, metavar="USER")
@click.option(
    "--policy-version",
    required=True,
    type=click.IntRange(1, POLICY_VERSION_MAX),
    metavar="NUMBER",
    help="Of the privacy policy that was agreed to, a whole number: versions are compared.",
)
@click.option("--evidence", required=True, metavar="JSON", help="An object with the method's fields; kept, not shown.")
@validity
@common
def add(
    session: Session,
    user: str,
    *,
    evidence: str,
    expires_at: str | None,
    expires_after_s: float | None,
    **details: str | int,
) -> None:
    """Record a consent about USER."""
    expires = expiry(expires_at, expires_after_s)
    body = {**details, "evidence": json_object(evidence, "--evidence"), **without_none(expires_at=expires)}
    answer: dict[str, Any] = session.daemon.http("POST", f"/v1/users/{segment(user)}/consents", body)
    told = f"consent {answer['consent_id']} about {user} is recorded: {details['scope']} by {details['method']}"
    session.printer.answer(answer, [clean(told)])


@consents.command()
@click.argument("user")
@click.argument("consent_id")
@click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal to ask on.")
@common
def withdraw(session: Session, user: str, consent_id: str, *, yes: bool) -> None:
    """Withdraw a consent; what it allowed is refused from then on."""
    session.confirm(f"Withdraw consent {consent_id} about {user}?", yes=yes)
    session.daemon.http("DELETE", f"/v1/users/{segment(user)}/consents/{segment(consent_id)}")
    data = {"user_id": user, "consent_id": consent_id, "withdrawn": True}
    session.printer.answer(data, [f"{clean(consent_id)} is withdrawn"])
