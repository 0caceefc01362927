"""The check past ASGI: the same answers as through it, in the same order, whatever the connection does."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_serving import TIMEOUT_S, Served, TrustSafety, answer_of, serving

from viral_engine.actors.web.actor import Web
from viral_engine.messages.checks import CheckAction, Decided
from viral_engine.messages.journal import NotRecorded
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.actor import NO_REPLY
from viral_engine.runtime.exits import SHUTDOWN

LONG_WAY = {"Connection": "keep-alive, other"}
"""Says nothing, but no ordinary client says it."""

BODY = b'{"user_id":1,"action_type":"general"}'


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(trust_safety=_steady()) as running:
        assert running.check().status == 200
        yield running


def _steady() -> TrustSafety:
    """A trust_safety whose answer depends on the request alone; some users are none of its business."""

    def decide(action: CheckAction, _reply_to: Any) -> Any:
        match action.user_id:
            case "refused":
                return Refused("limit_reached", "there is no room", http_status=409)
            case "away":
                return NotRecorded("a test")
            case "broken":
                return RuntimeError("a fault")
            case _:
                return Decided("allow", answer_of(action, len(action.user_id)))

    return TrustSafety(answers={CheckAction: decide})


def _web(served: Served) -> Web:
    actor = served.system.registry.whereis("/web")
    assert actor is not None
    return cast("Web", actor)


def _taken(served: Served) -> int:
    return int(_web(served).inspect_state()["hot_checks"])


def _known(served: Served) -> int:
    return int(_web(served).inspect_state()["known_heads"])


class _Held:
    """A trust_safety that keeps whom to answer, for the test to do so."""

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.asked = threading.Event()

    def __call__(self, _action: CheckAction, reply_to: Any) -> Any:
        self.replies.append(reply_to)
        self.asked.set()
        return NO_REPLY


def _head(served: Served, length: int, *more: str) -> bytes:
    lines = ["POST /v1/actions/check HTTP/1.1", "Host: x", f"Authorization: Bearer {served.key}", *more]
    return ("\r\n".join([*lines, f"Content-Length: {length}"]) + "\r\n\r\n").encode()


def _read_answers(connection: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """Statuses and bodies of answers that come one behind the other; fewer when the connection ends before."""
    stream = connection.makefile("rb")
    found = []
    for _ in range(count):
        status = stream.readline()
        if not status:
            break
        length = 0
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.lower().partition(b": ")
            length = int(value) if name == b"content-length" else length
        found.append((int(status.split()[1]), stream.read(length)))
    return found


def test_an_ordinary_check_goes_past_asgi_and_an_odd_one_does_not(served: Served) -> None:
    before = _taken(served)
    assert served.check().status == 200
    assert _taken(served) == before + 1
    assert served.check(headers=LONG_WAY).status == 200
    assert served.check(headers={"Idempotency-Key": " "}).status == 422
    assert served.request("POST", "/v1/actions/check?", BODY).status == 200
    assert _taken(served) == before + 1


@pytest.mark.parametrize("headers", [{}, LONG_WAY, {"Idempotency-Key": "q"}], ids=["hot", "long", "once"])
@pytest.mark.parametrize(
    ("query", "field"),
    [("as=refusal", "as"), ("as=user&locale=es", "as"), ("a=b", "a"), ("a=", "a"), ("%61=1", "a"), ("%ff=1", None)],
)
def test_a_check_with_a_query_is_refused_whichever_way_it_goes(
    served: Served, headers: dict[str, str], query: str, field: str | None
) -> None:
    # Once by itself, and once on a connection whose checks go past ASGI.
    asked = len(served.trust_safety.got)
    for before in (b"", _head(served, len(BODY)) + BODY):
        head = _head(served, len(BODY), *(f"{name}: {value}" for name, value in headers.items()))
        head = head.replace(b"/check HTTP", f"/check?{query} HTTP".encode(), 1)
        with served.connect() as connection:
            connection.sendall(before + head + BODY)
            *_, (status, body) = _read_answers(connection, 2 if before else 1)
        found = json.loads(body)
        assert (status, found["error"], found["field"]) == (422, "invalid", field)
    assert len(served.trust_safety.got) == asked + 1


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b'{"user_id":"refused","action_type":"general"}',
        b'{"user_id":"away","action_type":"general"}',
        b'{"user_id":"away","action_type":"login"}',
        b'{"user_id":"broken","action_type":"general"}',
        b"{",
        b"",
        b"[]",
        b'{"user_id":1}',
        b'{"user_id":1,"user_id":2,"action_type":"general"}',
        b'{"user_id":"\\u0000","action_type":"general"}',
        b'{"user_id":1,"action_type":"general","ip_address":"300.1.1.1"}',
        b'{"user_id":1,"action_type":"general","device_id":" d-1 "}',
        b'{"user_id":1,"action_type":"general","device_id":"d-1\xe2\x80\x8b"}',
        b'{"user_id":1,"action_type":"general","device_id":"d-1\\u200b"}',
        b'{"user_id":1,"action_type":"general","occurred_at":"yesterday"}',
        b'{"user_id":1,"action_type":"general","content":"' + b"x" * 4097 + b'"}',
        b"x" * 70_000,
    ],
    ids=lambda body: f"{len(body)} bytes, {body[:30]!r}",
)
def test_both_ways_give_the_same_answer(served: Served, body: bytes) -> None:
    same = {"X-Request-Id": "same"}
    hot, long = served.check(body, headers=same), served.check(body, headers=same | LONG_WAY)
    assert hot.status == long.status
    changing = {"date"}
    if b'"login"' in body:
        # An outage policy's answer has an id and a latency of its own.
        changing.add("content-length")
        personal = {"decision_id": "", "latency_ms": 0}
        assert hot.json | personal == long.json | personal
    else:
        assert hot.body == long.body
    ours, theirs = ({k: v for k, v in answer.headers.items() if k not in changing} for answer in (hot, long))
    assert ours == theirs


@pytest.mark.parametrize("scopes", [["users"], ["check"]])
def test_both_ways_ask_for_the_scope(served: Served, scopes: list[str]) -> None:
    key = served.reader.add_key(scopes)
    answers = [served.check(key=key, headers=headers) for headers in ({}, LONG_WAY, {}, LONG_WAY)]
    assert {answer.status for answer in answers} == ({200} if "check" in scopes else {403})


@given(cut=st.lists(st.integers(1, 400), max_size=5, unique=True).map(sorted))
def test_however_a_request_is_cut_into_pieces_it_is_answered_once(served: Served, cut: list[int]) -> None:
    whole = _head(served, len(BODY)) + BODY
    asked = len(served.trust_safety.got)
    with served.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start, end in zip([0, *cut], [*cut, len(whole)], strict=True):
            connection.sendall(whole[start:end])
        assert [status for status, _ in _read_answers(connection, 1)] == [200]
    assert len(served.trust_safety.got) == asked + 1


def test_a_head_is_parsed_once_and_looked_up_after_that_its_key_each_time() -> None:
    with serving(trust_safety=_steady()) as served:
        key = served.reader.add_key(["check"])
        request = _head(served, len(BODY)).replace(served.key.encode(), key.encode()) + BODY
        with served.connect() as connection:
            for asked in range(1, 4):
                connection.sendall(request)
                assert [status for status, _ in _read_answers(connection, 1)] == [200]
                # The first one's key was not proved before.
                assert (_taken(served), _known(served)) == (asked - 1, min(asked - 1, 1))
            served.reader.keys.pop()
            read_again = served.system.kept("/web").value.keys.refresh_again()
            asyncio.run_coroutine_threadsafe(read_again, served.system.loop.event_loop).result(TIMEOUT_S)
            connection.sendall(request)
            assert [status for status, _ in _read_answers(connection, 1)] == [401]


@pytest.mark.parametrize("length", [0, 69_000], ids=["taken", "too large, refused before it came"])
@pytest.mark.parametrize("apart", [False, True])
def test_a_body_that_looks_like_a_head_that_is_known_is_a_body(served: Served, *, length: int, apart: bool) -> None:
    inner = _head(served, len(BODY)) + BODY
    with served.connect() as connection:
        for _ in range(2):
            connection.sendall(inner)
            assert [status for status, _ in _read_answers(connection, 1)] == [200]
        asked = len(served.trust_safety.got)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        parts = [_head(served, length or len(inner)), inner]
        if apart:
            connection.sendall(parts[0])
            served.request("GET", "/healthz")
            connection.sendall(parts[1])
        else:
            connection.sendall(b"".join(parts))
        assert [status for status, _ in _read_answers(connection, 1)] == [413 if length else 400]
        connection.shutdown(socket.SHUT_WR)
        assert _read_answers(connection, 1) == []
    assert len(served.trust_safety.got) == asked


def test_heads_that_are_known_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viral_engine.web.hot_check.KNOWN_HEADS_MAX", 3)
    with serving(trust_safety=_steady()) as served, served.connect() as connection:

        def known_after(header: str) -> int:
            connection.sendall(_head(served, len(BODY), header) + BODY)
            assert [status for status, _ in _read_answers(connection, 1)] == [200]
            return _known(served)

        # The first proves the key, the long way.
        sizes = [known_after(f"X-Number: {number}") for number in range(8)]
        assert sizes == [0, 1, 2, 3, 1, 2, 3, 1]
        before = _known(served)
        assert known_after("X-Request-Id: comes-once") == before


def test_requests_behind_each_other_are_answered_in_order_also_by_mixed_ways(served: Served) -> None:
    users = ["a", "bb", "{", "ccc", "refused", "dddd"]
    sent = b""
    for number, user in enumerate(users):
        body = json.dumps({"user_id": user, "action_type": "general"}).encode() if user != "{" else b"{"
        sent += _head(served, len(body), *(["Connection: keep-alive, other"] if number % 2 else [])) + body
    with served.connect() as connection:
        connection.sendall(sent)
        answers = _read_answers(connection, len(users))
    assert [status for status, _ in answers] == [200, 200, 400, 200, 409, 200]
    assert [body[-20:] for _, body in answers[:2]] == [answer_of(cast("Any", None), n)[-20:] for n in (1, 2)]


@pytest.mark.parametrize("way", [[], ["Connection: keep-alive, other"]], ids=["hot", "long"])
@pytest.mark.parametrize("garbage", [b"\x00\x01nonsense\r\n\r\n", b"GET / HTTP/9.9.9\r\n\r\n"])
def test_what_stands_before_garbage_is_answered_first_and_the_garbage_then_refused(
    served: Served, way: list[str], garbage: bytes
) -> None:
    with served.connect() as connection:
        connection.sendall((_head(served, len(BODY), *way) + BODY) * 5 + garbage)
        answers = _read_answers(connection, 7)
    assert [status for status, _ in answers] == [200] * 5 + [400]
    assert json.loads(answers[-1][1])["error"] == "malformed_request"


def test_a_body_that_breaks_off_in_nonsense_is_refused_at_once(served: Served) -> None:
    head = f"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n".encode()
    with served.connect() as connection:
        connection.sendall(chunked)
        assert [status for status, _ in _read_answers(connection, 2)] == [400]
    with served.connect() as connection:
        connection.sendall(_head(served, len(BODY)) + BODY + chunked)
        assert [status for status, _ in _read_answers(connection, 3)] == [200, 400]


def test_a_client_that_reads_nothing_is_waited_for_and_then_gets_everything(served: Served) -> None:
    count = 5_000
    request = _head(served, len(BODY)) + BODY
    with served.connect() as connection:
        sender = threading.Thread(target=connection.sendall, args=(request * count,))
        sender.start()
        answers = _read_answers(connection, count)
        sender.join(TIMEOUT_S)
    assert [status for status, _ in answers] == [200] * count


def test_a_client_that_leaves_before_its_answer_disturbs_nobody() -> None:
    held = _Held()
    script = TrustSafety()
    with serving(trust_safety=script) as served:
        assert served.check().status == 200
        script.answers[CheckAction] = held
        with served.connect() as connection:
            connection.sendall(_head(served, len(BODY)) + BODY)
            assert held.asked.wait(TIMEOUT_S)
        script.answers.clear()
        assert served.check().status == 200
        held.replies[0].set(Decided("allow", b"{}"))
        held.replies[0].set_exception(RuntimeError("a second answer is none"))
        assert served.check().status == 200


@pytest.mark.parametrize("answers_in_time", [True, False])
def test_a_stop_waits_for_what_is_under_way_and_then_says_that_the_daemon_stops(*, answers_in_time: bool) -> None:
    held = _Held()
    script = TrustSafety()
    grace_s = 20.0 if answers_in_time else 0.2
    with serving(trust_safety=script, settings={"server": {"stop_grace_s": grace_s}}) as served:
        assert served.check().status == 200
        script.answers[CheckAction] = held
        with served.connect() as connection:
            connection.sendall(_head(served, len(BODY)) + BODY)
            assert held.asked.wait(TIMEOUT_S)
            assert _taken(served) == 1
            actor = _web(served)
            actor.order("shut_down", SHUTDOWN)
            if answers_in_time:
                held.replies[0].set(Decided("allow", b"{}"))
            ((status, body), *_) = _read_answers(connection, 2)
            assert status == (200 if answers_in_time else 503)
            assert answers_in_time or json.loads(body)["message"] == "the daemon is stopping"
            assert actor.exited.get(timeout=TIMEOUT_S) == SHUTDOWN


@pytest.mark.parametrize("way", [[], ["Connection: keep-alive, other"]], ids=["hot", "long"])
@pytest.mark.parametrize("behind", [1, 200], ids=["parsed", "not parsed yet"])
def test_a_stop_that_gives_up_tells_those_behind_each_other_and_begins_none_of_them(
    way: list[str], behind: int
) -> None:
    held = _Held()
    script = TrustSafety()
    with serving(trust_safety=script, settings={"server": {"stop_grace_s": 0.2}}) as served:
        assert served.check().status == 200
        script.answers[CheckAction] = held
        with served.connect() as connection:
            connection.sendall(_head(served, len(BODY), *way) + BODY + (_head(served, len(BODY)) + BODY) * behind)
            assert held.asked.wait(TIMEOUT_S)
            actor = _web(served)
            actor.order("shut_down", SHUTDOWN)
            answers = _read_answers(connection, behind + 1)
            assert [status for status, _ in answers] == [503, 503]
            assert {json.loads(body)["message"] for _, body in answers} == {"the daemon is stopping"}
            assert actor.exited.get(timeout=TIMEOUT_S) == SHUTDOWN
        assert len(held.replies) == 1


def test_a_check_that_its_actor_never_began_is_decided_by_the_next_incarnation() -> None:
    script = TrustSafety()
    with serving(trust_safety=script) as served:
        assert served.check().status == 200
        before = served.system.registry.whereis("/growth/trust_safety")
        assert before is not None
        before.order("suspend").get(timeout=TIMEOUT_S)
        with served.connect() as connection:
            connection.sendall(_head(served, len(BODY)) + BODY)
            while before.mailbox.depth == 0:
                assert served.request("GET", "/healthz").status == 200
            before.kill("a test")
            assert [status for status, _ in _read_answers(connection, 1)] == [200]
        assert _taken(served) == 1
        assert len(script.got) == 2


@pytest.mark.parametrize("way", [[], ["Connection: keep-alive, other"]], ids=["hot", "long"])
def test_a_head_that_comes_whole_is_held_to_the_same_limit(served: Served, way: list[str]) -> None:
    fits, too_large = (f"X-Padding: {'x' * size}" for size in (60_000, 70_000))
    with served.connect() as connection:
        connection.sendall(_head(served, len(BODY), fits, *way) + BODY)
        assert [status for status, _ in _read_answers(connection, 1)] == [200]
        connection.sendall(_head(served, len(BODY), too_large, *way) + BODY)
        assert [status for status, _ in _read_answers(connection, 2)] == [431]
