"""What two policies have otherwise, value by value, as their files spell it."""

import json
from collections.abc import Iterator
from dataclasses import replace

from viral_engine.domain.policy import Policy
from viral_engine.domain.policy_text import policy_text

__all__ = ["VALUE_LENGTH_MAX", "policy_difference"]

VALUE_LENGTH_MAX = 120
"""Characters of a value that are told; a rule's condition may be longer."""


def policy_difference(before: Policy, after: Policy) -> list[str]:
    """One line for each value that is not the same, in the order of the file: `tiers.deny 7000 -> 6000`.

    A rule of the policy's own that is new or gone is one line, whatever it says. The version is no value.
    """
    had, has = ([rule.name for rule in policy.rules] for policy in (before, after))
    kept = set(had) & set(has)
    old, new = (
        dict(_values(replace(policy, rules=tuple(rule for rule in policy.rules if rule.name in kept))))
        for policy in (before, after)
    )
    lines = [
        f"{path} {_cut(old[path])} -> {_cut(value)}" if path in old else f"{path} {_cut(value)} added"
        for path, value in new.items()
        if old.get(path) != value
    ]
    lines += [f"{path} {_cut(value)} removed" for path, value in old.items() if path not in new]
    lines += [f"rule {name} added" for name in has if name not in kept]
    lines += [f"rule {name} removed" for name in had if name not in kept]
    if [name for name in had if name in kept] != [name for name in has if name in kept]:
        lines.append("the rules stand in another order")
    return lines


def _values(policy: Policy) -> Iterator[tuple[str, str]]:
    """Every value by its path: each stands on a line of its own in the text."""
    table = ""
    for line in policy_text(policy).splitlines():
        key, is_pair, value = line.partition(" = ")
        if line.startswith("["):
            table = line.strip("[]") + "."
        elif is_pair and table == "rule.":
            # The first of a rule's keys is its name.
            table = f"rule.{json.loads(value)}."
        elif is_pair:
            yield table + key, value


def _cut(value: str) -> str:
    return value if len(value) <= VALUE_LENGTH_MAX else f"{value[: VALUE_LENGTH_MAX - 1]}…"
