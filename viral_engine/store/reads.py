"""Which function answers which question of `messages.reading`: each takes all that wait and asks the database once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from viral_engine.messages.audit import ReadAudit
from viral_engine.messages.dead_letters import ReadDeadLetters
from viral_engine.messages.disclosures import ReadDisclosures, ReadStandings
from viral_engine.messages.history import ReadPastDecisions, ReadPastEntries
from viral_engine.messages.policies import ReadPolicies, ReadShadowed
from viral_engine.messages.reading import (
    ReadDecision,
    ReadDecisions,
    ReadEntries,
    ReadIdempotent,
    ReadKeys,
    ReadProfile,
    ReadUser,
    ReadWarmStart,
)
from viral_engine.messages.reviews import ReadCase, ReadCases, ReadVerdicts
from viral_engine.messages.would_hit import ReadWouldHit
from viral_engine.store.access import read_entries
from viral_engine.store.audit_pages import read_audit
from viral_engine.store.dead_letters import read_dead_letters
from viral_engine.store.decisions import read_decisions, read_pages
from viral_engine.store.disclosures import read_disclosures
from viral_engine.store.history import read_past_decisions, read_past_entries
from viral_engine.store.idempotency import read_idempotent
from viral_engine.store.keys import read_keys
from viral_engine.store.policies import read_policies, read_shadowed
from viral_engine.store.profiles import read_profiles, read_users
from viral_engine.store.reviews import read_case, read_cases
from viral_engine.store.standings import read_standings
from viral_engine.store.verdicts import read_verdicts
from viral_engine.store.warm_start import read_warm_starts
from viral_engine.store.would_hit import read_would_hit

__all__ = ["READS", "Read"]

Read = Callable[[Connection, Sequence[Any]], Sequence[Any]]
"""Takes questions of one kind, not none; returns their answers in the same order."""

READS: Mapping[type, Read] = {
    ReadProfile: read_profiles,
    ReadUser: read_users,
    ReadDecision: read_decisions,
    ReadDecisions: read_pages,
    ReadEntries: read_entries,
    ReadKeys: read_keys,
    ReadIdempotent: read_idempotent,
    ReadWarmStart: read_warm_starts,
    ReadDeadLetters: read_dead_letters,
    ReadPolicies: read_policies,
    ReadShadowed: read_shadowed,
    ReadCases: read_cases,
    ReadCase: read_case,
    ReadVerdicts: read_verdicts,
    ReadStandings: read_standings,
    ReadDisclosures: read_disclosures,
    ReadPastDecisions: read_past_decisions,
    ReadPastEntries: read_past_entries,
    ReadWouldHit: read_would_hit,
    ReadAudit: read_audit,
}
