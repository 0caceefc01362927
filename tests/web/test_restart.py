"""The web actor killed, crashed and stopped: no connection is refused or reset, no request goes unanswered."""

import http.client
import json
import socket
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from web_serving import TIMEOUT_S, Served, TrustSafety, answer_of, serving

from viral_engine.actors.web.actor import Web
from viral_engine.messages.checks import CheckAction, Decided
from viral_engine.runtime.actor import NO_REPLY
from viral_engine.runtime.exits import KILLED, SHUTDOWN
from viral_engine.runtime.system import System
from viral_engine.web.routes import Route, UndeclaredRoute, check_declared

BODY = json.dumps({"user_id": 1, "action_type": "general"})


def _load(served: Served, requests: int, failures: list[str]) -> None:
    """Sends checks over a connection that it opens again when it is told that it was the last."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {served.key}"}
    try:
        for _ in range(requests):
            connection.request("POST", "/v1/actions/check", BODY, headers)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                failures.append(f"status {response.status}")
    except (OSError, http.client.HTTPException) as error:
        failures.append(repr(error))
    finally:
        connection.close()


def test_killed_under_load_it_refuses_resets_and_loses_nothing() -> None:
    failures: list[str] = []
    with serving() as served:
        clients = [threading.Thread(target=_load, args=(served, 150, failures)) for _ in range(8)]
        for client in clients:
            client.start()
        for _ in range(5):
            served.kill_web()
            assert served.check().status == 200
        for client in clients:
            client.join(TIMEOUT_S)
        actor = served.system.registry.whereis("/web")
        assert actor is not None
        assert actor.incarnation == 6
        assert len(served.trust_safety.got) == 8 * 150 + 5
    assert failures == []


class _Held:
    """A trust_safety that answers only when the test says so."""

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.asked = threading.Semaphore(0)

    def __call__(self, action: CheckAction, reply_to: Any) -> Any:
        self.replies.append((action, reply_to))
        self.asked.release()
        return NO_REPLY

    def answer(self) -> None:
        for action, reply_to in self.replies:
            reply_to.set(Decided("allow", answer_of(action)))


def _send_check(served: Served) -> socket.socket:
    connection = served.connect()
    head = f"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
    connection.sendall(f"{head}Content-Length: {len(BODY)}\r\n\r\n{BODY}".encode())
    return connection


def test_a_request_under_way_when_it_is_killed_is_answered_all_the_same() -> None:
    held = _Held()
    with serving(trust_safety=TrustSafety(answers={CheckAction: held})) as served, _send_check(served) as connection:
        assert held.asked.acquire(timeout=TIMEOUT_S)
        served.kill_web()
        held.answer()
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_of_a_killed_one_may_ask_once_more_and_is_told_that_it_was_the_last() -> None:
    with serving() as served, _send_check(served) as connection:
        assert b"connection: close" not in connection.recv(65_536)
        served.kill_web()
        assert served.request("GET", "/healthz").status == 200
        # The next one may serve before the killed one has said goodbye to each of its connections.
        for _ in range(1_000):
            connection.sendall(
                f"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
                f"Content-Length: {len(BODY)}\r\n\r\n{BODY}".encode()
            )
            received = connection.recv(65_536)
            assert received.startswith(b"HTTP/1.1 200 ")
            if b"connection: close" in received:
                break
        else:
            pytest.fail("nobody was told that it was the last answer")


def test_a_connection_made_while_nobody_accepts_is_served_by_the_next_one() -> None:
    with serving() as served:
        root = served.system.root
        assert root is not None
        actor = served.system.registry.whereis("/web")
        assert actor is not None
        actor.order("suspend").get(timeout=TIMEOUT_S)
        actor.kill("a test")
        with _send_check(served) as connection:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def _until(system: System, is_so: Callable[[], bool]) -> None:
    """Lets the loop turn until something is so, a bounded number of times."""
    for _ in range(100_000):
        looked, found = threading.Event(), list[bool]()
        system.loop.post(lambda found=found, looked=looked: (found.append(is_so()), looked.set()))
        assert looked.wait(TIMEOUT_S)
        if found[0]:
            return
    pytest.fail("it never was so")


def test_when_it_stops_requests_under_way_are_finished_and_the_connection_closed() -> None:
    held = _Held()
    received: list[bytes] = []
    with serving(trust_safety=TrustSafety(answers={CheckAction: held})) as served:
        connection = _send_check(served)
        assert held.asked.acquire(timeout=TIMEOUT_S)
        actor = served.system.registry.whereis("/web")
        assert actor is not None
        server = cast("Web", actor)._server
        before = server.config.loaded_app
        actor.order("shut_down", SHUTDOWN)
        _until(served.system, lambda: server.config.loaded_app is not before)

        def read() -> None:
            while part := connection.recv(65_536):
                received.append(part)

        reader = threading.Thread(target=read)
        reader.start()
        held.answer()
        reader.join(TIMEOUT_S)
        connection.close()
        assert actor.exited.get(timeout=TIMEOUT_S) == SHUTDOWN
    assert b"".join(received).startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in b"".join(received)


def test_a_request_that_never_ends_is_answered_503_when_the_grace_time_is_over() -> None:
    held = _Held()
    with (
        serving(
            trust_safety=TrustSafety(answers={CheckAction: held}), settings={"server": {"stop_grace_s": 0.2}}
        ) as served,
        _send_check(served) as connection,
    ):
        assert held.asked.acquire(timeout=TIMEOUT_S)
        actor = served.system.registry.whereis("/web")
        assert actor is not None
        actor.order("shut_down", SHUTDOWN)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 503 ")


def test_a_server_that_ends_by_itself_is_a_crash_and_is_restarted() -> None:
    with serving() as served:
        actor = served.system.registry.whereis("/web")
        assert actor is not None
        served.system.loop.post(actor._server.begin_stop, 0.0)  # type: ignore[attr-defined]
        ended = actor.exited.get(timeout=TIMEOUT_S)
        assert ended.kind == "crash"
        assert ended != KILLED
        assert served.check().status == 200


def test_a_connection_beyond_the_limit_is_refused_and_the_others_are_served() -> None:
    with (
        serving(settings={"web": {"connections_max": 2}}) as served,
        _send_check(served) as first,
        _send_check(served) as second,
    ):
        assert first.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert second.recv(65_536).startswith(b"HTTP/1.1 200 ")
        answer = served.check()
        assert answer.error == (503, "unavailable", None)
        assert answer.headers["connection"] == "close"


def test_a_route_that_does_not_say_what_it_touches_stops_the_start_with_its_name() -> None:
    whole = Route(
        name="leaky", method="GET", path="/leaky", summary="-", answers={}, touches=(), scopes=(), body_bytes_max=0
    )
    check_declared([whole])
    for lacking in ("touches", "scopes", "body_bytes_max"):
        fields = {"touches": (), "scopes": (), "body_bytes_max": 0} | {lacking: None}
        route = Route(name="leaky", method="GET", path="/leaky", summary="-", answers={}, **fields)  # type: ignore[arg-type]
        with pytest.raises(UndeclaredRoute, match="leaky"):
            check_declared([whole, route])
