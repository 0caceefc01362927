"""The consent matrix cell by cell, written out again as the requirements have it."""

from collections.abc import Callable
from itertools import product

import pytest
from matrix_cells import CELL

from viral_engine.domain.actions import CATALOGUE
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import ConsentStatus
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts
from viral_engine.domain.matrix import MATRIX, STRICTEST, ActionClass, Need, need
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED

NEEDS = {"-": Need.NONE, "c": Need.CONSENT, "n": Need.NAMED}
BANDS = [AgeBand.UNKNOWN, AgeBand.UNDER_13, AgeBand.FROM_13_TO_17, AgeBand.ADULT]

# Each line: the class; what it needs of an unknown age, under 13, 13 to 17, 18 and more; where that is written.
# COPPA is 16 CFR 312, FERPA 34 CFR 99; what neither asks for is a choice of the product, and stricter.
EXPECTED = {
    "us": """
        operate         - - - -  312.5(c)(7): support of internal operations
        collect         c c - -  312.3(b), 312.5(a)(1); an unknown age is a child's until it is known
        ai_process      c c - -  312.5(a)(1): use is under consent as collection is
        show_own_parent - - - c  312.6: the parent's own right; 99.5: it passes to the student at 18
        show_tutor      c c - -  312.5(a)(1)
        social          c c c -  312.2, "disclosure": made publicly available by messages and pages; 13 to 17 a choice
        disclose        c c c -  312.5(a)(2): apart from collection; 13 to 17 a choice
        public_share    c c c -  312.5(a)(2); 13 to 17 a choice
        record_share    n n n -  99.30: the records, the purpose and the party are named
        prompt_invite   c c - -  312.7: nobody is led to give more than is needed
        reward          c c - -  312.7
        export          c c c -  312.5(a)(2); 13 to 17 a choice
        delete          - - - -  312.6(a)(2)
        unlisted        c c c -  what is not known gets the strictest
    """,
    # The ages at which people consent for themselves reach 18 abroad: Article 8 GDPR, 13 to 16, and others.
    STRICTEST: """
        operate         - - - -  nothing is collected
        collect         c c c -  Article 8 GDPR
        ai_process      c c c -  Article 8 GDPR
        show_own_parent - - - c  as there
        show_tutor      c c c -  Article 8 GDPR
        social          c c c -  Article 8 GDPR
        disclose        c c c -  Article 8 GDPR
        public_share    c c c -  Article 8 GDPR
        record_share    n n n -  as there
        prompt_invite   c c c -  Article 8 GDPR
        reward          c c c -  Article 8 GDPR
        export          c c c -  a choice
        delete          - - - -  Article 17 GDPR
        unlisted        c c c -  what is not known gets the strictest
    """,
}
CELLS = [
    (place, ActionClass(line.split()[0]), band, NEEDS[line.split()[1 + column]])
    for place, grid in EXPECTED.items()
    for line in grid.strip().splitlines()
    for column, band in enumerate(BANDS)
]


@pytest.mark.parametrize(("place", "action_class", "band", "expected"), CELLS)
def test_each_cell_is_as_the_law_or_the_product_has_it(
    place: str,
    action_class: ActionClass,
    band: AgeBand,
    expected: Need,
    record_property: Callable[[str, object], None],
) -> None:
    record_property(CELL, f"{place} {action_class} {band}")
    for policy in (DEFAULT_POLICY, *SHIPPED.values()):
        assert need(policy.matrix, place, action_class, band) is expected


def test_every_jurisdiction_class_and_band_of_the_matrix_has_an_expectation() -> None:
    expected = {(place, action_class, band) for place, action_class, band, _ in CELLS}
    shipped = {
        (place, action_class, band)
        for place, rows in MATRIX.items()
        for action_class, cells in rows.items()
        for band in cells
    }
    assert expected == shipped == {(*cell, band) for cell in product(EXPECTED, ActionClass) for band in AgeBand}
    assert len(expected) == len(CELLS)


@pytest.mark.parametrize("place", ["", "fr", STRICTEST])
def test_a_jurisdiction_without_a_table_gets_the_strictest(place: str) -> None:
    for where, action_class, band, expected in CELLS:
        if where == STRICTEST:
            assert need(MATRIX, place, action_class, band) is expected


@pytest.mark.parametrize("action", sorted(CATALOGUE))
@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("jurisdiction", ["us", ""])
def test_every_shipped_action_is_refused_exactly_where_its_cell_asks_for_consent(
    action: str, band: AgeBand, jurisdiction: str
) -> None:
    """Whatever its name is."""
    decision = evaluate(DEFAULT_POLICY, Facts(action=action, now_ms=1, band=band, jurisdiction=jurisdiction))
    asks = need(MATRIX, jurisdiction, CATALOGUE[action].action_class, band) is not Need.NONE
    assert (decision.outcome is Outcome.DENY) is asks
    assert decision.consent.state is (ConsentStatus.MISSING if asks else ConsentStatus.NOT_REQUIRED)
