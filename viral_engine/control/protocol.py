"""What goes over the operators' socket: one line of JSON there, one line of JSON back; of a trace, line after line.

The CLI may be older or newer than the daemon it talks to, so both sides name their version, and the daemon's
answer to another one is a sentence that says so.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

VERSION = 1

REQUEST_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 16 * 1024 * 1024
CONNECTIONS_MAX = 16
READ_TIMEOUT_S = 5.0
"""A client has so long to send its line."""

STATE_TIMEOUT_S = 5.0
"""No actor is asked for its state for longer."""

ACT_TIMEOUT_S = 30.0
"""How long a restart or a stop may take; the supervisor carries it out all the same when the time is up."""

TRACE_COUNT_MAX = 10_000
TRACE_S_MAX = 3_600.0
"""A trace ends after so many messages and so long at the latest, whatever was asked for."""

Verb = Literal[
    "ping", "tree", "if_dies", "ps", "inspect", "history", "health", "trace", "dead_letters",
    "restart", "stop", "kill", "suspend", "resume", "forgive", "hang",
]  # fmt: skip
ACTS: frozenset[str] = frozenset({"restart", "stop", "kill", "suspend", "resume", "forgive", "hang"})

Code = Literal[
    "wrong_request", "wrong_version", "not_allowed", "needs_yes", "not_possible", "no_such_actor", "no_answer",
    "busy", "failed",
]  # fmt: skip


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question or act.

    Attributes:
        path: the actor it is about.
        reason: why an operator acts; kept in the audit and the history.
        yes: the operator knows that the act is dangerous.
        force: the operator means it although the daemon would end.
        state: `inspect` asks the actor for its state.
        stack: `inspect` reads where its thread is.
        since_s: `history` from this time on, seconds since 1970.
        aside: `history` with the kinds that accompany others.
        limit: entries of `history`, messages of `trace`, dead letters.
        match: `trace` only types of this name or pattern.
        rate: `trace` is over when there are more messages than this in `rate_s` seconds; None for any rate.
        for_s: seconds of `trace`, and of `hang`.
        timeout_s: seconds for an act; bounded by `ACT_TIMEOUT_S`.
    """

    verb: Verb
    version: int = VERSION
    path: str | None = None
    reason: str | None = None
    yes: bool = False
    force: bool = False
    state: bool = False
    stack: bool = False
    since_s: float | None = None
    aside: bool = False
    limit: int | None = None
    match: str | None = None
    rate: int | None = None
    rate_s: float = 1.0
    for_s: float = 30.0
    timeout_s: float = ACT_TIMEOUT_S


class Failure(msgspec.Struct, frozen=True):
    """Why there is no answer, and what to do next."""

    code: Code
    message: str
    hint: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly one of `data` and `error` counts; neither is a sign of life between the lines of a trace."""

    version: int = VERSION
    data: Any = None
    error: Failure | None = None


class Refusal(Exception):
    """The daemon's side of a failure: the service raises it, the client raises it again."""

    def __init__(self, code: Code, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(code, message, hint)


def encode(message: Request | Answer) -> bytes:
    """Returns one line."""
    return msgspec.json.encode(message, enc_hook=str) + b"\n"


def decode_request(line: bytes) -> Request:
    """Reads a request.

    Raises:
        Refusal: it is none, or one of another version.
    """
    try:
        version = msgspec.json.decode(line, type=_Version).version
        if version != VERSION:
            raise Refusal(
                "wrong_version",
                f"the daemon speaks version {VERSION} of the operators' protocol, not {version}",
                "use the viral-engine command that was installed with the daemon",
            )
        return msgspec.json.decode(line, type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("wrong_request", f"the request can't be read: {error}") from error


class _Version(msgspec.Struct):
    version: int = VERSION
