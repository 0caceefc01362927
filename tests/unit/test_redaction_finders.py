"""What each finder finds and what it leaves alone; `<...>` marks what must be hidden."""

import pickle
import re

import pytest

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import RecipientClass
from viral_engine.domain.errors import Invalid
from viral_engine.domain.redaction.audiences import Audience, guesses_names
from viral_engine.domain.redaction.cards import is_luhn
from viral_engine.domain.redaction.kinds import Kind
from viral_engine.domain.redaction.known_names import KNOWN_LENGTH_MAX, KNOWN_MAX, Known
from viral_engine.domain.redaction.redact import Redacted, redact
from viral_engine.domain.redaction.ssns import is_given_out

MARK = re.compile(r"<([^<>]*)>")


def expect(kind: Kind, marked: str, redacted: Redacted) -> None:
    """Checks that exactly the marked stretches became placeholders of this kind."""
    hidden = MARK.findall(marked)
    pattern = re.compile(rf"\[{kind.label}_\d+\]")
    assert pattern.sub("<>", redacted.text) == MARK.sub("<>", marked)
    assert redacted.counts == ({kind: len(hidden)} if hidden else {})
    assert redacted.placeholders.restore(redacted.text) == MARK.sub(r"\1", marked)


def finds(kind: Kind, marked: str, *known: str, guess: bool = False) -> None:
    expect(kind, marked, redact(MARK.sub(r"\1", marked), Known(known), guess=guess))


@pytest.mark.parametrize(
    "marked",
    [
        "write to <kid.one+maths@mail.example.co.uk>, please.",
        "<a@b.io>;<c_d@e-f.org>",
        "<Kid@EXAMPLE.COM>.",
        "(<x%y@sub.example.com>)",
        "<user@192.168.1.1>",
        "<jos\u00e9@m\u00fcnchen.de>",
        "<kid (at) example (dot) com>",
        "<kid[at]example[dot]com> and <kid {at} mail.example.org>",
        "reach me: <kid.two at example dot com> ok",
        "<kid @ example . com> ok",
        "<\uff4b\uff49\uff44\uff20example.com>",
        "<k\u200bid@exam\u00adple.com>",
        "no address: look at google.com, meet @ noon, 3 @ $2.50, f(x)@x=2",
        "at school dot your i",
    ],
)
def test_an_email_address_is_found_plain_and_disguised(marked: str) -> None:
    finds(Kind.EMAIL, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "at <415-555-2671> or <(415) 555-2671> or <415.555.2671> or <415 555 2671>",
        "<4155552671>, <1-415-555-2671>, <+1 (415) 555-2671>, <+44 20 7946 0958>, <011 44 20 7946 0958>",
        "<415-555-2671 x12> and <415-555-2671 ext. 99>",
        "<\uff14\uff11\uff15-\uff15\uff15\uff15-\uff12\uff16\uff17\uff11> <4\u200b15\u2013555\u20132671>",
        "<four one five five five five two six seven one> <four-one-five, double five five, two six seven one>",
        "call <555-1234> today; phone: <020 7946 0958>",
        "my cell = <4155552671>",
        "x = 555-1234 - 5",
        "4155552671 / 3 = y and 2147483647 + 1 and 10^4155552671",
        "3.4155552671 and 4155552671.5 and 1 2 3 4 5 6 7 8 9 10",
        "one two three four five six seven eight nine ten",
        "in 2024-2025 we had 1,000,000 of 3,141,592",
    ],
)
def test_a_phone_number_is_found_and_a_calculation_is_not(marked: str) -> None:
    finds(Kind.PHONE, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "my number is <555-1234>, text me. My new number's <867 5309>!",
        "my mom's number is <555-1234> 5 pm; my # is <555-1234>; here's my number: <5551234>",
        "my number is <5551234> so text me; the number is <555-1234>, call us",
        "call me at <5551234> or hit me up on <5551234>; reach us at <612 34 56 78>",
        "mi n\u00famero es <612345678>; mi numero es <612 345 678>",
        "ll\u00e1mame al <5512345>; ESCR\u00cdBEME un mensaje al <612.34.56.78>; mi m\u00f3vil es <5551234>",
        "n\u00famero de tel\u00e9fono: <5551234>; my cell is <5551234>; whatsapp <5512345>",
        "my number is <five five five one two three four>",
    ],
)
def test_a_number_of_any_form_is_a_phone_number_behind_words_that_say_so(marked: str) -> None:
    finds(Kind.PHONE, marked)


@pytest.mark.parametrize(
    "text",
    [
        "the number is 5551234 divided by 7", "my number is 1234567 because 7 divides it", "my number is 5551234",
        "pick a number: 867-5309 = ?", "the number is 867-5309", "my number is 867-5309 = ?",
        "my number is 867-5309 divided by 3", "my number is 123456789 because 3 divides it",
        "mi n\u00famero es 1234567 porque 7 lo divide",
        "el n\u00famero es 612345678 entre 3", "my number is 612345678 + 1",
        "my number is 12345", "my student number is 1234567", "each cell is 1234567 atoms", "meet me at 4:30",
        "the number is 1000000, call it n", "my number is 3.1415926", "my number is 20.11.2026",
        "number 1234567 is prime",
    ],
)  # fmt: skip
def test_a_number_that_somebody_thought_of_is_not_one_to_call(text: str) -> None:
    assert redact(text, guess=False).text == text


@pytest.mark.parametrize(
    "marked",
    [
        "<123-45-6789>, <078 05 1120>, <123.45.6789>",
        "ssn <123456789>",
        "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000",
        "123456789 apples",
    ],
)
def test_a_social_security_number_is_found_by_its_ranges(marked: str) -> None:
    finds(Kind.SSN, marked)


@pytest.mark.parametrize(
    ("digits", "given"),
    [("001010001", True), ("899999999", True), ("665010001", True), ("667010001", True), ("666010001", False),
     ("000010001", False), ("900010001", False), ("123000001", False), ("123450000", False)],
)  # fmt: skip
def test_the_ranges_have_their_edges(digits: str, *, given: bool) -> None:
    assert is_given_out(digits) is given


@pytest.mark.parametrize(
    "marked",
    [
        "<4111 1111 1111 1111> <5500-0000-0000-0004> <378282246310005> <3782 822463 10005>",
        "4111 1111 1111 1112 and 4111111111111112",
        "pi is 3.1415926535897932384",
    ],
)
def test_a_payment_card_is_found_by_its_check_digit(marked: str) -> None:
    finds(Kind.CARD, marked)


def test_luhn_refuses_every_change_of_one_digit() -> None:
    number = "4111111111111111"
    assert is_luhn(number)
    changed = [
        number[:at] + other + number[at + 1 :] for at in range(16) for other in "0123456789" if other != number[at]
    ]
    assert not any(map(is_luhn, changed))


@pytest.mark.parametrize(
    "marked",
    [
        "from <192.168.1.1>, <2001:db8::1>. And <fe80::1> and <2001:db8:0:0:0:0:0:1>",
        "256.1.1.1 1.2.3.4.5 version 1.2.3.4 section 1.2.3.4",
        "a[1::2] 12:30:45 std::vector ratio 3:4:5 ::",
    ],
)
def test_an_ip_address_is_found_and_a_version_a_slice_and_a_time_are_not(marked: str) -> None:
    finds(Kind.IP, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "see <https://example.org/u/12345>, <https://x.example/a?token=q> and <www.example.org/~kid>.",
        "<instagram.com/maya.c> or <https://me:secret@example.org/>",
        "https://www.khanacademy.org/math/algebra and http://example.org",
    ],
)
def test_a_url_is_hidden_where_it_identifies_and_stays_where_it_is_a_source(marked: str) -> None:
    finds(Kind.URL, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "at <12 Main Street, Apt 4B, Springfield, IL 62704>.",
        "at <1600 pennsylvania avenue> or <5 W 42nd St>",
        "<77 Massachusetts Ave., Cambridge, MA 02139-4307>",
        "to <P.O. Box 123> or <PO Box 9>",
        "draw 3 unit circles, walk 5 blocks down the street, 4 inch square, 2 way road",
    ],
)
def test_a_street_address_is_found_to_its_zip_code(marked: str) -> None:
    finds(Kind.ADDRESS, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "vivo en la <calle Mayor 15>; CALLE: <CALLE MAYOR 15>; vivo en la <calle mayor 15> con mi mam\u00e1",
        "<Calle de Alcal\u00e1 42, 28014 Madrid>. <Av. Reforma 222, CDMX>, <Paseo de Gracia 43, 2\u00ba 1\u00aa>",
        "<C/ Gran V\u00eda 3> y <C/Gran Via, 3>; <Plaza Mayor 1>! <Carrera 7 # 12-34> o <Cra 7 #12A-34>",
        "<calle mayor n\u00ba 15, 3\u00ba izq, 28013 Madrid>; <avenida de la constituci\u00f3n s/n>",
        "<Calle 5 de Mayo 123>; <Carretera de Toledo km 12>; <AVENIDA DE LA CONSTITUCION 3>",
        "<15 rue de Rivoli, 75001 Paris>; <12 bis, rue du Faubourg Saint-Honor\u00e9, 75008 Paris, France>",
        "<3 place de la R\u00e9publique>; <12 avenue des Champs-\u00c9lys\u00e9es>; <7 boulevard Voltaire>",
        "I live at <22 Maple>; i live at <22 maple> and you? my address is <22 Maple, Springfield, IL 62704>",
        "vivo en <Mayor 15>; mi direcci\u00f3n es <Reforma 222>; mi direcci\u00f3n es <22 Maple>",
        "<10 Downing Street, London SW1A 2AA>, <221B Baker Street, London, NW1 6XE>",
        "<10 downing street, london sw1a 2aa>. <Calle Mayor 15, 28013 Madrid>, Maya me dijo",
    ],
)
def test_an_address_is_found_as_it_is_written_in_spain_mexico_colombia_france_and_britain(marked: str) -> None:
    finds(Kind.ADDRESS, marked)


@pytest.mark.parametrize(
    "text",
    [
        "la calle es larga", "la calle tiene 15 casas", "la calle roja 15 metros", "En la Avenida Norte hay 15 coches",
        "Plaza has 4 letters", "Plaza Hotel 5 stars", "Ave Maria 3 times", "calle 15 = x", "Calle Mayor 15 = 3",
        "avenue 5x + 3", "15 rue, 16 avenue", "12 rue x + 3", "Chapter 3 Place Value", "2 route options",
        "we live at 22 degrees", "I live at 22 degrees north", "vivo en Madrid 3 d\u00edas", "Carrera 7 - 3", "Via 5",
        "f = c/ lambda 3", "v = C/ X 3", "av speed 5", "Cl gains 1 electron", "the postcode area SW1 and 2AA",
    ],
)  # fmt: skip
def test_a_word_for_a_street_in_a_sentence_or_a_calculation_is_no_address(text: str) -> None:
    assert redact(text, guess=False).text == text


@pytest.mark.parametrize(
    "marked",
    [
        "born on <March 14, 2012>",
        "DOB: <03/14/2012>",
        "my birthday is <14 march>",
        "<2012-03-14> is my date of birth",
        "homework due 11/25/2026, March 14 is pi day, 3/4/5",
    ],
)
def test_a_date_is_hidden_where_it_is_said_to_be_a_birthday(marked: str) -> None:
    finds(Kind.BIRTHDATE, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "add me on snapchat: <mayac14>; add me on snap <mayac14>, it's me; ADD ME ON SNAP: <MAYA_C>",
        "my insta is <@maya.c>, my discord is <maya#1234>; my insta is <mayachen> and my snap is <maya.c>",
        "mi instagram es <maya_c>; agr\u00e9game en snap: <mayac14>; b\u00fascame en insta como <maya_c>",
        "my snapchat username is <mayac>; my username on discord is <maya_c>",
        "I'm <mayac14> on snapchat; soy <maya_c> en instagram; <@maya.c> on insta",
        "snap: <mayac14>; insta <@maya.c>; Discord: <maya#1234>",
    ],
)
def test_the_name_of_an_account_is_found_beside_a_network_that_is_said_to_be_somebodys(marked: str) -> None:
    finds(Kind.HANDLE, marked)


@pytest.mark.parametrize(
    "text",
    [
        "the insta filter uses x#2", "@ 5 dollars each", "discord between C and C# minor", "my discord is broken",
        "my insta is private, sorry", "my discord is not working", "add me on snapchat: please", "snap: x_1 + x_2",
        "homework_3 on discord", "see @everyone on discord", "instagram: 500 million users", "discord: 3pm today",
        "snap the 2 pieces: x_1 and x_2", "my youtube is better than yours", "we talked on discord about x_1",
    ],
)  # fmt: skip
def test_a_network_in_a_sentence_has_no_name_of_an_account(text: str) -> None:
    assert redact(text, guess=False).text == text


@pytest.mark.parametrize(
    "marked",
    [
        "I go to <Lincoln High School> and <St. Mary's Academy>",
        "<University of Texas>, <PS 118>, <P.S. 118>",
        "my high school, the Academy, Khan Academy, High School",
    ],
)
def test_the_name_of_a_school_is_found_and_a_school_is_not(marked: str) -> None:
    finds(Kind.SCHOOL, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "<Maya Chen> and <maya>, <CHEN>'s, <mayachen>, <Maya-Chen>, <Maya\u200b Chen>",
        "<Jos\u00e9> is <JOSE>; <\uff2d\uff41\uff59\uff41>",
        "<\u738b\u5c0f\u660e>\u5728\u8fd9\u91cc",
        "<Will> will go on",
        "Mayan, unknown, chenille",
    ],
)
def test_a_known_name_is_found_in_any_spelling(marked: str) -> None:
    finds(Kind.NAME, marked, "Maya Chen", "Jose", "\u738b\u5c0f\u660e", "Will")


@pytest.mark.parametrize(
    "marked",
    [
        "<Bo> and <ONeil>, <oneil>, the <Oneils> and <Bo> <Oneil>",
        "<\u092e\u0940\u0930\u093e>, <\u0936\u0930\u094d\u092e\u093e>!",
        "bo staff, a boat, oneils of it; <Jos\u0065\u0301>.",
    ],
)
def test_a_part_of_a_known_name_is_found_where_it_says_whose_it_is(marked: str) -> None:
    finds(Kind.NAME, marked, "Bo O'Neil", "\u092e\u0940\u0930\u093e \u0936\u0930\u094d\u092e\u093e", "Jos\u00e9")


@pytest.mark.parametrize(
    "marked",
    [
        "Hi <Sophia>, my name is <zoltan>",
        "Mr. <Peterson> and <Emma Watson> came",
        "I'm Happy. Hi Everyone, this is Algebra. May I? Will it? Newton and Euler",
    ],
)
def test_a_name_is_guessed_by_what_stands_before_it(marked: str) -> None:
    finds(Kind.NAME, marked, guess=True)


def test_no_name_is_guessed_unless_it_is_asked_for() -> None:
    assert redact("Hi Sophia, my name is zoltan", guess=False).counts == {}


@pytest.mark.parametrize(
    ("band", "audience", "guesses"),
    [
        (AgeBand.UNKNOWN, Audience.PARENT, True),
        (AgeBand.UNDER_13, Audience.TUTOR, True),
        (AgeBand.FROM_13_TO_17, Audience.SCHOOL, True),
        (AgeBand.ADULT, Audience.TUTOR, False),
        (AgeBand.ADULT, Audience.PUBLIC, True),
    ],
)
def test_who_may_be_a_child_is_protected_from_every_audience(
    band: AgeBand, audience: Audience, *, guesses: bool
) -> None:
    assert guesses_names(band, audience) is guesses


def test_an_audience_is_a_recipient_of_consent_or_the_processor_of_a_model() -> None:
    assert {*Audience} == {*map(str, RecipientClass), "ai_processing"}


@pytest.mark.parametrize(
    "text", ["3/4 + 1.5 = 2.25", "x = 555-1234 - 5", "a[1::2] == 12:30", "f(415) - 555 * 2671", "2^10 - 1,024 = 0",
             "0.123456789012345678", "(3, 4, 5) and 7!/(4!*3!)", "1/2, 3/4, 5/6, 7/8", "y = 1234567890 / 10",
             "area = 12 * 34 - 5678", "$4,155,552,671.00"],
)  # fmt: skip
def test_numbers_of_mathematics_survive(text: str) -> None:
    assert redact(text).text == text


def test_the_same_thing_has_the_same_placeholder_and_every_spelling_comes_back() -> None:
    text = "Kid@example.com, kid@example.com, (415) 555-2671, +14155552671, other@example.com"
    redacted = redact(text)
    assert redacted.text == "[EMAIL_1], [EMAIL_1], [PHONE_1], [PHONE_1], [EMAIL_2]"
    assert redacted.placeholders.restore(redacted.text) == text


def test_an_answer_about_the_text_gets_the_originals_back() -> None:
    redacted = redact("I am Maya Chen, kid@example.com", Known(["Maya Chen"]))
    answer = "Dear [NAME_1], dear [NAME_1]: [EMAIL_1] and [EMAIL_7] are noted."
    assert redacted.placeholders.restore(answer) == (
        "Dear Maya Chen, dear Maya Chen: kid@example.com and [EMAIL_7] are noted."
    )


def test_placeholders_in_the_original_are_left_alone_and_their_numbers_passed_over() -> None:
    text = "[EMAIL_1] is not kid@example.com"
    redacted = redact(text)
    assert redacted.text == "[EMAIL_1] is not [EMAIL_2]"
    assert redacted.placeholders.restore(redacted.text) == text


def test_what_overlaps_is_hidden_whole_and_named_after_the_longest_part() -> None:
    redacted = redact("https://example.org/?mail=kid@example.com&phone=415-555-2671")
    assert (redacted.text, redacted.counts) == ("[URL_1]", {Kind.URL: 1})


def test_the_way_back_is_neither_printed_nor_sent_anywhere() -> None:
    placeholders = redact("kid@example.com").placeholders
    assert repr(placeholders) == "<1 placeholders>"
    with pytest.raises(TypeError):
        pickle.dumps(placeholders)


@pytest.mark.parametrize(
    ("names", "field"),
    [
        (["x"] * 1, "known[0]"),
        (["Maya", "5"], "known[1]"),
        (["Maya", ""], "known[1]"),
        (["M" * (KNOWN_LENGTH_MAX + 1)], "known[0]"),
        (["Maya"] * (KNOWN_MAX + 1), "known"),
    ],
)
def test_a_name_that_cannot_be_looked_for_is_refused_with_its_place(names: list[str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Known(names)
    assert refused.value.field == field
