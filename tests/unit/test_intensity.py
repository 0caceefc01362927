"""The sliding window of restarts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from viral_engine.runtime.intensity import admit_restart, restarts_in_window


def admitted(times_s: list[float], restarts_max: int, window_s: float) -> list[bool]:
    history: tuple[float, ...] = ()
    answers = []
    for now_s in times_s:
        answer, history = admit_restart(history, now_s, restarts_max=restarts_max, window_s=window_s)
        answers.append(answer)
    return answers


def test_n_restarts_are_admitted_and_one_more_is_not() -> None:
    assert admitted([0.0, 1.0, 2.0, 3.0], 3, 5.0) == [True, True, True, False]


def test_an_intensity_of_zero_admits_none() -> None:
    assert admitted([0.0], 0, 5.0) == [False]


def test_a_restart_exactly_as_old_as_the_window_still_counts() -> None:
    assert admitted([0.0, 5.0], 1, 5.0) == [True, False]
    assert admitted([0.0, 5.001], 1, 5.0) == [True, True]


def test_only_restarts_in_the_window_are_in_use() -> None:
    assert restarts_in_window((0.0, 3.0, 6.0), 8.0, 5.0) == 2


@given(
    st.lists(st.integers(0, 20), max_size=30).map(sorted),
    st.integers(0, 4),
    st.integers(1, 6),
)
def test_the_bounded_memory_decides_like_the_whole_history(
    times_s: list[int], restarts_max: int, window_s: int
) -> None:
    whole = [
        sum(now_s - window_s <= earlier_s for earlier_s in times_s[: position + 1]) <= restarts_max
        for position, now_s in enumerate(times_s)
    ]
    assert admitted([float(at_s) for at_s in times_s], restarts_max, float(window_s)) == whole


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30).map(sorted), st.integers(0, 4))
def test_the_memory_is_bounded(times_s: list[int], restarts_max: int) -> None:
    history: tuple[float, ...] = ()
    for now_s in times_s:
        _, history = admit_restart(history, float(now_s), restarts_max=restarts_max, window_s=100.0)
    assert len(history) <= restarts_max + 1
