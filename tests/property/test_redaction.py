"""Redaction of any text: never raises, comes back exactly, has nothing left to find, leaks nothing it found."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from viral_engine.domain.redaction.fold import fold_text
from viral_engine.domain.redaction.known_names import KNOWN_MAX, Known
from viral_engine.domain.redaction.redact import redact
from viral_engine.domain.redaction.tokens import cut

PIECES = st.sampled_from([
    "kid@example.com", "a (at) b (dot) com", " at ", " dot ", "com", "@", ".", "-", " ", "\n", ",",
    "415-555-2671", "415", "555", "2671", "+1", "+44 20 7946 0958", "123-45-6789", "123", "45", "6789",
    "4111 1111 1111 1111", "192.168.1.1", "::1", "2001:db8::1", "https://", "www.", "example.org/u/12345",
    "instagram.com/", "12 Main Street", "Apt 4B", "born ", "03/14/2012", "March ", "14", "Lincoln ",
    "High School", "PS 118", "Maya", "Chen", "maya", "my name is ", "Hi ", "I'm ", "John ", "Will", "one ",
    "double ", "five ", "call ", "ssn ", "[EMAIL_1]", "[NAME_2]", "[", "]", "[PHONE_", "=", "*", "/", "x", "(",
    ")", "\u200b", "\u0301", "\uff11", "\ufb03", "\u738b", "\ufffc", "'s", "_", "St.", "P.", "#", ";", "\ud800",
    "my number is ", "mi n\u00famero es ", "555-1234", "text me", "llamame al ", "612345678", " divided by ",
    "calle ", "Av. Reforma ", "222", "12 rue de ", "28014 Madrid", "SW1A 2AA", "I live at ", "vivo en ",
    "C/ ", "# 12-34", "my insta is ", "mayac14", "@maya.c", " on snapchat: ", "add me", "maya#1234", "discord",
])  # fmt: skip
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map("".join))
NAMES = st.lists(st.sampled_from(["Maya Chen", "Jos\u00e9", "Will", "Chen", "Lincoln High", "\u738b"]), max_size=4)


@given(TEXTS, NAMES, st.booleans())
@example(text="[EMAIL_1] [EMAIL_2] kid@example.com", names=[], guess=True)
def test_the_original_comes_back_exactly(text: str, names: list[str], guess: bool) -> None:  # noqa: FBT001
    redacted = redact(text, Known(names), guess=guess)
    assert redacted.placeholders.restore(redacted.text) == text


@given(TEXTS, NAMES, st.booleans())
def test_nothing_is_left_to_find(text: str, names: list[str], guess: bool) -> None:  # noqa: FBT001
    once = redact(text, Known(names), guess=guess).text
    again = redact(once, Known(names), guess=guess)
    assert (again.text, again.counts) == (once, {})


@given(TEXTS, NAMES, TEXTS)
def test_the_output_has_no_known_name(before: str, names: list[str], after: str) -> None:
    names = [*names, "Zuzanna Okonkwo"]
    redacted = redact(f"{before} zuzanna {after} OKONKWO, Zuzanna Okonkwo", Known(names), guess=False)
    words = {token.word for token in cut(fold_text(redacted.text))}
    assert not words & {"zuzanna", "okonkwo"}


@example("", "0192.168.1.1", "192.168.1.1")
@given(TEXTS, TEXTS, st.sampled_from(["kid@example.com", "123-45-6789", "192.168.1.1", "(415) 555-2671"]))
def test_what_is_found_is_nowhere_in_what_comes_out(before: str, after: str, secret: str) -> None:
    redacted = redact(f"{before}\n{secret}\n{after}")
    # As a whole: the first digits of a longer number are another thing.
    whole = re.compile(rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])")
    assert whole.search(redacted.text) is None
    assert whole.search(repr(redacted)) is None


@given(st.lists(st.text(max_size=20), max_size=KNOWN_MAX), TEXTS)
def test_any_names_are_taken_or_refused(names: list[str], text: str) -> None:
    try:
        known = Known(names)
    except ValueError:
        return
    redacted = redact(text, known)
    assert redacted.placeholders.restore(redacted.text) == text
