"""What the pager is asked to do, and what it reads of the cases that wait: nothing about anybody."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class PageWaiting(Struct, frozen=True, gc=False):
    """Have somebody paged for each case of child safety that nobody was paged for, or nobody claims."""


class DuePage(Struct, frozen=True, kw_only=True):
    """One case that somebody must be paged for.

    Attributes:
        last_paged_at: of the page before; None for the first one.
        claim_lapsed: somebody claimed it, and did not close it in the claim's hour.
    """

    case_id: str
    opened_at: datetime
    last_paged_at: datetime | None
    claim_lapsed: bool
