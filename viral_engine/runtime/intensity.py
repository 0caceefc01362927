"""Restart intensity: how many restarts a supervisor stands before it gives up. Pure."""


def admit_restart(
    restarts_s: tuple[float, ...], now_s: float, *, restarts_max: int, window_s: float
) -> tuple[bool, tuple[float, ...]]:
    """Counts one restart at `now_s` against the sliding window.

    OTP's rule (supervisor, "maximum restart intensity"): `restarts_max` restarts within the window are
    allowed, one more is not; a restart exactly `window_s` old still counts.

    Args:
        restarts_s: earlier restarts, oldest first, in seconds of a monotonic clock.
        now_s: the time of this restart on the same clock.
        restarts_max: restarts allowed in the window.
        window_s: the window in seconds.

    Returns:
        Whether this restart may happen, and the restarts to remember, this one included.
    """
    recent = (*(at_s for at_s in restarts_s if now_s - at_s <= window_s), now_s)
    # One more than allowed decides; older ones can't matter again, so the memory is bounded.
    return len(recent) <= restarts_max, recent[-(restarts_max + 1) :]


def restarts_in_window(restarts_s: tuple[float, ...], now_s: float, window_s: float) -> int:
    """Returns how many of the restarts still count at `now_s`."""
    return sum(now_s - at_s <= window_s for at_s in restarts_s)
