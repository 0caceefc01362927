"""The events of the cases, one method per operation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.errors import ChildAlreadyStarted, InvalidSpec, StartFailed
from viral_engine.runtime.exits import Exit
from viral_engine.runtime.operations import (
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    StartDynamic,
    Started,
    TerminateChild,
    WhichChildren,
)
from viral_engine.runtime.spec import Worker

from .reasons import call_failure_of, exit_of, reason_of, refusal_of
from .script import End, Raise
from .specs import Refused
from .terms import Term, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.reply import Reply

    from .book import Book
    from .rest import Driver
    from .specs import Raw, Specs
    from .watched_system import WatchedSystem

CALL_TIMEOUT_S = 5.0
"""gen_server's."""


@dataclass
class Asked:
    """An operation that somebody has to answer."""

    reply: Reply[Any]
    of_answer: Callable[[Any], Term]
    of_error: Callable[[Exception], Term]

    def ret(self) -> Term:
        """Returns what OTP would have returned."""
        if not self.reply.is_settled:
            return ("EXIT", "timeout")
        try:
            return self.of_answer(self.reply.result())
        except Exception as error:  # noqa: BLE001  (that is the answer)
            return self.of_error(error)


@dataclass
class Events:
    """Carries out events; `ret` is what OTP's functions return."""

    system: WatchedSystem
    driver: Driver
    book: Book
    specs: Specs
    _other: Actor | None = None

    def perform(self, event: Raw) -> Term:
        """Carries out one event, and lets time pass until it is answered."""
        outcome = getattr(self, f"_{event['op']}")(event)
        if isinstance(outcome, Asked):
            self.driver.until(outcome.reply)
            return outcome.ret()
        return outcome

    def other(self) -> Actor:
        """Returns somebody who belongs to no supervisor."""
        if self._other is None:
            self._other = self.system.stranger()
        return self._other

    def end(self) -> None:
        """Ends whoever does not belong to the tree."""
        if self._other is not None:
            self._other.kill()

    def _actor(self, event: Raw) -> Actor | None:
        return self.book.actor(event.get("target") or event.get("label") or event["pid_of"])

    def _reason(self, event: Raw, default: Term = None) -> Exit:
        return exit_of(parse(event.get("reason", default)))

    # Ends.

    def _kill(self, event: Raw) -> Term:
        actor = self._actor(event)
        if actor is not None:
            actor.kill()
        return "ok"

    def _exit(self, event: Raw) -> Term:
        return self._end_itself(event, End(parse(event.get("reason", "normal"))))

    def _raise(self, event: Raw) -> Term:
        return self._end_itself(event, Raise(parse(event.get("reason", "boom"))))

    def _end_itself(self, event: Raw, message: End | Raise) -> Term:
        actor = self._actor(event)
        if actor is not None and isinstance(actor.context.spec, Worker):
            actor.tell_info(message)
        elif actor is not None:
            actor.order("shut_down", exit_of(message.reason))
        return "ok"

    def _signal(self, event: Raw) -> Term:
        """Sends an exit signal: deadly to who does not trap it, an end in good order when a parent sends it."""
        actor, reason = self._actor(event), parse(event.get("reason", "shutdown"))
        if actor is None:
            return "sent"
        traps = not isinstance(actor.context.spec, Worker) or actor.cleans_up
        if reason == "kill":
            actor.kill()
        elif traps and event.get("from") == "parent":
            actor.order("shut_down", exit_of(reason))
        elif not traps and reason != "normal":
            actor.kill(exit_reason=exit_of(reason))
        return "sent"

    def _parent_exit(self, event: Raw) -> Term:
        return self._shut_down(event, "shutdown")

    def _stop(self, event: Raw) -> Term:
        return self._shut_down(event, "normal")

    def _shut_down(self, event: Raw, default: Term) -> Term:
        actor = self.book.actor(event.get("target") or event.get("sup") or "root")
        if actor is None or actor.end is not None:
            return ("EXIT", "noproc") if event["op"] == "stop" else "ok"
        actor.order("shut_down", self._reason(event, default))
        return Asked(actor.exited, lambda _: "ok", str)

    # Operations of a supervisor.

    def _ask(
        self, event: Raw, message: Any, of_answer: Callable[[Any], Term], of_failure: Callable[[Term], Term]
    ) -> Asked:
        supervisor = self._supervisor(event)
        if supervisor is None or (supervisor.end is not None and "." in event["sup"]):
            # Nobody, or by its label one that has ended: its successor is not meant.
            path = str(event["sup"])
        else:
            path = supervisor.path

        def of_error(error: Exception) -> Term:
            match error:
                case StartFailed():
                    return ("error", of_failure(reason_of(error.exit_reason, self.book.label)))
                case ChildAlreadyStarted():
                    return ("error", ("already_started", self.book.label(self.system.registry.whereis(error.path))))
                case InvalidSpec():
                    return ("error", self.specs.refusal(error, event.get("spec", {})))
                case _ if (refusal := refusal_of(error)) is not None:
                    return ("error", refusal)
                case _:
                    return ("EXIT", call_failure_of(error, self.book.label))

        return Asked(self.system.call(path, message, math.inf), of_answer, of_error)

    def _supervisor(self, event: Raw) -> Actor | None:
        return self.book.actor(event["sup"]) or self.system.registry.whereis(event["sup"])

    def _supervisor_id(self, event: Raw) -> str:
        supervisor = self._supervisor(event)
        return str(event["sup"]) if supervisor is None else supervisor.context.spec.name

    def _started(self, event: Raw) -> Callable[[Started | None], Term]:
        ignored = "ignore" if self.specs.is_elixir(self._supervisor_id(event)) else ("ok", "undefined")

        def of_answer(started: Started | None) -> Term:
            if started is None:
                return ignored
            label = self.book.label(started.actor)
            return ("ok", label) if started.extra is None else ("ok", label, started.extra)

        return of_answer

    def _start_child(self, event: Raw) -> Term:
        supervisor = self._supervisor_id(event)
        if "child" in event:
            child = event["child"]
            if self.specs.has_worker_template(supervisor):
                message = StartDynamic(args=(self.specs.dynamic_script(child, supervisor),))
            else:
                message = StartDynamic(name=child)
            return self._ask(event, message, self._started(event), lambda reason: reason)
        try:
            spec = self.specs.child(event["spec"], supervisor)
        except Refused as refused:
            return ("error", refused.reason)

        def of_failure(reason: Term) -> Term:
            return (reason, f"<childspec {spec.name}>") if self.specs.is_static(supervisor) else reason

        return self._ask(event, StartChild(spec), self._started(event), of_failure)

    def _terminate_child(self, event: Raw) -> Term:
        child: str | Actor | None = event.get("id")
        if event.get("foreign_pid"):
            child = self.other()
        elif "pid_of" in event:
            child = self._actor(event)
        return self._ask(event, TerminateChild(child or ""), lambda _: "ok", lambda reason: reason)

    def _restart_child(self, event: Raw) -> Term:
        return self._ask(event, RestartChild(event["id"]), self._started(event), lambda reason: reason)

    def _delete_child(self, event: Raw) -> Term:
        return self._ask(event, DeleteChild(event["id"]), lambda _: "ok", lambda reason: reason)

    def _which_children(self, event: Raw) -> Term:
        named = self.specs.is_static(self._supervisor_id(event))

        def of_answer(children: Any) -> Term:
            return [
                (
                    child.name if named else "undefined",
                    "restarting" if child.phase == "restarting" else self._pid(child.actor),
                    "supervisor" if child.is_supervisor else "worker",
                )
                for child in children
            ]

        return self._ask(event, WhichChildren(), of_answer, str)

    def _count_children(self, event: Raw) -> Term:
        kinds = ("active", "specs", "supervisors", "workers")
        return self._ask(event, CountChildren(), lambda count: {kind: getattr(count, kind) for kind in kinds}, str)

    def _get_childspec(self, event: Raw) -> Term:
        if not self.specs.is_static(self._supervisor_id(event)):
            # OTP knows a template by its own id alone.
            return ("error", "not_found")
        return self._ask(event, GetChildSpec(event["id"]), lambda spec: ("ok", _spec_map(spec)), str)

    # Names, calls and incarnations.

    def _pid(self, actor: Actor | None) -> str:
        return "undefined" if actor is None else self.book.label(actor)

    def _whereis(self, event: Raw) -> Term:
        return self._pid(self.system.registry.whereis(event["name"]))

    def _call(self, event: Raw) -> Term:
        return self._call_path(event["name"], event)

    def _call_pid(self, event: Raw) -> Term:
        actor = self._actor(event)
        return ("EXIT", "noproc") if actor is None or actor.end is not None else self._call_path(actor.path, event)

    def _call_path(self, path: str, event: Raw) -> Term:
        timeout_s = event.get("timeout", CALL_TIMEOUT_S * 1_000) / 1_000
        reply = self.system.call(path, parse(event.get("request", "ping")), timeout_s)
        self.system.clock.call_at(reply.deadline_s, reply.expire)
        return Asked(reply, lambda answer: answer, lambda error: ("EXIT", call_failure_of(error, self.book.label)))

    def _cast(self, event: Raw) -> Term:
        self.system.cast(event["name"], parse(event.get("request", "ping")))
        return "ok"

    def _send(self, event: Raw) -> Term:
        actor = self.system.registry.whereis(event["name"])
        return ("EXIT", "badarg") if actor is None else self._send_to(actor, event)

    def _send_pid(self, event: Raw) -> Term:
        return self._send_to(self._actor(event), event)

    def _send_to(self, actor: Actor | None, event: Raw) -> Term:
        if actor is not None:
            actor.tell_info(parse(event.get("request", "ping")))
        return "sent"

    def _is_alive(self, event: Raw) -> Term:
        actor = self._actor(event)
        return actor is not None and actor.end is None

    def _monitor(self, event: Raw) -> Term:
        actor = self._actor(event)
        if actor is not None and actor.end is None:
            self.other().monitor(actor.path)
        return "ok"

    def _monitor_label(self, event: Raw) -> Term:
        return self._monitor(event)

    def _monitor_name(self, event: Raw) -> Term:
        self.other().monitor(event["name"])
        return "ok"

    def _squat(self, event: Raw) -> Term:
        name, other, registry = event["name"], self.other(), self.system.registry
        registry.register(name, other)
        self.driver.clock.call_after(event["ms"] / 1_000, lambda: registry.unregister(name, other))
        return "ok"

    # Time, and several things at once.

    def _advance(self, event: Raw) -> Term:
        self.driver.advance(event["ms"] / 1_000)
        return "ok"

    def _align(self, event: Raw) -> Term:
        now_s = self.driver.clock.now_s
        self.driver.advance((event["frac_ms"] / 1_000 - now_s) % 1)
        return "ok"

    def _async(self, event: Raw) -> Term:
        getattr(self, f"_{event['event']['op']}")(event["event"])
        return "started"

    def _burst(self, event: Raw) -> Term:
        supervisor = self.book.actor(event["sup"])
        assert supervisor is not None
        self.driver.until(supervisor.order("suspend"))
        rets = []
        for one in event["events"]:
            rets.append(self.perform(one))
            self.driver.come_to_rest()
        self.driver.until(supervisor.order("resume"))
        return ("burst", rets)


def _spec_map(spec: Any) -> Term:
    is_worker = isinstance(spec, Worker)
    shutdown = {"brutal": "brutal_kill", "infinity": "infinity"}.get(spec.shutdown_s)
    return {
        "id": spec.name,
        "modules": ["oracle"],
        "restart": spec.restart,
        "shutdown": round(spec.shutdown_s * 1_000) if shutdown is None else shutdown,
        "significant": spec.significant,
        "start": ("oracle", "start_worker" if is_worker else "start_sup", [spec.name]),
        "type": "worker" if is_worker else "supervisor",
    }
