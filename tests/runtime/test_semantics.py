"""docs/semantics.md is proved: every sentence by tests, and every test by a wrong rule that it catches."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from wrong_rules import actors, otp
from wrong_rules.page import PAGE, existing_tests, function_of, promises
from wrong_rules.trial import Verdict, copy_to, run_in, try_rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wrong_rules.rule import WrongRule

RULES = (*otp.RULES, *actors.RULES)
RUNS_AT_ONCE = 2


@dataclass(frozen=True)
class Original:
    """A copy without a wrong rule, and what the tests of all wrong rules said of it."""

    folder: Path
    verdict: Verdict


@pytest.fixture(scope="module")
def selected(request: pytest.FixtureRequest) -> list[WrongRule]:
    """The wrong rules of this run: all of them unless somebody asked for a few."""
    items: list[Any] = [item for item in request.session.items if item.path == request.path]
    rules = [item.callspec.params["rule"] for item in items if hasattr(item, "callspec")]
    return rules or list(RULES)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, selected: list[WrongRule]) -> Original:
    folder = tmp_path_factory.mktemp("wrong-rules") / "original"
    copy_to(folder)
    return Original(folder, run_in(folder, sorted({rule.test for rule in selected}), patience_s=30.0))


@pytest.fixture(scope="module")
def verdicts(original: Original, selected: list[WrongRule]) -> Iterator[dict[int, Future[Verdict]]]:
    with ThreadPoolExecutor(RUNS_AT_ONCE) as runs:
        yield {rule.number: runs.submit(try_rule, original.folder, rule) for rule in selected}


def test_without_a_wrong_rule_every_test_is_green(original: Original) -> None:
    verdict = original.verdict
    assert (verdict.failed, verdict.proofs, verdict.others) == (0, [], []), verdict.output
    assert verdict.passed >= 1
    assert verdict.strangers == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"W{rule.number}")
def test_a_wrong_rule_turns_its_test_red(rule: WrongRule, verdicts: dict[int, Future[Verdict]]) -> None:
    verdict = verdicts[rule.number].result()
    assert verdict.proofs, f"{rule.sentence}\nNo assertion of {rule.test} sees it.\n{verdict.output}"
    assert verdict.strangers == []
    assert verdict.imported > 1


def test_wrong_rules_are_numbered_without_a_gap() -> None:
    assert sorted(rule.number for rule in RULES) == list(range(1, len(RULES) + 1))


def test_every_wrong_rule_changes_something() -> None:
    assert [rule.number for rule in RULES for edit in rule.edits if edit.old == edit.new] == []


def test_every_sentence_names_tests_that_exist_and_wrong_rules_that_they_catch() -> None:
    known, by_number = existing_tests(), {rule.number: rule for rule in RULES}
    unproved = []
    for promise in promises(PAGE.read_text()):
        caught_by = {function_of(by_number[number].test) for number in promise.rules if number in by_number}
        complete = promise.rules and by_number.keys() >= set(promise.rules) and known >= set(promise.tests)
        if not complete or not caught_by <= set(promise.tests):
            unproved.append(promise)
    assert unproved == []


def test_every_wrong_rule_belongs_to_a_sentence() -> None:
    named = Counter(number for promise in promises(PAGE.read_text()) for number in promise.rules)
    assert [rule.number for rule in RULES if not named[rule.number]] == []


def test_no_sentence_is_said_twice() -> None:
    said = Counter(promise.sentence for promise in promises(PAGE.read_text()))
    assert [sentence for sentence, times in said.items() if times > 1] == []
