"""The decision itself: from facts to a decision with its score, in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.results import Row
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, Referral, Trust, Velocity, WindowUse
from viral_engine.domain.policy import DEFAULT_POLICY

DECISIONS = 20_000
SCORE = Row(name="decision with fraud score from facts in memory, p50 (ms)", better="lower", goal=0.1)

SUSPICIOUS = Facts(
    action="share",
    now_ms=1_763_251_200_000,
    missing=("device_id",),
    windows=(WindowUse("user_action", 3, 20_000), WindowUse("address", 40, 1_000), WindowUse("share", 1, 100_000)),
    email_disposable=True,
    trust=Trust(email_verified=True),
    velocity=Velocity(2, 6, 12, 7, 14, 6),
    referral=Referral(same_household=True, referees=8, referees_sharing=6),
)


def rows(runs: int) -> Iterator[Row]:
    """Measures the score on facts in which nearly every rule speaks."""
    yield SCORE.measured([_p50_ms() for _ in range(runs)])


def _p50_ms() -> float:
    found = []
    for _ in range(DECISIONS):
        begun_ns = time.perf_counter_ns()
        evaluate(DEFAULT_POLICY, SUSPICIOUS)
        found.append(time.perf_counter_ns() - begun_ns)
    return sorted(found)[DECISIONS // 2] / 1e6
