"""Versions of the policy: bodies of requests, messages, answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

PolicyMode = Literal["enforce", "shadow"]


class LoadPolicy(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to take in a new version; answers a `PolicyStands`.

    Attributes:
        policy_id: what the file calls it.
        source: the file.
        body: JSON of what the file says, whole (`domain.policy.policy_to_dict`).
    """

    policy_id: str
    source: str
    body: str
    mode: PolicyMode
    author: str
    reason: str


class SwitchPolicy(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to put a known version in force or in shadow; answers a `PolicyStands`.

    Attributes:
        version: None goes back to the version that was in force before the present one first was, or ends the shadow.
    """

    mode: PolicyMode
    version: int | None
    author: str
    reason: str


class PolicyStands(Struct, frozen=True, kw_only=True):
    """What is in force, or in shadow, from now on.

    Attributes:
        version: its number; null when nothing is in shadow.
        shadow_ended: the version whose shadow ended by this; null when none did.
        before: the version that was in force until then; while something is in shadow only, it still is.
        changes: each value that `version` has otherwise than `before`, as the file spells it; the first 200; null
            while the versions can't be read.
        change_count: how many there are.
    """

    mode: PolicyMode
    version: int | None
    shadow_ended: int | None = None
    before: int
    changes: list[str] | None = []
    change_count: int = 0


class ReadPolicies(Struct, frozen=True, gc=False):
    """Asks for every loaded version and what stands now; answers a `PolicyRows`."""


class PolicyRow(Struct, frozen=True, kw_only=True):
    """One loaded version; `body` is left out of lists."""

    version: int
    policy_id: str
    source: str
    author: str
    reason: str
    created_at: datetime
    body: str


class StandingPolicy(Struct, frozen=True, kw_only=True):
    """Which version stands in a mode.

    Attributes:
        body: JSON of the policy, None for a shipped version.
    """

    mode: PolicyMode
    version: int
    at: datetime
    author: str
    reason: str
    body: str | None


class PolicyRows(Struct, frozen=True, kw_only=True):
    """Every loaded version, newest first, and what stands: nothing in `enforce` means the shipped one does."""

    versions: list[PolicyRow]
    standing: list[StandingPolicy]


class ReadShadowed(Struct, frozen=True, kw_only=True):
    """Asks how decisions since an instant came out beside the shadow; answers a list of `Shadowed`."""

    version: int
    since: datetime


class Shadowed(Struct, frozen=True, kw_only=True):
    """So many decisions had one outcome while the shadow would have had the other."""

    decision: str
    shadow: str
    count: int
