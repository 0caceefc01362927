"""What supervisors know of their children at one moment: the question of `what_if`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viral_engine.runtime.operations import Phase
    from viral_engine.runtime.spec import ChildSpec


@dataclass(frozen=True, slots=True)
class Standing:
    """One node as its supervisor knows it.

    Attributes:
        failures: in a row, the death that is asked about included; for the backoff.
        restarts_s: restarts that this supervisor counted, in seconds before now: 0 or less.
        own_restarts_s: the same of a child that may give up alone.
        children: in start order.
    """

    path: str
    spec: ChildSpec
    phase: Phase = "running"
    failures: int = 1
    restarts_s: tuple[float, ...] = ()
    own_restarts_s: tuple[float, ...] = ()
    children: tuple[Standing, ...] = ()

    @property
    def name(self) -> str:
        """The last segment of its path."""
        return self.path.rpartition("/")[2]

    @property
    def lives(self) -> bool:
        """Whether there is an incarnation that could end."""
        return self.phase in ("running", "starting")
