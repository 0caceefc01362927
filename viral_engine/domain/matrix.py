"""The matrix jurisdiction x age band x action class: what an action needs from a guardian. Data, tested cell by cell.

Confidence marks as in the compliance requirements this is drawn from: the US columns `unknown` and `under_13` rest on
16 CFR 312.3 and 312.5 (P: text seen); the column `13_17` is a product choice, stricter than COPPA, for what leaves the
service; `record_share` is 34 CFR 99.30 (P); `show_own_parent` for adults is 34 CFR 99.5 (K: to be checked by a lawyer).
"""

from collections.abc import Mapping
from enum import StrEnum

from viral_engine.domain.ages import AgeBand

__all__ = ["MATRIX", "STRICTEST", "STRICTNESS", "US", "ActionClass", "Cells", "Matrix", "Need", "need"]


class ActionClass(StrEnum):
    """What an action does with personal data.

    Attributes:
        OPERATE: Runs the service on what it holds already and protects it (16 CFR 312.5(c)(7)); a referral
            link of one's own carries nobody's data.
        UNLISTED: An action that the catalogue lacks: every cell its strictest.
    """

    OPERATE = "operate"
    COLLECT = "collect"
    AI_PROCESS = "ai_process"
    SHOW_OWN_PARENT = "show_own_parent"
    SHOW_TUTOR = "show_tutor"
    SOCIAL = "social"
    DISCLOSE = "disclose"
    PUBLIC_SHARE = "public_share"
    RECORD_SHARE = "record_share"
    PROMPT_INVITE = "prompt_invite"
    REWARD = "reward"
    EXPORT = "export"
    DELETE = "delete"
    UNLISTED = "unlisted"


class Need(StrEnum):
    """What a cell asks for; `named` is a consent that names the record."""

    NONE = "none"
    CONSENT = "consent"
    NAMED = "named"


Cells = Mapping[AgeBand, Need]
Matrix = Mapping[str, Mapping[ActionClass, Cells]]

STRICTEST = "*"
US = "us"
STRICTNESS = (Need.NONE, Need.CONSENT, Need.NAMED)
"""From the least to the most that a cell asks for."""


def _row(cells: str) -> Cells:
    """Cells in the order unknown, under_13, 13_17, 18_plus; `-` none, `c` consent, `n` named."""
    needs = {"-": Need.NONE, "c": Need.CONSENT, "n": Need.NAMED}
    return dict(zip(AgeBand, (needs[cell] for cell in cells.split()), strict=True))


_US = {
    ActionClass.OPERATE: _row("- - - -"),
    ActionClass.COLLECT: _row("c c - -"),
    ActionClass.AI_PROCESS: _row("c c - -"),
    ActionClass.SHOW_OWN_PARENT: _row("- - - c"),
    ActionClass.SHOW_TUTOR: _row("c c - -"),
    ActionClass.SOCIAL: _row("c c c -"),
    ActionClass.DISCLOSE: _row("c c c -"),
    ActionClass.PUBLIC_SHARE: _row("c c c -"),
    ActionClass.RECORD_SHARE: _row("n n n -"),
    ActionClass.PROMPT_INVITE: _row("c c - -"),
    ActionClass.REWARD: _row("c c - -"),
    ActionClass.EXPORT: _row("c c c -"),
    ActionClass.DELETE: _row("- - - -"),
    ActionClass.UNLISTED: _row("c c c -"),
}

# Where the law is not known, somebody of 13 to 17 is treated like a child: the ages of consent abroad reach 18.
_ELSEWHERE = {
    action_class: {**cells, AgeBand.FROM_13_TO_17: cells[AgeBand.UNDER_13]} for action_class, cells in _US.items()
}

MATRIX: Matrix = {US: _US, STRICTEST: _ELSEWHERE}


def need(matrix: Matrix, jurisdiction: str, action_class: ActionClass, band: AgeBand) -> Need:
    """The cell that applies; a jurisdiction without a table of its own gets the strictest."""
    return (matrix.get(jurisdiction) or matrix[STRICTEST])[action_class][band]
