"""Phone numbers: candidates by a linear scan over groups of digits, judged by their form and by phonenumbers.

The form 415-555-2671 is one wherever it stands. Ten digits in a row, or with blanks between, are left alone in a
calculation, unless a word in front says that they are a phone number: "call" beats "=". Seven digits alone (555-1234)
are a difference in a maths text, and a phone number only behind such a word, or behind "my number is" and its like.
"""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.digits import (
    Group,
    digits_of,
    gap_core,
    is_glued,
    is_mathematics,
    lengths_of,
)
from viral_engine.domain.redaction.introduced_phones import introduced
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.phone_numbers import e164
from viral_engine.domain.redaction.tokens import CUE_TOKENS_MAX, Token, words_before

__all__ = ["find_phones"]

GROUPS_MAX = 15
DIGITS_MIN = 7
DIGITS_MAX = 15
INTERNATIONAL_DIGITS_MIN = 9
NATIONAL_DIGITS = 10
FICTION = "555"
EXTENSION_DIGITS_MAX = 7
CUES = frozenset({
    "phone", "telephone", "tel", "ph", "call", "calls", "called", "calling", "text", "texting", "txt", "cell",
    "cellphone", "mobile", "whatsapp", "sms", "fax", "reach", "dial", "ring", "landline", "handy", "digits",
    "telefono", "celular", "llama", "llame", "llamame",
    "movil", "escribeme", "wasap", "tlf",
})  # fmt: skip
_EXTENSIONS = frozenset({"x", "ext", "extension", "extn"})
_TIGHT = frozenset({"-", ".", ")", ")-", ").", "/", "(", ")/"})
_LOOSE = frozenset({"", " - "})
_GROUPED = frozenset({(3, 3, 4), (1, 3, 3, 4)})
_BARE = frozenset({(10,), (11,), (3, 7), (6, 4), (1, 10), (1, 3, 7)})
_FORMS = _GROUPED | _BARE
_FIRST_LENGTHS = frozenset(lengths[0] for lengths in _FORMS)


def find_phones(tokens: Sequence[Token], chains: Sequence[Sequence[Group]]) -> Iterator[Finding]:
    """Yields every phone number, its extension included."""
    for chain in chains:
        at = 0
        while at < len(chain):
            found = _at(tokens, chain, at) or (introduced(tokens, chain) if at == 0 else None)
            if found is None:
                at += 1
                continue
            behind, key = found
            first, last = chain[at].first, chain[behind - 1].last
            while first > 0 and tokens[first - 1].text in {"+", "("}:
                first -= 1
            last = _with_extension(tokens, last)
            yield Finding(Kind.PHONE, tokens[first].start, tokens[last].end, key)
            at = behind


def _at(tokens: Sequence[Token], chain: Sequence[Group], at: int) -> tuple[int, str] | None:
    """Returns the group behind the number that begins with this one, and its key."""
    group = chain[at]
    if _is_decimal(tokens, group):
        return None
    if _has_plus(tokens, group.first):
        found = _international(chain, at, 0)
        if found is not None:
            return found
    for prefix in ("011", "00"):
        if group.digits.startswith(prefix):
            found = _international(chain, at, len(prefix))
            if found is not None and not is_mathematics(tokens, group.first, chain[found[0] - 1].last):
                return found
    # A chain holds no cue itself, so far into it none is near.
    has_cue = group.first - chain[0].first < CUE_TOKENS_MAX and words_before(tokens, group.first, CUES)
    if not has_cue and len(group.digits) not in _FIRST_LENGTHS and not group.is_spelled:
        return None
    return _national(tokens, chain, at, has_cue=has_cue) or (_behind_a_cue(chain, at) if has_cue else None)


def _is_decimal(tokens: Sequence[Token], group: Group) -> bool:
    """Tells whether the digits are the places of a decimal fraction, which no phone number has on both sides."""
    before = tokens[group.first - 2] if group.first > 1 and tokens[group.first - 1].text == "." else None
    return before is not None and before.kind == "d" and before.text == "0"


def _has_plus(tokens: Sequence[Token], first: int) -> bool:
    at = first - 1
    if at >= 0 and tokens[at].text == "(":
        at -= 1
    if at < 0 or tokens[at].text != "+":
        return False
    return at == 0 or tokens[at - 1].kind not in "wd"


def _windows(chain: Sequence[Group], at: int) -> list[int]:
    """Returns where a number that begins here may end, the longest first."""
    ends = []
    count = 0
    for behind in range(at + 1, min(at + GROUPS_MAX, len(chain)) + 1):
        group = chain[behind - 1]
        if behind - 1 > at and gap_core(group.gap) in {"/", " - ", ","}:
            break
        count += len(group.digits)
        if count > DIGITS_MAX + 3:
            break
        if count >= DIGITS_MIN:
            ends.append(behind)
    return ends[::-1]


def _international(chain: Sequence[Group], at: int, prefix_length: int) -> tuple[int, str] | None:
    ends = _windows(chain, at)
    spelled = [(behind, digits_of(chain[at:behind])[prefix_length:]) for behind in ends]
    for behind, digits in spelled:
        number = e164("+" + digits) if DIGITS_MIN <= len(digits) <= DIGITS_MAX else None
        if number is not None:
            return behind, number
    # Made-up ones have the form all the same, and nobody adds such numbers with a sign in front.
    for behind, digits in spelled:
        if INTERNATIONAL_DIGITS_MIN <= len(digits) <= DIGITS_MAX and (prefix_length == 0 or behind > at + 1):
            return behind, "+" + digits
    return None


def _national(tokens: Sequence[Token], chain: Sequence[Group], at: int, *, has_cue: bool) -> tuple[int, str] | None:
    for count in (4, 3, 2, 1):
        groups = chain[at : at + count]
        lengths = lengths_of(groups)
        if len(groups) < count or lengths not in _FORMS:
            continue
        digits = digits_of(groups)
        if len(digits) > NATIONAL_DIGITS and digits[0] != "1":
            continue
        first, last = groups[0].first, groups[-1].last
        cores = {gap_core(group.gap) for group in groups[1:]}
        number = e164(digits)
        if lengths in _GROUPED and cores <= _TIGHT:
            return at + count, number or digits
        if lengths == (1, NATIONAL_DIGITS) and groups[1].gap == "." and not has_cue:
            continue  # a decimal fraction
        if not has_cue and is_mathematics(tokens, first, last):
            continue
        if lengths not in _GROUPED and not has_cue and is_glued(tokens, first, last):
            continue
        if number is None and lengths in _GROUPED and _looks_made_up(digits, cores):
            number = digits
        if number is not None and (has_cue or " - " not in cores) and cores <= _TIGHT | _LOOSE:
            return at + count, number
    if not has_cue and not any(group.is_spelled for group in chain[at : at + GROUPS_MAX]):
        return None
    return _digit_by_digit(chain, at, has_cue=has_cue)


def _looks_made_up(digits: str, cores: set[str]) -> bool:
    """Tells whether a number that nobody can have been given has the form of one: the area 555, a sign between."""
    area, exchange = digits[-10:-7], digits[-7:-4]
    return area[0] > "1" and exchange[0] > "1" and (area == FICTION or not cores <= _LOOSE)


def _digit_by_digit(chain: Sequence[Group], at: int, *, has_cue: bool) -> tuple[int, str] | None:
    """Finds `four one five ...` and `4 1 5 ...`; figures one by one count something unless a word says otherwise."""
    count = 0
    is_spelled = False
    for behind in range(at + 1, min(at + GROUPS_MAX, len(chain)) + 1):
        group = chain[behind - 1]
        count += len(group.digits)
        is_spelled = is_spelled or group.is_spelled
        if count > NATIONAL_DIGITS + 1:
            return None
        if count < NATIONAL_DIGITS or not (is_spelled or has_cue):
            continue
        if count == NATIONAL_DIGITS or chain[at].digits[0] == "1":
            number = e164(digits_of(chain[at:behind]))
            if number is not None:
                return behind, number
    return None


def _behind_a_cue(chain: Sequence[Group], at: int) -> tuple[int, str] | None:
    for behind in _windows(chain, at):
        groups = chain[at:behind]
        digits = digits_of(groups)
        if len(digits) > DIGITS_MAX:
            continue
        number = e164(digits, None)
        if number is not None:
            return behind, number
        if len(digits) == DIGITS_MIN and (lengths_of(groups) == (3, 4) or any(group.is_spelled for group in groups)):
            return behind, digits
    return None


def _with_extension(tokens: Sequence[Token], last: int) -> int:
    """Returns the last token of the extension behind a number, of the number when it has none."""
    at = last + 1
    if at < len(tokens) and tokens[at].text == ",":
        at += 1
    if at < len(tokens) and tokens[at].kind == "s":
        at += 1
    if at >= len(tokens) or tokens[at].word not in _EXTENSIONS:
        return last
    at += 1
    for text in (".", ":", " "):
        if at < len(tokens) and tokens[at].text == text:
            at += 1
    if at < len(tokens) and tokens[at].kind == "d" and len(tokens[at].text) <= EXTENSION_DIGITS_MAX:
        return at
    return last
