"""Everything that is no check: a clear refusal, the field's name, nothing decided, and no harm to the next one."""

from collections.abc import Iterator
from typing import Any

import pytest
from web_serving import Served, serving

GOOD = b'{"user_id":1,"action_type":"general"}'


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"user_id":1,"action_type":"general"} x',
        b'{"user_id":1} x',
        b'{"user_id":NaN,"action_type":"general"}',
        b'{"user_id":1,"action_type":"general","context":{"a":Infinity}}',
        b'{"user_id":"\xff","action_type":"general"}',
        b'{"user_id":"\\ud800","action_type":"general"}',
        b'{"user_id":"a\nb","action_type":"general"}',
        b"\xef\xbb\xbf" + GOOD,
        b'{"user_id":1,"action_type":"general","context":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b'{"user_id":1,"x":' + b"[" * 9000 + b"]" * 9000 + b"}",
        b'{"user_id":1,"user_id":2,"action_type":"general"}',
        b'{"user_id":1, "user_id" : 2,"action_type":"general"}',
        b'{"user_id":1,"user\\u005fid":2,"action_type":"general"}',
        b'{"user_id":1,"action_type":"general","context":{"a":1,"a":2}}',
    ],
)
def test_what_is_no_json_text_is_400(served: Served, body: bytes) -> None:
    before = len(served.trust_safety.got)
    assert served.check(body).error == (400, "malformed_json", None)
    assert len(served.trust_safety.got) == before
    assert served.check().status == 200


def _check(**fields: Any) -> dict[str, Any]:
    return {"user_id": 1, "action_type": "general", **fields}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        ({"action_type": "general"}, "user_id"),
        ({"user_id": 1}, "action_type"),
        (_check(unheard_of=1), "unheard_of"),
        (_check(user_id=None), "user_id"),
        (_check(user_id=True), "user_id"),
        (_check(user_id=1.5), "user_id"),
        (_check(user_id=""), "user_id"),
        (_check(user_id="a\0b"), "user_id"),
        (_check(user_id="x" * 129), "user_id"),
        (_check(user_id=10**200), "user_id"),
        (_check(action_type="Drop Table"), "action_type"),
        (_check(action_type="a" * 65), "action_type"),
        (_check(device_id="d\x07"), "device_id"),
        (_check(device_id="d-1\u200b"), "device_id"),
        (_check(ip_address=5), "ip_address"),
        (_check(ip_address="999.1.1.1"), "ip_address"),
        (_check(ip_address="fe80::1%eth0"), "ip_address"),
        (_check(email="nobody"), "email"),
        (_check(phone="call me"), "phone"),
        (_check(content="x" * 4097), "content"),
        (_check(content="ü" * 2049), "content"),
        (_check(content="a\0b"), "content"),
        (_check(subject_id=""), "subject_id"),
        (_check(data_class="everything"), "data_class"),
        (_check(recipient_class="everybody"), "recipient_class"),
        (_check(session_id="s\0"), "session_id"),
        (_check(context=[]), "context"),
        (_check(context={"a": "x" * 4097}), "context"),
    ],
)
def test_what_cannot_be_accepted_is_422_with_the_fields_name(served: Served, body: Any, field: str | None) -> None:
    before = len(served.trust_safety.got)
    assert served.check(body).error == (422, "invalid", field)
    assert len(served.trust_safety.got) == before


@pytest.mark.parametrize("path", ["/v1/blocks", "/v1/blocks/would-hit", "/v1/allows", "/v1/labels", "/v1/reports"])
@pytest.mark.parametrize("value", ["d-1\u200b", "\u3164", " ", "  unknown "])
def test_no_list_and_no_report_takes_a_device_that_no_check_can_name(served: Served, path: str, value: str) -> None:
    thing: dict[str, Any] = {"kind": "device", "value": value}
    others: dict[str, dict[str, Any]] = {
        "/v1/blocks/would-hit": {},
        "/v1/labels": {"label": "on_watch", "reason": "spam", "expires_at": "2027-01-31T00:00:00Z"},
        "/v1/reports": {"reporter_id": 7, "category": "spam"},
    }
    before = len(served.trust_safety.got)
    refused = served.request("POST", path, thing | others.get(path, {"reason": "spam"}))
    assert refused.error == (422, "invalid", "value")
    assert len(served.trust_safety.got) == before


def test_a_number_of_four_thousand_digits_is_refused_at_once(served: Served) -> None:
    body = b'{"user_id":' + b"9" * 4000 + b',"action_type":"general"}'
    assert served.check(body).error == (422, "invalid", "user_id")


def test_exactly_four_kibibytes_of_content_are_accepted(served: Served) -> None:
    assert served.check(_check(content="ü" * 2048)).status == 200


def test_a_body_beyond_the_limit_is_413(served: Served) -> None:
    body = b'{"user_id":1,"action_type":"general","content":"' + b"x" * 65_536 + b'"}'
    assert served.check(body).error == (413, "too_large", None)


def test_an_announced_length_beyond_the_limit_is_refused_before_anything_is_sent(served: Served) -> None:
    with served.connect() as connection:
        head = f"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
        connection.sendall(f"{head}Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_beyond_the_limit_is_413(served: Served) -> None:
    with served.connect() as connection:
        head = f"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(17):
            connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000, b"431"),
    ],
)
def test_what_is_no_http_is_answered_in_our_form(served: Served, sent: bytes, status: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(sent)
        received = connection.recv(65_536)
    assert received.startswith(b"HTTP/1.1 " + status)
    assert b'{"error":' in received


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/users/" + "9" * 4000, "user_id"),
        ("/v1/users/a%00b", "user_id"),
        ("/v1/users/%ff", "user_id"),
        ("/v1/decisions/not-a-uuid", "decision_id"),
        ("/v1/decisions/a%2Fb", "decision_id"),
        ("/v1/decisions?limit=0", "limit"),
        ("/v1/decisions?limit=99999999999", "limit"),
        ("/v1/decisions?since=2026-01-01T00:00:00", "since"),
        ("/v1/decisions?reason=because", "reason"),
        ("/v1/decisions?user_id=a%00b", "user_id"),
        ("/v1/decisions?unheard_of=1", "unheard_of"),
        ("/v1/decisions?limit=1&limit=2", "limit"),
        ("/v1/decisions?user_id=%ff", None),
        ("/v1/blocks?kind=planet", "kind"),
    ],
)
def test_paths_and_queries_are_held_to_the_same_rules(served: Served, path: str, field: str | None) -> None:
    assert served.request("GET", path).error == (422, "invalid", field)


def test_an_unknown_path_is_404_in_the_same_form(served: Served) -> None:
    answer = served.request("GET", "/nowhere")
    assert answer.error == (404, "not_found", None)
    assert answer.headers["x-request-id"]
