"""429 with what a client needs to wait by itself: Retry-After, and the RateLimit headers of the IETF's draft.

draft-ietf-httpapi-ratelimit-headers-09: `RateLimit-Policy` names quota and window, `RateLimit` what is left and the
seconds until there is more.
"""

from __future__ import annotations

import math

from viral_engine.web.errors import ApiError

RETRY_AFTER_MIN_S = 1
"""Zero would have a client ask again at once."""


def too_many(
    code: str, message: str, *, policy: str, quota: int, window_s: int, wait_s: float, field: str | None = None
) -> ApiError:
    """Returns the refusal of what is beyond a quota.

    Args:
        code: stable word for programs.
        message: one sentence.
        policy: the quota's name, letters and underscores.
        quota: how many a window takes.
        window_s: its length.
        wait_s: until something is taken again.
        field: of the request, by which the quota is counted.
    """
    seconds = whole_seconds(wait_s)
    headers = (
        (b"retry-after", b"%d" % seconds),
        (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (policy.encode(), quota, window_s)),
        (b"ratelimit", b'"%b";r=0;t=%d' % (policy.encode(), seconds)),
    )
    return ApiError(429, code, message, field=field, headers=headers)


def whole_seconds(wait_s: float | None) -> int:
    """Returns whole seconds, never fewer than have to pass and never none."""
    return max(math.ceil(wait_s or 0), RETRY_AFTER_MIN_S)
