"""What the service reads: everything but an actor's state comes without the actor's help."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from viral_engine.control.context import Act, ControlContext
from viral_engine.control.names import find, flat, normal
from viral_engine.control.protocol import STATE_TIMEOUT_S, Refusal, Request
from viral_engine.control.rates import Rates
from viral_engine.control.trouble import trouble
from viral_engine.control.why import sentence
from viral_engine.runtime import snapshot
from viral_engine.runtime.errors import ActorError
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.snapshot import Node
from viral_engine.runtime.system import System
from viral_engine.telemetry import history_file
from viral_engine.telemetry.personal import mask, mask_text

STATE_BYTES_MAX = 256 * 1024
STACK_BYTES_MAX = 64 * 1024
LOOP_LAG_MAX_S = 5.0


class Looks:
    """Answers the verbs that change nothing."""

    def __init__(self, system: System, context: ControlContext) -> None:
        self._system = system
        self._context = context
        self._rates = Rates()

    def root(self) -> Node:
        """Returns the tree now.

        Raises:
            Refusal: the root is not there yet.
        """
        root = snapshot.take(self._system)
        if root is None:
            raise Refusal("busy", "the tree is not up yet", "try again in a moment")
        return root

    def tree(self, path: str | None) -> dict[str, Any]:
        """The daemon, the totals, and the nodes from `path` down."""
        root = self.root()
        top = root if path is None else find(root, path)
        return {"daemon": self._daemon(), "totals": self._totals(root), "root": _masked(asdict(top))}

    def if_dies(self, path: str) -> dict[str, Any]:
        """What would follow a death, in order; nothing is touched."""
        node, standing = find(self.root(), path), snapshot.standing(self._system)
        from viral_engine.runtime.what_if import what_if  # noqa: PLC0415  (only who asks loads it)

        try:
            answer = what_if(standing, node.path) if standing is not None else None
        except LookupError as error:
            raise Refusal("not_possible", f"{error}, so it can't die", f"see `inspect {node.path}`") from error
        if answer is None:
            raise Refusal("busy", "the tree is not up yet", "try again in a moment")
        counts = [asdict(count) | {"exhausted": count.is_exhausted} for count in answer.counts]
        return {
            "path": node.path,
            "steps": [asdict(step) for step in answer.steps],
            "counts": counts,
            "ends_daemon": answer.ends_root,
        }

    def ps(self) -> dict[str, Any]:
        """Every actor in one list, with its rate; and the threads that were left behind, with their stacks."""
        rates = self._rates.measure(lambda: flat(self.root()))
        actors = []
        for node in flat(self.root()):
            row = _masked(asdict(node))
            del row["children"]
            row["messages_per_s"] = rates.get(node.path)
            actors.append(row)
        return {"actors": actors, "abandoned": self._abandoned()}

    def inspect(self, request: Request, acts: Mapping[str, Act]) -> dict[str, Any]:
        """One actor: its node, why it does not run, its last crash, and on request its state and its thread's stack."""
        root = self.root()
        node = find(root, request.path or "/")
        ancestors = tuple(above for above in flat(root) if _is_above(above.path, node.path))
        answer = _masked(asdict(node))
        answer["children"] = [child.path for child in node.children]
        answer["why"] = mask_text(sentence(node, ancestors, acts.get(node.path)))
        self._context.flush_history()
        answer["last_crash"] = history_file.last_of(self._context.data_dir, node.path)
        if request.state:
            answer["state_of_actor"], answer["state_error"] = self._state(node.path)
        if request.stack:
            answer["stack"] = self._stack(node.path)
            answer["abandoned"] = [one for one in self._abandoned() if one["path"] == node.path]
        return answer

    def history(self, request: Request) -> dict[str, Any]:
        """Crashes and kills, oldest first."""
        self._context.flush_history()
        entries = history_file.read(
            self._context.data_dir,
            normal(request.path) if request.path else None,
            request.since_s,
            aside=request.aside,
            limit=min(max(request.limit or history_file.ENTRIES_MAX, 1), history_file.ENTRIES_MAX),
        )
        return {"entries": entries}

    def health(self) -> dict[str, Any]:
        """Whether all is well, and everything that is not."""
        root = self.root()
        troubles = [f"{node.path} {why}" for node in flat(root) if (why := trouble(node)) is not None]
        lag_s = self._system.loop.lag_s
        if lag_s >= LOOP_LAG_MAX_S:
            troubles.append(f"the event loop has not turned for {lag_s:.1f} s")
        if abandoned := self._system.abandoned():
            troubles.append(f"{len(abandoned)} threads hang in killed actors, the last one in {abandoned[-1].path}")
        try:
            readiness = dict(self._context.readiness())
        except Exception as error:  # noqa: BLE001  (a readiness that can't be told is one that is not there)
            readiness = {"ready": False, "reasons": [mask_text(f"{type(error).__name__}: {error}")]}
        ready = bool(readiness.get("ready"))
        return {
            "ok": ready and not troubles,
            "ready": ready,
            "readiness": readiness,
            "troubles": troubles,
            "daemon": self._daemon(),
            "totals": self._totals(root),
        }

    def _daemon(self) -> dict[str, Any]:
        context = self._context
        return {
            "version": context.version,
            "url": context.url,
            "started_ms": context.started_ms,
            "up_s": round(max(time.time() - context.started_ms / 1_000, 0.0), 1),
        }

    def _totals(self, root: Node) -> dict[str, Any]:
        states: dict[str, int] = {}
        nodes = list(flat(root))
        for node in nodes:
            states[node.state] = states.get(node.state, 0) + 1
        return {
            "actors": len(nodes),
            "states": states,
            "restarts": sum(node.restarts for node in nodes),
            "waiting": sum(node.depth for node in nodes),
            "threads": snapshot.thread_count(),
            "abandoned_threads": len(self._system.abandoned()),
            "loop_lag_s": round(self._system.loop.lag_s, 3),
        }

    def _state(self, path: str) -> tuple[Any, str | None]:
        actor = self._system.registry.whereis(path)
        if actor is None:
            return None, "it is not running"
        try:
            state = mask(dict(actor.order("get_state").get(timeout=STATE_TIMEOUT_S)))
        except ActorError as error:
            return None, str(error)
        except Exception as error:  # noqa: BLE001  (inspect_state is the actor's own code)
            return None, mask_text(f"{type(error).__name__}: {error}")
        if len(msgspec.json.encode(state)) > STATE_BYTES_MAX:
            return None, f"its state is longer than {STATE_BYTES_MAX} bytes"
        return state, None

    def _abandoned(self) -> list[dict[str, Any]]:
        found = [asdict(one) for one in snapshot.abandoned(self._system)]
        for one in found:
            one["stack"] = one["stack"][-STACK_BYTES_MAX:] if one["stack"] is not None else None
        return found

    def _stack(self, path: str) -> str | None:
        actor = self._system.registry.whereis(path)
        if actor is None:
            return None
        text = self._system.loop.stack() if isinstance(actor, LoopActor) else snapshot.stack(actor)
        return None if text is None else text[-STACK_BYTES_MAX:]


def _masked(node: dict[str, Any]) -> dict[str, Any]:
    """Hides what an exception's text may have brought into the reason of the last end."""
    if node["last_exit"] is not None:
        node["last_exit"]["reason"] = mask_text(node["last_exit"]["reason"][:1_000])
    for child in node["children"]:
        _masked(child)
    return node


def _is_above(path: str, below: str) -> bool:
    return path != below and (path == "/" or below.startswith(f"{path}/"))
