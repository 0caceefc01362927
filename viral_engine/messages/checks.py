"""The action check: what comes in over the wire, what trust_safety gets, what goes out."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from viral_engine.domain.consent import ConsentStatus
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.reasons import Reason
from viral_engine.messages.content import Content
from viral_engine.messages.once import Claim, ItemClaim
from viral_engine.runtime.flight_recorder import personal

# For the description only: an answer that was recorded under other words is still shown.
_OUTCOMES = Meta(extra_json_schema={"enum": [outcome.value for outcome in Outcome]})
_REASONS = Meta(extra_json_schema={"enum": [reason.value for reason in Reason]})
_STATES = Meta(extra_json_schema={"enum": [*(status.value for status in ConsentStatus), "unknown"]})


@personal("user_id", "device_id", "ip_address", "email", "phone", "content", "subject_id", "session_id", "context")
class CheckRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Body of `POST /v1/actions/check`; only `user_id` and `action_type` are needed.

    Attributes:
        user_id: whose attempt it is; a number and the same number as text are one user.
        action_type: what is attempted; an unknown action gets the strictest treatment.
        content: text that the action would show to somebody, at most 4,096 bytes of UTF-8.
        context: anything else, at most 4,096 bytes; only whether there is some counts.
        subject_id: whose data it is about, when not the user's own.
        data_class: kind of the data, a word of consent scopes.
        recipient_class: who would get it, a word of consent scopes.
        occurred_at: when it happened, for imported events: needs a key of scope `backfill`. No more than 5 minutes
            ahead, but for a key of scope `operate` too, which may let a recorded day pass again later.
    """

    user_id: int | str
    action_type: str
    device_id: str | None = None
    ip_address: str | None = None
    email: str | None = None
    phone: str | None = None
    content: str | None = None
    subject_id: int | str | None = None
    data_class: str | None = None
    recipient_class: str | None = None
    session_id: str | None = None
    context: dict[str, Any] | None = None
    occurred_at: str | None = None


@personal("items")
class BulkRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/actions/check/bulk`: each item is decoded by itself, so that a bad one sinks nobody."""

    items: list[Any]


@personal("user_id", "device_id", "ip_address", "email", "phone", "content", "subject_id", "session_id")
class CheckAction(Struct, frozen=True, kw_only=True, gc=False):
    """Asks trust_safety for a decision; every field is canonical (`domain.canonical`).

    Attributes:
        content: never the text itself by the time it gets to trust_safety.
        occurred_ms: milliseconds since 1970; None means now, by the engine's clock.
        api_key_id: who asks.
        received_s: when the request was read, on the monotonic clock, for `latency_ms`.
        idempotency: under what the answer is kept; None without the header.
    """

    user_id: str
    action_type: str
    device_id: str | None = None
    ip_address: str | None = None
    email: str | None = None
    phone: str | None = None
    content: Content | None = None
    subject_id: str | None = None
    data_class: str | None = None
    recipient_class: str | None = None
    session_id: str | None = None
    has_context: bool = False
    occurred_ms: int | None = None
    api_key_id: str
    received_s: float
    idempotency: Claim | ItemClaim | None = None


class Contribution(Struct, frozen=True, kw_only=True):
    """One summand of the score, in thousandths.

    Attributes:
        version: number of the rule's version, counted for each rule by itself.
    """

    rule: str
    version: int
    weight: int
    why: str


class PolicyRef(Struct, frozen=True, kw_only=True):
    """Which policy decided.

    Attributes:
        version: its number, which `/v1/policies/{version}` shows; 0 of an outage policy.
    """

    id: str
    version: int
    mode: str


class Shadowed(Struct, frozen=True, kw_only=True):
    """What a policy in shadow would have decided; it changed nothing."""

    policy: PolicyRef
    decision: Annotated[str, _OUTCOMES]
    reasons: list[Annotated[str, _REASONS]]
    score: int


class LimitState(Struct, frozen=True, kw_only=True):
    """The limit with the longest wait; `retry_after_s` is null while there is room."""

    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float | None


class ConsentState(Struct, frozen=True, kw_only=True):
    """What the consent matrix asked for and what was found."""

    required: bool
    scope: str | None
    basis: str | None
    state: Annotated[str, _STATES]


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """Answer to one check.

    Attributes:
        decision: what the host should do with the attempt.
        recorded: false only while the database is away, under the action's outage policy.
        reasons: codes, what an operator acts on first stands first.
        score: in thousandths.
        shadow: what a policy on trial would have decided, if there is one.
        missing: optional fields that were not sent; some have a small weight.
        latency_ms: from the request's receipt to the decision; the commit comes on top.
    """

    decision_id: str
    decision: Annotated[str, _OUTCOMES]
    recorded: bool
    reasons: list[Annotated[str, _REASONS]]
    score: int
    contributions: list[Contribution]
    policy: PolicyRef
    limits: LimitState | None
    consent: ConsentState
    shadow: list[Shadowed]
    missing: list[str]
    latency_ms: float


@personal("answer")
class Decided(Struct, frozen=True, gc=False):
    """A recorded decision on its way to the caller, already encoded once for answer and record.

    Attributes:
        decision: the outcome's word, for counters.
        answer: the JSON of a `CheckAnswer`.
    """

    decision: str
    answer: bytes
