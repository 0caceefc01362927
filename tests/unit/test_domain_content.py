"""What a decision makes of content, and what is seen in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import Consent, ConsentMethod
from viral_engine.domain.content_phrases import Signal
from viral_engine.domain.content_signals import look_at, signals_in
from viral_engine.domain.counterfactual import Step, what_would_allow
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, facts_from_dict, facts_to_dict
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED
from viral_engine.domain.reasons import Reason
from viral_engine.domain.redaction.kinds import Kind

MESSAGE = Facts(action="invite", now_ms=1_000, band=AgeBand.ADULT)
ORDER = list(Outcome)


@pytest.mark.parametrize(
    ("band", "outcome"),
    [
        (AgeBand.UNKNOWN, Outcome.DENY),
        (AgeBand.UNDER_13, Outcome.DENY),
        (AgeBand.FROM_13_TO_17, Outcome.ALLOW_FLAGGED),
        (AgeBand.ADULT, Outcome.ALLOW),
    ],
)
@pytest.mark.parametrize("kind", ["email", "phone", "url", "address", "birthdate", "handle"])
def test_contact_details_are_weighed_by_the_age_of_the_person_concerned(
    kind: str, band: AgeBand, outcome: Outcome
) -> None:
    decision = evaluate(DEFAULT_POLICY, MESSAGE._replace(band=band, content_kinds=(kind,)))
    assert (decision.outcome, Reason.CONTENT_PII in decision.reasons) == (outcome, outcome is not Outcome.ALLOW)


@pytest.mark.parametrize("kind", ["ssn", "card"])
def test_a_number_that_nobody_should_show_is_refused_to_everybody(kind: str) -> None:
    decision = evaluate(DEFAULT_POLICY, MESSAGE._replace(content_kinds=(kind,)))
    assert (decision.outcome, decision.reasons) == (Outcome.DENY, (Reason.CONTENT_PII,))


def test_what_identifies_nobody_by_itself_is_let_through() -> None:
    decision = evaluate(DEFAULT_POLICY, MESSAGE._replace(band=AgeBand.UNDER_13, content_kinds=("ip", "school")))
    assert decision.outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    "written", [MESSAGE._replace(content_signals=("secrecy",)), MESSAGE._replace(content_kinds=("phone",))]
)
def test_what_an_adult_writes_to_a_child_goes_to_a_person(written: Facts) -> None:
    to_child = evaluate(DEFAULT_POLICY, written._replace(adult_to_child=True))
    assert (to_child.outcome, to_child.reasons) == (Outcome.REVIEW, (Reason.OFF_PLATFORM_CONTACT,))
    assert evaluate(DEFAULT_POLICY, written).outcome is Outcome.ALLOW


def test_a_review_for_content_makes_no_denial_milder() -> None:
    facts = MESSAGE._replace(band=AgeBand.UNDER_13, content_kinds=("phone",), adult_to_child=True)
    decision = evaluate(DEFAULT_POLICY, facts)
    assert decision.outcome is Outcome.DENY
    assert decision.reasons == (Reason.CONTENT_PII, Reason.OFF_PLATFORM_CONTACT)


def test_content_that_nobody_could_look_at_goes_to_a_person() -> None:
    decision = evaluate(DEFAULT_POLICY, MESSAGE._replace(content_unseen=True))
    assert (decision.outcome, decision.reasons) == (Outcome.REVIEW, (Reason.CONTENT_UNSEEN,))


def test_a_disclosure_that_a_guardian_agreed_to_may_show_contact_details_but_no_card() -> None:
    consent = Consent(
        id="c", scope="third_party:other_users/contact", method=ConsentMethod.SIGNED_FORM, guardian="g", granted_ms=0,
        policy_version=1,
    )  # fmt: skip
    facts = Facts(
        action="share_personal_info", now_ms=1_000, band=AgeBand.UNDER_13, content_kinds=("email",), consents=(consent,)
    )
    assert evaluate(DEFAULT_POLICY, facts).outcome is Outcome.ALLOW
    assert evaluate(DEFAULT_POLICY, facts._replace(content_kinds=("card",))).outcome is Outcome.DENY


@given(
    kinds=st.sets(st.sampled_from([kind.value for kind in Kind])),
    signals=st.sets(st.sampled_from([signal.value for signal in Signal])),
    band=st.sampled_from(AgeBand),
    to_child=st.booleans(),
    more=st.sampled_from([kind.value for kind in Kind]),
)
def test_more_in_the_content_never_makes_the_outcome_milder(
    kinds: set[str], signals: set[str], band: AgeBand, more: str, *, to_child: bool
) -> None:
    facts = MESSAGE._replace(
        band=band, content_kinds=tuple(sorted(kinds)), content_signals=tuple(sorted(signals)), adult_to_child=to_child
    )
    suspected = facts._replace(content_kinds=tuple(sorted({*kinds, more})))
    before, after = (evaluate(DEFAULT_POLICY, one).outcome for one in (facts, suspected))
    assert ORDER.index(after) >= ORDER.index(before)


def test_earlier_versions_of_the_policy_make_nothing_of_content() -> None:
    facts = MESSAGE._replace(band=AgeBand.UNDER_13, content_kinds=("card",), content_unseen=True, adult_to_child=True)
    outcomes = {version: evaluate(policy, facts).outcome for version, policy in SHIPPED.items()}
    silent = dict.fromkeys((1, 2, 3), Outcome.ALLOW)
    assert outcomes == {**silent, **dict.fromkeys((4, 5, 6), Outcome.DENY)}


def test_what_was_seen_is_recorded_and_read_again() -> None:
    facts = MESSAGE._replace(content_kinds=("email",), content_signals=("meeting",), adult_to_child=True)
    plain = facts_to_dict(facts)
    assert plain["content_kinds"] == ["email"]
    assert facts_from_dict(plain) == facts


def test_leaving_details_out_is_advice_and_how_to_hide_signs_is_none() -> None:
    facts = MESSAGE._replace(band=AgeBand.UNDER_13, content_kinds=("email",))
    assert what_would_allow(DEFAULT_POLICY, facts) == ((Step.LEAVE_OUT_DETAILS,),)
    drawn = facts._replace(band=AgeBand.ADULT, content_signals=("secrecy",), adult_to_child=True)
    assert what_would_allow(DEFAULT_POLICY, drawn) == ()


@pytest.mark.parametrize(
    ("text", "signals"),
    [
        ("Don\u2019t tell your mum, it is our secret", (Signal.SECRECY,)),
        ("text me on WhatsApp", (Signal.OFF_PLATFORM,)),
        ("let's meet at the park, don't show this to anyone", (Signal.SECRECY, Signal.MEETING)),
        ("is your mom home? send me a pic of you", (Signal.MEETING,)),
        ("Let's MEET   UP, are you home-alone?", (Signal.MEETING,)),
        ("Escríbeme por otra app y no le digas a nadie", (Signal.OFF_PLATFORM, Signal.SECRECY)),
        ("The set of all numbers 3/4 + 1/8; meet the deadline and tell me what you think", ()),
        ("", ()),
    ],
)
def test_signs_are_found_whatever_the_spelling(text: str, signals: tuple[Signal, ...]) -> None:
    assert signals_in(text) == signals


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("find me on wh4ts4pp", Signal.OFF_PLATFORM),
        ("t3xt m3", Signal.OFF_PLATFORM),
        ("join my d1scord", Signal.OFF_PLATFORM),
        ("on te1egram", Signal.OFF_PLATFORM),
        ("my 5n@pch@t is maya", Signal.OFF_PLATFORM),
        ("wh\u0430ts\u0430pp", Signal.OFF_PLATFORM),
        ("\u03bfn t\u03b5l\u03b5gr\u03b1m", Signal.OFF_PLATFORM),
        ("W h a t s A p p, you know", Signal.OFF_PLATFORM),
        ("w.h.a.t.s.a.p.p", Signal.OFF_PLATFORM),
        ("w-h-4-t-s-4-p-p", Signal.OFF_PLATFORM),
        ("it stays o u r s e c r e t", Signal.SECRECY),
        ("are y0u al0ne", Signal.MEETING),
    ],
)
def test_signs_are_found_through_figures_look_alikes_and_spaces(text: str, signal: Signal) -> None:
    assert signals_in(text) == (signal,)


@pytest.mark.parametrize(
    "text",
    [
        "The Zimmermann telegram was sent in 1917.",
        "There was discord among the states; Facebook is a company.",
        "Don't tell me the answer yet, show your work.",
        "Where do the two lines meet up? At (3, 4).",
        "Let's meet tomorrow as always; send me a photo of your homework, a picture of your graph.",
        "Don't show this step twice; the two roads meet at the river.",
        "My apartment has 60 m\u00b2, and a signal needs 2 s to cross it.",
        "When your parents were young, phones had cords.",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "x1 + x2 = 5, a2 + b2 = c2, 4 p p 4 m",
        "Guarda tu tel\u00e9fono y lee el texto.",
        "\u041e\u0442\u0432\u0435\u0442: \u0441\u043a\u043e\u0440\u043e\u0441\u0442\u044c 5 \u043c/\u0441.",
    ],
)
def test_words_of_lessons_are_no_signs(text: str) -> None:
    assert signals_in(text) == ()


def test_a_lesson_in_mathematics_holds_nothing() -> None:
    assert look_at("x = 415.55, y = 0.132, so 3/4 + 12 = 12.75; see exercise 5 on page 102.") == ((), ())


@given(st.text(max_size=300))
def test_looking_at_any_text_answers(text: str) -> None:
    kinds, signals = look_at(text)
    assert set(kinds) <= set(Kind)
    assert set(signals) <= set(Signal)
