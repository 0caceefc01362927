"""`docs/reviews.md` and the code say the same."""

from pathlib import Path

from viral_engine.actors.growth.pager.actor import TRIAL_S
from viral_engine.config import load
from viral_engine.domain.reports import BLOCK_DAYS, DISMISSED_MIN, NOTE_LENGTH_MIN, QUOTA_A_DAY, Category
from viral_engine.domain.weights import WEIGHTS
from viral_engine.messages.reviews import CloseBody
from viral_engine.store.reviews import CLAIM_MS, DAY_MS, HELD_MS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reviews.md").read_text()


def test_every_category_stands_there() -> None:
    assert [category.value for category in Category if f"`{category.value}`" not in PAGE] == []


def test_the_numbers_are_those_of_the_code() -> None:
    flags = WEIGHTS.flags
    assert (QUOTA_A_DAY, BLOCK_DAYS, DISMISSED_MIN, flags.source_cap, flags.cap) == (20, 7, 3, 3_000, 6_000)
    assert (NOTE_LENGTH_MIN, CloseBody.__doc__ is not None and "at least 20 characters" in CloseBody.__doc__) == (
        20,
        True,
    )
    assert (HELD_MS // DAY_MS, CLAIM_MS) == (400, 3_600_000)
    settings = load()
    assert (settings.jobs.pages_s, settings.pager.remind_s, TRIAL_S) == (30, 1_800, 3_600)
    for words in (
        "may send 20 a day",
        "for 7 days",
        "three or more dismissed",
        "3,000 to the score",
        "6,000",
        "400 days",
        "at least 20 characters",
        "every 30 s",
        "every 30 minutes",
        "every hour",
    ):
        assert words in PAGE
