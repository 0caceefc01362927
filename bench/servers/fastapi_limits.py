"""What a Python user would pick: FastAPI with a model, `limits` in memory, nothing recorded."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from pydantic import BaseModel

from bench.servers.flags import FLAGS

LIMITER = MovingWindowRateLimiter(MemoryStorage())
PER_USER = RateLimitItemPerMinute(120)
PER_DEVICE = RateLimitItemPerMinute(300)
PER_ADDRESS = RateLimitItemPerMinute(3000)

app = FastAPI()


class Check(BaseModel):
    """Body of a check."""

    user_id: int | str
    action_type: str
    device_id: str | None = None
    ip_address: str | None = None


async def check(body: Check) -> dict[str, Any]:
    """Allows within the same three limits."""
    allowed = await LIMITER.hit(PER_USER, "user", str(body.user_id), body.action_type)
    if body.device_id is not None:
        allowed = await LIMITER.hit(PER_DEVICE, "device", body.device_id) and allowed
    if body.ip_address is not None:
        allowed = await LIMITER.hit(PER_ADDRESS, "address", body.ip_address) and allowed
    return {"decision": "allow" if allowed else "deny"}


app.post("/v1/actions/check")(check)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), **FLAGS)
