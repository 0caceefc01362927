"""Labels over HTTP: what reaches the actors, what is refused and how, who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from web_serving import Served, serving

from viral_engine.messages.access import AddEntry, EntryStands, LabelView, RemoveEntry
from viral_engine.messages.reading import ReadEntries
from viral_engine.messages.refusals import not_found
from viral_engine.web.api.access import LABEL_AHEAD_MAX

ID = "01920000-0000-7000-8000-000000000001"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        running.trust_safety.answers[AddEntry] = EntryStands(entry_id=ID, reason="r", expires_at=NOW, is_new=True)
        running.trust_safety.answers[RemoveEntry] = None
        yield running


def ahead(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def body(**changes: Any) -> dict[str, Any]:
    fields = {"kind": "user", "value": 42, "label": "on_watch", "reason": "chargebacks", "expires_at": ahead(days=1)}
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def test_a_label_is_added_under_its_canonical_value(served: Served) -> None:
    answer = served.request("POST", "/v1/labels", body(kind="ip", value="2001:DB8:0::1"))
    stands = {"label_id": ID, "added": True, "extended": False, "reason": "r", "expires_at": "2026-01-02T00:00:00Z"}
    assert (answer.status, answer.json) == (201, stands)
    asked = served.trust_safety.got[-1]
    assert (asked.list_name, asked.kind, asked.value, asked.label) == ("labels", "ip", "2001:db8::1", "on_watch")


def test_a_label_that_stands_already_is_answered_200(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    stands = EntryStands(entry_id=ID, reason="older", expires_at=NOW, is_new=False)
    monkeypatch.setitem(served.trust_safety.answers, AddEntry, stands)
    answer = served.request("POST", "/v1/labels", body())
    assert (answer.status, answer.json["added"], answer.json["reason"]) == (200, False, "older")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"label": "On_watch"}, "label"),
        ({"label": "9th"}, "label"),
        ({"label": ""}, "label"),
        ({"label": "a" * 33}, "label"),
        ({"label": 7}, "label"),
        ({"label": None}, "label"),
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00"}, "expires_at"),
        ({"kind": "planet"}, "kind"),
        ({"kind": None}, "kind"),
        ({"value": None}, "value"),
        ({"kind": "network", "value": "192.0.2.1/24"}, "value"),
        ({"kind": "network", "value": "0.0.0.0/1"}, "value"),
        ({"reason": ""}, "reason"),
        ({"reason": None}, "reason"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_label_that_cannot_be_is_refused_with_the_field_s_name(
    served: Served, changes: dict[str, Any], field: str
) -> None:
    assert served.request("POST", "/v1/labels", body(**changes)).error == (422, "invalid", field)


def test_a_label_that_has_ended_or_ends_too_late_is_untimely(served: Served) -> None:
    for when in ("2020-01-01T00:00:00Z", ahead(days=LABEL_AHEAD_MAX.days, minutes=10)):
        assert served.request("POST", "/v1/labels", body(expires_at=when)).error == (409, "untimely", "expires_at")


def test_a_label_may_stand_for_four_hundred_days(served: Served) -> None:
    longest = body(label="a" * 32, expires_at=ahead(days=400, minutes=-1))
    assert served.request("POST", "/v1/labels", longest).status == 201


def test_labels_are_shown_in_pages_by_thing_and_by_name(served: Served) -> None:
    view = LabelView(
        label_id=ID, kind="user", value="42", label="beta", reason="r", author="a", created_at=NOW, expires_at=NOW
    )
    served.reader.answers[ReadEntries] = [view]
    page = served.request("GET", f"/v1/labels?kind=user&value=42&label=beta&before={ID}&limit=1").json
    assert (page["labels"][0]["label_id"], page["labels"][0]["label"], page["next_before"]) == (ID, "beta", ID)
    asked = ReadEntries(list_name="labels", kind="user", values=("42",), label="beta", before=ID, limit=1)
    assert served.reader.got[-1] == asked
    assert served.request("GET", "/v1/labels?label=beta").json["next_before"] is None
    for query, field in (("label=No", "label"), ("limit=0", "limit"), ("colour=red", "colour")):
        assert served.request("GET", f"/v1/labels?{query}").error == (422, "invalid", field)
    # The other lists have no such question.
    assert served.request("GET", "/v1/blocks?label=beta").error == (422, "invalid", "label")


def test_a_label_is_removed_and_one_that_is_not_there_is_404(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.request("DELETE", f"/v1/labels/{ID}?reason=mistake").status == 204
    asked = served.trust_safety.got[-1]
    assert (asked.list_name, asked.entry_id, asked.reason) == ("labels", ID, "mistake")
    assert served.request("DELETE", "/v1/labels/7").error == (422, "invalid", "label_id")
    monkeypatch.setitem(served.trust_safety.answers, RemoveEntry, not_found("the label"))
    assert served.request("DELETE", f"/v1/labels/{ID}").error == (404, "not_found", None)


def test_other_methods_and_paths_are_not_taken(served: Served) -> None:
    for method, path, allowed in (("PUT", "/v1/labels", "GET, HEAD, POST"), ("GET", f"/v1/labels/{ID}", "DELETE")):
        answer = served.request(method, path)
        assert answer.error == (405, "method_not_allowed", None)
        assert answer.headers["allow"] == allowed
    assert served.request("GET", f"/v1/labels/{ID}/more").error == (404, "not_found", None)


def test_a_key_without_the_scope_neither_labels_nor_removes(served: Served) -> None:
    review, check = served.reader.add_key(["review"]), served.reader.add_key(["check"])
    for key in (review, check):
        assert served.request("POST", "/v1/labels", body(), key=key).error == (403, "insufficient_scope", None)
        assert served.request("DELETE", f"/v1/labels/{ID}", key=key).error == (403, "insufficient_scope", None)
    assert served.request("GET", "/v1/labels", key=check).error == (403, "insufficient_scope", None)
    assert served.request("GET", "/v1/labels", key=None).error == (401, "authentication_required", None)
    assert served.request("POST", "/v1/labels", body(), key=served.reader.add_key(["write"])).status == 201
