"""At a million rows the hot questions use their indexes, and look at the one day that can hold the answer."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from postgres import fresh_database
from rows import NOON_MS
from sqlalchemy import event
from sqlalchemy.schema import CreateIndex

from viral_engine import config
from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.audit import ReadAudit
from viral_engine.messages.disclosures import ReadDisclosures, ReadStandings
from viral_engine.messages.history import ReadPastDecisions, ReadPastEntries
from viral_engine.messages.reading import (
    ReadDecision,
    ReadDecisions,
    ReadEntries,
    ReadIdempotent,
    ReadProfile,
    ReadWarmStart,
)
from viral_engine.messages.reviews import ReadVerdicts
from viral_engine.messages.would_hit import ReadWouldHit
from viral_engine.store.embedded.server import EmbeddedServer
from viral_engine.store.engine import Database
from viral_engine.store.partitions import ensure_partitions
from viral_engine.store.reads import READS
from viral_engine.store.statements import instant_of
from viral_engine.store.tables import metadata

ROWS = 1_000_000
DAYS = 4
DAY_MS = 86_400_000
# Row n of N was recorded n/N of the way through four days; the id is a UUIDv7 of that instant.
DECISIONS = """
INSERT INTO decisions
SELECT (lpad(to_hex(%s + n * %s), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, now(),
    'user' || n %% 5000, 'share', 'allow', '{}', 0, 1, NULL, NULL, 'key', true, false, '{}', '{}'
FROM generate_series(0, %s) n
"""
FLAGS = """
INSERT INTO device_flags (device_id, ip_address, user_id, flag_type, inserted_at)
SELECT 'device' || n %% 50000, '10.0.0.0'::inet + n %% 60000, 'user' || n,
    CASE WHEN n %% 10 = 0 THEN 'signup' ELSE 'spam' END, %s - n * interval '1 s'
FROM generate_series(1, %s) n
"""
OTHERS = (
    """INSERT INTO blocks (id, kind, value, reason, author, created_at)
    SELECT gen_random_uuid(), 'device', 'device' || n, 'r', 'a', now() FROM generate_series(1, 20000) n""",
    """INSERT INTO labels (id, kind, value, label, reason, author, created_at, expires_at)
    SELECT gen_random_uuid(), 'device', 'device' || n / 2, 'label' || n % 5000, 'r', 'a', now(), now() + '1 d'
    FROM generate_series(1, 20000) n""",
    """INSERT INTO idempotency (digest, body_digest, boot_id, created_at)
    SELECT sha256(n::text::bytea), 'x', 'boot', now() - n * interval '1 s' FROM generate_series(1, 20000) n""",
    """INSERT INTO parental_consents (id, user_id, scope, method, guardian_id, evidence, policy_version, consent_given,
        granted_at, granted_by)
    SELECT gen_random_uuid(), 'kid' || n, 'service', 'payment', 'mum' || n / 2, '{}', '1', true, now(), 'k'
    FROM generate_series(1, 20000) n""",
    """INSERT INTO signals
    SELECT 'kid' || n, 'email_verified', 'true', now(), now() FROM generate_series(1, 20000) n""",
    """INSERT INTO audit (at, author, act, subject_kind, subject_id, details)
    SELECT '2026-11-22'::timestamptz + n * interval '1 s', 'key:k', 'user.put', 'user', 'kid' || n % 500, '{}'
    FROM generate_series(1, 30000) n""",
    """INSERT INTO disclosures (id, at, subject_id, record, record_id, asked_by, grounds)
    SELECT id, now(), 'kid' || n % 500, CASE WHEN n % 2 = 0 THEN 'user' ELSE 'case' END, id::text, 'key:k', 'host'
    FROM generate_series(1, 20000) n, concat('01a2053f-4c00-7000-8000-', lpad(to_hex(n), 12, '0')) made,
        CAST(made AS uuid) id""",
    """INSERT INTO cases (id, queue, kind, subject_kind, subject_value, block_id, state, opened_at)
    SELECT ('01a2053f-4c00-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        CASE WHEN n % 3 = 0 THEN 'review' ELSE 'child_safety' END, 'report', 'user', 'kid' || n % 500,
        gen_random_uuid(), 'open', now()
    FROM generate_series(1, 20000) n""",
    """INSERT INTO reports (id, at, day, reporter_id, kind, value, category, severity, trusted, state, author)
    SELECT ('01a2053f-4c00-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), now()::date, 'r' || n, 'user',
        'kid' || n % 500, CASE WHEN n % 3 = 0 THEN 'spam' ELSE 'child_safety' END, 'low', false, 'open', 'key:k'
    FROM generate_series(1, 20000) n""",
    """INSERT INTO users (user_id, persona, created_at, updated_at)
    SELECT 'kid' || n, 'student', now(), now() FROM generate_series(1, 20000) n""",
    """INSERT INTO user_tutors (user_id, tutor_id, created_at)
    SELECT 'kid' || n, 'tutor' || n / 2, now() FROM generate_series(1, 20000) n""",
    """INSERT INTO user_guardians (user_id, guardian_id, created_at)
    SELECT 'kid' || n, 'mum' || n / 2, now() FROM generate_series(1, 20000) n""",
    """INSERT INTO cases (id, queue, kind, subject_kind, subject_value, decision_id, state, outcome, opened_at)
    SELECT gen_random_uuid(), 'review', 'appeal', 'user', 'kid' || n, gen_random_uuid(), 'closed', 'uphold', now()
    FROM generate_series(1, 20000) n""",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def filled(postgres_server: EmbeddedServer, migrated_template: str) -> Iterator[Database]:
    """A database with a million decisions and a million flags."""
    with fresh_database(postgres_server, template=migrated_template) as conninfo:
        handle = Database(conninfo, config.load().database)
        with handle.engine.begin() as connection:
            partitions = ensure_partitions(connection, NOON_MS, DAYS)
        with psycopg.connect(conninfo) as filling:
            # Built after the rows, as `tables` has them, indexes take a third of the time.
            late = [index for name in ("decisions", "device_flags") for index in metadata.tables[name].indexes]
            for index in late:
                filling.execute(f"DROP INDEX {index.name}".encode())
            filling.execute("SET maintenance_work_mem = '256MB'")
            for table in ("device_flags", *partitions):
                # Nobody will recover this database: half of the time goes without the log.
                filling.execute(f"ALTER TABLE {table} SET UNLOGGED".encode())
            filling.execute(DECISIONS, (NOON_MS, DAYS * DAY_MS // ROWS, ROWS - 1))
            filling.execute(FLAGS, (instant_of(NOON_MS), ROWS))
            for index in late:
                filling.execute(str(CreateIndex(index).compile(handle.engine)).encode())
            for statement in OTHERS:
                filling.execute(statement.encode())
        yield handle
        handle.dispose()


def plans(database: Database, question: Any) -> list[dict[str, Any]]:
    """Every node of the plans of the statements that answer a question, as the server would execute them."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "(")) and "set_config" not in statement:
            seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.engine.connect() as connection:
        READS[type(question)](connection, [question])
    event.remove(database.engine, "before_cursor_execute", note)
    with psycopg.connect(database.pool_conninfo) as explaining:
        return [node for statement, parameters in seen for node in explain(explaining, statement, parameters)]


def explain(connection: psycopg.Connection[Any], statement: str, parameters: Any) -> list[dict[str, Any]]:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode(), parameters).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(walk(plan[0]["Plan"]))


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from walk(inner)


def indexes(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def tables(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Relation Name"] for node in nodes if "Relation Name" in node}


def scanned(nodes: list[dict[str, Any]]) -> set[str]:
    """Tables that are read from one end to the other."""
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}


def test_a_decision_is_found_by_its_id_in_one_day(filled: Database) -> None:
    nodes = plans(filled, ReadDecision(str(lowest_uuid7(NOON_MS + DAY_MS))))
    assert tables(nodes) == {"decisions_20261123"}
    assert indexes(nodes) == {"decisions_20261123_pkey"}


def test_the_decisions_of_a_user_come_from_the_index_of_each_day_since(filled: Database) -> None:
    since = NOON_MS + 2 * DAY_MS
    question = ReadDecisions(user_id="user7", since=instant_of(since))
    nodes = plans(filled, question)
    days = {"decisions_20261124", "decisions_20261125", "decisions_20261126"}
    assert tables(nodes) - {"decisions_default"} == days
    assert scanned(nodes) <= {"decisions_default"}
    assert {f"{day}_user_id_id_idx" for day in days} <= indexes(nodes)


def test_the_newest_decisions_are_not_sorted_out_of_all(filled: Database) -> None:
    nodes = plans(filled, ReadDecisions())
    assert scanned(nodes) <= {"decisions_default"}


def test_duplicates_are_looked_for_through_their_index(filled: Database) -> None:
    since = instant_of(NOON_MS - DAY_MS // 24)
    with psycopg.connect(filled.pool_conninfo) as connection:
        nodes = explain(
            connection,
            "SELECT device_id, count(*) FROM device_flags WHERE inserted_at >= %s AND flag_type = 'signup' GROUP BY 1",
            (since,),
        )
        assert indexes(nodes) == {"device_flags_duplicate_detection_idx"}
        nodes = explain(
            connection,
            "SELECT count(*) FROM device_flags WHERE ip_address = %s::inet AND inserted_at >= %s",
            ("10.0.0.7", since),
        )
        assert indexes(nodes) == {"device_flags_ip_time_idx"}
        nodes = explain(connection, "SELECT count(*) FROM device_flags WHERE device_id = %s AND blocked", ("device7",))
        assert indexes(nodes) == {"device_flags_device_blocked_idx"}


def test_a_start_reads_what_is_recent_and_nothing_else(filled: Database) -> None:
    since = NOON_MS + DAYS * DAY_MS - DAY_MS // 100
    question = ReadWarmStart(windows_since_ms=since, signups_since_ms=NOON_MS - DAY_MS // 24, rows_max=10_000)
    nodes = plans(filled, question)
    assert "device_flags_duplicate_detection_idx" in indexes(nodes)
    days = {table for table in tables(nodes) if table.startswith("decisions_2")}
    assert scanned(nodes).isdisjoint({"device_flags"} | days)


def test_a_thing_on_a_list_is_found_by_the_index_of_live_entries(filled: Database) -> None:
    nodes = plans(filled, ReadEntries(list_name="blocks", kind="device", values=("device7",)))
    assert indexes(nodes) == {"blocks_live_idx"}


def test_labels_are_found_by_their_thing_and_by_their_name(filled: Database) -> None:
    nodes = plans(filled, ReadEntries(list_name="labels", kind="device", values=("device7",)))
    assert indexes(nodes) == {"labels_live_idx"}
    nodes = plans(filled, ReadEntries(list_name="labels", label="label7"))
    assert indexes(nodes) == {"labels_label_idx"}


def test_an_answer_is_found_by_its_digest(filled: Database) -> None:
    nodes = plans(filled, ReadIdempotent(bytes(32)))
    assert indexes(nodes) == {"idempotency_pkey"}


def test_old_claims_are_found_by_their_age(filled: Database) -> None:
    with psycopg.connect(filled.pool_conninfo) as connection:
        nodes = explain(
            connection,
            "SELECT digest FROM idempotency WHERE created_at < now() - interval '13 h' ORDER BY created_at LIMIT 100",
            (),
        )
    assert indexes(nodes) == {"idempotency_created_idx"}


def test_a_profile_is_put_together_from_indexes(filled: Database) -> None:
    nodes = plans(filled, ReadProfile("kid7"))
    assert scanned(nodes).isdisjoint({"parental_consents", "signals", "user_tutors"})
    assert {"parental_consents_user_consent_idx", "parental_consents_guardian_idx"} <= indexes(nodes)
    assert {"signals_pkey", "user_tutors_pkey"} <= indexes(nodes)


def test_the_disclosures_of_a_person_come_from_indexes_and_from_the_days_since(filled: Database) -> None:
    nodes = plans(filled, ReadDisclosures(user_id="kid7", since=instant_of(NOON_MS + 3 * DAY_MS)))
    assert scanned(nodes) <= {"decisions_default"}
    assert {"disclosures_subject_idx", "cases_pkey"} <= indexes(nodes)
    days = {"decisions_20261125", "decisions_20261126"}
    assert tables(nodes) == {"disclosures", "cases", "decisions_default"} | days
    assert {f"{day}_user_id_id_idx" for day in days} <= indexes(nodes)


def test_how_somebody_stands_to_others_comes_from_indexes(filled: Database) -> None:
    nodes = plans(filled, ReadStandings(user_ids=("kid7", "kid8"), asker_id="mum4"))
    assert scanned(nodes) == set()
    assert {"users_pkey", "user_guardians_pkey", "blocks_live_idx"} <= indexes(nodes)


def test_the_past_is_read_in_the_order_of_its_ids_and_its_users_from_indexes(filled: Database) -> None:
    nodes = plans(filled, ReadPastDecisions(since_ms=NOON_MS + 3 * DAY_MS, limit=200))
    assert {table for table in tables(nodes) if table.startswith("decisions_2")} <= {
        "decisions_20261125", "decisions_20261126",
    }  # fmt: skip
    assert scanned(nodes).isdisjoint({"decisions_20261125", "parental_consents", "signals"})
    assert {"parental_consents_user_consent_idx", "parental_consents_guardian_idx", "signals_pkey"} <= indexes(nodes)


def test_what_became_of_decisions_is_found_by_their_ids(filled: Database) -> None:
    asked = tuple(str(lowest_uuid7(NOON_MS + number)) for number in range(3))
    nodes = plans(filled, ReadVerdicts(asked, child_safety=False))
    assert (tables(nodes), scanned(nodes), indexes(nodes)) == ({"cases"}, set(), {"cases_decision_idx"})


def test_what_stood_is_read_by_its_ids(filled: Database) -> None:
    blocks = plans(filled, ReadPastEntries(source="blocks", since_ms=NOON_MS, limit=200))
    flags = plans(filled, ReadPastEntries(source="flags", since_ms=NOON_MS, limit=200))
    reports = plans(filled, ReadPastEntries(source="reports", since_ms=NOON_MS, limit=200))
    assert (indexes(blocks), indexes(flags)) == ({"blocks_pkey"}, {"device_flags_pkey"})
    assert (indexes(reports), scanned(reports)) == ({"reports_pkey", "cases_pkey"}, set())


def test_whom_a_block_would_hit_is_looked_for_from_the_newest_decision_on(filled: Database) -> None:
    nodes = plans(filled, ReadWouldHit(kind="device", value="device7", since_ms=NOON_MS + 2 * DAY_MS))
    assert scanned(nodes) <= {"decisions_default"}
    assert {table for table in tables(nodes) if table.startswith("decisions_2")} == {
        "decisions_20261124", "decisions_20261125", "decisions_20261126",
    }  # fmt: skip
    domain = plans(filled, ReadWouldHit(kind="email_domain", value="example.org", since_ms=NOON_MS))
    assert indexes(domain) == {"users_pkey"}


def test_the_households_of_whoever_would_be_hit_come_from_indexes(filled: Database) -> None:
    nodes = plans(filled, ReadWouldHit(kind="user", value="kid7", since_ms=NOON_MS + 3 * DAY_MS))
    assert scanned(nodes) <= {"decisions_default"}
    assert {"parental_consents_user_consent_idx", "parental_consents_guardian_idx", "users_pkey"} <= indexes(nodes)


@pytest.mark.parametrize("child_safety", [True, False])
def test_the_audit_is_read_from_its_newest_entry_on_or_by_its_subject(filled: Database, child_safety: bool) -> None:  # noqa: FBT001
    # What tells that an entry is hidden is looked up by the ids that stand in it.
    looked_up = set() if child_safety else {"cases_pkey", "blocks_pkey", "cases_block_idx"}
    asked: dict[str, Any] = {"limit": 200, "child_safety": child_safety}
    for question in (ReadAudit(**asked), ReadAudit(action="key.create", since=instant_of(NOON_MS), **asked)):
        nodes = plans(filled, question)
        assert (scanned(nodes), indexes(nodes)) == (set(), {"audit_pkey"} | looked_up)
    nodes = plans(filled, ReadAudit(subject=("user", "kid7"), **asked))
    assert (scanned(nodes), indexes(nodes)) == (set(), {"audit_subject_idx"} | looked_up)
