"""The facts of a recorded decision as they are shown: who reported is in none, which reports there were in few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viral_engine.domain.facts import UNNAMED_REPORT, source_ordinals
from viral_engine.store.ids import uuid_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def shown_facts(facts: Mapping[str, Any], *, child_safety: bool) -> dict[str, Any]:
    """Returns the facts; they decide as the recorded ones do.

    A report's case has the report's id, and whoever may see the cases of all other reports would know a report of child
    safety by the case that is not there. Facts of earlier releases hold digests of who reported.

    Args:
        facts: as recorded; not changed.
        child_safety: whether whoever reads them may see cases of child safety.
    """
    flags = [list(flag) for flag in facts.get("flags", ())]
    if not flags:
        return dict(facts)
    # What was observed about a device is no report, and has the type of it for a source.
    reports = [(number, flag) for number, flag in enumerate(flags, 1) if uuid_of(flag[0]) is not None]
    for (number, flag), source in zip(reports, source_ordinals(flag[3] for _, flag in reports), strict=True):
        flag[3] = source
        if not child_safety:
            flag[0] = f"{UNNAMED_REPORT}{number}"
    return {**facts, "flags": flags}
