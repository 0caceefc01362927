"""`keys`: the API keys of those who may ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import click

from viral_engine.cli.api import segment
from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import Session, common, without_none
from viral_engine.cli.times import expiry, validity
from viral_engine.messages.keys import RATE_PER_MINUTE_MAX, Scope

SCOPES = get_args(Scope)


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="May be repeated.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Only from there; may be repeated.")
@click.option(
    "--rate-per-minute",
    type=click.IntRange(1, RATE_PER_MINUTE_MAX),
    metavar="NUMBER",
    help="Requests that any 60 s take; by default as many as there are.",
)
@validity
@common
def create(
    session: Session,
    name: str,
    *,
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    rate_per_minute: int | None,
    expires_at: str | None,
    expires_after_s: float | None,
) -> None:
    """Create a key; its secret is shown once and never again."""
    expires = expiry(expires_at, expires_after_s)
    body = {
        "name": name,
        "scopes": list(scopes),
        "networks": list(networks),
        **without_none(expires_at=expires, rate_per_minute=rate_per_minute),
    }
    answer: dict[str, Any] = session.daemon.http("POST", "/v1/keys", body)
    session.printer.note("keep it now: it is not shown again")
    session.printer.answer(answer, [clean(str(answer.get("key", answer)))])


@keys.command(name="list")
@common
def list_keys(session: Session) -> None:
    """List the keys that are not revoked, without their secrets."""
    answer = session.daemon.http("GET", "/v1/keys")
    rows = [
        [key["key_id"], clean(key["name"]), word(key["scopes"]), word(key.get("networks")),
         word(key["rate_per_minute"]), word(key["created_at"]), end(key["expires_at"])]
        for key in answer["keys"]
    ]  # fmt: skip
    columns = ("KEY", "NAME", "SCOPES", "NETWORKS", "A MINUTE", "CREATED", "EXPIRES")
    session.printer.answer(answer, session.printer.table(columns, rows))


def end(expires_at: str | None) -> str:
    """Returns when a key ends, and that it has: it is listed until it is revoked, and refused all the same."""
    is_over = expires_at is not None and datetime.fromisoformat(expires_at) <= datetime.now(UTC)
    return word(expires_at) + (" (expired)" if is_over else "")


@keys.command()
@click.argument("key_id")
@click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal to ask on.")
@common
def revoke(session: Session, key_id: str, *, yes: bool) -> None:
    """Revoke a key; whoever uses it is refused from then on."""
    session.confirm(f"Revoke key {key_id}?", yes=yes)
    session.daemon.http("DELETE", f"/v1/keys/{segment(key_id)}")
    session.printer.answer({"key_id": key_id, "revoked": True}, [f"{clean(key_id)} is revoked"])
