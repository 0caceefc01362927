"""The schema: migrations and MetaData agree, every start reaches the newest revision, every column has a class."""

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres import fresh_database
from sqlalchemy import text

from viral_engine import config
from viral_engine.folders import root_folder
from viral_engine.store.embedded.server import EmbeddedServer
from viral_engine.store.engine import Database
from viral_engine.store.migrate import DatabaseTooNew, migrate, packaged_revisions
from viral_engine.store.partitions import ensure_partitions, is_partition
from viral_engine.store.retention import ColumnClass
from viral_engine.store.tables import metadata

NOON_MS = 1_795_348_800_000
# Everything that can differ: columns with type, order, default and identity; constraints; indexes; partitioning.
CATALOG = (
    """SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
    pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0""",
    """SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = 'public'::regnamespace""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT c.relname, pg_get_partkeydef(c.oid) FROM pg_class c WHERE c.relkind = 'p'",
)


def handle(conninfo: str) -> Database:
    return Database(conninfo, config.load().database)


def catalog(conninfo: str) -> list[set[tuple[object, ...]]]:
    """The schema as the server tells it, without alembic's own table and the partitions."""
    with psycopg.connect(conninfo) as connection:
        found = [connection.execute(query.encode()).fetchall() for query in CATALOG]
    return [{row for row in rows if row[0] != "alembic_version" and not is_partition(row[0])} for rows in found]


def test_migrations_lead_to_the_metadata(migrated_database: str, database: str) -> None:
    made = handle(database)
    metadata.create_all(made.engine)
    made.dispose()
    for migrated, direct in zip(catalog(migrated_database), catalog(database), strict=True):
        assert migrated == direct


def test_autogenerate_finds_nothing_to_do(store: Database) -> None:
    with store.engine.begin() as connection:
        ensure_partitions(connection, NOON_MS, 2)
        options = {"include_name": lambda name, kind, _: kind != "table" or not is_partition(name)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_database_is_migrated_once(database: str) -> None:
    handled = handle(database)
    assert migrate(handled) is True
    assert migrate(handled) is False
    handled.dispose()


def test_two_daemons_that_start_together_migrate_once(database: str) -> None:
    barrier = threading.Barrier(2)
    did: list[bool] = []

    def start() -> None:
        handled = handle(database)
        barrier.wait()
        did.append(migrate(handled))
        handled.dispose()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(did) == [False, True]


def test_a_migration_that_fails_leaves_nothing_behind(database: str) -> None:
    with psycopg.connect(database) as connection:
        # In the way of the first revision's last table.
        connection.execute("CREATE TABLE ticks (id int)")
    handled = handle(database)
    with pytest.raises(Exception, match="ticks"):
        migrate(handled)
    with psycopg.connect(database) as connection:
        assert (
            connection.execute("SELECT relname FROM pg_class WHERE relname IN ('users', 'alembic_version')").fetchall()
            == []
        )
        connection.execute("DROP TABLE ticks")
    assert migrate(handled) is True
    handled.dispose()


def test_a_referrer_told_with_a_user_before_signals_held_them_counts_unless_one_was_signalled(database: str) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(root_folder() / "migrations"))
    handled = handle(database)
    with handled.engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0010")
        for user_id, referrer in (("told", "ann"), ("signalled", "eve"), ("neither", None)):
            connection.execute(
                text(
                    "INSERT INTO users (user_id, persona, referrer_id, created_at, updated_at)"
                    " VALUES (:user, 'student', :referrer, now(), now())"
                ),
                {"user": user_id, "referrer": referrer},
            )
        connection.execute(text("INSERT INTO signals VALUES ('signalled', 'referrer_id', '\"ann\"', now(), now())"))
    migrate(handled)
    with handled.engine.connect() as connection:
        found = connection.execute(text("SELECT user_id, value FROM signals ORDER BY user_id")).all()
    handled.dispose()
    assert found == [("signalled", "ann"), ("told", "ann")]


def test_a_database_newer_than_the_program_is_refused_with_one_sentence(store: Database) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        DatabaseTooNew, match="at revision 9999, but this viral-engine knows no further than"
    ) as refused:
        migrate(store)
    assert "\n" not in str(refused.value)


def test_the_head_is_known_without_alembic() -> None:
    scripts = ScriptDirectory(str(root_folder() / "migrations"))
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(packaged_revisions())


def test_a_start_with_nothing_to_migrate_does_not_import_alembic(migrated_database: str) -> None:
    program = (
        "import sys; from viral_engine import config; from viral_engine.store.engine import Database;"
        "from viral_engine.store.migrate import migrate;"
        "assert migrate(Database(sys.argv[1], config.load().database)) is False;"
        "assert not [name for name in sys.modules if name.startswith('alembic')]"
    )
    subprocess.run([sys.executable, "-c", program, migrated_database], check=True, timeout=60)


def test_the_tool_for_writing_revisions_finds_the_database_by_the_environment(
    postgres_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_database(postgres_server) as conninfo:
        monkeypatch.setenv("VIRAL_ENGINE_DATABASE__URL", conninfo)
        ini = Path(root_folder() / "migrations" / "alembic.ini")
        command.upgrade(Config(ini), "head")
        handled = handle(conninfo)
        assert migrate(handled) is False
        handled.dispose()


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        ("device_flags_duplicate_detection_idx", ["inserted_at", "flag_type", "device_id"]),
        ("device_flags_ip_time_idx", ["ip_address", "inserted_at"]),
        ("device_flags_device_blocked_idx", ["device_id", "blocked"]),
        ("parental_consents_user_consent_idx", ["user_id", "consent_given"]),
    ],
)
def test_the_hot_path_indexes_keep_their_names_and_columns(index: str, columns: list[str]) -> None:
    found = [i for table in metadata.tables.values() for i in table.indexes if i.name == index]
    assert [column.name for column in found[0].columns] == columns


def test_every_column_of_every_table_has_a_data_class() -> None:
    without = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not isinstance(column.info.get("class"), ColumnClass)
    ]
    assert without == []


def test_columns_that_reach_or_place_a_person_are_classed_as_such() -> None:
    expected = {
        "email": ColumnClass.PII_CONTACT,
        "phone": ColumnClass.PII_CONTACT,
        "date_of_birth": ColumnClass.PII_AGE,
        "device_id": ColumnClass.NETWORK_ID,
        "ip_address": ColumnClass.NETWORK_ID,
        "user_id": ColumnClass.PSEUDONYM,
        "guardian_id": ColumnClass.PSEUDONYM,
    }
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name in expected:
                assert column.info["class"] is expected[column.name], f"{table.name}.{column.name}"
