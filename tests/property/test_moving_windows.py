"""The moving windows against `limits`' MovingWindowRateLimiter, on random streams and at the very edge.

`limits` reads `time.time()`. Its module gets a clock of our own in place of `time`, whose unit we call a millisecond;
its housekeeping thread is not started, since it drops entries one instant before its own limiter lets go of them.
"""

from types import SimpleNamespace

import limits.storage.memory
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from viral_engine.domain.windows import MovingWindows

WINDOW = 20


class Quiet(MemoryStorage):
    """The storage without its timer thread."""

    def __init__(self) -> None:
        super().__init__()
        self.timer.cancel()
        self.timer.join()

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 - the name that `limits` mangles
        """Start no thread."""


@pytest.fixture(scope="module")
def clock() -> SimpleNamespace:
    return SimpleNamespace(now=0.0)


@pytest.fixture(scope="module", autouse=True)
def _driven_by_our_clock(clock: SimpleNamespace) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits.storage.memory, "time", SimpleNamespace(time=lambda: clock.now))
        yield


steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.one_of(st.integers(0, 4), st.sampled_from([WINDOW - 1, WINDOW, WINDOW + 1]))),
    max_size=120,
)


@given(steps=steps, limit=st.integers(1, 6))
def test_the_same_attempts_pass_as_with_limits(
    clock: SimpleNamespace, steps: list[tuple[str, int]], limit: int
) -> None:
    reference = MovingWindowRateLimiter(Quiet())
    item = RateLimitItemPerSecond(limit, WINDOW)
    ours = MovingWindows(WINDOW, 10)
    now = 1_000
    for key, later in steps:
        now += later
        clock.now = float(now)
        passes = reference.hit(item, key)
        usage = ours.test(key, limit, now)
        assert (usage.remaining > 0) is passes
        if passes:
            ours.take(key, now)


@given(steps=steps, limit=st.integers(1, 6))
def test_the_wait_that_is_told_is_exactly_the_wait_until_limits_lets_pass(
    clock: SimpleNamespace, steps: list[tuple[str, int]], limit: int
) -> None:
    reference = MovingWindowRateLimiter(Quiet())
    item = RateLimitItemPerSecond(limit, WINDOW)
    ours = MovingWindows(WINDOW, 10)
    now = 1_000
    for key, later in steps:
        now += later
        clock.now = float(now)
        if reference.hit(item, key):
            ours.take(key, now)
            continue
        wait = ours.test(key, limit, now).reset_ms
        clock.now = float(now + wait - 1)
        assert not reference.hit(item, key)
        clock.now = float(now + wait)
        assert reference.hit(item, key)
        return


@given(steps=steps)
def test_expiry_at_any_moment_changes_no_answer(steps: list[tuple[str, int]]) -> None:
    plain, cleaned = MovingWindows(WINDOW, 10), MovingWindows(WINDOW, 10)
    now = 1_000
    for key, later in steps:
        now += later
        cleaned.expire(now, 3)
        assert cleaned.test(key, 3, now) == plain.test(key, 3, now)
        plain.take(key, now)
        cleaned.take(key, now)


@given(steps=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=200))
def test_with_a_full_table_nobody_gets_more_than_with_endless_room(steps: list[tuple[int, int]]) -> None:
    """Decision 8: a flood of fresh ids frees nobody."""
    narrow, wide = MovingWindows(WINDOW, 4), MovingWindows(WINDOW, 1_000)
    now = 1_000
    for user, later in steps:
        now += later
        key = f"user{user}"
        passes = narrow.test(key, 2, now, "net").remaining > 0
        if passes:
            assert wide.test(key, 2, now).remaining > 0
            narrow.take(key, now, "net")
            wide.take(key, now)
