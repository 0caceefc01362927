"""`docs/policy.md` and the code say the same of limits, outages, tiers and weights."""

import re
from collections.abc import Iterable
from pathlib import Path

from viral_engine.domain.actions import CATALOGUE, UNLISTED, Action
from viral_engine.domain.facts import Facts
from viral_engine.domain.limits import READS, SHARE, WRITES, Limit
from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.domain.policy_file import RULES_MAX, policy_of
from viral_engine.domain.rules import DEPTH_MAX, KNOWN_FACTS, PARTS_MAX, Leaning
from viral_engine.domain.score import contributions_of
from viral_engine.domain.weights import WEIGHTS, Ramp
from viral_engine.store.policies import SHADOWED_ROWS_MAX, VERSIONS_MAX
from viral_engine.web.examples import EXAMPLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text()
SETS = {"writes": WRITES, "reads": READS, "writes, share": (*WRITES, SHARE)}
Row = tuple[str, ...]


def rows_below(heading: str) -> list[Row]:
    """The rows of the table below a heading, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("| ") for line in section.splitlines() if line.startswith("|")]
    return [tuple(re.sub("`", "", cell).strip() for cell in re.split(r" \| ", line)) for line in lines[2:]]


def thousands(numbers: Iterable[int]) -> Row:
    return tuple(f"{number:,}" for number in numbers)


def action_row(name: str, action: Action) -> Row:
    limits = next(word for word, those in SETS.items() if those == action.limits)
    return name, action.action_class.value, limits, action.outage.value


def limit_rows(word: str, limits: Iterable[Limit]) -> list[Row]:
    return [
        (
            word,
            limit.window,
            limit.key.value,
            f"{limit.places:,}",
            f"{limit.window_ms // 1_000:,} s",
            limit.reason.value,
        )
        for limit in limits
    ]


def ramp_row(name: str, ramp: Ramp) -> Row:
    return (name, *thousands((ramp.each, ramp.free, ramp.cap)), " ".join(kind.value for kind in ramp.lifted_by) or "-")


def test_every_action_stands_there_with_its_class_its_limits_and_its_outage_policy() -> None:
    expected = [action_row(name, action) for name, action in CATALOGUE.items()]
    assert rows_below("Actions") == [*expected, action_row("any other", UNLISTED)]


def test_the_limits_are_those_of_the_code() -> None:
    shown = [*limit_rows("writes", WRITES), *limit_rows("reads", READS), *limit_rows("share", (SHARE,))]
    assert rows_below("Limits") == shown


def test_the_tiers_are_those_of_the_code() -> None:
    assert rows_below("Tiers") == [(f"{tier.score:,}", tier.outcome.value) for tier in WEIGHTS.tiers]


def test_the_weights_are_those_of_the_code() -> None:
    single = {name: getattr(WEIGHTS, name) for name in ("email_disposable", "unknown_action", "signups_unknown")}
    ramps = {**WEIGHTS.velocity, **WEIGHTS.referral, **single}
    assert rows_below("What speaks against an attempt") == [
        *(ramp_row(name, ramp) for name, ramp in ramps.items()),
        *((f"missing_{name}", f"{weight:,}", "0", f"{weight:,}", "-") for name, weight in WEIGHTS.missing.items()),
        *(
            (f"report, {severity.value}", f"{weight:,}", "0", f"{WEIGHTS.flags.source_cap:,} a source", "-")
            for severity, weight in WEIGHTS.flags.severities.items()
        ),
    ]
    assert rows_below("What speaks for it") == [(name, f"{weight:,}") for name, weight in WEIGHTS.trust.items()]
    for number in (WEIGHTS.referral_cap, WEIGHTS.flags.cap, WEIGHTS.trust_cap):
        assert f"{number:,}" in PAGE
    assert f"{WEIGHTS.flags.decay_days} days" in PAGE


def test_the_page_names_the_version_it_describes() -> None:
    assert f"`{DEFAULT_POLICY.id}`, version {DEFAULT_POLICY.version}" in PAGE


def test_the_terms_of_what_a_request_lacks_are_called_as_in_decisions() -> None:
    facts = Facts(action="general", now_ms=1, missing=tuple(WEIGHTS.missing))
    told = [term.rule for term in contributions_of(WEIGHTS, facts, unlisted=False, signup=False)]
    assert told == [f"missing_{name}" for name in WEIGHTS.missing]
    assert set(told) <= {row[0] for row in rows_below("What speaks against an attempt")}


def test_the_rule_on_the_page_works_and_every_fact_that_rules_may_name_stands_there() -> None:
    rule = PAGE.split("```toml\n")[1].split("```")[0]
    assert [rule.name for rule in policy_of(rule).rules] == ["new_and_busy"]
    speaks = {Leaning.SUSPICION: "against", Leaning.PROOF: "for", Leaning.NEITHER: "neither"}
    expected = [(name, fact.sort.value, speaks[fact.leaning]) for name, fact in KNOWN_FACTS.items()]
    assert rows_below("Rules of your own") == expected
    assert (RULES_MAX, PARTS_MAX, DEPTH_MAX, VERSIONS_MAX, SHADOWED_ROWS_MAX) == (
        100, 32, 8, 1_000, 50_000,
    )  # fmt: skip


def test_the_outcomes_of_content_are_those_of_the_code() -> None:
    rules = DEFAULT_POLICY.content
    private = [(f"private.{band}", outcome.value) for band, outcome in rules.private.items()]
    rest = [("secret", rules.secret), ("off_platform", rules.off_platform), ("unseen", rules.unseen)]
    assert rows_below("Content") == [*private, *((name, outcome.value) for name, outcome in rest)]


def test_the_examples_of_the_description_show_the_shipped_version() -> None:
    shown = {"id": DEFAULT_POLICY.id, "version": DEFAULT_POLICY.version, "mode": "enforce"}
    assert [EXAMPLES[name]["policy"] for name in ("CheckAnswer", "DecisionRecord", "DecisionInName")] == [shown] * 3
    stands = EXAMPLES["PolicyStands"]
    assert (stands["before"], stands["version"]) == (DEFAULT_POLICY.version, DEFAULT_POLICY.version + 1)
    assert len(stands["changes"]) == stands["change_count"]
