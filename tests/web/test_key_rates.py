"""The rate of an API key: so many requests in any 60 s, refused ones not counted."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_serving import serving

from viral_engine.web.errors import ApiError
from viral_engine.web.key_rates import WINDOW_S, KeyRates


@dataclass
class Watch:
    """Monotonic seconds that a test moves."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def is_taken(rates: KeyRates, rate: int, count: int = 1, *, key_id: str = "k", taken: int = 0) -> bool:
    try:
        rates.take(key_id, rate, count, taken=taken)
    except ApiError as refused:
        return (refused.status, refused.code) != ((422, "invalid") if count > rate else (429, "key_rate_exceeded"))
    return True


@given(
    rate=st.integers(1, 6),
    asked=st.lists(st.tuples(st.integers(0, 25), st.integers(1, 7), st.booleans()), max_size=60),
)
def test_no_60_s_hold_more_than_the_rate_and_nothing_is_refused_that_fits(
    rate: int, asked: list[tuple[int, int, bool]]
) -> None:
    watch = Watch()
    rates = KeyRates(watch)
    taken: list[float] = []
    for passed_s, count, begins_with_one in asked:
        watch.now_s += passed_s
        held = sum(instant > watch.now_s - WINDOW_S for instant in taken)
        if begins_with_one and not is_taken(rates, rate):
            assert held == rate
            continue
        fits = held + count <= rate
        assert is_taken(rates, rate, count, taken=int(begins_with_one)) == fits
        taken += [watch.now_s] * (count if fits else 0)


def test_a_refusal_tells_when_there_is_room_for_all_that_was_asked() -> None:
    watch = Watch()
    rates = KeyRates(watch)
    for second in (0, 10, 20):
        watch.now_s = float(second)
        rates.take("k", 3)
    for count, wait_s in ((1, 40), (2, 50), (3, 60)):
        with pytest.raises(ApiError) as refused:
            rates.take("k", 3, count)
        assert dict(refused.value.headers)[b"retry-after"] == b"%d" % wait_s
        assert dict(refused.value.headers)[b"ratelimit-policy"] == b'"key";q=3;w=60'


def test_more_at_once_than_the_rate_is_never_taken_and_says_so() -> None:
    with pytest.raises(ApiError, match="3 a minute, never for 4 at once") as refused:
        KeyRates(Watch()).take("k", 3, 4)
    assert refused.value.status == 422


def test_a_bulk_request_beyond_the_rate_is_told_that_it_never_fits_and_takes_no_place() -> None:
    with serving() as served:
        key = served.reader.add_key(["check"], rate_per_minute=2)
        checks = {"items": [{"user_id": 1, "action_type": "general"}] * 3}
        refused = served.request("POST", "/v1/actions/check/bulk", checks, key=key)
        assert refused.error[:2] == (422, "invalid")
        assert "never for 3 at once" in refused.json["message"]
        assert [served.check(key=key).status for _ in range(3)] == [200, 200, 429]


def test_keys_do_not_share_and_one_that_is_gone_is_forgotten() -> None:
    rates = KeyRates(Watch())
    assert is_taken(rates, 1, key_id="a")
    assert is_taken(rates, 1, key_id="b")
    rates.keep({"b"})
    assert not is_taken(rates, 1, key_id="b")
    assert is_taken(rates, 1, key_id="a")


def test_over_http_every_route_counts_and_each_check_of_a_bulk_request() -> None:
    with serving() as served:
        key = served.reader.add_key(["check", "operate"], rate_per_minute=6)
        checks = {"items": [{"user_id": 1, "action_type": "general"}] * 3}
        assert served.check(key=key).status == 200
        assert served.request("GET", "/v1/keys", key=key).status == 200
        assert served.request("POST", "/v1/actions/check/bulk", checks, key=key).status == 200
        assert served.request("POST", "/v1/actions/check/bulk", checks, key=key).error[:2] == (429, "key_rate_exceeded")
        assert served.check(key=key).status == 200, "what was refused took no place"
        refused = served.check(key=key)
        assert refused.error == (429, "key_rate_exceeded", None)
        assert 1 <= int(refused.headers["retry-after"]) <= WINDOW_S
        assert served.check().status == 200, "other keys are not held up"


def test_the_rate_outlives_a_restart_of_web() -> None:
    with serving() as served:
        key = served.reader.add_key(["check"], rate_per_minute=1)
        assert served.check(key=key).status == 200
        served.kill_web()
        assert served.check(key=key).status == 429
