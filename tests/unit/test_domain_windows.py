"""Moving windows: the edge, the full table, the clock set back, the clean-up."""

import pytest

from viral_engine.domain.windows import MovingWindows, Usage

MINUTE_MS = 60_000


def full(windows: MovingWindows, key: str, places: int, now_ms: int = 1_000) -> None:
    for _ in range(places):
        windows.take(key, now_ms)


def test_the_eleventh_finds_no_place_and_the_first_comes_free_one_millisecond_past_the_window() -> None:
    windows = MovingWindows(MINUTE_MS, 100)
    full(windows, "a", 10)
    assert windows.test("a", 10, 1_000) == Usage(10, 0, MINUTE_MS + 1)
    assert windows.test("a", 10, 1_000 + MINUTE_MS) == Usage(10, 0, 1)
    assert windows.test("a", 10, 1_001 + MINUTE_MS) == Usage(0, 10, 0)


def test_no_span_of_one_window_ever_holds_more_than_the_limit() -> None:
    """A fixed window would pass twice the limit around its edge."""
    windows = MovingWindows(1_000, 100)
    taken = []
    for now_ms in range(0, 6_000, 37):
        if windows.test("a", 10, now_ms).remaining:
            windows.take("a", now_ms)
            taken.append(now_ms)
    assert max(sum(start <= at <= start + 1_000 for at in taken) for start in taken) == 10


def test_looking_takes_nothing() -> None:
    windows = MovingWindows(MINUTE_MS, 100)
    for _ in range(50):
        assert windows.test("a", 10, 5) == Usage(0, 10, 0)
    assert len(windows) == 0


def test_a_clock_set_back_frees_nobody() -> None:
    windows = MovingWindows(MINUTE_MS, 100)
    full(windows, "a", 10, 500_000)
    assert windows.test("a", 10, 1).remaining == 0
    windows.take("b", 1)
    assert windows.test("b", 10, 500_000 + MINUTE_MS).used == 1


def test_a_lowered_limit_waits_until_fewer_than_it_are_left() -> None:
    windows = MovingWindows(MINUTE_MS, 100)
    for now_ms in (0, 100, 200, 300):
        windows.take("a", now_ms)
    assert windows.test("a", 2, 400) == Usage(4, 0, 200 + MINUTE_MS + 1 - 400)
    assert windows.test("a", 4, 400) == Usage(4, 0, 0 + MINUTE_MS + 1 - 400)


def test_a_limit_of_nothing_lets_nothing_pass() -> None:
    windows = MovingWindows(MINUTE_MS, 100)
    assert windows.test("a", 0, 0) == Usage(0, 0, MINUTE_MS)
    windows.take("a", 0)
    assert windows.test("a", 0, 0).remaining == 0


def test_a_flood_of_fresh_keys_evicts_nobody_and_frees_nobody() -> None:
    windows = MovingWindows(MINUTE_MS, 32)
    full(windows, "known", 10)
    for number in range(1_000):
        windows.take(f"fresh{number}", 1_001, "net")
    assert len(windows) == 32
    assert windows.test("known", 10, 1_002).remaining == 0
    assert windows.test("fresher still", 10, 1_002, "net").remaining == 0
    assert windows.test("elsewhere", 10, 1_002, "other net").remaining == 10


def test_too_many_groups_share_one() -> None:
    windows = MovingWindows(MINUTE_MS, 32)
    full(windows, "known", 10)
    for number in range(1_000):
        windows.take(f"fresh{number}", 1_001, f"net{number}")
    assert windows.groups == 2
    assert windows.test("one more", 10, 1_002, "another net").remaining == 0


def test_a_key_that_gets_a_row_of_its_own_inherits_what_its_group_holds() -> None:
    windows = MovingWindows(1_000, 32)
    for number in range(32):
        windows.take(f"old{number}", 0)
    for _ in range(10):
        windows.take("fresh", 900, "net")
    assert windows.groups == 1
    windows.expire(1_100, 1_000)
    assert len(windows) == 0
    assert windows.test("fresh", 10, 1_100, "net").remaining == 0
    windows.take("sibling", 1_100, "net")
    assert windows.test("sibling", 20, 1_100).used == 11
    assert windows.test("sibling", 20, 1_901).used == 1


def test_a_full_table_admits_new_keys_as_soon_as_old_ones_are_dead() -> None:
    windows = MovingWindows(1_000, 32)
    for number in range(32):
        windows.take(f"old{number}", 0)
    windows.take("fresh", 1_100)
    assert windows.groups == 0
    assert windows.test("fresh", 10, 1_100).used == 1


def test_the_clean_up_drops_the_dead_within_its_budget_and_leaves_the_living() -> None:
    """Counts do not only grow."""
    windows = MovingWindows(1_000, 1_000)
    for number in range(100):
        windows.take(f"dead{number}", 0)
    windows.take("dead0", 900)
    assert windows.expire(1_500, 40) <= 40
    dropped = windows.expire(1_500, 1_000)
    assert len(windows) == 1
    assert dropped > 0
    assert windows.test("dead0", 10, 1_500).used == 1
    assert windows.expire(10_000, 1_000) == 1
    assert len(windows) == 0


def test_insertions_alone_keep_the_table_small() -> None:
    windows = MovingWindows(1_000, 100_000)
    for now_ms in range(0, 60_000, 5):
        windows.take(f"user{now_ms}", now_ms)
    assert len(windows) < 300


def test_recorded_attempts_restore_the_window_and_a_straggler_frees_nobody() -> None:
    lived, restored = MovingWindows(MINUTE_MS, 100), MovingWindows(MINUTE_MS, 100)
    for at_ms in (10, 20, 30):
        lived.take("a", at_ms)
        restored.restore("a", at_ms)
    assert restored.test("a", 10, 40) == lived.test("a", 10, 40)
    restored.restore("a", 15)
    assert restored.test("a", 10, 30 + MINUTE_MS).used == 2


def test_only_the_newest_places_are_kept_and_a_greater_limit_is_refused() -> None:
    windows = MovingWindows(MINUTE_MS, 10, places_max=20)
    full(windows, "a", 100)
    assert windows.test("a", 20, 1_000).used == 20
    with pytest.raises(ValueError, match="beyond"):
        windows.test("a", 21, 1_000)
