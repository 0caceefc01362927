"""The book of referrals: how many others somebody brought in a day, and who of them sit together."""

from __future__ import annotations

from viral_engine.domain.duplicates import DAY_MS
from viral_engine.domain.referrals import REFEREES_MAX, ReferralBook, ReferralUse

NOON = 1_700_000_000_000


def book_of(*referees: tuple[str, str | None, str | None], referrers_max: int = 10) -> ReferralBook:
    book = ReferralBook(referrers_max)
    for user, device, group in referees:
        book.book("ref", user, device, group, NOON)
    return book


def test_the_user_at_hand_is_not_counted_and_a_stranger_has_brought_nobody() -> None:
    book = book_of(("ann", "d1", "g1"))
    assert book.look("ref", "ann", "d1", "g1", NOON) == ReferralUse(0, 0)
    assert book.look("other", "ann", "d1", "g1", NOON) == ReferralUse(0, 0)
    assert book.look("ref", "bob", "d2", "g2", NOON) == ReferralUse(1, 0)


def test_those_who_share_a_device_or_an_address_with_the_user_or_each_other_are_counted() -> None:
    book = book_of(("ann", "d1", "g1"), ("bob", "d1", "g2"), ("cid", "d3", "g3"), ("dot", None, None))
    assert book.look("ref", "eve", "d9", "g9", NOON) == ReferralUse(4, 2)
    assert book.look("ref", "eve", "d3", None, NOON) == ReferralUse(4, 3)
    assert book.look("ref", "eve", "d1", "g3", NOON) == ReferralUse(4, 3)


def test_having_no_device_is_nothing_that_people_share() -> None:
    book = book_of(("ann", None, None), ("bob", None, None))
    assert book.look("ref", "eve", None, None, NOON) == ReferralUse(2, 0)


def test_a_second_note_of_a_user_replaces_the_first() -> None:
    book = book_of(("ann", "d1", "g1"), ("ann", "d2", "g2"))
    assert book.look("ref", "eve", "d1", "g1", NOON) == ReferralUse(1, 0)
    assert book.look("ref", "eve", "d2", None, NOON) == ReferralUse(1, 1)


def test_a_referee_counts_for_a_day_and_not_a_millisecond_longer() -> None:
    book = book_of(("ann", "d1", "g1"))
    assert book.look("ref", "eve", None, None, NOON + DAY_MS).referees == 1
    assert book.look("ref", "eve", None, None, NOON + DAY_MS + 1).referees == 0


def test_of_one_referrer_the_newest_are_kept() -> None:
    book = book_of(*((f"u{n}", f"d{n}", None) for n in range(REFEREES_MAX + 1)))
    assert book.look("ref", "eve", "d0", None, NOON) == ReferralUse(REFEREES_MAX, 0)
    assert book.look("ref", "eve", f"d{REFEREES_MAX}", None, NOON) == ReferralUse(REFEREES_MAX, 1)


def test_at_the_limit_the_referrer_who_was_quiet_longest_goes() -> None:
    book = ReferralBook(2)
    for at_ms, referrer in enumerate(("a", "b", "a", "c"), NOON):
        book.book(referrer, f"u{at_ms}", None, None, at_ms)
    assert len(book) == 2
    assert [book.look(name, "eve", None, None, NOON).referees for name in "abc"] == [2, 0, 1]


def test_clean_up_drops_the_dead_within_its_budget_and_nobody_else() -> None:
    book = ReferralBook(10)
    for n in range(4):
        book.book(f"old{n}", "u", None, None, NOON)
    book.book("young", "u", None, None, NOON + DAY_MS)
    assert book.expire(NOON + DAY_MS, 10) == 0
    assert book.expire(NOON + DAY_MS + 1, 3) == 3
    assert book.expire(NOON + DAY_MS + 1, 3) == 1
    assert len(book) == 1
