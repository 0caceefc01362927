"""What operators and their machines ask: alive, ready, metrics, the API's description."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from viral_engine.web.routes import Answer, Call, Handler

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
HTML = "text/html; charset=utf-8"
_PAGE_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Health(msgspec.Struct, frozen=True):
    """The process answers.

    Attributes:
        version: of the program, text such as 1.2.0.
    """

    status: str
    version: str


class Ready(msgspec.Struct, frozen=True):
    """Whether the daemon should get traffic, and which parts are not well; why is told in the log and by `health`.

    Attributes:
        remarks: parts that somebody must look at though no answer needs them.
    """

    ready: bool
    reasons: list[str]
    remarks: list[str]


async def healthz(call: Call) -> Answer:
    """Says that the process is alive; a monitor restarts one that does not."""
    return Answer(200, Health("ok", call.state.context.version))


async def readyz(call: Call) -> Answer:
    """Says whether the parts that a check needs are up."""
    readiness = call.state.context.readiness()
    reasons = [f"{part} is not well" for part in readiness.reasons]
    if not call.state.keys.is_loaded:
        reasons.append("the API keys could not be read yet")
    ready = Ready(not reasons, reasons, [f"{part} needs somebody to look at it" for part in readiness.remarks])
    return Answer(200 if ready.ready else 503, ready)


async def metrics(call: Call) -> Answer:
    """Returns everything counted, in Prometheus' text format."""
    text = call.state.context.metrics_text()
    return Answer(200, text + call.state.traffic.metrics(), PROMETHEUS)


def made_once(body: Callable[[], bytes], media_type: str) -> Handler:
    """Returns the handler of something that never changes, and is made in a thread when it is first asked for."""

    async def serve(_call: Call) -> Answer:
        return Answer(200, await asyncio.to_thread(body), media_type, _PAGE_HEADERS)

    return serve


async def home(_call: Call) -> Answer:
    """Leads to the description of the API."""
    return Answer(307, b"", HTML, ((b"location", b"/docs"), *_PAGE_HEADERS))
