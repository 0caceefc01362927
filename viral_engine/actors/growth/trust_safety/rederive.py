"""The facts of recorded decisions built once more from rows: a pure function of what happened, in order of time.

The windows, books and counters are those of `memory.py`, filled by the same `commit` that filled them then; the facts
are gathered by the same `gather`. What no row tells is taken from the record, and said so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from viral_engine.actors.growth.trust_safety.gather import gather
from viral_engine.actors.growth.trust_safety.memory import CLEAN_UP_BUDGET, Timeline
from viral_engine.actors.growth.trust_safety.past_lists import PastLists
from viral_engine.actors.growth.trust_safety.profiles import Profile, Profiles, profile_of, unknown_user
from viral_engine.domain.canonical import address_group
from viral_engine.domain.duplicates import DAY_MS
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.fact_parts import differing_parts, with_parts
from viral_engine.domain.facts import UNNAMED_REPORT, Facts, ListKind, Relation, facts_from_dict
from viral_engine.messages.checks import CheckAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from viral_engine.config import TrustSafety as TrustSafetySettings
    from viral_engine.domain.actions import Action
    from viral_engine.domain.facts import WindowUse
    from viral_engine.domain.policy import Policy
    from viral_engine.messages.history import EntrySource, PastDecision, PastEntry

BACK_MS = DAY_MS
"""How far before the first decision memory must be filled: the longest that anything is remembered."""

CLEAN_UP_EVERY = 1_000
ON_ITS_WAY_MS = 5_000
"""A change so shortly before a decision may not have been in memory yet: the longest that its commit may take."""

NOT_KEPT = {
    "relation": "whose data a request is about is not kept",
    "data_class": "the request's data class is not kept",
    "recipient": "the request's recipient is not kept",
    "content_kinds": "content is not kept",
    "content_signals": "content is not kept",
    "content_unseen": "content is not kept",
    "adult_to_child": "content, and to whom it went, are not kept",
    "email_disposable": "the request's e-mail address is not kept",
    "blocks.email_domain": "the request's e-mail address is not kept",
    "allows.email_domain": "the request's e-mail address is not kept",
    "velocity.domain_signups": "e-mail addresses of requests are not kept",
    "velocity.phone_users": "phone numbers of requests are not kept",
    "referral.circle": "it follows the profiles that happened to be in memory",
}
"""Parts of the facts that no row tells of any decision."""

_OF_ANOTHER = ("band", "jurisdiction", "consents")
_OF_THE_USER = (*_OF_ANOTHER, "has_school")
_REFERRAL = ("referral.self_referral", "referral.same_household", "referral.referees", "referral.referees_sharing")
_ABOUT_ANOTHER = "it is about somebody else, and about whom is not kept"
_USER_CHANGED = "users hold their present state only, and this one, or a minor who consented, was put again since"
_SIGNALS_CHANGED = "the last report of a signal counts, and one came since"
_LABELLED_DOMAIN = "an e-mail domain has a label, and the request's e-mail address is not kept"
_UNNAMED = "which reports they are is told to a key of scope child_safety alone"
_BEGAN_ANEW = "a daemon started in the day before: its memory held less than the rows do"
_CUT_OFF = "the day before was not read whole"
_ON_ITS_WAY = "something changed in the seconds before: it may not have been in memory yet"
_OF_MEMORY = ("signup.", "velocity.", "windows.", "referral.")


class Rederived(NamedTuple):
    """One decision with its facts built again.

    Attributes:
        rebuilt: the facts, with what was taken from the record.
        taken: names of parts that were, and why.
        differing: names of parts that are not as recorded, and why where that is known.
        tried: the facts as another policy would have had them, its limits counted as after a start.
    """

    row: PastDecision
    recorded: Facts
    rebuilt: Facts
    taken: Mapping[str, str]
    differing: Mapping[str, str | None]
    tried: Facts


def rederive(
    rows: Iterable[PastDecision],
    entries: Mapping[EntrySource, Sequence[PastEntry]],
    *,
    policy_of: Callable[[int], Policy],
    tried: Policy,
    settings: TrustSafetySettings,
    since_ms: int,
    is_whole: bool = True,
) -> Iterator[Rederived]:
    """Yields the decisions recorded from `since_ms` on, each with its facts built again.

    Args:
        rows: recorded decisions, oldest first, from `BACK_MS` before `since_ms` on.
        entries: what was put on lists, and the daemons' starts.
        policy_of: the policy of a version.
        tried: what the facts are built for beside the policy that decided.
        settings: bounds of what is held.
        since_ms: earlier decisions are counted only.
        is_whole: whether `rows` begin where they must.
    """
    past = _Past(entries, tried, settings, is_whole=is_whole)
    for number, row in enumerate(rows, start=1):
        if row.policy_version == 0:
            # Nobody decided, so nothing was counted.
            continue
        made = past.step(row, policy_of(row.policy_version))
        if number % CLEAN_UP_EVERY == 0:
            past.clean_up(row.at_ms)
        if row.at_ms >= since_ms:
            yield made


class _Past:
    """What trust_safety held while the rows were recorded."""

    def __init__(
        self,
        entries: Mapping[EntrySource, Sequence[PastEntry]],
        tried: Policy,
        settings: TrustSafetySettings,
        *,
        is_whole: bool,
    ) -> None:
        # What is imported with a past time never mixes with the present; nor do counts of another policy's limits.
        self._timelines = {backfill: Timeline(settings) for backfill in (False, True)}
        self._counting = {backfill: Timeline(settings) for backfill in (False, True)}
        self._tried = tried
        self._is_tried = False
        self._lists = PastLists(entries, settings.entries_max)
        self._nobody = Profiles(1)
        self._starts_ms = sorted(entry.begins_ms for entry in entries.get("starts", ()))
        self._first_ms: int | None = None
        self._version: int | None = None
        self._is_whole = is_whole

    def step(self, row: PastDecision, policy: Policy) -> Rederived:
        """Builds the facts of the next decision, then counts it as it was counted."""
        if self._first_ms is None:
            self._first_ms = row.at_ms
        if policy.version != self._version:
            self._adopt(policy)
        self._lists.go_to(row.at_ms)
        profile = unknown_user(row.user_id) if row.profile is None else profile_of(row.profile)
        request = _request_of(row)
        group = None if row.ip_address is None else address_group(row.ip_address)
        timeline = self._timelines[row.backfill]
        now_ms = timeline.advance(row.occurred_ms)

        def gathered(action: Action, windows: tuple[WindowUse, ...]) -> Facts:
            return gather(
                request, action, group, profile.email_domain, profile, None, windows=windows, timeline=timeline,
                lists=self._lists.lists, profiles=self._nobody, now_ms=now_ms,
            )  # fmt: skip

        action, other = policy.action(row.action_type), self._tried.action(row.action_type)
        keyed = timeline.keyed(action, request, group)
        facts = others = gathered(action, timeline.look(keyed, group, now_ms))
        counting = self._counting[row.backfill]
        if not self._is_tried:
            uses = counting.look(counting.keyed(other, request, group), group, counting.advance(row.occurred_ms))
            others = gathered(other, uses)
        recorded = facts_from_dict(row.facts)
        # Evaluated again, the recorded facts give the very decision that was counted then.
        decision = evaluate(policy, recorded)
        timeline.commit(request, group, profile.email_domain, profile, keyed, decision, now_ms, signup=action.signup)
        counting.restore_attempt(other, request, row.reasons, row.occurred_ms, counted=row.counted)
        taken = _taken(row, recorded, profile)
        if self._lists.lists.labels.names_any(ListKind.EMAIL_DOMAIN):
            taken["labels"] = _LABELLED_DOMAIN
        rebuilt = with_parts(facts, recorded, taken)
        differing = {name: self._why(name, row) for name in differing_parts(recorded, rebuilt)}
        return Rederived(row, recorded, rebuilt, taken, differing, with_parts(others, recorded, taken))

    def clean_up(self, at_ms: int) -> None:
        """Drops what has ended."""
        for timeline in (*self._timelines.values(), *self._counting.values()):
            timeline.clean_up(timeline.last_ms)
        self._lists.lists.clean_up(at_ms, CLEAN_UP_BUDGET)

    def _adopt(self, policy: Policy) -> None:
        self._version = policy.version
        # What a policy gathers hangs on its actions alone.
        self._is_tried = (policy.actions, policy.unlisted) == (self._tried.actions, self._tried.unlisted)
        for timeline in self._timelines.values():
            for action in (*policy.actions.values(), policy.unlisted):
                timeline.adopt(action.limits)

    def _why(self, name: str, row: PastDecision) -> str | None:
        if name.startswith(_OF_MEMORY):
            assert self._first_ms is not None
            since_ms = max(self._first_ms, row.at_ms - BACK_MS)
            if any(since_ms < start_ms <= row.at_ms for start_ms in self._starts_ms):
                return _BEGAN_ANEW
            return None if self._is_whole else _CUT_OFF
        changed_ms = max(self._lists.changed_ms, _changed_ms(row))
        return _ON_ITS_WAY if row.at_ms - changed_ms <= ON_ITS_WAY_MS else None


def _request_of(row: PastDecision) -> CheckAction:
    return CheckAction(
        user_id=row.user_id,
        action_type=row.action_type,
        device_id=row.device_id,
        ip_address=row.ip_address,
        occurred_ms=row.occurred_ms if row.backfill else None,
        api_key_id="",
        received_s=0.0,
    )


def _taken(row: PastDecision, recorded: Facts, profile: Profile) -> dict[str, str]:
    """Names what can't be built of this decision, and why."""
    taken = dict(NOT_KEPT)
    if profile.referrer is None:
        # Of nobody's chain nothing is needed.
        del taken["referral.circle"]
    if "signals" in row.changed_since:
        taken["trust"] = _SIGNALS_CHANGED
    if "user" in row.changed_since:
        taken |= dict.fromkeys((*_OF_THE_USER, *_REFERRAL, "referral.circle"), _USER_CHANGED)
    if recorded.relation is not Relation.SELF:
        taken |= dict.fromkeys(_OF_ANOTHER, _ABOUT_ANOTHER)
    if any(flag.id.startswith(UNNAMED_REPORT) for flag in recorded.flags):
        taken["flags"] = _UNNAMED
    return taken


def _changed_ms(row: PastDecision) -> int:
    """When what is stored of the user last changed before the decision."""
    profile = row.profile
    if profile is None:
        return 0
    changes = [profile.created_ms, *(first_ms for _value, first_ms in profile.signals.values())]
    for consent in profile.consents:
        changes += [round(at.timestamp() * 1_000) for at in (consent.granted_at, consent.withdrawn_at) if at]
    return max((at_ms for at_ms in changes if at_ms is not None), default=0)
