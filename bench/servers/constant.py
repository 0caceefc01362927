"""The constant endpoint: POST, the body read, the same JSON for everybody; Starlette without middleware."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.servers.flags import FLAGS


async def answer(request: Request) -> JSONResponse:
    """Reads the body and answers."""
    await request.body()
    return JSONResponse({"decision": "allow"})


app = Starlette(routes=[Route("/v1/actions/check", answer, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), **FLAGS)
