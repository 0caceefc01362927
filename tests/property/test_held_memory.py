"""Whatever is added, lifted and killed: lists in memory are what a fresh load of the database gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from data_actors import ANSWER_S, execute, growth, journal, kill, outcome, reader, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viral_engine.actors.growth.trust_safety.lists import Lists, lists_of
from viral_engine.messages.access import AddEntry, RemoveEntry
from viral_engine.messages.database import Invalidate
from viral_engine.messages.reading import ReadWarmStart
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import start_supervised
from viral_engine.store.engine import Database
from viral_engine.store.warm_start import read_warm_starts

PATH = "/growth/trust_safety"
LATER = datetime.now(UTC) + timedelta(days=1)
THINGS = (
    ("user", "ann"), ("user", "bob"), ("device", "ann"), ("ip", "192.0.2.1"), ("network", "192.0.2.0/24"),
    ("email_domain", "example.org"),
)  # fmt: skip

additions = st.tuples(
    st.just("add"), st.sampled_from(["blocks", "allows"]), st.sampled_from(THINGS), st.sampled_from([1, 2, 24 * 365])
)
removals = st.tuples(st.just("remove"), st.integers(0, 7))
others = st.sampled_from([("kill",), ("invalidate", "blocks"), ("invalidate", "all")])
scripts = st.lists(st.one_of(additions, removals, others), max_size=20)


@pytest.fixture
def system(store: Database, tmp_path: Path) -> Iterator[System]:
    with start_supervised(journal(store, tmp_path), reader(store), growth(), restarts_max=10_000) as running:
        yield running


def actor(system: System) -> Any:
    return system.registry.actors[PATH]


def held(lists: Lists) -> dict[str, Any]:
    """Which rows stand for what, and until when."""
    return {
        name: {
            (str(kind), str(key)): rows
            for kind, table in (*entries._exact.items(), *entries._networks.items())
            for key, rows in table.items()
        }
        for name, entries in (("blocks", lists.blocks), ("allows", lists.allows))
    }


def loaded(store: Database) -> dict[str, Any]:
    question = ReadWarmStart(windows_since_ms=0, signups_since_ms=0, rows_max=0)
    with store.engine.connect() as connection:
        return held(lists_of(read_warm_starts(connection, [question])[0], 100))


def carry_out(system: System, script: list[tuple[Any, ...]]) -> None:
    """Sends a script without waiting in between; only a removal waits for the entry that it is about."""
    added: list[Any] = []
    replies: list[Any] = []
    for step in script:
        match step:
            case ("add", list_name, (kind, value), hours):
                message = AddEntry(
                    list_name=list_name,
                    kind=kind,
                    value=value,
                    reason="r",
                    expires_at=LATER + timedelta(hours=hours),
                    author="ada",
                )
                added.append((list_name, system.call(PATH, message, ANSWER_S, patient=True)))
            case ("remove", number) if added:
                list_name, reply = added[number % len(added)]
                entry = outcome(reply)
                lift = RemoveEntry(
                    list_name=list_name, entry_id=getattr(entry, "entry_id", "none"), author="ada", reason="r"
                )
                replies.append(system.call(PATH, lift, ANSWER_S, patient=True))
            case ("kill",):
                kill(system, PATH)
            case ("invalidate", kind):
                system.cast(PATH, Invalidate(kind))
    for reply in (*replies, *(reply for _, reply in added)):
        outcome(reply)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scripts)
def test_lists_in_memory_are_those_of_the_database(
    system: System, store: Database, script: list[tuple[Any, ...]]
) -> None:
    carry_out(system, script)
    until(lambda: actor(system)._loading is None and actor(system)._memory.loaded)
    assert held(actor(system)._memory.lists) == loaded(store)
    execute(store.conninfo, "TRUNCATE blocks, allows")
    system.cast(PATH, Invalidate("blocks"))
    until(lambda: not len(actor(system)._memory.lists.blocks) and not len(actor(system)._memory.lists.allows))
