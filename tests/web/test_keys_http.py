"""API keys over HTTP: who gets in, who does not, and what changes when the keys do."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from web_serving import Served, serving

from viral_engine.messages.database import Invalidate
from viral_engine.messages.reading import NotRead
from viral_engine.runtime.testing import settle
from viral_engine.web.keytext import key_id_of, new_key


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def _refresh(served: Served) -> None:
    """Has the keys read again, and waits for it: the second reading begins after the first has ended."""
    for _ in range(2):
        served.system.cast("/web", Invalidate("keys"))
        settle(served.system)


def test_a_key_that_is_missing_wrong_or_unknown_is_401(served: Served) -> None:
    _, unknown = new_key()
    wrong = served.key[:-1] + ("0" if served.key[-1] != "0" else "1")
    for answer in (
        served.check(key=None),
        served.check(key=unknown),
        served.check(key=wrong),
        served.check(key="ve_x"),
        served.check(key=None, headers={"Authorization": f"Basic {served.key}"}),
        served.request("GET", "/v1/keys", key=None),
    ):
        assert answer.error == (401, "authentication_required", None)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_known_id_with_another_secret_is_401(served: Served) -> None:
    key_id, other = new_key()
    served.reader.add_key(["check"])
    known = served.reader.keys[-1]
    forged = other.replace(key_id, known.key_id)
    _refresh(served)
    assert key_id_of(forged) is None
    assert served.check(key=forged).status == 401


def test_a_key_without_the_scope_is_403_and_told_which(served: Served) -> None:
    key = served.reader.add_key(["write"])
    answer = served.check(key=key)
    assert answer.error == (403, "insufficient_scope", None)
    assert "check" in answer.json["message"]
    assert served.request("GET", "/metrics", key=key).error == (403, "insufficient_scope", None)


def test_a_key_made_elsewhere_works_at_its_first_use(served: Served) -> None:
    assert served.check(key=served.reader.add_key(["check"])).status == 200


def test_a_revoked_key_is_refused_once_the_notice_has_come(served: Served) -> None:
    key = served.reader.add_key(["check"])
    assert served.check(key=key).status == 200
    served.reader.keys.pop()
    _refresh(served)
    assert served.check(key=key).status == 401


def test_an_expired_key_is_refused(served: Served) -> None:
    key = served.reader.add_key(["check"], expires_at=datetime.now(UTC) - timedelta(seconds=1))
    _refresh(served)
    assert served.check(key=key).status == 401


def test_a_key_bound_to_networks_works_from_there_only(served: Served) -> None:
    here = served.reader.add_key(["check"], networks=["127.0.0.0/8"])
    elsewhere = served.reader.add_key(["check"], networks=["192.0.2.0/24"])
    _refresh(served)
    assert served.check(key=here).status == 200
    assert served.check(key=elsewhere).error == (403, "network_not_allowed", None)
    # The header of somebody who is no trusted proxy proves nothing.
    assert served.check(key=elsewhere, headers={"X-Forwarded-For": "192.0.2.7"}).status == 403


def test_a_trusted_proxy_is_believed_up_to_the_first_hop_it_does_not_vouch_for() -> None:
    with serving(settings={"server": {"trusted_proxies": ["127.0.0.0/8"]}}) as served:
        key = served.reader.add_key(["check"], networks=["192.0.2.0/24"])
        assert served.check(key=key, headers={"X-Forwarded-For": "10.1.1.1, 192.0.2.7"}).status == 200
        assert served.check(key=key, headers={"X-Forwarded-For": "192.0.2.7, 10.1.1.1"}).status == 403


def test_while_the_database_is_away_known_keys_go_on_working() -> None:
    with serving() as served:
        assert served.check().status == 200
        served.reader.failure = NotRead("gone")
        _refresh(served)
        assert served.check().status == 200
        assert served.check(key=new_key()[1]).status == 401


def test_before_the_keys_were_ever_read_nobody_is_called_unknown() -> None:
    with serving() as served:
        served.kill_web()
        assert served.check().status == 200, "the keys outlive the actor"
        actor_keys = served.system.kept("/web").value.keys
        # A reading that is under way when the reader fails must not fill in again what is forgotten here.
        served.reader.failure = NotRead("gone")
        read_to_the_end = actor_keys.refresh_again()
        asyncio.run_coroutine_threadsafe(read_to_the_end, served.system.loop.event_loop).result(20)
        actor_keys._records = None
        actor_keys.proved.clear()
        assert served.check().error == (503, "unavailable", None)
        assert served.request("GET", "/readyz", key=None).status == 503


def test_the_checks_route_answers_on_one_connection_whatever_came_before(served: Served) -> None:
    def ask(key: str) -> bytes:
        body = b'{"user_id":1,"action_type":"general"}'
        head = f"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    with served.connect() as connection:
        connection.sendall(ask("wrong") + ask(served.key) + ask("wrong"))
        received = b""
        while received.count(b"HTTP/1.1 ") < 3 and (part := connection.recv(65_536)):
            received += part
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"401", b"200", b"401"]
