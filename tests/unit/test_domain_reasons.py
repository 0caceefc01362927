"""Reason codes: documented, complete, and discreet towards end users."""

import re
from pathlib import Path

from viral_engine.domain.reasons import RANK, REASONS, Reason, ranked

DOCS = Path(__file__).parents[2] / "docs" / "reasons.md"
TELLING = re.compile(
    r"fraud|block|score|device|address|\bip\b|report|flag|limit|duplicate|detect|suspec"
    r"|fraude|bloque|puntu|dispositivo|direcci|denunci|límite|duplicad|detecta|sospech",
    re.IGNORECASE,
)


def test_the_documentation_lists_exactly_the_codes_of_the_program_in_their_order_and_words() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(str(code), text.meaning, *text.to_user) for code, text in REASONS.items()]


def test_every_code_has_its_texts_and_its_rank() -> None:
    assert list(REASONS) == list(Reason)
    assert list(RANK) == list(Reason)


def test_the_words_to_a_user_never_say_how_they_were_caught() -> None:
    """Whoever is told teaches themselves to pass."""
    for code, text in REASONS.items():
        assert [words for words in text.to_user if TELLING.search(words)] == [], code
        assert text.to_user.en != text.to_user.es


def test_a_block_ranks_before_a_limit_and_a_limit_before_consent() -> None:
    found = {Reason.PARENTAL_CONSENT_REQUIRED, Reason.RATE_LIMITED, Reason.USER_BLOCKED, Reason.UNKNOWN_ACTION}
    assert ranked(found) == (
        Reason.USER_BLOCKED,
        Reason.RATE_LIMITED,
        Reason.PARENTAL_CONSENT_REQUIRED,
        Reason.UNKNOWN_ACTION,
    )
