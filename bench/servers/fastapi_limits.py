"""What a Python user would pick: FastAPI with models and a key, `limits` in memory, nothing recorded.

It does the part of the check that these two packages are made for: who asks, what is asked, is there room in three
moving windows, and the answer with the state of the nearest limit. It decides nothing else.
"""

from __future__ import annotations

import hmac
import os
import sys
import time
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from pydantic import BaseModel

from bench.servers.flags import FLAGS

KEY = os.environ.get("BENCH_KEY", "none")
LIMITER = MovingWindowRateLimiter(MemoryStorage())
PER_USER = RateLimitItemPerMinute(120)
PER_DEVICE = RateLimitItemPerMinute(300)
PER_ADDRESS = RateLimitItemPerMinute(3000)

app = FastAPI()
bearer = HTTPBearer()


class Check(BaseModel):
    """Body of a check."""

    user_id: int | str
    action_type: str
    device_id: str | None = None
    ip_address: str | None = None


class Limit(BaseModel):
    """The nearest limit."""

    limit: int
    remaining: int
    reset_s: float


class Answer(BaseModel):
    """What the caller reads."""

    decision: str
    limits: Limit


async def authenticated(sent: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> None:
    """Refuses whoever has not the key."""
    if not hmac.compare_digest(sent.credentials.encode(), KEY.encode()):
        raise HTTPException(401)


async def check(body: Check) -> Answer:
    """Allows within the same three limits, and tells of the one with the fewest places left."""
    keyed = [(PER_USER, ("user", str(body.user_id), body.action_type))]
    if body.device_id is not None:
        keyed.append((PER_DEVICE, ("device", body.device_id, "")))
    if body.ip_address is not None:
        keyed.append((PER_ADDRESS, ("address", body.ip_address, "")))
    allowed, states = True, []
    for limit, key in keyed:
        allowed = await LIMITER.hit(limit, *key) and allowed
        state = await LIMITER.get_window_stats(limit, *key)
        reset_s = state.reset_time - time.time()
        states.append(Limit(limit=limit.amount, remaining=state.remaining, reset_s=reset_s))
    nearest = min(states, key=lambda state: state.remaining)
    return Answer(decision="allow" if allowed else "deny", limits=nearest)


app.post("/v1/actions/check", dependencies=[Depends(authenticated)])(check)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), **FLAGS)
