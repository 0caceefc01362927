"""`POST /v1/actions/check/bulk`: order, limits, and items that are wrong."""

from collections.abc import Iterator

import pytest
from web_serving import Served, serving

PATH = "/v1/actions/check/bulk"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def test_a_thousand_items_are_answered_in_their_order(served: Served) -> None:
    before = len(served.trust_safety.got)
    answer = served.request("POST", PATH, {"items": [{"user_id": n, "action_type": "share"} for n in range(1000)]})
    asked = [action.user_id for action in served.trust_safety.got[before:]]
    assert answer.status == 200
    assert asked == [str(n) for n in range(1000)]
    ids = [int(item["decision_id"][-12:]) for item in answer.json["answers"]]
    assert ids == list(range(before + 1, before + 1001))


def test_one_bad_item_sinks_nobody(served: Served) -> None:
    good = b'{"user_id":1,"action_type":"share"}'
    bad = [
        b"7",
        b'{"user_id":1}',
        b'{"user_id":1,"user_id":2,"action_type":"share"}',
        b'{"user_id":"","action_type":"x"}',
    ]
    body = b'{"items":[' + b",".join([good, *bad, good]) + b"]}"
    answers = served.request("POST", PATH, body).json["answers"]
    assert [item.get("decision") for item in answers] == ["allow", None, None, None, None, "allow"]
    assert [(item["error"], item["field"]) for item in answers[1:5]] == [
        ("invalid", None),
        ("invalid", "action_type"),
        ("malformed_json", None),
        ("invalid", "user_id"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"items": []}, 422, "invalid", "items"),
        ({"items": [{}] * 1001}, 422, "invalid", "items"),
        ({"items": {}}, 422, "invalid", "items"),
        ({"items": [], "more": 1}, 422, "invalid", "more"),
        (b'{"items":[1,}', 400, "malformed_json", None),
        (b'{"items":["' + b"x" * 4_194_304 + b'"]}', 413, "too_large", None),
    ],
)
def test_a_request_that_is_no_list_of_checks_is_refused_whole(
    served: Served, body: object, status: int, code: str, field: str | None
) -> None:
    assert served.request("POST", PATH, body).error == (status, code, field)


ITEM = '{"user_id": 1, "action_type": "share", "content": "a , b: [\\"items\\"] {}"}'


@pytest.mark.parametrize(
    "body",
    [
        f'{{"items": [{ITEM}], "items": [{ITEM}]}}',
        f'{{"items": [], "items": [{ITEM}]}}',
        f'{{"items":[{ITEM}],"\\u0069tems":[{ITEM}]}}',
        f'{{"\\u0069tems":[{ITEM},{ITEM}],"items":[{ITEM}]}}',
    ],
)
def test_a_key_that_stands_twice_around_the_items_is_refused_like_everywhere(served: Served, body: str) -> None:
    answer = served.request("POST", PATH, body.encode())
    assert answer.error == (400, "malformed_json", None)
    assert "stands twice" in answer.json["message"]


@pytest.mark.parametrize(
    "body",
    [
        f'{{"items":[{ITEM},{ITEM}]}}',
        f' {{ "items" :\t[\r\n{ITEM} , {ITEM}\n] }} ',
        f'{{"\\u0069te\\u006ds":[{ITEM},{ITEM}]}}',
    ],
)
def test_however_the_text_around_the_items_is_spelled_they_are_answered(served: Served, body: str) -> None:
    assert [item["decision"] for item in served.request("POST", PATH, body.encode()).json["answers"]] == ["allow"] * 2
