"""A limit counts exactly, whoever asks at once and by whichever way."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from running_daemon import RunningDaemon

ASKED = 200
PLACES = 10


def body(user: str, number: int) -> dict[str, Any]:
    # From many devices, so that no limit but the user's own is in the way.
    return {
        "user_id": user, "action_type": "invite", "device_id": f"{user}-{number}",
        "ip_address": f"198.51.{number % 100}.{number // 100 + 1}",
    }  # fmt: skip


@pytest.mark.parametrize("keys", [1, 2])
def test_of_two_hundred_checks_at_once_on_a_limit_of_ten_exactly_ten_are_let_through(
    shared_daemon: RunningDaemon, keys: int
) -> None:
    check_only = (shared_daemon.data_dir / "api-key-check").read_text().split()[-1]
    together = Barrier(ASKED)

    def ask(number: int) -> tuple[str, tuple[str, ...]]:
        key = check_only if keys == 2 and number % 2 else shared_daemon.key
        together.wait(60)
        answer = shared_daemon.request("POST", "/v1/actions/check", body(f"crowd-{keys}", number), key=key)
        assert answer.status == 200
        return answer.json["decision"], tuple(answer.json["reasons"])

    with ThreadPoolExecutor(ASKED) as crowd:
        told = Counter(crowd.map(ask, range(ASKED)))
    refused = sum(count for (decision, reasons), count in told.items() if "rate_limited" in reasons)
    assert (refused, told["allow", ()]) == (ASKED - PLACES, PLACES)


def test_of_two_hundred_checks_in_one_request_exactly_ten_are_let_through(shared_daemon: RunningDaemon) -> None:
    items = [body("bulk-crowd", number) for number in range(ASKED)]
    answers = shared_daemon.request("POST", "/v1/actions/check/bulk", {"items": items}).json["answers"]
    assert Counter("rate_limited" in answer["reasons"] for answer in answers) == {False: PLACES, True: ASKED - PLACES}
