"""Recorded decisions: one whole, one in words for an end user, and pages of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec

from viral_engine.domain import canonical
from viral_engine.domain.counterfactual import Step, what_would_allow
from viral_engine.domain.disclosures import DisclosedRecord
from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import Relation, facts_from_dict
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import SHIPPED, policy_from_dict, versioned
from viral_engine.domain.reasons import Reason, UserWords
from viral_engine.domain.verdicts import words_after, words_of
from viral_engine.messages.checks import CheckAnswer, ConsentState, PolicyRef
from viral_engine.messages.disclosures import Standing
from viral_engine.messages.policies import PolicyRows, ReadPolicies
from viral_engine.messages.reading import DecisionPage, DecisionView, ReadDecision, ReadDecisions
from viral_engine.messages.refusals import not_found
from viral_engine.messages.reviews import DecisionReview, ReadVerdicts
from viral_engine.web import forms
from viral_engine.web.api.inputs import instant, page_before, page_limit, uuid_text
from viral_engine.web.api.shown_facts import shown_facts
from viral_engine.web.compliance import refusal
from viral_engine.web.disclosing import (
    ON_BEHALF_OF,
    asker_of,
    log_shown,
    log_shown_of,
    only_for_the_host,
    subject_of,
)
from viral_engine.web.routes import Answer, Call, Parameter

FORMS = ("user", "refusal")
AS = Parameter(
    "as",
    "`user`: only words fit for an end user. `refusal`: the same with the status to hand on, 403 or 429 unless it was"
    " allowed, or a person has overturned it.",
    {"type": "string", "enum": list(FORMS)},
)
LOCALE = Parameter(
    "locale",
    "Language of the words for a user, as a BCP 47 tag: English or Spanish, English for any other.",
    forms.LOCALE,
)
REASON_SINCE = timedelta(days=1)
"""How far back a page by reason alone looks unless it is told."""

PAGE = (
    Parameter("user_id", "Decisions about this user's attempts.", forms.text()),
    Parameter(
        "since",
        "Made at or after this time; by default all, or the last day for a reason alone.",
        forms.INSTANT,
    ),
    Parameter(
        "reason",
        "With this reason code; for the host alone, not beside `on_behalf_of`.",
        {"type": "string", "enum": [reason.value for reason in Reason]},
    ),
    Parameter("before", "The id that the page before ended with.", forms.UUID),
    Parameter("limit", "Rows of the page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
    ON_BEHALF_OF,
    LOCALE,
)

OUTAGE = "outage"
"""The policy named by answers that nobody could decide."""

_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_REASONS = frozenset(Reason)
# The user is not told that an allow was flagged.
_TO_USER = {Outcome.ALLOW_FLAGGED.value: Outcome.ALLOW.value}


_TOLD = msgspec.Meta(
    extra_json_schema={"enum": [outcome.value for outcome in Outcome if outcome.value not in _TO_USER]}
)


_STEPS = msgspec.Meta(extra_json_schema={"enum": [step.value for step in Step]})


class DecisionRecord(CheckAnswer, frozen=True, kw_only=True):
    """A decision as recorded: the answer that was given, and what it rested on.

    Attributes:
        would_allow: of one that was asked for alone: the smallest sets of steps after which the same attempt would have
            been let through; empty when it was, or when none of them helps.
        review: of one that was asked for alone: what a person said of it; null when it opened no case and was not
            appealed, or when its case is not for this key to see.
    """

    would_allow: tuple[tuple[Annotated[str, _STEPS], ...], ...] = ()
    review: DecisionReview | None = None
    facts: dict[str, Any]
    recorded_at: datetime
    occurred_at: datetime
    user_id: str
    action_type: str
    device_id: str | None
    ip_address: str | None
    api_key_id: str
    backfill: bool


class DecisionRecords(msgspec.Struct, frozen=True, kw_only=True):
    """A page of decisions, newest first; `next_before` is null on the last one."""

    decisions: list[DecisionRecord]
    next_before: str | None


class DecisionForUser(msgspec.Struct, frozen=True, kw_only=True):
    """What an end user may be told; it never says by what they were noticed."""

    decision_id: str
    decision: Annotated[str, _TOLD]
    message: str | None
    retry_after_s: float | None
    locale: str


class DecisionInName(DecisionForUser, frozen=True, kw_only=True):
    """A decision as it is shown in a user's name: the words, and what the record is about.

    Neither what was noticed (reasons, facts, score, contributions, limits) nor what was tried beside it.

    Attributes:
        message: words for the user; null when the attempt was allowed.
        device_id: null for whoever is not the person.
        ip_address: null for whoever is not the person.
    """

    policy: PolicyRef
    consent: ConsentState
    recorded_at: datetime
    occurred_at: datetime
    user_id: str
    action_type: str
    device_id: str | None
    ip_address: str | None


class DecisionsInName(msgspec.Struct, frozen=True, kw_only=True):
    """A page of decisions as they are shown in a user's name, newest first; `next_before` is null on the last one."""

    decisions: list[DecisionInName]
    next_before: str | None


async def get_decision(call: Call) -> Answer:
    """Returns one decision."""
    decision_id = uuid_text(call.path["decision_id"], "decision_id")
    if call.query.get("as", FORMS[0]) not in FORMS:
        raise Invalid("as", f"must be {' or '.join(FORMS)}")
    locale = _locale(call)
    view: DecisionView | None = await call.read(ReadDecision(decision_id))
    if view is None:
        raise not_found("this decision")
    standing = await subject_of(call, DisclosedRecord.DECISION, view.user_id, decision_id)
    await log_shown(call, DisclosedRecord.DECISION, (standing,), decision_id)
    review = (await _reviews(call, [view])).get(view.decision_id)
    if "as" in call.query:
        return Answer(200, _for_user(call, view, locale, review))
    if asker_of(call) is not None:
        return Answer(200, _in_name(standing, view, locale, review))
    would_allow = await _would_allow(call, view)
    return Answer(200, {**_record(call, view), "would_allow": would_allow, "review": review})


async def list_decisions(call: Call) -> Answer:
    """Returns a page of decisions."""
    query = call.query
    if "reason" in query and query["reason"] not in _REASONS:
        raise Invalid("reason", "must be a reason code")
    locale = _locale(call)
    since = instant(query["since"], "since") if "since" in query else None
    if since is None and "reason" in query and "user_id" not in query:
        # A rare reason would be looked for in every day there is.
        since = datetime.now(UTC) - REASON_SINCE
    user_id = canonical.user_id(query["user_id"]) if "user_id" in query else None
    standing = None
    if user_id is None:
        only_for_the_host(call, "needs user_id beside it: a page about everybody is for the host alone")
    else:
        if "reason" in query:
            only_for_the_host(call, "may not stand beside on_behalf_of: users are not told reasons", "reason")
        standing = await subject_of(call, DisclosedRecord.DECISIONS, user_id)
    page: DecisionPage = await call.read(
        ReadDecisions(
            user_id=user_id,
            since=since,
            reason=query.get("reason"),
            before=page_before(query),
            limit=page_limit(query),
        )
    )
    if standing is None:
        await log_shown_of(call, DisclosedRecord.DECISIONS, (view.user_id for view in page.decisions))
    else:
        await log_shown(call, DisclosedRecord.DECISIONS, (standing,))
    if standing is not None and asker_of(call) is not None:
        reviews = await _reviews(call, page.decisions)
        told = [_in_name(standing, view, locale, reviews.get(view.decision_id)) for view in page.decisions]
        return Answer(200, DecisionsInName(decisions=told, next_before=page.next_before))
    shown = [_record(call, view) for view in page.decisions]
    return Answer(200, {"decisions": shown, "next_before": page.next_before})


async def _reviews(call: Call, views: list[DecisionView]) -> dict[str, DecisionReview]:
    """Reads what people said of decisions, as far as the key may know of it."""
    ids = tuple(view.decision_id for view in views)
    reviews: dict[str, DecisionReview] = await call.read(ReadVerdicts(ids, child_safety=call.may("child_safety")))
    return reviews


async def _would_allow(call: Call, view: DecisionView) -> list[tuple[Step, ...]]:
    """Evaluates what else could have been, under the version that decided."""
    decided_by = msgspec.json.decode(view.answer)["policy"]
    if decided_by["id"] == OUTAGE:
        return []
    policy = SHIPPED.get(decided_by["version"])
    if policy is None:
        rows: PolicyRows = await call.read(ReadPolicies())
        body = next((row.body for row in rows.versions if row.version == decided_by["version"]), None)
        if body is None:
            return []
        policy = versioned(policy_from_dict(msgspec.json.decode(body)), decided_by["version"])
    try:
        facts = facts_from_dict(msgspec.json.decode(view.facts))
    except Invalid:
        # Facts of a form that this release does not know: nothing can be said of them.
        return []
    return list(what_would_allow(policy, facts))


def _facts(call: Call, view: DecisionView) -> msgspec.Raw:
    """Returns the facts as they are shown, nearly always the very text."""
    if '"flags":[[' not in view.facts:
        return msgspec.Raw(view.facts.encode())
    shown = shown_facts(msgspec.json.decode(view.facts), child_safety=call.may("child_safety"))
    return msgspec.Raw(msgspec.json.encode(shown))


def _record(call: Call, view: DecisionView) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(view.answer)
    return {
        **answer,
        # An answer given during an outage said that it was not; by now it is.
        "recorded": True,
        "facts": _facts(call, view),
        "recorded_at": view.recorded_at,
        "occurred_at": view.occurred_at,
        "user_id": view.user_id,
        "action_type": view.action_type,
        "device_id": view.device_id,
        "ip_address": view.ip_address,
        "api_key_id": view.api_key_id,
        "backfill": view.backfill,
    }


def _locale(call: Call) -> str:
    """Returns the language of the words for a user: one that there are words in.

    Raises:
        Invalid: no language tag.
    """
    tag = call.query.get("locale", "en")
    if _LOCALE.fullmatch(tag) is None:
        raise Invalid("locale", "must be a language tag such as en-US")
    language = tag.partition("-")[0].lower()
    return language if language in UserWords._fields else "en"


def _for_user(call: Call, view: DecisionView, locale: str, review: DecisionReview | None) -> DecisionForUser:
    """Returns what the user may be told.

    Raises:
        ApiError: the same as a refusal, when that is asked for and it is one.
    """
    words = _words(view, msgspec.json.decode(view.answer), locale, review)
    is_refusal = words["message"] is not None and (review is None or review.state != "overturned")
    if call.query["as"] == "refusal" and is_refusal:
        contact = call.state.context.settings.web.support_contact
        raise refusal(_known_reasons(view)[0], contact, message=words["message"], retry_after_s=words["retry_after_s"])
    return DecisionForUser(**words)


def _words(view: DecisionView, answer: dict[str, Any], locale: str, review: DecisionReview | None) -> dict[str, Any]:
    """Returns the fields of a `DecisionForUser`."""
    decision = _TO_USER.get(view.decision, view.decision)
    is_allowed = decision == Outcome.ALLOW.value
    state = None if review is None else review.state
    words = words_after(state, view.decision, words_of(view.decision, _known_reasons(view)))
    return {
        "decision_id": view.decision_id,
        "decision": decision,
        "message": None if is_allowed else getattr(words, locale),
        "retry_after_s": (answer.get("limits") or {}).get("retry_after_s"),
        "locale": locale,
    }


def _known_reasons(view: DecisionView) -> list[Reason]:
    """Returns the reasons that this release knows, the weightiest first."""
    return [Reason(reason) for reason in view.reasons if reason in _REASONS] or [Reason.DEGRADED]


def _in_name(standing: Standing, view: DecisionView, locale: str, review: DecisionReview | None) -> DecisionInName:
    """Returns the decision for a user, without device and address for whoever is another than its own.

    A child acts from the homes of all its guardians, who never see each other's.
    """
    answer: dict[str, Any] = msgspec.json.decode(view.answer)
    is_own = standing.relation is Relation.SELF
    return DecisionInName(
        **_words(view, answer, locale, review),
        policy=msgspec.convert(answer["policy"], PolicyRef),
        consent=msgspec.convert(answer["consent"], ConsentState),
        recorded_at=view.recorded_at,
        occurred_at=view.occurred_at,
        user_id=view.user_id,
        action_type=view.action_type,
        device_id=view.device_id if is_own else None,
        ip_address=view.ip_address if is_own else None,
    )
