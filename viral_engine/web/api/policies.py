"""The policy: which versions there are, taking in another, going back, what a shadow would have decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from viral_engine.domain.errors import Invalid
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED, Policy, policy_from_dict, policy_to_dict, versioned
from viral_engine.messages.policies import (
    LoadPolicy,
    PolicyMode,
    PolicyRow,
    PolicyRows,
    PolicyStands,
    ReadPolicies,
    ReadShadowed,
    Shadowed,
    StandingPolicy,
    SwitchPolicy,
)
from viral_engine.messages.reading import NotRead
from viral_engine.messages.refusals import Refused, not_found
from viral_engine.runtime.errors import CallError
from viral_engine.web.api.inputs import REASON_LENGTH_MAX, instant, text
from viral_engine.web.forms import INSTANT
from viral_engine.web.routes import Answer, Call, Parameter

BODY_BYTES_MAX = 750_000
"""Of a file of the longest kind, every character of it escaped, as two halves of a surrogate pair."""

VERSION_MAX = 2**31 - 1
VERSION = {
    "type": "string",
    "pattern": "^(?:enforced|shadow|[0-9]{1,9})$",
    "description": "A version's number; text here alone, for `enforced` and `shadow` name what stands.",
}
CHANGES_MAX = 200
SHADOWED_SPAN = timedelta(days=1)
SINCE = (Parameter("since", "Decisions recorded since; the last day without it.", INSTANT),)


class PolicyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/policies`: a file of docs/policy.md's form, to be put in force or in shadow."""

    source: str
    reason: str
    mode: PolicyMode = "enforce"


class SwitchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/policies/switch`; without a version the one before comes back, or the shadow ends.

    Attributes:
        version: its number; null for the one that was in force before the present one first was.
    """

    reason: str
    mode: PolicyMode = "enforce"
    version: int | None = None


class PolicySummary(msgspec.Struct, frozen=True, kw_only=True):
    """One version: `reason` and `created_at` are null for a shipped one.

    Attributes:
        version: its number.
    """

    version: int
    policy_id: str
    shipped: bool
    author: str | None = None
    reason: str | None = None
    created_at: datetime | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a mode, and since when; no time for a shipped version that always did.

    Attributes:
        version: its number.
    """

    version: int
    since: datetime | None = None
    author: str | None = None
    reason: str | None = None


class PolicyList(msgspec.Struct, frozen=True, kw_only=True):
    """Every version, newest first, and which of them decides and which runs in its shadow."""

    enforced: Standing
    shadow: Standing | None
    versions: list[PolicySummary]


class PolicyWhole(msgspec.Struct, frozen=True, kw_only=True):
    """One version: as its author wrote it, written out whole, and as data for evaluating again.

    Attributes:
        version: its number, also where the path said `enforced` or `shadow`.
    """

    version: int
    policy_id: str
    shipped: bool
    source: str | None
    toml: str
    body: dict[str, Any]


class ShadowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided beside what the shadow would have decided.

    Attributes:
        version: the shadow's number.
    """

    version: int
    since: datetime
    counts: list[Shadowed]


async def list_policies(call: Call) -> Answer:
    """Returns the versions."""
    rows: PolicyRows = await call.read(ReadPolicies())
    loaded = [
        PolicySummary(
            version=row.version, policy_id=row.policy_id, shipped=False, author=row.author, reason=row.reason,
            created_at=row.created_at,
        )
        for row in rows.versions
    ]  # fmt: skip
    shipped = [PolicySummary(version=one.version, policy_id=one.id, shipped=True) for one in SHIPPED.values()]
    return Answer(
        200,
        PolicyList(
            enforced=_standing(rows, "enforce") or Standing(version=DEFAULT_POLICY.version),
            shadow=_standing(rows, "shadow"),
            versions=sorted([*loaded, *shipped], key=lambda one: -one.version),
        ),
    )


async def get_policy(call: Call) -> Answer:
    """Returns one version; `enforced` and `shadow` name what stands."""
    rows: PolicyRows = await call.read(ReadPolicies())
    version = _version(call.path["version"], rows)
    return Answer(200, await asyncio.to_thread(_whole, rows, version))


async def post_policy(call: Call) -> Answer:
    """Takes in a version."""
    body: PolicyBody = call.body
    reason = text(body.reason, "reason", REASON_LENGTH_MAX)
    from viral_engine.domain.policy_file import BadPolicy, policy_of  # noqa: PLC0415  (no start needs it)

    try:
        policy = await asyncio.to_thread(policy_of, body.source)
    except BadPolicy as bad:
        raise Refused("bad_policy", f"source {bad}", field="source", http_status=409) from bad
    told = _with_changes(await _rows(call), policy)
    return await call.change(
        LoadPolicy(
            policy_id=policy.id,
            source=body.source,
            body=msgspec.json.encode(policy_to_dict(policy)).decode(),
            mode=body.mode,
            author=call.author,
            reason=reason,
        ),
        lambda stands: Answer(201, told(stands)),
    )


async def switch_policy(call: Call) -> Answer:
    """Puts a version in force or in shadow."""
    body: SwitchBody = call.body
    reason = text(body.reason, "reason", REASON_LENGTH_MAX)
    if body.version is not None and not 1 <= body.version <= VERSION_MAX:
        raise Invalid("version", f"must be 1 to {VERSION_MAX}")
    told = _with_changes(await _rows(call))
    switch = SwitchPolicy(mode=body.mode, version=body.version, author=call.author, reason=reason)
    return await call.change(switch, lambda stands: Answer(200, told(stands)))


async def get_shadowed(call: Call) -> Answer:
    """Returns what a version in shadow would have decided."""
    rows: PolicyRows = await call.read(ReadPolicies())
    version = _version(call.path["version"], rows)
    since = instant(call.query["since"], "since") if "since" in call.query else datetime.now(UTC) - SHADOWED_SPAN
    counts: list[Shadowed] = await call.read(ReadShadowed(version=version, since=since))
    return Answer(200, ShadowCounts(version=version, since=since, counts=counts))


def _standing(rows: PolicyRows, mode: PolicyMode) -> Standing | None:
    one = _stands(rows, mode)
    return None if one is None else Standing(version=one.version, since=one.at, author=one.author, reason=one.reason)


def _stands(rows: PolicyRows, mode: PolicyMode) -> StandingPolicy | None:
    return next((one for one in rows.standing if one.mode == mode), None)


def _version(name: str, rows: PolicyRows) -> int:
    if name in ("enforced", "shadow"):
        standing = _stands(rows, "shadow" if name == "shadow" else "enforce")
        if standing is not None:
            return standing.version
        if name == "shadow":
            raise not_found("a policy in shadow")
        return DEFAULT_POLICY.version
    if not (name.isascii() and name.isdigit() and len(name) < len(str(VERSION_MAX))):
        raise Invalid("version", "must be a number, enforced or shadow")
    return int(name)


async def _rows(call: Call) -> PolicyRows | None:
    """Returns the versions there are; None while they can't be read, which keeps no version from being put in force."""
    try:
        rows: PolicyRows = await call.read(ReadPolicies())
    except (CallError, NotRead):
        return None
    return rows


def _with_changes(rows: PolicyRows | None, loaded: Policy | None = None) -> Callable[[PolicyStands], PolicyStands]:
    """Returns what adds to an answer what differs.

    Args:
        rows: the versions of before.
        loaded: the one that is taken in by the change.
    """
    from viral_engine.domain.policy_difference import policy_difference  # noqa: PLC0415  (no start needs it)

    def told(stands: PolicyStands) -> PolicyStands:
        if stands.version is None:
            return stands
        try:
            if rows is None:
                return msgspec.structs.replace(stands, changes=None)
            after = _policy(rows, stands.version) if loaded is None else loaded
            changes = policy_difference(_policy(rows, stands.before), after)
        except (Refused, Invalid, KeyError):
            # One of the two was taken in a moment ago, or by another release: it is done all the same.
            return msgspec.structs.replace(stands, changes=None)
        return msgspec.structs.replace(stands, changes=changes[:CHANGES_MAX], change_count=len(changes))

    return told


def _policy(rows: PolicyRows, version: int) -> Policy:
    shipped = SHIPPED.get(version)
    if shipped is not None:
        return shipped
    row = _row(rows, version)
    if row is None:
        raise not_found(f"policy version {version}")
    return versioned(policy_from_dict(msgspec.json.decode(row.body)), version)


def _row(rows: PolicyRows, version: int) -> PolicyRow | None:
    return next((row for row in rows.versions if row.version == version), None)


def _whole(rows: PolicyRows, version: int) -> PolicyWhole:
    from viral_engine.domain.policy_text import policy_text  # noqa: PLC0415  (no start needs it)

    policy, row = _policy(rows, version), _row(rows, version)
    return PolicyWhole(
        version=version, policy_id=policy.id, shipped=version in SHIPPED, source=None if row is None else row.source,
        toml=policy_text(policy), body=policy_to_dict(policy),
    )  # fmt: skip
