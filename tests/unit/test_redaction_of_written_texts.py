"""Figures on texts made by rules of their own (`written_texts`): every spelling that a detail is disguised in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from written_texts import Writer

from viral_engine.domain.redaction.fold import fold_text, literal_placeholders
from viral_engine.domain.redaction.kinds import Kind
from viral_engine.domain.redaction.known_names import Known
from viral_engine.domain.redaction.redact import redact
from viral_engine.domain.redaction.tokens import cut

ROUNDS = 40
PHONE_RECALL_MIN = 0.8
FALSE_HITS_MAX = 20
TEXTS = 1500
NAME_RECALL_MIN = 0.99
Rests = Callable[[str], set[str]]


def digits_of(text: str) -> set[str]:
    return {token.text for token in cut(fold_text(text)) if token.kind == "d"}


def words_of(text: str) -> set[str]:
    """What a reader could still make out: the longer words, and of short ones none, for frames have such too."""
    return {token.word for token in cut(fold_text(text)) if token.kind == "w" and len(token.word) > 3} - {
        "mailto", "commat", "period", "arroba", "punto", "point", "online", "club", "academy", "family", "info",
    }  # fmt: skip


def missed(
    kind: Kind, spellings: Callable[[Writer], dict[str, str]], rests: Rests
) -> tuple[Counter[str], Counter[str]]:
    """How often each spelling was tried, and how often something of it was left standing."""
    writer = Writer(20_261_126)
    tried: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for _ in range(ROUNDS):
        for spelling, secret in spellings(writer).items():
            frame = writer.frame()
            redacted = redact(frame.replace("{}", secret), guess=False)
            tried[spelling] += 1
            is_hidden = redacted.counts.keys() & {kind, Kind.URL}
            rest = rests(redacted.text) & (rests(secret) - rests(frame))
            left[spelling] += not is_hidden or bool(rest)
    return tried, +left


def test_every_email_address_is_hidden_in_every_spelling() -> None:
    assert missed(Kind.EMAIL, Writer.email, words_of)[1] == {}


def test_every_social_security_number_is_hidden_in_every_spelling() -> None:
    def left(text: str) -> set[str]:
        # The number of a placeholder has one digit here.
        return {digits for digits in digits_of(text) if len(digits) > 1}

    assert missed(Kind.SSN, Writer.ssn, left)[1] == {}


def test_phone_numbers_are_hidden_in_every_spelling_with_few_exceptions() -> None:
    def left(text: str) -> set[str]:
        return {digits for digits in digits_of(text) if len(digits) > 3}

    tried, of_them = missed(Kind.PHONE, Writer.phone, left)
    assert {form: count for form, count in of_them.items() if count > (1 - PHONE_RECALL_MIN) * tried[form]} == {}


def test_numbers_that_are_nobodys_survive() -> None:
    writer = Writer(20_261_127)
    texts = [writer.arithmetic() for _ in range(TEXTS)]
    touched = [text for text in texts if redact(text, guess=False).text != text]
    assert len(touched) <= FALSE_HITS_MAX, touched


def test_supplied_names_of_any_script_are_hidden_in_every_spelling() -> None:
    writer = Writer(20_261_128)
    tried = found = 0
    for _ in range(ROUNDS):
        name = writer.name()
        for written in writer.spelling_of(name).values():
            redacted = redact(writer.frame().replace("{}", written), Known([name]), guess=False)
            longer = {word for word in words_of(written) if word not in {"van", "der"}}
            tried += 1
            found += Kind.NAME in redacted.counts and not longer & words_of(redacted.text)
    assert found >= NAME_RECALL_MIN * tried


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from(["[EMAIL_1]", "[NAME_2]", "[PHONE_3", "\u0301", "\n", ""]), max_size=3),
)
def test_any_mixture_comes_back_and_is_its_own_redaction_without_a_placeholder_in_another(
    seed: int, strangers: list[str]
) -> None:
    writer = Writer(seed)
    name = writer.name()
    details = [
        *writer.email().values(),
        *writer.ssn().values(),
        *writer.phone().values(),
        *writer.spelling_of(name).values(),
    ]
    pieces = [
        *(writer.frame().replace("{}", detail) for detail in details[seed % 7 :: 7]),
        writer.arithmetic(),
        *strangers,
    ]
    text = " ".join(pieces)
    redacted = redact(text, Known([name]))
    assert redacted.placeholders.restore(redacted.text) == text
    assert redact(redacted.text, Known([name])).text == redacted.text
    # Restored once, nothing of ours is left: no placeholder was made of another.
    assert literal_placeholders(redacted.placeholders.restore(redacted.text)) == literal_placeholders(text)
    mine = Counter(place[2] for place in literal_placeholders(redacted.text))
    assert not Counter(place[2] for place in literal_placeholders(text)) - mine
