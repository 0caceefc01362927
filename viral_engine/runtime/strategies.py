"""Which siblings an end concerns: the three supervision strategies. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from viral_engine.runtime.exits import Exit
from viral_engine.runtime.spec import AutoShutdown, RestartType, Strategy


@dataclass(frozen=True, slots=True)
class GroupRestart:
    """What a restart stops and starts, each in the order in which it is to be done."""

    stop: tuple[str, ...]
    start: tuple[str, ...]


def plan_restart(strategy: Strategy, children: Sequence[str], failed: str) -> GroupRestart:
    """Plans the restart that follows the end of `failed`.

    Args:
        strategy: the supervisor's strategy.
        children: all children in start order.
        failed: the child that ended; it need not be stopped any more.

    Returns:
        Siblings to stop (reverse start order) and children to start (start order).
    """
    position = children.index(failed)
    match strategy:
        case "one_for_one":
            concerned: Sequence[str] = (failed,)
        case "rest_for_one":
            concerned = children[position:]
        case "one_for_all":
            concerned = children
    return GroupRestart(
        stop=tuple(name for name in reversed(concerned) if name != failed),
        start=tuple(concerned),
    )


def needs_restart(restart: RestartType, exit_reason: Exit) -> bool:
    """Tells whether a child of this restart type is started again after this end (OTP, restart types)."""
    match restart:
        case "permanent":
            return True
        case "transient":
            return not exit_reason.is_clean
        case "temporary":
            return False


def ends_supervisor(auto_shutdown: AutoShutdown, *, significant: bool, other_significant_alive: bool) -> bool:
    """Tells whether the unrestarted end of a child ends its supervisor (OTP, automatic shutdown)."""
    match auto_shutdown:
        case "never":
            return False
        case "any_significant":
            return significant
        case "all_significant":
            return significant and not other_significant_alive
