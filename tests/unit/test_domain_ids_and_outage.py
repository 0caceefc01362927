"""Ids that sort by time, and what is answered when nothing can be recorded."""

from datetime import date
from uuid import UUID

import pytest

from viral_engine.domain.disposable import is_disposable
from viral_engine.domain.outage import OutagePolicy, outage_answer
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.uuid7 import Uuid7Source, day_bounds, day_of, lowest_uuid7, text_of, timestamp_ms_of


def test_an_id_is_of_version_7_and_knows_its_millisecond() -> None:
    made = Uuid7Source(lambda size: b"\xa5" * size).next(1_700_000_000_123)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert timestamp_ms_of(made) == 1_700_000_000_123


def test_the_forms_of_an_id_agree() -> None:
    first, second, third = (Uuid7Source(lambda size: bytes(range(250)) * (size // 250)) for _ in range(3))
    made = first.next(5)
    assert second.next_bytes(5) == made.bytes
    assert third.next_int(5) == made.int
    assert text_of(made.bytes) == str(made)


def test_an_exhausted_counter_runs_ahead_of_the_clock_and_never_back() -> None:
    source = Uuid7Source(lambda size: b"\xff" * size)
    made = [source.next_int(7) for _ in range(10_000)]
    assert made == sorted(set(made))
    assert timestamp_ms_of(UUID(int=made[-1])) > 7


def test_a_day_holds_exactly_the_ids_made_on_it() -> None:
    low, high = day_bounds(date(2026, 11, 22))
    source = Uuid7Source(bytes)
    first = source.next(timestamp_ms_of(low))
    last = Uuid7Source(lambda size: b"\xff" * size).next(timestamp_ms_of(high) - 1)
    assert low <= first < high
    assert low < last < high
    assert day_of(first) == day_of(last) == date(2026, 11, 22)
    assert day_of(high) == date(2026, 11, 23)
    assert lowest_uuid7(timestamp_ms_of(high)) == high


@pytest.mark.parametrize("decided", [None, *Outcome])
def test_the_outage_policy_answers(decided: Outcome | None) -> None:
    """A known refusal stays one when the journal fails open."""
    assert outage_answer(OutagePolicy.UNAVAILABLE, decided).outcome is None
    assert outage_answer(OutagePolicy.FAIL_CLOSED, decided).outcome is Outcome.DENY
    assert outage_answer(OutagePolicy.FAIL_OPEN, decided).outcome is (decided or Outcome.ALLOW)
    assert [outage_answer(policy, decided).degraded for policy in OutagePolicy] == [False, True, True]


def test_throw_away_domains_are_known_with_what_lies_under_them() -> None:
    assert is_disposable("mailinator.com")
    assert is_disposable("team.mailinator.com")
    assert not is_disposable("notmailinator.com")
    assert not is_disposable("example.com")
