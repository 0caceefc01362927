"""429 tells a client when to come back, in whole seconds and never at once."""

from __future__ import annotations

import pytest
from web_serving import serving

from viral_engine.domain.reports import QUOTA_A_DAY
from viral_engine.messages.refusals import Refused
from viral_engine.messages.reviews import AddReport
from viral_engine.web.quotas import too_many, whole_seconds

REPORT = {"reporter_id": 7, "kind": "user", "value": 42, "category": "spam"}


@pytest.mark.parametrize(("wait_s", "told"), [(0.0, 1), (-3.0, 1), (0.2, 1), (1.0, 1), (1.001, 2), (86_399.5, 86_400)])
def test_a_wait_is_rounded_up_and_at_least_a_second(wait_s: float, told: int) -> None:
    assert whole_seconds(wait_s) == told


def test_the_headers_name_quota_window_and_wait() -> None:
    headers = dict(too_many("rate_limited", "-", policy="key", quota=100, window_s=60, wait_s=12.3).headers)
    assert headers == {
        b"retry-after": b"13", b"ratelimit-policy": b'"key";q=100;w=60', b"ratelimit": b'"key";r=0;t=13',
    }  # fmt: skip


def test_a_reporter_whose_quota_is_used_up_is_told_when_the_day_ends() -> None:
    with serving() as served:
        served.trust_safety.answers[AddReport] = Refused(
            "quota_exceeded", "enough for today", field="reporter_id", http_status=429
        )
        answer = served.request("POST", "/v1/reports", REPORT)
        left_s = 86_400 - served.system.clock.wall_ms() // 1000 % 86_400
    assert answer.error == (429, "quota_exceeded", "reporter_id")
    wait_s = int(answer.headers["retry-after"])
    assert (wait_s - left_s) % 86_400 <= 30
    assert answer.headers["ratelimit-policy"] == f'"reports";q={QUOTA_A_DAY};w=86400'
    assert answer.headers["ratelimit"] == f'"reports";r=0;t={wait_s}'


def test_any_other_refusal_of_a_report_stays_what_it_is() -> None:
    with serving() as served:
        served.trust_safety.answers[AddReport] = Refused("limit_reached", "no room", http_status=409)
        answer = served.request("POST", "/v1/reports", REPORT)
    assert answer.error == (409, "limit_reached", None)
    assert "retry-after" not in answer.headers
