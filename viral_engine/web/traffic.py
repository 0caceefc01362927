"""What came in and how it was answered: counts for all, a log line for what failed or was slow."""

from __future__ import annotations

import itertools
import re
import time
from asyncio import CancelledError
from bisect import bisect_left
from typing import Any

from viral_engine.telemetry.personal import mask_text
from viral_engine.web.errors import ApiError, as_api_error, internal, unavailable

LOG_LINES_PER_S_MAX = 50
"""A flood of refused requests must not become a flood of log lines; the next line tells how many were left out."""

SLOW_S = 1.0
_OK_BELOW = 300
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class _Times:
    """One route's durations: a counter per bucket and the sum in seconds."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS_S) + 1)
        self.sum_s = 0.0


class Traffic:
    """Counts answers by route and status, so its size is bounded by the route table.

    Args:
        log: a structlog logger.
        boot_id: the beginning of request ids made here.
    """

    def __init__(self, log: Any, boot_id: str) -> None:
        self._log = log
        # With a letter in front, and no digit behind anything but a letter, a digit or a hyphen, no id has the form
        # of a phone number, which the log would hide.
        self._prefix = b"r" + re.sub(r"[^A-Za-z0-9]", "", boot_id)[:8].encode()
        self._numbers = itertools.count(1)
        self._answers: dict[tuple[str, int], int] = {}
        self._times: dict[str, _Times] = {}
        self._second = 0
        self._lines = 0
        self._left_out = 0

    def request_id(self, given: bytes | None) -> bytes:
        """Returns the caller's id for the request if it is safe to repeat and to log as it is, else a new one."""
        if given is not None and _SAFE_ID.fullmatch(given) is not None:
            text = given.decode()
            # What the log would hide is not taken, so that the id in the answer is the one in the log.
            if mask_text(text) == text:
                return given
        return b"%b-%x" % (self._prefix, next(self._numbers))

    def note(
        self, route: str, method: str, status: int, seconds: float, request_id: bytes, code: str | None = None
    ) -> None:
        """Counts one answer, and logs it when it was no success or slow.

        Nothing personal is logged: the route's template and no path, no address, no key.
        """
        which = (route, status)
        self._answers[which] = self._answers.get(which, 0) + 1
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = _Times()
        times.counts[bisect_left(_BUCKETS_S, seconds)] += 1
        times.sum_s += seconds
        if status >= _OK_BELOW or seconds >= SLOW_S:
            self._line(route, method, status, seconds, request_id, code)

    def told(self, route: str, request_id: bytes, error: BaseException) -> ApiError:
        """Returns what the caller is told of an exception; a fault of ours is logged."""
        if isinstance(error, CancelledError):
            return unavailable("the daemon is stopping")
        known = as_api_error(error)
        if known is None:
            self.failed(route, request_id, error)
        return known or internal()

    def failed(self, route: str, request_id: bytes, error: BaseException) -> None:
        """Logs an exception that nobody expected, with its traceback."""
        if self._may_log():
            self._log.error("request_failed", route=route, request_id=request_id.decode(), exc_info=error)

    def warn(self, event: str, **facts: Any) -> None:
        """Logs what went wrong with a request although it was answered."""
        if self._may_log():
            self._log.warning(event, **facts)

    def metrics(self) -> bytes:
        """Returns the counts in Prometheus' text format."""
        lines = [
            "# HELP viral_engine_http_answers_total Answers by route and status.",
            "# TYPE viral_engine_http_answers_total counter",
        ]
        for (route, status), count in sorted(self._answers.items()):
            lines.append(f'viral_engine_http_answers_total{{route="{route}",status="{status}"}} {count}')
        lines.append("# HELP viral_engine_http_seconds Time from a request's head to its answer.")
        lines.append("# TYPE viral_engine_http_seconds histogram")
        for route, times in sorted(self._times.items()):
            below = itertools.accumulate(times.counts)
            for bound, count in zip((*map(str, _BUCKETS_S), "+Inf"), below, strict=True):
                lines.append(f'viral_engine_http_seconds_bucket{{route="{route}",le="{bound}"}} {count}')
            lines.append(f'viral_engine_http_seconds_sum{{route="{route}"}} {times.sum_s:.6f}')
            lines.append(f'viral_engine_http_seconds_count{{route="{route}"}} {sum(times.counts)}')
        return ("\n".join(lines) + "\n").encode()

    def _line(self, route: str, method: str, status: int, seconds: float, request_id: bytes, code: str | None) -> None:
        if not self._may_log():
            return
        left_out, self._left_out = self._left_out, 0
        self._log.info(
            "request",
            route=route,
            method=method,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            request_id=request_id.decode(),
            error=code,
            left_out=left_out,
        )

    def _may_log(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines >= LOG_LINES_PER_S_MAX:
            self._left_out += 1
            return False
        self._lines += 1
        return True
