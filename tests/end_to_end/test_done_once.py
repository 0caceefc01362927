"""`Idempotency-Key` when things go wrong: each key is one change and one answer, whatever breaks in between."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from outages import stalled_postgres
from running_daemon import RunningDaemon, retry_until

CALLERS = 8
ITEMS = 400
FORM = {"document_ref": "form-1", "signed_on": "2026-10-01"}


def post_consent(daemon: RunningDaemon, key: str) -> Any:
    """Records a consent about the one child that there is."""
    body = {
        "scope": "service", "method": "signed_form", "guardian_id": "mum", "policy_version": 1, "evidence": FORM,
    }  # fmt: skip
    return daemon.request("POST", "/v1/users/kid/consents", body, headers={"Idempotency-Key": key})


def test_a_stalled_database_makes_nothing_twice_and_takes_back_no_answer(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon(VIRAL_ENGINE_JOURNAL__COMMIT_DEADLINE_MS="300", VIRAL_ENGINE_JOURNAL__STALL_DEADLINE_MS="600")
    told: dict[str, Any] = {}
    failed = threading.Semaphore(0)
    over = threading.Event()

    def call(caller: int) -> None:
        number = 0
        while not over.is_set():
            key = f"k-{caller}-{number}"
            number += 1
            told[key] = answer = post_consent(daemon, key)
            if answer.status != 201:
                failed.release()

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    child = {"persona": "student", "date_of_birth": "2015-03-04"}
    assert daemon.request("PUT", "/v1/users/kid", child).status == 201
    assert post_consent(daemon, "first").status == 201
    for one in callers:
        one.start()
    with stalled_postgres(daemon):
        for _ in callers:
            assert failed.acquire(timeout=60)
        over.set()
    for one in callers:
        one.join(60)
    again = {key: retry_until(partial(post_consent, daemon, key), lambda answer: answer.status == 201) for key in told}
    assert [key for key in told if told[key].status == 201 and told[key].body != again[key].body] == []
    consents = daemon.request("GET", "/v1/users/kid").json["consents"]
    assert len({answer.json["consent_id"] for answer in again.values()}) == len(told) == len(consents) - 1


def test_a_bulk_request_that_a_killed_daemon_broke_off_is_finished_by_its_repeat_and_no_item_decided_twice(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon(VIRAL_ENGINE_JOBS__HEARTBEAT_S="1")
    body = {"items": [{"user_id": "many", "action_type": "general", "session_id": f"s-{n}"} for n in range(ITEMS)]}

    def ask() -> Any:
        return daemon.request("POST", "/v1/actions/check/bulk", body, headers={"Idempotency-Key": "bulk"})

    def ask_until_it_dies() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            ask()

    asking = threading.Thread(target=ask_until_it_dies)
    asking.start()
    retry_until(lambda: recorded(daemon), bool)
    daemon.kill()
    asking.join(60)
    daemon.start()
    answer = retry_until(ask, lambda answer: answer.status == 200)
    ids = [one["decision_id"] for one in answer.json["answers"]]
    assert len(set(ids)) == ITEMS
    assert sorted(recorded(daemon)) == sorted(ids)
    assert ask().body == answer.body


def recorded(daemon: RunningDaemon) -> list[str]:
    """The ids of all decisions there are."""
    found: list[str] = []
    before = ""
    while True:
        page = daemon.request("GET", f"/v1/decisions?user_id=many&limit=200{before}").json
        found += [one["decision_id"] for one in page["decisions"]]
        if page["next_before"] is None:
            return found
        before = f"&before={page['next_before']}"
