"""`Idempotency-Key` on real PostgreSQL: once done, answered again with the same bytes."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from web_serving import INSTANCE_KEY, TIMEOUT_S, Answer, Served, TrustSafety, answer_of, serving

from viral_engine.actors.reader.actor import Reader
from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.access import AddEntry, EntryStands
from viral_engine.messages.checks import CheckAction, Decided
from viral_engine.messages.journal import Commit, NotCommitted, RowsDiffer, Statement
from viral_engine.messages.keys import KeyRecord
from viral_engine.messages.once import Claim, Once
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.actor import NO_REPLY
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.store.engine import Database
from viral_engine.store.idempotency import claim, keep_answer
from viral_engine.store.keys import create_key
from viral_engine.web.keytext import key_id_of, mac_of, new_key

CHECK = {"user_id": 1, "action_type": "share"}

SOONER, SOON, LATER = (f"{year}-01-01T00:00:00Z" for year in (2100, 2101, 2102))


class Writer(ThreadActor):
    """Commits statements, one transaction a message.

    Spec args: the database's conninfo, and a flag that makes it refuse everything.
    """

    def init(self, conninfo: str, away: threading.Event) -> None:
        self._connection = psycopg.connect(conninfo)
        self._away = away

    def handle_call(self, message: Commit, reply_to: Any) -> Any:
        if self._away.is_set():
            reply_to.set_exception(NotCommitted("a test", maybe=False))
            return NO_REPLY
        try:
            with self._connection.transaction():
                rows = [self._execute(statement) for statement in message.statements]
                for statement in message.then(rows) if message.then is not None else ():
                    self._execute(statement)
                return rows
        except RowsDiffer as error:
            reply_to.set_exception(error)
            return NO_REPLY

    def _execute(self, statement: Statement) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.sql, statement.parameters)
        if statement.rows_expected is not None and cursor.rowcount != statement.rows_expected:
            raise RowsDiffer(statement.rows_expected, cursor.rowcount)
        return cursor.fetchall() if cursor.description else []

    def terminate(self, exit_reason: Any) -> None:
        self._connection.close()


class StoringTrustSafety(TrustSafety):
    """Keeps a check's answer under its digest as trust_safety's own transaction does; a flag makes it hold replies."""

    def __init__(self, conninfo: str) -> None:
        super().__init__()
        self.conninfo = conninfo
        self.entries = 0

    def __call__(self, message: Any, reply_to: Any) -> Any:
        if isinstance(message, Once):
            said = self(message.message, reply_to)
            with psycopg.connect(self.conninfo) as connection:
                for statement in message.keep(said):
                    connection.execute(statement.sql, statement.parameters)
            return said
        if isinstance(message, AddEntry):
            self.entries += 1
            return EntryStands(
                entry_id=f"01920000-0000-7000-8000-{self.entries:012d}", reason="r", expires_at=None, is_new=True
            )
        assert isinstance(message, CheckAction)
        self.got.append(message)
        answer = answer_of(message, len(self.got))
        if message.idempotency is not None:
            with psycopg.connect(self.conninfo) as connection:
                statement = keep_answer(message.idempotency, 200, answer)
                connection.execute(statement.sql, statement.parameters)
        return Decided("allow", answer)


class Running:
    """The HTTP side on a real database."""

    def __init__(self, served: Served, away: threading.Event, conninfo: str) -> None:
        self.served = served
        self.away = away
        self.conninfo = conninfo

    def execute(self, statement: Statement) -> None:
        with psycopg.connect(self.conninfo) as connection:
            connection.execute(statement.sql, statement.parameters)

    def check(self, body: Any = CHECK, key: str = "k-1") -> Answer:
        return self.served.check(body, headers={"Idempotency-Key": key})


@pytest.fixture
def running(store: Database, migrated_database: str) -> Iterator[Running]:
    away = threading.Event()
    script = StoringTrustSafety(migrated_database)
    store.is_ready = True
    with serving(
        trust_safety=script,
        journal=Worker(name="journal", actor_class=Writer, args=(migrated_database, away)),
        reader=Worker(name="reader", actor_class=Reader, args=(store,)),
        settings={"web": {"call_timeout_s": 2.0}},
    ) as served:
        key_id, served.key = new_key()
        found = Running(served, away, migrated_database)
        record = served.reader.keys[0]
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        fields |= {"key_id": key_id, "secret_mac": mac_of(INSTANCE_KEY, served.key)}
        for statement in create_key(KeyRecord(**fields), author="a test"):
            found.execute(statement)
        yield found


def test_a_repeated_request_gets_the_same_bytes_and_is_decided_once(running: Running) -> None:
    first, second = running.check(), running.check()
    assert (first.status, second.status) == (200, 200)
    assert second.body == first.body
    assert second.headers["idempotency-replayed"] == "true"
    assert len(running.served.trust_safety.got) == 1


def test_a_thousand_at_once_are_one_decision_and_a_thousand_equal_answers(running: Running) -> None:
    answers: list[Answer] = []

    def ask() -> None:
        answers.extend(running.check(key="crowd") for _ in range(50))

    clients = [threading.Thread(target=ask) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(TIMEOUT_S)
    assert len(running.served.trust_safety.got) == 1
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    assert len(answers) == 1000


def test_another_body_under_the_same_key_is_409(running: Running) -> None:
    assert running.check().status == 200
    assert running.check({"user_id": 2, "action_type": "share"}).error == (
        409,
        "idempotency_conflict",
        "Idempotency-Key",
    )


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ä"])
def test_a_key_that_is_none_is_422(running: Running, key: str) -> None:
    assert running.check(key=key).error == (422, "invalid", "Idempotency-Key")


def test_a_refused_request_leaves_its_key_free(running: Running) -> None:
    assert running.check({"user_id": "", "action_type": "share"}).status == 422
    assert running.check().status == 200


def test_a_failure_gives_the_key_back(running: Running) -> None:
    script = running.served.trust_safety

    class Once:
        refused = False

    def refuse_first(message: Any, reply_to: Any) -> Any:
        if not Once.refused:
            Once.refused = True
            return Refused("limit_reached", "there is no room", http_status=409)
        return StoringTrustSafety.__call__(script, message, reply_to)  # type: ignore[arg-type]

    actor = running.served.system.registry.whereis("/growth/trust_safety")
    actor._answer_of = refuse_first  # type: ignore[union-attr]
    assert running.check().status == 409
    assert running.check().status == 200


def test_the_answer_of_an_earlier_start_is_given_again(running: Running) -> None:
    first = running.check()
    running.served.kill_web()
    running.served.system.kept("/web").value.once._boot_id = "another boot"
    assert running.check().body == first.body


def test_a_claim_of_a_daemon_that_died_is_taken_over(running: Running) -> None:
    seen = running.served.system.kept("/web").value
    digests: list[bytes] = []
    commit = seen.once._commit

    async def watch(statement: Statement) -> bool:
        digests.append(statement.parameters[0])
        return bool(await commit(statement))

    seen.once._commit = watch
    assert running.check(key="probe").status == 200
    body_digest = _body_digest(running, digests[0])
    running.execute(Statement("DELETE FROM idempotency", ()))
    running.execute(claim(Claim(digests[0], b"t"), body_digest, "a boot without a heartbeat"))
    assert running.check(key="probe").status == 200
    assert len(running.served.trust_safety.got) == 2


def _body_digest(running: Running, digest: bytes) -> bytes:
    with psycopg.connect(running.conninfo) as connection:
        row = connection.execute("SELECT body_digest FROM idempotency WHERE digest = %s", (digest,)).fetchone()
    assert row is not None
    return bytes(row[0])


def test_while_nothing_can_be_claimed_a_check_is_decided_all_the_same(running: Running) -> None:
    running.away.set()
    assert running.check().status == 200
    assert running.served.trust_safety.got[0].idempotency is None
    body = {"kind": "user", "value": 1, "reason": "spam"}
    answer = running.served.request("POST", "/v1/blocks", body, headers={"Idempotency-Key": "b"})
    assert answer.error == (503, "unavailable", None)


def test_another_post_is_done_once_too(running: Running) -> None:
    body = {"kind": "user", "value": 1, "reason": "spam"}
    first, second = (
        running.served.request("POST", "/v1/blocks", body, headers={"Idempotency-Key": "b"}) for _ in range(2)
    )
    assert (first.status, second.status, second.body) == (201, 201, first.body)
    assert running.served.trust_safety.entries == 1  # type: ignore[attr-defined]


def test_the_same_key_for_another_user_is_another_request(running: Running) -> None:
    body = {"kind": "user", "value": 1, "reason": "spam"}
    for path in ("/v1/blocks", "/v1/allows"):
        assert running.served.request("POST", path, body, headers={"Idempotency-Key": "b"}).status == 201
    assert running.served.trust_safety.entries == 2  # type: ignore[attr-defined]


def test_a_key_is_made_used_and_revoked_and_its_secret_is_kept_nowhere(running: Running) -> None:
    served = running.served
    made = served.request("POST", "/v1/keys", {"name": "host", "scopes": ["check"], "networks": ["127.0.0.0/8"]})
    assert made.status == 201
    text, key_id = made.json["key"], made.json["key_id"]
    assert key_id_of(text) == key_id
    assert served.check(key=text).status == 200
    listed = served.request("GET", "/v1/keys")
    assert key_id in [key["key_id"] for key in listed.json["keys"]]
    assert text.encode() not in listed.body
    assert b"secret" not in listed.body
    with psycopg.connect(running.conninfo) as connection:
        audited = connection.execute("SELECT act FROM audit ORDER BY id").fetchall()
    assert served.request("DELETE", f"/v1/keys/{key_id}").status == 204
    assert served.check(key=text).error == (401, "authentication_required", None)
    assert served.request("DELETE", "/v1/keys/nobody").error == (404, "not_found", None)
    assert audited == [("key.create",)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "n", "scopes": []}, "scopes"),
        ({"name": "n", "scopes": ["everything"]}, "scopes[0]"),
        ({"name": "", "scopes": ["check"]}, "name"),
        ({"name": "n", "scopes": ["check"], "networks": ["10.0.0.1/8"]}, "networks[0]"),
    ],
)
def test_a_key_that_cannot_be_is_refused(running: Running, body: Any, field: str) -> None:
    assert running.served.request("POST", "/v1/keys", body).error == (422, "invalid", field)


def test_a_key_that_has_expired_already_is_a_conflict(running: Running) -> None:
    body = {"name": "n", "scopes": ["check"], "expires_at": "2020-01-01T00:00:00Z"}
    assert running.served.request("POST", "/v1/keys", body).error == (409, "untimely", "expires_at")


@pytest.mark.parametrize(
    ("own", "wider", "field", "fits"),
    [
        ({"networks": ["127.0.0.0/8"]}, {}, "networks", {"networks": ["127.1.0.0/16"]}),
        ({"networks": ["127.0.0.0/8"]}, {"networks": ["127.1.0.0/16", "::/0"]}, "networks",
         {"networks": ["127.0.0.1/32"]}),
        ({"rate_per_minute": 50}, {}, "rate_per_minute", {"rate_per_minute": 50}),
        ({"rate_per_minute": 50}, {"rate_per_minute": 51}, "rate_per_minute", {"rate_per_minute": 1}),
        ({"expires_at": SOON}, {}, "expires_at", {"expires_at": SOON}),
        ({"expires_at": SOON}, {"expires_at": LATER}, "expires_at",
         {"expires_at": SOONER}),
    ],
)  # fmt: skip
def test_a_key_makes_none_of_wider_conditions_than_its_own(
    running: Running, own: dict[str, Any], wider: dict[str, Any], field: str, fits: dict[str, Any]
) -> None:
    served = running.served
    limited = {"name": "host", "scopes": ["operate", "check"], **own}
    key = served.request("POST", "/v1/keys", limited).json["key"]
    made = {"name": "another", "scopes": ["check"]}
    assert served.request("POST", "/v1/keys", {**made, **wider}, key=key).error == (403, "beyond_own_key", field)
    assert served.request("POST", "/v1/keys", {**made, **fits}, key=key).status == 201


def test_nobody_makes_a_key_that_may_more_than_their_own(running: Running) -> None:
    served = running.served
    made = served.request("POST", "/v1/keys", {"name": "host", "scopes": ["operate"]}).json["key"]
    answer = served.request("POST", "/v1/keys", {"name": "more", "scopes": ["operate", "pii_read"]}, key=made)
    assert answer.error == (403, "insufficient_scope", "scopes")


def test_making_a_key_takes_no_idempotency_key_as_that_would_keep_the_secret(running: Running) -> None:
    answer = running.served.request(
        "POST", "/v1/keys", {"name": "n", "scopes": ["check"]}, headers={"Idempotency-Key": "k"}
    )
    assert answer.error == (422, "invalid", "Idempotency-Key")


def test_the_queue_of_child_safety_is_shown_once_its_reading_is_in_the_audit(running: Running) -> None:
    served = running.served
    ids = {queue: str(lowest_uuid7(number)) for number, queue in enumerate(("review", "child_safety"))}
    for queue, case_id in ids.items():
        opened = (
            "INSERT INTO cases (id, queue, kind, subject_kind, subject_value, state, opened_at)"
            " VALUES (%s, %s, 'appeal', 'user', 'tutor', 'open', now())"
        )
        running.execute(Statement(opened, (case_id, queue)))
    running.away.set()
    assert served.request("GET", "/v1/reviews?queue=child_safety").status == 503
    running.away.clear()
    for query in ("queue=review", "queue=child_safety", "queue=child_safety&state=closed"):
        assert served.request("GET", f"/v1/reviews?{query}").status == 200
    with psycopg.connect(running.conninfo) as connection:
        told = connection.execute("SELECT author, act, subject_kind, subject_id, details FROM audit ORDER BY id")
        found = told.fetchall()
    author = f"key:{key_id_of(served.key)}"
    assert found == [
        (author, "case.list", "queue", "child_safety", {"cases": shown}) for shown in ([ids["child_safety"]], [])
    ]
