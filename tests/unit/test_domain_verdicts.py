"""What users are told of a verdict: kind, in each language, and never by what they were noticed."""

from test_domain_reasons import TELLING

from viral_engine.domain.reasons import REASONS, Reason
from viral_engine.domain.verdicts import HELD_UPHELD, OVERTURNED, PROVE, UPHELD, words_after, words_of

WORDS = REASONS[Reason.PARENTAL_CONSENT_REQUIRED].to_user


def test_whoever_was_right_is_told_that_all_is_well() -> None:
    assert words_after("overturned", "deny", WORDS) == words_after("overturned", "review", WORDS) == OVERTURNED


def test_an_answer_that_stays_still_says_what_can_be_done_about_it() -> None:
    told = words_after("upheld", "deny", WORDS)
    assert told.en == f"{UPHELD.en} {WORDS.en}"
    assert told.es == f"{UPHELD.es} {WORDS.es}"


def test_whoever_waited_for_a_person_is_not_told_to_wait_on() -> None:
    assert words_after("upheld", "review", REASONS[Reason.FRAUD_SUSPECTED].to_user) == HELD_UPHELD


def test_until_somebody_has_looked_the_words_are_those_of_the_reason() -> None:
    assert words_after("open", "review", WORDS) == words_after(None, "review", WORDS) == WORDS


def test_the_words_never_say_how_somebody_was_noticed() -> None:
    for text in (OVERTURNED, UPHELD, HELD_UPHELD):
        assert [words for words in text if TELLING.search(words)] == []
        assert text.en != text.es


def test_a_challenge_asks_for_a_proof_and_not_for_patience() -> None:
    assert words_of("challenge", [Reason.FRAUD_SUSPECTED]) == PROVE
    assert words_of("review", [Reason.FRAUD_SUSPECTED]) == REASONS[Reason.FRAUD_SUSPECTED].to_user
    assert words_of("challenge", [Reason.CONTENT_PII]) == REASONS[Reason.CONTENT_PII].to_user


def test_of_whom_no_age_is_known_is_asked_for_it_before_a_parent_is() -> None:
    reasons = [Reason.PARENTAL_CONSENT_REQUIRED, Reason.AGE_UNKNOWN]
    assert words_of("deny", reasons) == REASONS[Reason.AGE_UNKNOWN].to_user
    assert words_of("deny", reasons[:1]) == REASONS[Reason.PARENTAL_CONSENT_REQUIRED].to_user
    assert words_of("deny", [Reason.USER_BLOCKED, *reasons]) == REASONS[Reason.USER_BLOCKED].to_user
