"""Whatever is added, lifted and killed: lists in memory are what a fresh load of the database gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from data_actors import ANSWER_S, execute, growth, journal, kill, outcome, reader, rows_of, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viral_engine.actors.growth.trust_safety.lists import Lists, expiry_ms, lists_of
from viral_engine.messages.access import AddEntry, RemoveEntry
from viral_engine.messages.database import Invalidate
from viral_engine.messages.reading import ReadWarmStart
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import start_supervised
from viral_engine.store.engine import Database
from viral_engine.store.warm_start import read_warm_starts

PATH = "/growth/trust_safety"
# Whole: expiries are kept in milliseconds.
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
THINGS = (
    ("user", "ann"), ("user", "bob"), ("device", "ann"), ("ip", "192.0.2.1"), ("network", "192.0.2.0/24"),
    ("email_domain", "example.org"),
)  # fmt: skip

NAMES = ("beta", "on_watch")
HOURS = st.sampled_from([1, 2, 24 * 365])
labels = st.tuples(st.just("labels"), st.sampled_from(NAMES))
additions = st.tuples(
    st.just("add"),
    st.sampled_from([("blocks", ""), ("allows", "")]) | labels,
    st.sampled_from(THINGS),
    HOURS,
)
labellings = st.tuples(st.just("add"), labels, st.sampled_from(THINGS), HOURS)
removals = st.tuples(st.just("remove"), st.integers(0, 7))
others = st.sampled_from([("kill",), ("invalidate", "blocks"), ("invalidate", "labels"), ("invalidate", "all")])
scripts = st.lists(st.one_of(additions, removals, others), max_size=20)
label_scripts = st.lists(st.one_of(labellings, removals, others), max_size=20)


@pytest.fixture
def system(store: Database, tmp_path: Path) -> Iterator[System]:
    with start_supervised(journal(store, tmp_path), reader(store), growth(), restarts_max=10_000) as running:
        yield running


def actor(system: System) -> Any:
    return system.registry.actors[PATH]


def held(lists: Lists) -> dict[str, Any]:
    """Which rows stand for what, and until when."""
    stands: dict[str, Any] = {
        name: {
            (str(kind), str(key)): rows
            for kind, table in (*entries._exact.items(), *entries._networks.items())
            for key, rows in table.items()
        }
        for name, entries in lists._by_name.items()
    }
    return {**stands, "names": lists.labels.names}


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
            case ("add", (list_name, label), (kind, value), hours):
                message = AddEntry(
                    list_name=list_name,
                    kind=kind,
                    value=value,
                    reason="r",
                    expires_at=LATER + timedelta(hours=hours),
                    author="ada",
                    label=label,
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
    start_over(system, store)


def start_over(system: System, store: Database) -> None:
    execute(store.conninfo, "TRUNCATE blocks, allows, labels")
    system.cast(PATH, Invalidate("labels"))
    until(lambda: not any(actor(system)._memory.lists.sizes().values()))


LIVE = "SELECT DISTINCT label FROM labels WHERE kind = %s AND value = %s AND lifted_at IS NULL AND expires_at > %s"
HALF_HOURS = st.sampled_from([timedelta(minutes=30 * n) for n in range(6)])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label_scripts, HALF_HOURS)
def test_at_any_time_the_labels_in_memory_are_those_that_stand_in_the_database(
    system: System, store: Database, script: list[tuple[Any, ...]], later: timedelta
) -> None:
    carry_out(system, script)
    until(lambda: actor(system)._loading is None and actor(system)._memory.loaded)
    found, instant = actor(system)._memory.lists.labels, LATER + later
    for kind, value in THINGS:
        named = dict.fromkeys(("user", "device", "ip", "email_domain"))
        named["ip" if kind == "network" else kind] = "192.0.2.9" if kind == "network" else value
        things = [(kind, value), *([("network", "192.0.2.0/24")] if kind == "ip" else [])]
        standing = {row[0] for thing in things for row in rows_of(store.conninfo, LIVE, *thing, instant)}
        assert found.of(*named.values(), expiry_ms(instant)) == tuple(sorted(standing))
    start_over(system, store)
