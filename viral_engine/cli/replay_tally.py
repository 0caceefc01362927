"""What a replay counted: answers, times, and how the decisions compare with what was true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CAUGHT = ("deny", "review", "challenge")
"""Decisions that stop an attempt or make it prove something."""
HUNTED = ("farm", "burst")
"""Labels whose share of caught requests is told first."""
SPARED = ("family", "school")
"""Labels nobody of whom may be denied."""
FAILURES_SHOWN = 5


@dataclass(slots=True)
class Tally:
    """The sums of one replay.

    Attributes:
        lines: requests in the file.
        world: calls that told what was known before.
        recovered: answers that were lost on the way and found again among the recorded decisions.
        request_ms: per request to the daemon (a batch of lines).
        latency_ms: per line, as the daemon measured it.
    """

    lines: int = 0
    world: int = 0
    answered: int = 0
    recorded: int = 0
    recovered: int = 0
    retries: int = 0
    seconds: float = 0.0
    shift_days: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    request_ms: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)

    def answer(self, answer: dict[str, Any], label: tuple[str, str] | None) -> None:
        """Counts one decision; `label` is what the line is and what may be expected of it."""
        self.answered += 1
        self.recorded += answer.get("recorded") is True
        self.decisions[answer["decision"]] += 1
        self.reasons.update(answer["reasons"])
        self.latency_ms.append(float(answer["latency_ms"]))
        if label is not None:
            self.outcomes[(*label, answer["decision"])] += 1

    def fail(self, line: int, error: Any) -> None:
        """Notes a line that got no decision."""
        self.failures.append({"line": line, "error": error})


def percentiles(values: Sequence[float]) -> dict[str, float] | None:
    """p50, p90, p99 (nearest rank) and the largest; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    picked = {f"p{rank}": ranked[max(0, -(-len(ranked) * rank // 100) - 1)] for rank in (50, 90, 99)}
    return {name: round(value, 3) for name, value in (*picked.items(), ("max", ranked[-1]))}


def summary(tally: Tally) -> dict[str, Any]:
    """The tally as plain data."""
    return {
        "lines": tally.lines,
        "answered": tally.answered,
        "recorded": tally.recorded,
        "recovered": tally.recovered,
        "retries": tally.retries,
        "not_answered": len(tally.failures),
        "failures": tally.failures[:FAILURES_SHOWN],
        "world_calls": tally.world,
        "shift_days": tally.shift_days,
        "seconds": round(tally.seconds, 3),
        "requests_per_s": round(tally.answered / tally.seconds, 1) if tally.seconds else None,
        "request_ms": percentiles(tally.request_ms),
        "latency_ms": percentiles(tally.latency_ms),
        "decisions": dict(tally.decisions.most_common()),
        "reasons": dict(tally.reasons.most_common()),
        "labels": judged(tally.outcomes) if tally.outcomes else None,
    }


def judged(outcomes: Counter[tuple[str, str, str]]) -> dict[str, Any]:
    """Decisions against labels.

    Returns:
        `table`: label to decision to count; `recall`: for each hunted label the caught and the denied among all its
        requests and among those that could be known (`expected` is deny); `false_denials` by spared label; `missed` by
        label: expected to be denied and not even made to prove something.
    """
    table: dict[str, dict[str, int]] = {}
    missed: Counter[str] = Counter()
    for (label, expected, decision), count in sorted(outcomes.items()):
        row = table.setdefault(label, {})
        row[decision] = row.get(decision, 0) + count
        if expected == "deny" and decision not in CAUGHT:
            missed[label] += count
    return {
        "table": table,
        "recall": {label: _recall(outcomes, label) for label in HUNTED if label in table},
        "false_denials": {label: table[label].get("deny", 0) for label in SPARED if label in table},
        "missed": dict(missed.most_common()),
    }


def _recall(outcomes: Counter[tuple[str, str, str]], wanted: str) -> dict[str, Any]:
    def count(decisions: tuple[str, ...] | None, *, knowable: bool) -> int:
        return sum(
            number
            for (label, expected, decision), number in outcomes.items()
            if label == wanted and (decisions is None or decision in decisions) and (not knowable or expected == "deny")
        )

    of_all, of_knowable = count(None, knowable=False), count(None, knowable=True)
    return {
        "requests": of_all,
        "caught": count(CAUGHT, knowable=False),
        "denied": count(("deny",), knowable=False),
        "caught_share": round(count(CAUGHT, knowable=False) / of_all, 4),
        "knowable": of_knowable,
        "knowable_caught": count(CAUGHT, knowable=True),
        "knowable_denied": count(("deny",), knowable=True),
    }


def as_lines(data: dict[str, Any]) -> list[str]:
    """The summary for people."""
    shifted = f", moved by {data['shift_days']} days" if data["shift_days"] else ""
    world = data["world_calls"]
    lines = [
        f"answered   {data['answered']:,} of {data['lines']:,}",
        f"recorded   {data['recorded']:,}",
        f"world      {f'{world:,} calls' if world else 'nothing'} told first",
        f"speed      {data['requests_per_s'] or 0:,.0f} requests/s ({data['seconds']:.2f} s{shifted})",
        f"again      {data['retries']:,} requests sent again, {data['recovered']:,} lost answers found again",
        _times("request", data["request_ms"], "a batch, from here and back"),
        _times("engine", data["latency_ms"], "a decision, as the daemon measured it"),
        _counts("decisions", data["decisions"]),
        _counts("reasons", data["reasons"]),
    ]
    lines += [f"not answered: line {failure['line']}: {failure['error']}" for failure in data["failures"]]
    if data["labels"] is not None:
        lines += _label_lines(data["labels"])
    return lines


def _times(name: str, times: dict[str, float] | None, of_what: str) -> str:
    if times is None:
        return f"{name:10} none"
    return f"{name:10} " + "  ".join(f"{rank} {value:.2f} ms" for rank, value in times.items()) + f"  ({of_what})"


def _counts(name: str, counts: dict[str, int]) -> str:
    return f"{name:10} " + ("  ".join(f"{word} {count:,}" for word, count in counts.items()) or "none")


def _label_lines(labels: dict[str, Any]) -> list[str]:
    table: dict[str, dict[str, int]] = labels["table"]
    columns = ("allow", "allow_flagged", "challenge", "review", "deny")
    lines = ["", f"{'label':24}" + "".join(f"{column:>14}" for column in columns)]
    lines += [
        f"{label:24}" + "".join(f"{row.get(column, 0):14,}" for column in columns) for label, row in table.items()
    ]
    lines.append("")
    for label, found in labels["recall"].items():
        lines.append(
            f"{label:10} caught {found['caught']:,} of {found['requests']:,} ({found['caught_share']:.1%}), denied "
            f"{found['denied']:,}; of the {found['knowable']:,} that could be known: caught "
            f"{found['knowable_caught']:,}, denied {found['knowable_denied']:,}"
        )
    for label, count in labels["false_denials"].items():
        lines.append(f"{label:10} denied {count:,}")
    lines.append(_counts("missed", labels["missed"]))
    return lines
