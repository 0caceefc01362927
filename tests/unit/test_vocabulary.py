"""`docs/integrating.md` and the code name the same words."""

import re
from pathlib import Path
from typing import get_args

import pytest

from viral_engine.actors.growth.trust_safety.changes import PROOFS, REFERRER
from viral_engine.domain.actions import CATALOGUE
from viral_engine.domain.consent import EVIDENCE, DataClass, Purpose, RecipientClass
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.redaction.audiences import Audience
from viral_engine.domain.redaction.kinds import Kind
from viral_engine.messages.keys import Scope
from viral_engine.store.signals import FIRST_COUNTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "integrating.md").read_text()


def words(heading: str) -> set[str]:
    """Everything in backticks below a heading, up to the next one."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"`([a-z_0-9]+)`", section))


@pytest.mark.parametrize(
    ("heading", "named"),
    [
        ("What to do with a decision", {outcome.value for outcome in Outcome}),
        ("Actions", set(CATALOGUE)),
        ("Consent", {*Purpose, *RecipientClass, *DataClass, *EVIDENCE}),
        ("Consent", {field for fields in EVIDENCE.values() for field in fields}),
        ("Signals", {*PROOFS, REFERRER}),
        ("Redaction", {*Kind, *Audience}),
        ("Scopes of keys", set(get_args(Scope))),
    ],
)
def test_the_page_names_every_word_of_the_code(heading: str, named: set[str]) -> None:
    assert {str(word) for word in named} - words(heading) == set()


def test_of_each_signal_the_page_says_which_report_counts() -> None:
    last, _, first = PAGE.split("## Signals\n")[1].split("\n## ")[0].partition("the last report counts")
    assert "the first report counts" in first
    assert set(re.findall(r"`(\w+)`", last)) == PROOFS
    assert set(re.findall(r"`(\w+)`", first)) == FIRST_COUNTS == {REFERRER}


def test_the_page_names_no_action_that_the_catalogue_lacks() -> None:
    assert words("Actions") - {"unknown_action"} == set(CATALOGUE)
