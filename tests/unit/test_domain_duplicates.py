"""The book of signups and the count of distinct users it rests on."""

from viral_engine.domain.distinct import DistinctUsers, _find
from viral_engine.domain.duplicates import DAY_MS, SignupBook, SignupUse


def test_others_on_the_device_or_from_the_address_within_a_day_are_found() -> None:
    """Device or address, and the window, and the kind."""
    book = SignupBook(100)
    book.book("a", "phone", "192.0.2.1", 1_000)
    assert book.look("b", "phone", "192.0.2.9", 2_000) == SignupUse(1, 0)
    assert book.look("b", "tablet", "192.0.2.1", 2_000) == SignupUse(0, 1)
    assert book.look("b", "phone", "192.0.2.1", 1_000 + DAY_MS) == SignupUse(1, 1)
    assert book.look("b", "phone", "192.0.2.1", 1_001 + DAY_MS) == SignupUse(0, 0)


def test_without_a_device_and_an_address_there_is_no_verdict() -> None:
    """Nobody is refused for what is not known of them."""
    book = SignupBook(100)
    book.book("a", None, None, 1_000)
    assert book.look("b", None, None, 1_001) == SignupUse(0, 0)


def test_a_users_own_retry_is_no_duplicate() -> None:
    book = SignupBook(100)
    book.book("a", "phone", "192.0.2.1", 1_000)
    assert book.look("a", "phone", "192.0.2.1", 2_000) == SignupUse(0, 0)


def test_members_of_a_verified_household_are_not_counted() -> None:
    book = SignupBook(100)
    for user in ("mother", "son", "stranger"):
        book.book(user, "phone", "192.0.2.1", 1_000)
    assert book.look("daughter", "phone", "192.0.2.1", 2_000, frozenset({"mother", "son"})) == SignupUse(1, 1)


def test_looking_books_nothing() -> None:
    book = SignupBook(100)
    book.look("a", "phone", "192.0.2.1", 1_000)
    assert book.look("b", "phone", "192.0.2.1", 1_000) == SignupUse(0, 0)


def test_a_full_book_says_that_it_does_not_know_and_forgets_nobody() -> None:
    book = SignupBook(2)
    for number in range(3):
        book.book(f"u{number}", f"d{number}", None, 1_000)
    assert book.look("x", "d0", None, 1_001) == SignupUse(1, 0)
    assert book.look("x", "d2", None, 1_001) == SignupUse(0, 0, known=False)
    for number in range(2):
        book.book(f"u{number}", None, f"192.0.2.{number}", 1_000)
    assert book.look("x", None, "192.0.2.9", 1_001) == SignupUse(0, 0, known=False)
    book.expire(1_001 + 2 * DAY_MS, 100)
    assert book.look("x", "d2", None, 1_001 + 2 * DAY_MS) == SignupUse(0, 0)


def test_users_are_counted_once_however_often_they_are_seen() -> None:
    seen = DistinctUsers(1_000, 10)
    for now_ms in range(0, 900, 10):
        seen.add("d", "a", now_ms)
        seen.add("d", "b", now_ms)
    assert seen.others("d", "c", 900) == 2
    assert seen.others("d", "a", 900) == 1
    assert seen.others("d", "c", 1_890) == 2
    assert seen.others("d", "c", 1_891) == 0
    assert seen.others("e", "c", 900) == 0


def test_a_user_seen_again_counts_from_then() -> None:
    seen = DistinctUsers(1_000, 10)
    seen.add("d", "a", 0)
    seen.add("d", "b", 500)
    seen.add("d", "a", 900)
    assert seen.others("d", "x", 1_200) == 2
    assert seen.others("d", "x", 1_600) == 1
    assert seen.others("d", "a", 1_600) == 0


def test_the_count_stops_at_its_bound() -> None:
    seen = DistinctUsers(1_000, 10, users_max=8)
    for number in range(100):
        seen.add("d", f"u{number}", number)
    assert seen.others("d", "x", 100) == 8


def test_a_mark_that_straddles_two_pairs_is_nobody() -> None:
    row = bytes(range(32))
    assert _find(row, row[16:24]) == 16
    assert _find(row, row[8:16]) == -1
    assert _find(row[8:16] * 2 + row[12:20] + bytes(8), row[12:16] + row[8:12]) == -1
