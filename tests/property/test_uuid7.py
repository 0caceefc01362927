"""Ids grow whatever the clock does, and their milliseconds never lie behind it."""

from itertools import pairwise
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from viral_engine.domain.uuid7 import Uuid7Source, lowest_uuid7, timestamp_ms_of


@given(st.lists(st.integers(0, 2**47), min_size=1, max_size=200), st.integers())
def test_each_id_is_above_the_one_before_whatever_the_clock_says(instants: list[int], seed: int) -> None:
    source = Uuid7Source(Random(seed).randbytes)  # noqa: S311 - repeatable, no secret
    made = [source.next(now_ms) for now_ms in instants]
    assert made == sorted(set(made))
    for now_ms, value in zip(instants, made, strict=True):
        assert timestamp_ms_of(value) >= now_ms
        assert (value.version, value >= lowest_uuid7(now_ms)) == (7, True)


@given(st.integers(0, 5), st.integers(4_000, 9_000))
def test_a_burst_within_one_millisecond_keeps_its_order(now_ms: int, size: int) -> None:
    source = Uuid7Source(Random(0).randbytes)  # noqa: S311 - repeatable, no secret
    made = [source.next_int(now_ms) for _ in range(size)]
    assert all(low < high for low, high in pairwise(made))
    assert UUID(int=made[-1]).version == 7
