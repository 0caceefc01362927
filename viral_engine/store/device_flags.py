"""What was observed about devices and addresses: signup attempts, and flags that somebody raised."""

from typing import Any

from viral_engine.messages.checks import CheckAction
from viral_engine.messages.journal import Statement
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, json_text, statement

__all__ = ["SIGNUP", "add_flag", "signup_attempt"]

SIGNUP = "signup"
"""The type of a row that records an attempt to sign up and says nothing bad about anybody."""

_INSERT = (
    "INSERT INTO device_flags (device_id, ip_address, user_id, flag_type, risk_thousandths, blocked, backfill,"
    " inserted_at, details) VALUES (%s, %s::inet, %s, %s, %s, false, %s, %s, %s::jsonb)"
)


def signup_attempt(request: CheckAction, at_ms: int) -> Statement:
    """The attempt as a row, to be committed with its decision.

    Args:
        request: Its device and address may be absent; they stay absent, and are no device called "unknown".
        at_ms: When it happened on its timeline, milliseconds since 1970.
    """
    backfill = request.occurred_ms is not None
    return statement(
        _INSERT,
        request.device_id,
        request.ip_address,
        request.user_id,
        SIGNUP,
        0,
        backfill,
        instant_of(at_ms),
        None,
    )


def add_flag(
    flag_type: str,
    *,
    device_id: str | None,
    ip_address: str | None,
    user_id: str | None,
    risk_thousandths: int,
    details: dict[str, Any] | None,
    at_ms: int,
) -> tuple[Statement, ...]:
    """A flag raised about a device, an address or a user; a second one on the same device stands beside the first.

    Raises:
        ValueError: A text that PostgreSQL cannot hold, or a flag of the type of signup attempts.
    """
    if flag_type == SIGNUP:
        raise ValueError("flag_type signup is kept for attempts")
    return (
        statement(
            _INSERT,
            device_id,
            ip_address,
            user_id,
            flag_type,
            risk_thousandths,
            False,  # noqa: FBT003 - backfill
            instant_of(at_ms),
            None if details is None else json_text(details, "details"),
        ),
        notify("flags", device_id or ""),
    )
