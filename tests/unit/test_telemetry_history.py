"""The history of crashes and kills: one entry each, bounded, readable by anybody afterwards."""

from pathlib import Path

import pytest

from viral_engine.runtime.events import (
    ActorEnded,
    ActorStarted,
    ActorStartFailed,
    ChildGaveUp,
    Event,
    LoopBlocked,
    MessageDeadLettered,
    SupervisorGaveUp,
    ThreadAbandoned,
)
from viral_engine.runtime.exits import KILLED, NORMAL, SHUTDOWN, Exit, crash
from viral_engine.runtime.flight_recorder import Seen
from viral_engine.telemetry import history_file
from viral_engine.telemetry.history import TRACEBACK_BYTES_MAX, History, entry_of


def ended(exit_reason: Exit, killed_for: str | None = None, path: str = "/a") -> ActorEnded:
    return ActorEnded(path, 2, exit_reason, "CheckAction", killed_for, 1.5)


def raised(text: str, depth: int = 0) -> Exit:
    def fail(left: int) -> None:
        if left:
            fail(left - 1)
        raise ValueError(text)

    with pytest.raises(ValueError, match=r"^") as caught:
        fail(depth)
    return crash(caught.value)


@pytest.mark.parametrize("exit_reason", [NORMAL, SHUTDOWN, Exit("shutdown", "a child failed to start")])
def test_a_clean_end_is_no_entry(exit_reason: Exit) -> None:
    assert entry_of(ended(exit_reason), 0.0) is None
    assert entry_of(ActorStartFailed("/a", 1, exit_reason), 0.0) is None
    assert entry_of(ActorStarted("/a", 1, 0.1), 0.0) is None


def test_a_crash_is_told_with_what_was_being_handled() -> None:
    entry = entry_of(ended(raised("for somebody@example.org")), 1_700_000_000.25)

    assert entry is not None
    assert (entry.time, entry.kind, entry.path) == ("2023-11-14T22:13:20.250Z", "crash", "/a")
    assert (entry.reason, entry.message_type, entry.up_s) == ("ValueError: for …", "CheckAction", 1.5)
    assert entry.traceback is not None
    assert "somebody" not in entry.traceback


def test_a_crash_keeps_the_message_in_words_and_those_before_it() -> None:
    recent = (Seen("Load", 1_700_000_000_000), Seen("CheckAction", 1_700_000_000_250))
    event = ActorEnded("/a", 2, raised("no"), "CheckAction", None, 1.5, "CheckAction(to='kid@example.org')", recent)

    entry = entry_of(event, 1_700_000_001.0)

    assert entry is not None
    assert entry.killer == "CheckAction(to='…')"
    assert [(one.message_type, one.at) for one in entry.recent or ()] == [
        ("Load", "2023-11-14T22:13:20.000Z"),
        ("CheckAction", "2023-11-14T22:13:20.250Z"),
    ]


def test_the_last_crash_of_an_actor_is_found_from_the_end_across_files_and_of_nobody_else(tmp_path: Path) -> None:
    history = History(tmp_path, size_bytes_max=1_000)
    for path, reason in (("/a", "first"), ("/a", "last"), ("/a/b", "below"), *[("/c", "other")] * 6):
        history(ended(KILLED, reason, path))
    history.close()

    found = history_file.last_of(tmp_path, "/a")
    assert found is not None
    assert found.killed_for == "last"
    assert not (tmp_path / history_file.HISTORY_FILE).read_bytes().count(b'"last"')
    assert history_file.last_of(tmp_path, "/nobody") is None


def test_a_dead_letter_is_told_by_the_class_of_its_error_alone() -> None:
    entry = entry_of(MessageDeadLettered("/a", "Poison", "Poison(x=…)", "KeyError: 'd-1'"), 0.0)

    assert entry is not None
    assert (entry.kind, entry.killer) == ("dead_letter", "Poison(x=…)")
    assert entry.reason == "it ended three incarnations in a row and is refused from now on: KeyError"


def test_a_kill_carries_the_reason_of_whoever_killed() -> None:
    entry = entry_of(ended(KILLED, "it hangs"), 0.0)

    assert entry is not None
    assert (entry.kind, entry.reason, entry.killed_for, entry.traceback) == (
        "killed",
        "killed: it hangs",
        "it hangs",
        None,
    )


def test_a_start_that_fails_is_a_crash_of_its_own() -> None:
    entry = entry_of(ActorStartFailed("/a", 3, raised("no")), 0.0)

    assert entry is not None
    assert (entry.kind, entry.during, entry.incarnation, entry.up_s) == ("crash", "start", 3, None)


def test_texts_and_tracebacks_are_bounded() -> None:
    entry = entry_of(ended(raised("x" * 100_000, depth=50)), 0.0)

    assert entry is not None
    assert len(entry.reason) <= 1_000
    assert len((entry.traceback or "").encode()) <= TRACEBACK_BYTES_MAX


@pytest.mark.parametrize(
    ("event", "kind", "path"),
    [
        (SupervisorGaveUp("/a", "/a/b", 3, 60.0), "gave_up", "/a"),
        (ChildGaveUp("/a/b", 300.0), "gave_up", "/a/b"),
        (ThreadAbandoned("/a", 1, 2), "thread_abandoned", "/a"),
        (LoopBlocked(1.5, "  File x\n"), "loop_blocked", "loop"),
    ],
)
def test_what_else_an_operator_must_know_is_an_entry(event: Event, kind: str, path: str) -> None:
    entry = entry_of(event, 0.0)

    assert entry is not None
    assert (entry.kind, entry.path) == (kind, path)


def test_entries_are_read_by_path_time_and_kind(tmp_path: Path) -> None:
    history = History(tmp_path)
    for event in (
        ended(KILLED, path="/a/b"),
        ended(KILLED, path="/ab"),
        ended(NORMAL, path="/a/b"),
        ThreadAbandoned("/a/b", 1, 1),
        ended(KILLED, path="/a"),
    ):
        history(event)
    history.close()

    def paths(path: str | None = None, since_s: float | None = None, *, aside: bool = False) -> list[str]:
        return [entry.path for entry in history_file.read(tmp_path, path, since_s, aside=aside)]

    assert paths() == paths("/") == ["/a/b", "/ab", "/a"]
    assert paths("/a") == ["/a/b", "/a"]
    assert paths(aside=True) == ["/a/b", "/ab", "/a/b", "/a"]
    assert paths(since_s=4_000_000_000.0) == []
    assert [entry.path for entry in history_file.read(tmp_path, limit=1)] == ["/a"]


def test_a_torn_line_and_one_of_another_version_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / history_file.HISTORY_FILE
    file.touch(0o600)
    file.write_bytes(
        b'{"time": "2026", "path"\n{"kind": "something new", "time": "", "path": "", "reason": ""}\n\xff\n'
    )
    history = History(tmp_path)
    history(ended(KILLED))
    history.close()

    assert [entry.path for entry in history_file.read(tmp_path)] == ["/a"]


def test_a_disk_that_is_full_loses_entries_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / history_file.HISTORY_FILE).symlink_to("/dev/full")
    history = History(tmp_path)

    history(ended(KILLED))

    assert history.flush(30)
    assert history.lost == 1
    history.close()
