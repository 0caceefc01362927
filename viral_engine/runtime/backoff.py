"""How long a supervisor waits before it brings a child back. Pure."""

from dataclasses import dataclass

FACTOR_MAX = 1_000
EXPONENT_MAX = 64
"""No number of failures makes more than `FACTOR_MAX` to this power, which a float still holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow from restart to restart, so that a child that can't live yet costs little.

    OTP restarts at once, which stays the default; this is an option of the child.

    Attributes:
        first_s: the wait before the first restart.
        factor: each further wait is so many times as long.
        longest_s: no wait is longer, its jitter apart.
        jitter: the share by which a wait may be longer or shorter, so that many do not come back in step.
        healthy_s: a child that ran for so long begins at `first_s` again.
    """

    first_s: float = 0.1
    factor: float = 2.0
    longest_s: float = 30.0
    jitter: float = 0.1
    healthy_s: float = 60.0


def failures_in_a_row(before: int, up_s: float, backoff: Backoff) -> int:
    """Counts one more failure, from 1 again after a healthy spell of `up_s` seconds."""
    return 1 if up_s >= backoff.healthy_s else before + 1


def delay_s(backoff: Backoff, failures: int, chance: float) -> float:
    """Returns the seconds to wait after so many failures in a row.

    Args:
        backoff: the child's option.
        failures: 1 for the first.
        chance: evenly from 0 to 1; 0.5 is the wait without jitter.
    """
    grown_s = backoff.first_s * backoff.factor ** min(failures - 1, EXPONENT_MAX)
    return float(min(grown_s, backoff.longest_s) * (1 + backoff.jitter * (2 * chance - 1)))
