"""What the HTTP side is given by main(): everything else it reaches by actor name and message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from viral_engine.config import Settings
from viral_engine.domain.outage import OutagePolicy
from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.messages.journal import DecisionRow
from viral_engine.runtime.system import System

TRUST_SAFETY = "/growth/trust_safety"
CONTENT = "/growth/content"
REDACTION = "/growth/redaction"
PAGER = "/growth/pager"
JOURNAL = "/journal"
READER = "/reader"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the daemon should get traffic.

    Attributes:
        reasons: each part that is not well, and why; the why may hold addresses and folders, so only operators get it.
        remarks: the same of parts that no answer needs.
    """

    reasons: Mapping[str, str]
    remarks: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.reasons


def shipped_outage(action: str) -> OutagePolicy:
    """Returns what the shipped policy answers for an action while nothing can be recorded."""
    return DEFAULT_POLICY.action(action).outage


class Spool(Protocol):
    """Where degraded decisions wait for the database."""

    def append(self, rows: list[DecisionRow]) -> None:
        """Writes the rows durably; blocks, so it is called in the loop's executor.

        Raises:
            Exception: whatever keeps the rows from being written, a full spool included.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContext:
    """Everything the HTTP side needs of its surroundings.

    Attributes:
        instance_key: the key under which API keys are hashed, from the instance's key file.
        boot_id: names this start of the daemon; claims of an earlier one are dead.
        readiness: asked by `/readyz`, must not block.
        metrics_text: Prometheus' text format of everything but HTTP, must not block.
        outage_of: what is answered for an action while nothing can be recorded, under the policy in force.
        log: a structlog logger.
    """

    system: System
    settings: Settings
    version: str
    instance_key: bytes
    boot_id: str
    spool: Spool
    readiness: Callable[[], Readiness]
    metrics_text: Callable[[], bytes]
    outage_of: Callable[[str], OutagePolicy] = shipped_outage
    log: Any
