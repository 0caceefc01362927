"""Ends of validity on the command line: a moment, or a span from now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from viral_engine.cli.errors import wrong_use
from viral_engine.cli.options import SPAN


def validity(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--expires-at` and `--for`."""
    span = click.option(
        "--for", "expires_after_s", type=SPAN, metavar="2h", help="Ends this long from now: 90s, 30m, 2h, 7d."
    )
    moment = click.option(
        "--expires-at", metavar="TIME", help="Ends then: ISO 8601 with a zone, such as 2027-01-31T00:00:00Z."
    )
    # The one applied last is shown first.
    return moment(span(verb))


def expiry(at: str | None, after_s: float | None) -> str | None:
    """Returns the end of validity in ISO 8601, None for no end.

    Raises:
        CliError: both are given, or the moment can't be read or has no zone.
    """
    if at is not None and after_s is not None:
        raise wrong_use("--expires-at and --for exclude each other")
    if after_s is not None:
        return (datetime.now(UTC) + timedelta(seconds=after_s)).isoformat(timespec="seconds")
    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise wrong_use(f"--expires-at {at!r} is no moment", "for instance 2027-01-31T00:00:00Z") from error
    if moment.tzinfo is None:
        raise wrong_use(f"--expires-at {at!r} has no zone", f"for instance {moment.isoformat()}Z")
    return moment.isoformat()
