"""The consent matrix cell by cell, written out again as the requirements have it."""

from collections.abc import Callable

import pytest
from matrix_cells import CELL

from viral_engine.domain.actions import CATALOGUE
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import ConsentStatus
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts
from viral_engine.domain.matrix import MATRIX, STRICTEST, ActionClass, Need, need
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY

NONE, CONSENT, NAMED = Need.NONE, Need.CONSENT, Need.NAMED
BANDS = [AgeBand.UNKNOWN, AgeBand.UNDER_13, AgeBand.FROM_13_TO_17, AgeBand.ADULT]

US = {
    ActionClass.OPERATE: [NONE, NONE, NONE, NONE],
    ActionClass.COLLECT: [CONSENT, CONSENT, NONE, NONE],
    ActionClass.AI_PROCESS: [CONSENT, CONSENT, NONE, NONE],
    ActionClass.SHOW_OWN_PARENT: [NONE, NONE, NONE, CONSENT],
    ActionClass.SHOW_TUTOR: [CONSENT, CONSENT, NONE, NONE],
    ActionClass.SOCIAL: [CONSENT, CONSENT, CONSENT, NONE],
    ActionClass.DISCLOSE: [CONSENT, CONSENT, CONSENT, NONE],
    ActionClass.PUBLIC_SHARE: [CONSENT, CONSENT, CONSENT, NONE],
    ActionClass.RECORD_SHARE: [NAMED, NAMED, NAMED, NONE],
    ActionClass.PROMPT_INVITE: [CONSENT, CONSENT, NONE, NONE],
    ActionClass.REWARD: [CONSENT, CONSENT, NONE, NONE],
    ActionClass.EXPORT: [CONSENT, CONSENT, CONSENT, NONE],
    ActionClass.DELETE: [NONE, NONE, NONE, NONE],
    ActionClass.UNLISTED: [CONSENT, CONSENT, CONSENT, NONE],
}
TEEN_ELSEWHERE = {
    ActionClass.COLLECT,
    ActionClass.AI_PROCESS,
    ActionClass.SHOW_TUTOR,
    ActionClass.PROMPT_INVITE,
    ActionClass.REWARD,
}
CELLS = [(action_class, band) for action_class in ActionClass for band in BANDS]


@pytest.mark.parametrize(("action_class", "band"), CELLS)
def test_each_cell_of_the_united_states(
    action_class: ActionClass, band: AgeBand, record_property: Callable[[str, object], None]
) -> None:
    record_property(CELL, f"us {action_class} {band}")
    assert need(MATRIX, "us", action_class, band) is US[action_class][BANDS.index(band)]


@pytest.mark.parametrize(("action_class", "band"), CELLS)
def test_each_cell_where_the_jurisdiction_is_not_known(
    action_class: ActionClass, band: AgeBand, record_property: Callable[[str, object], None]
) -> None:
    record_property(CELL, f"{STRICTEST} {action_class} {band}")
    expected = US[action_class][BANDS.index(band)]
    if band is AgeBand.FROM_13_TO_17 and action_class in TEEN_ELSEWHERE:
        expected = CONSENT
    for jurisdiction in ("", "fr", STRICTEST):
        assert need(MATRIX, jurisdiction, action_class, band) is expected


@pytest.mark.parametrize("action", sorted(CATALOGUE))
@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("jurisdiction", ["us", ""])
def test_every_shipped_action_is_refused_exactly_where_its_cell_asks_for_consent(
    action: str, band: AgeBand, jurisdiction: str
) -> None:
    """Whatever its name is."""
    decision = evaluate(DEFAULT_POLICY, Facts(action=action, now_ms=1, band=band, jurisdiction=jurisdiction))
    asks = need(MATRIX, jurisdiction, CATALOGUE[action].action_class, band) is not NONE
    assert (decision.outcome is Outcome.DENY) is asks
    assert decision.consent.state is (ConsentStatus.MISSING if asks else ConsentStatus.NOT_REQUIRED)
