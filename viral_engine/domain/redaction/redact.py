"""The whole: a text in, the text with placeholders, counts by kind and the way back out."""

from collections.abc import Iterator
from dataclasses import dataclass

from viral_engine.domain.redaction.birth_dates import find_birth_dates
from viral_engine.domain.redaction.cards import find_cards
from viral_engine.domain.redaction.digits import chains
from viral_engine.domain.redaction.emails import find_emails
from viral_engine.domain.redaction.fold import Folded, fold, literal_placeholders
from viral_engine.domain.redaction.french_streets import find_french_streets
from viral_engine.domain.redaction.guessed_names import guess_names
from viral_engine.domain.redaction.handles import find_handles
from viral_engine.domain.redaction.ips import find_ips
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.known_names import Known
from viral_engine.domain.redaction.overlaps import unite
from viral_engine.domain.redaction.phones import find_phones
from viral_engine.domain.redaction.placeholders import Placeholders, replace
from viral_engine.domain.redaction.said_addresses import find_said_addresses
from viral_engine.domain.redaction.schools import find_schools
from viral_engine.domain.redaction.spanish_streets import find_spanish_streets
from viral_engine.domain.redaction.ssns import find_ssns
from viral_engine.domain.redaction.streets import find_streets
from viral_engine.domain.redaction.tokens import cut
from viral_engine.domain.redaction.urls import find_urls

__all__ = ["Redacted", "redact"]

ROUNDS_MAX = 8
"""Each round looks at what the one before left over, until there is nothing more; texts need two. At the limit what
a further round would find is left standing."""

_NOBODY = Known(())


@dataclass(frozen=True, slots=True)
class Redacted:
    """A redacted text.

    Attributes:
        text: with placeholders.
        counts: findings by kind; kinds without one are left out.
        placeholders: the way back; stays in the process.
    """

    text: str
    counts: dict[Kind, int]
    placeholders: Placeholders


def redact(text: str, known: Known = _NOBODY, *, guess: bool = True) -> Redacted:
    """Redacts a text, in time linear in its length.

    Args:
        text: anything.
        known: names to hide wherever they stand.
        guess: whether names that nobody supplied are looked for.
    """
    literals = literal_placeholders(text)
    hidden = [(start, end) for start, end, _ in literals]
    findings: list[Finding] = []
    for _ in range(ROUNDS_MAX):
        folded = fold(text, hidden)
        found = unite(
            finding._replace(start=start, end=end)
            for finding in _find(folded, known, guess=guess)
            for start, end in (folded.span(finding.start, finding.end),)
        )
        if not found:
            break
        findings = sorted([*findings, *found], key=lambda one: one.start)
        hidden = sorted([*hidden, *((one.start, one.end) for one in found)])
    redacted, placeholders = replace(text, findings, (literal for _, _, literal in literals))
    counts: dict[Kind, int] = {}
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    return Redacted(redacted, counts, placeholders)


def kinds_in(text: str) -> tuple[Kind, ...]:
    """The kinds of what identifies people in a text, each once, in their order; names are not looked for."""
    found = {finding.kind for finding in _find(fold(text), _NOBODY, guess=False)}
    return tuple(kind for kind in Kind if kind in found)


def _find(folded: Folded, known: Known, *, guess: bool) -> Iterator[Finding]:
    tokens = cut(folded.text)
    numbers = chains(tokens)
    yield from find_emails(tokens)
    yield from find_urls(tokens)
    yield from find_cards(tokens, numbers)
    yield from find_ssns(tokens, numbers)
    yield from find_phones(tokens, numbers)
    yield from find_ips(tokens)
    yield from find_streets(tokens)
    yield from find_spanish_streets(tokens)
    yield from find_french_streets(tokens)
    yield from find_said_addresses(tokens)
    yield from find_birth_dates(tokens)
    yield from find_handles(tokens)
    yield from find_schools(tokens)
    yield from known.find(folded.text, tokens)
    if guess:
        yield from guess_names(tokens)
