"""Request in, answer out: what operators can do. Runs in the connection's own thread, never in an actor's."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import structlog

from viral_engine.control.acts import Acts
from viral_engine.control.context import Act, ControlContext
from viral_engine.control.letters import Letters
from viral_engine.control.looks import Looks
from viral_engine.control.protocol import ACTS, Answer, Refusal, Request
from viral_engine.control.trace import Line, Traces
from viral_engine.runtime.system import System
from viral_engine.telemetry.personal import mask_text

REASON_CHARACTERS_MAX = 1_000
ACTS_REMEMBERED_MAX = 1_000

_log = structlog.stdlib.get_logger("viral_engine.control")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, as the kernel tells it (SO_PEERCRED)."""

    pid: int
    uid: int


@dataclass(frozen=True, slots=True)
class Served:
    """An answer, and what to do once it is sent.

    Attributes:
        stream: instead of `answer`, lines that come one by one; closed by whoever sends them.
    """

    answer: Answer
    after: Callable[[], object] | None = None
    stream: Generator[Line] | None = None


class Service:
    """Answers requests of operators; several threads may use it at once.

    Args:
        system: the tree.
        context: what main gave.
        own_path: the control actor's path.
        acts: the last act on each path; handed from one incarnation of the control actor to the next.
    """

    def __init__(self, system: System, context: ControlContext, own_path: str, acts: dict[str, Act]) -> None:
        self._context = context
        self._looks = Looks(system, context)
        self._letters = Letters(system, context)
        self._traces = Traces(system)
        self._acts = Acts(system, own_path, dev=context.dev)
        self._done = acts

    def serve(self, request: Request, peer: Peer) -> Served:
        """Answers a request; a refusal is an answer too."""
        try:
            if request.verb in ACTS:
                return self._act(request, peer)
            if request.verb == "trace":
                _log.info("trace", path=request.path, uid=peer.uid, pid=peer.pid)
                return Served(Answer(), stream=self._traces.follow(request))
            return Served(Answer(data=self._look(request)))
        except Refusal as refusal:
            return Served(Answer(error=refusal.failure))

    def _look(self, request: Request) -> Any:
        match request.verb:
            case "tree":
                return self._looks.tree(request.path)
            case "if_dies":
                return self._looks.if_dies(request.path or "/")
            case "ps":
                return self._looks.ps()
            case "inspect":
                return self._looks.inspect(request, self._done)
            case "history":
                return self._looks.history(request)
            case "dead_letters":
                return self._letters.show(request)
            case "health":
                return self._looks.health()
            case _:
                return {"version": self._context.version}

    def _act(self, request: Request, peer: Peer) -> Served:
        node = self._acts.check(request, self._looks.root())
        reason = mask_text(request.reason[:REASON_CHARACTERS_MAX]) if request.reason else None
        act = Act(time.time_ns() // 1_000_000, request.verb, node.path, reason, peer.uid, peer.pid)
        self._audit(act)
        done = self._acts.act(request, node)
        if len(self._done) >= ACTS_REMEMBERED_MAX:
            self._done.clear()
        self._done[node.path] = act
        return Served(Answer(data=done.data), done.after)

    def _audit(self, act: Act) -> None:
        """Notes the act before it is done: what ends the daemon must not go unnoted.

        The act never depends on it. The log line is written in any case and names a failed audit.
        """
        failure = None
        try:
            self._context.audit(act)
        except Exception as error:  # noqa: BLE001  (see above)
            failure = f"{type(error).__name__}: {error}"
        _log.warning(
            "operator act", verb=act.verb, path=act.path, reason=act.reason, uid=act.uid, pid=act.pid,
            audit_failure=failure,
        )  # fmt: skip
