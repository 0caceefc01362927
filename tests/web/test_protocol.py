"""The edges of HTTP on one connection: what is bounded, what is ignored, and when a silent client is let go."""

import socket
import threading
from collections.abc import Iterator
from typing import cast

import pytest
from structlog.testing import capture_logs
from web_serving import TIMEOUT_S, Served, serving

from viral_engine.actors.web.actor import Web
from viral_engine.web.protocol import FRAMING_BYTES_MAX, SLICE_BYTES, Protocol

BODY = b'{"user_id":1,"action_type":"general"}'
CHUNKED = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
SMALLEST = b"GET / HTTP/1.1\r\nHost:x\r\n\r\n"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def head(*lines: str) -> bytes:
    return ("\r\n".join(["POST /v1/actions/check HTTP/1.1", "Host: x", *lines]) + "\r\n\r\n").encode()


def key_of(served: Served, key: str | None = None) -> str:
    return f"Authorization: Bearer {key or served.key}"


def statuses(connection: socket.socket, count: int) -> list[int]:
    """Statuses of so many answers, fewer when the connection ends before."""
    stream = connection.makefile("rb")
    found = []
    for _ in range(count):
        line = stream.readline()
        if not line:
            break
        found.append(int(line.split()[1]))
        length = 0
        while (field := stream.readline().strip().lower()) != b"":
            length = int(field[16:]) if field.startswith(b"content-length: ") else length
        stream.read(length)
    return found


def answers(served: Served, sent: bytes, count: int = 1) -> list[int]:
    with served.connect() as connection:
        connection.sendall(sent)
        return statuses(connection, count)


def protocols(served: Served) -> list[Protocol]:
    web = cast("Web", served.system.registry.whereis("/web"))
    return cast("list[Protocol]", list(web._server.server_state.connections))


def test_whoever_sends_request_upon_request_without_reading_is_held_back(served: Served) -> None:
    count = 60_000
    with served.connect() as connection:
        sender = threading.Thread(target=connection.sendall, args=(SMALLEST * count,))
        sender.start()
        for _ in range(50):
            assert served.request("GET", "/healthz").status == 200
            for protocol in protocols(served):
                assert len(protocol.pipeline) <= SLICE_BYTES // len(SMALLEST) + 1
                assert len(protocol._unread) <= 1 << 20
        assert statuses(connection, count) == [307] * count
        sender.join(TIMEOUT_S)


def test_a_closed_connection_whose_client_takes_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as served, served.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 40)
        while not (found := protocols(served)):
            # Ends by itself: the connection comes.
            pass
        [protocol] = found
        loop = served.system.loop
        closed = threading.Event()

        def close_when_full() -> None:
            if not protocol.flow.write_paused:
                loop.post(close_when_full)
                return
            # As if less were left than what pauses writing: nothing else would end it.
            assert protocol._write_timer is not None
            protocol._write_timer.cancel()
            protocol._write_timer = None
            monkeypatch.setattr("viral_engine.web.protocol.UNREAD_TIMEOUT_S", 0.1)
            protocol.close()
            closed.set()

        loop.post(close_when_full)
        assert closed.wait(TIMEOUT_S)
        while protocols(served):
            # Ends by itself: it is let go although its client reads nothing, or the test's own time is up.
            pass


def test_a_client_that_takes_none_of_its_answers_is_let_go_and_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("viral_engine.web.protocol.UNREAD_TIMEOUT_S", 0.1)
    with serving() as served, capture_logs() as logged, served.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        # A page larger than all buffers, so that its answer waits for room.
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 40)
        web = cast("Web", served.system.registry.whereis("/web"))
        while not protocols(served) or web._server.server_state.tasks:
            # Ends by itself: the connection comes, and is let go.
            served.request("GET", "/healthz")
    assert [line for line in logged if line["log_level"] in {"error", "warning"}] == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_another_http_than_the_first_is_refused(served: Served) -> None:
    for version in ("0.9", "2.0"):
        assert answers(served, f"GET /healthz HTTP/{version}\r\n\r\n".encode()) == [400]


@pytest.mark.parametrize("name", ["Authorization", "X-Request-Id", "X-Forwarded-For", "Idempotency-Key"])
def test_a_trailer_is_no_header(name: str) -> None:
    with serving(settings={"server": {"trusted_proxies": ["127.0.0.1/32"]}}) as served:
        key = served.reader.add_key(["check"], networks=["10.9.0.0/16"]) if name == "X-Forwarded-For" else served.key
        value = {"Authorization": f"Bearer {key}", "X-Forwarded-For": "10.9.9.9"}.get(name, "trailer")
        lines = [] if name == "Authorization" else [key_of(served, key)]
        sent = head(*lines, "Transfer-Encoding: chunked") + CHUNKED + f"{name}: {value}\r\n\r\n".encode()
        with served.connect() as connection:
            connection.sendall(sent)
            received = connection.recv(65_536)
    expected = {"Authorization": b"401", "X-Forwarded-For": b"403"}.get(name, b"200")
    assert received.split()[1] == expected
    assert b"trailer" not in received
    assert all(action.idempotency is None for action in served.trust_safety.got)


@pytest.mark.parametrize("endless", [b"x" * 8_000, b"x: y\r\n" * 1_300], ids=["one trailer", "many trailers"])
def test_trailers_have_a_limit(served: Served, endless: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(head("Transfer-Encoding: chunked") + b"0\r\n")
        assert statuses(connection, 1) == [401]
        with pytest.raises(OSError, match=r"reset|pipe"):
            connection.sendall(endless * 1_000)


def test_empty_lines_before_a_request_have_a_limit(served: Served) -> None:
    with served.connect() as connection, pytest.raises(OSError, match=r"reset|pipe"):
        connection.sendall(b"\r\n" * (100 * FRAMING_BYTES_MAX))


def test_empty_lines_before_a_request_are_nothing(served: Served) -> None:
    with served.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"\r\n")
        assert served.request("GET", "/healthz").status == 200
        connection.sendall(b"\r\n" + head(key_of(served), f"Content-Length: {len(BODY)}") + BODY)
        assert statuses(connection, 1) == [200]


@pytest.mark.parametrize("connection_options", ["Upgrade, HTTP2-Settings", "Upgrade", "keep-alive, Upgrade"])
def test_a_wish_for_another_protocol_is_ignored_and_nothing_behind_it_is_lost(
    served: Served, connection_options: str
) -> None:
    asking = head(key_of(served), f"Connection: {connection_options}", "Upgrade: h2c", f"Content-Length: {len(BODY)}")
    plain = head(key_of(served), f"Content-Length: {len(BODY)}") + BODY
    websocket = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert answers(served, plain + asking + BODY + plain + websocket + plain, 5) == [200] * 5


def test_connect_is_refused(served: Served) -> None:
    assert answers(served, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 2) == [405]


@pytest.mark.parametrize("order", [("ve_wrong", ""), ("", "ve_wrong")])
@pytest.mark.parametrize("path", ["/v1/actions/check", "/v1/blocks"])
def test_two_authorizations_are_refused(served: Served, path: str, order: tuple[str, str]) -> None:
    lines = [key_of(served, key) for key in order]
    sent = head(*lines, f"Content-Length: {len(BODY)}").replace(b"/v1/actions/check", path.encode()) + BODY
    assert answers(served, sent) == [400]


def test_a_silent_client_is_let_go_whatever_it_trickles_after_its_answer() -> None:
    with serving(settings={"web": {"keep_alive_s": 1}}) as served:
        whole = head(key_of(served), f"Content-Length: {len(BODY)}") + BODY
        assert answers(served, whole) == [200]
        kinds = {
            "nothing": (b"", 0, b""),
            "an empty line first": (b"\r\n", 0, b""),
            "a hot check, then empty lines": (whole, 1, b"\r\n"),
            "refused before its body came": (head("Content-Length: 50"), 1, b"x"),
            "too large": (head(key_of(served), "Content-Length: 9000000"), 1, b"x"),
            "refused before its trailers came": (head("Transfer-Encoding: chunked") + b"0\r\n", 1, b"x"),
        }
        connections = []
        for first, count, then in kinds.values():
            connection = served.connect()
            connections.append(connection)
            connection.sendall(first)
            assert len(statuses(connection, count)) == count
            connection.sendall(then)
        for connection in connections:
            connection.settimeout(TIMEOUT_S)
            assert connection.recv(1) == b""
            connection.close()


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01nonsense\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n"]
)
def test_a_flood_of_garbage_is_no_flood_of_log_lines(
    served: Served, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    count = 200
    with capture_logs() as logged:
        for _ in range(count):
            assert answers(served, garbage) in ([400], [405])
    assert len(logged) + len(caplog.records) < count


@pytest.mark.parametrize("path", ["/v1/actions/check", "/v1/actions/check/bulk"])
@pytest.mark.parametrize(
    "lines",
    [["Content-Length: 50"], ["Transfer-Encoding: chunked"], ["Expect: 100-continue", "Content-Length: 50"]],
    ids=["length", "chunked", "expect"],
)
def test_a_body_of_which_nothing_comes_is_not_waited_for_for_ever(
    served: Served, path: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viral_engine.web.body.BODY_TIMEOUT_S", 0.05)
    with served.connect() as connection:
        connection.sendall(head(key_of(served), *lines).replace(b"/v1/actions/check", path.encode()))
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    assert b"HTTP/1.1 408 " in received


@pytest.mark.parametrize("line", ["Connection: close", "Proxy-Connection: close"])
@pytest.mark.parametrize("as_trailer", [True, False])
def test_a_wish_to_close_ends_the_connection_wherever_it_stands(served: Served, line: str, *, as_trailer: bool) -> None:
    if as_trailer:
        sent = head(key_of(served), "Transfer-Encoding: chunked") + CHUNKED + f"{line}\r\n\r\n".encode()
    else:
        sent = head(key_of(served), line, f"Content-Length: {len(BODY)}") + BODY
    with served.connect() as connection:
        connection.sendall(sent)
        assert statuses(connection, 2) == [200]


def test_who_sends_no_more_gets_its_answers(served: Served) -> None:
    whole = head(key_of(served), f"Content-Length: {len(BODY)}") + BODY
    for sent, count in ((whole, 1), (whole * 30, 30), (whole + SMALLEST + whole, 3)):
        with served.connect() as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert len(statuses(connection, count + 1)) == count


def test_who_breaks_off_in_a_body_is_let_go(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(head(key_of(served), "Content-Length: 50"))
        connection.shutdown(socket.SHUT_WR)
        assert statuses(connection, 1) == []


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("Host: x\r\n", "", 400),
        ("Host: x\r\n", "Host: x\r\nHost: y\r\n", 400),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nIdempotency-Key: a\r\nIdempotency-Key: b", 400),
    ],
)
def test_an_ambiguous_head_is_refused(served: Served, old: str, new: str, status: int) -> None:
    sent = head(key_of(served), "Transfer-Encoding: chunked").replace(old.encode(), new.encode()) + CHUNKED + b"\r\n"
    assert answers(served, sent) == [status]
