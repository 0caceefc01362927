"""Nothing of child safety is closed by a tick: whoever closes such a case has claimed it, read it, and says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from data_actors import outcome
from test_blocks_of_reports import claim, close_seen, is_blocked, read, report_of_child_safety
from test_reviews import acts, answer, appeal, close, report
from test_trust_safety import Engine, engine

from viral_engine.domain.reports import NOTE_LENGTH_MIN, is_note_enough
from viral_engine.messages.refusals import Refused
from viral_engine.messages.reviews import CaseClosed, CloseCase
from viral_engine.store.engine import Database


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def verdict(case_id: str, author: str = "key:ada", note: str = "talked to both parents") -> CloseCase:
    return CloseCase(case_id=case_id, outcome="overturn", note=note, author=author, child_safety=True)


def refusal(on: Engine, wanted: CloseCase) -> tuple[str, str]:
    refused = outcome(on.ask(wanted))
    assert isinstance(refused, Refused)
    assert is_blocked(on)
    return refused.code, str(refused)


def claimed_long_ago(on: Engine, case_id: str) -> None:
    with psycopg.connect(on.database.conninfo) as connection:
        connection.execute("UPDATE cases SET claimed_at = claimed_at - interval '2 hours' WHERE id = %s", (case_id,))


def test_it_is_closed_only_once_it_is_claimed_and_read(running: Engine) -> None:
    case_id = report_of_child_safety(running)
    which = f"case {case_id} is of child safety"
    assert refusal(running, verdict(case_id)) == ("conflict", f"{which}: claim it first")
    read(running, case_id, "key:bob")
    claim(running, case_id)
    # Somebody else's reading is not its claimer's.
    unread = f"{which}: read it first: GET /v1/reviews/{case_id}"
    assert refusal(running, verdict(case_id)) == ("conflict", unread)
    read(running, case_id)
    closed = outcome(running.ask(verdict(case_id)))
    assert isinstance(closed, CaseClosed)
    assert len(closed.blocks_lifted) == 1
    assert "case.close" in acts(running)


def test_an_appeal_of_child_safety_is_no_exception(running: Engine) -> None:
    report_of_child_safety(running)
    case_id = appeal(running, answer(running)["decision_id"])
    assert refusal(running, verdict(case_id))[1].endswith("claim it first")
    assert len(close_seen(running, case_id, "overturn").blocks_lifted) == 1


def test_what_was_read_before_the_claim_was_read(running: Engine) -> None:
    case_id = report_of_child_safety(running)
    read(running, case_id)
    claim(running, case_id)
    assert isinstance(outcome(running.ask(verdict(case_id))), CaseClosed)


def test_a_claim_that_ran_out_holds_until_somebody_else_claims_the_case(running: Engine) -> None:
    case_id = report_of_child_safety(running)
    for author in ("key:ada", "key:bob"):
        read(running, case_id, author)
    claim(running, case_id)
    claimed_long_ago(running, case_id)
    assert refusal(running, verdict(case_id, "key:bob"))[1].endswith("claim it first")
    claim(running, case_id, "key:bob")
    assert refusal(running, verdict(case_id)) == ("conflict", f"case {case_id} is closed, or somebody else is at it")
    claimed_long_ago(running, case_id)
    assert isinstance(outcome(running.ask(verdict(case_id, "key:bob"))), CaseClosed)


@pytest.mark.parametrize("note", ["x", "a" * (NOTE_LENGTH_MIN - 1), "n" + " " * NOTE_LENGTH_MIN + "o"])
def test_a_note_that_says_little_closes_nothing(running: Engine, note: str) -> None:
    case_id = report_of_child_safety(running)
    claim(running, case_id)
    read(running, case_id)
    refused = outcome(running.ask(verdict(case_id, note=note)))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.http_status, refused.field) == ("invalid", 422, "note")
    assert is_blocked(running)
    assert not is_note_enough(note)
    assert is_note_enough("a" * NOTE_LENGTH_MIN)


def test_of_two_who_close_it_at_once_one_wins(running: Engine) -> None:
    case_id = report_of_child_safety(running)
    claim(running, case_id)
    read(running, case_id)
    answers = [outcome(one) for one in [running.ask(verdict(case_id)) for _ in range(4)]]
    assert sorted(type(one).__name__ for one in answers) == ["CaseClosed", "Refused", "Refused", "Refused"]
    assert {one.code for one in answers if isinstance(one, Refused)} == {"conflict"}
    assert [acts(running).count(act) for act in ("case.close", "blocks.lift")] == [1, 1]


def test_every_other_case_is_closed_as_before(running: Engine) -> None:
    case_id: Any = report(running, "7").report_id
    assert close(running, case_id, "uphold").outcome == "uphold"
