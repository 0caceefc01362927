"""Who is going to read the text, and how far guessing goes for them."""

from enum import StrEnum

from viral_engine.domain.ages import AgeBand

__all__ = ["Audience", "guesses_names"]


class Audience(StrEnum):
    """The recipients of consent (`RecipientClass`), and the processor that a model runs at."""

    PUBLIC = "public"
    OTHER_USERS = "other_users"
    PARENT = "parent"
    TUTOR = "tutor"
    SCHOOL = "school"
    PARTNER = "partner"
    AI_PROCESSING = "ai_processing"
    AI_TRAINING = "ai_training"
    ADVERTISING = "advertising"


_ACQUAINTED = frozenset({Audience.PARENT, Audience.TUTOR, Audience.SCHOOL, Audience.AI_PROCESSING})


def guesses_names(band: AgeBand, audience: Audience) -> bool:
    """Tells whether names that nobody supplied are looked for.

    Always for who is or may be a child, an unknown age included; for an adult only where strangers read along.
    Everything else is hidden from every audience: whoever needs an address is not to learn it from a text.
    """
    return not band.is_adult or audience not in _ACQUAINTED
