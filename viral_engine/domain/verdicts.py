"""What a user is told once a person has looked at a decision: kindly, and never by what they were noticed."""

from collections.abc import Sequence
from typing import Literal

from viral_engine.domain.outcome import Outcome
from viral_engine.domain.reasons import REASONS, Reason, UserWords

__all__ = ["ReviewState", "words_after", "words_of"]

ReviewState = Literal["open", "upheld", "overturned"]
"""How far the review of a decision is."""

OVERTURNED = UserWords(
    "We have looked at this, and all is well. Thank you for your patience.",
    "Lo hemos revisado y todo está bien. Gracias por tu paciencia.",
)
UPHELD = UserWords(
    "We have looked at this again, and our answer stays the same.",
    "Lo hemos vuelto a revisar y nuestra respuesta sigue siendo la misma.",
)
HELD_UPHELD = UserWords(
    "We have looked at this, and it is not possible. Please contact support if you have questions.",
    "Lo hemos revisado y no es posible. Escribe a soporte si tienes preguntas.",
)
"""What was held until somebody has looked has had no answer before."""


PROVE = UserWords(
    "Please confirm your e-mail address or phone number first, then try again.",
    "Confirma antes tu correo electrónico o tu teléfono y vuelve a probar.",
)
"""Nobody looks at a challenge: what the user waits for is themselves."""


def words_of(decision: str, reasons: Sequence[Reason]) -> UserWords:
    """Returns the words for the user of a decision that nobody has looked at.

    Args:
        decision: as recorded.
        reasons: by rank, at least one.
    """
    first = REASONS[reasons[0]].to_user
    if reasons[0] is Reason.PARENTAL_CONSENT_REQUIRED and Reason.AGE_UNKNOWN in reasons:
        # Whoever is of age only has to say so, and for a child it is the first step too.
        first = REASONS[Reason.AGE_UNKNOWN].to_user
    return PROVE if decision == Outcome.CHALLENGE and first == REASONS[Reason.FRAUD_SUSPECTED].to_user else first


def words_after(state: ReviewState | None, decision: str, words: UserWords) -> UserWords:
    """Returns the words for the user of a decision.

    Args:
        state: of its review, None without one.
        decision: as recorded, and not one that let the attempt through.
        words: of its weightiest reason; an answer that stays the same still says what can be done about it.
    """
    match state:
        case "overturned":
            return OVERTURNED
        case "upheld" if decision == Outcome.REVIEW:
            return HELD_UPHELD
        case "upheld":
            return UserWords(*(f"{first} {then}" for first, then in zip(UPHELD, words, strict=True)))
        case _:
            return words
