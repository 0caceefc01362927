"""How long a stop may take when everything hangs, added up."""

from supervisor import TREE
from viral_engine.actors.daemon import SERVER_STOP_S_MIN, STOP_S
from viral_engine.actors.journal.actor import PARTING_S
from viral_engine.config import load
from viral_engine.runtime.spec import ChildSpec, Supervisor
from viral_engine.web.server import STOP_LINGER_S

KILLED_AFTER_S = 10.0
"""What `docker stop` allows, the least patient of those who stop a daemon."""


def shutdown_s(spec: ChildSpec) -> float:
    """The longest that a node and those below it may take: children are stopped one after the other."""
    if isinstance(spec, Supervisor):
        return sum(map(shutdown_s, spec.children))
    assert not isinstance(spec.shutdown_s, str), f"{spec.name} has no limit"
    return spec.shutdown_s


def shutdown_s_of(name: str) -> float:
    [child] = [child for child in TREE.children if child.name == name]
    return shutdown_s(child)


def test_a_stop_ends_before_the_daemon_would_be_killed_whatever_hangs() -> None:
    assert max(shutdown_s(TREE) + SERVER_STOP_S_MIN, STOP_S) < KILLED_AFTER_S


def test_the_web_actor_has_time_for_its_grace() -> None:
    assert load().server.stop_grace_s + 2 * STOP_LINGER_S < shutdown_s_of("web")


def test_open_requests_outlast_the_commit_deadline_and_the_journal_too() -> None:
    commit_s = load().journal.commit_deadline_ms / 1_000
    assert commit_s < load().server.stop_grace_s
    assert commit_s + PARTING_S < shutdown_s_of("journal")
