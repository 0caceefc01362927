"""What an operator may do to the tree: by hand, never counted, except a kill, which counts like any other crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from viral_engine.control.hang import HANG_S_MAX, hang
from viral_engine.control.names import find, flat
from viral_engine.control.protocol import ACT_TIMEOUT_S, STATE_TIMEOUT_S, Refusal, Request
from viral_engine.runtime import snapshot
from viral_engine.runtime.errors import ActorError, ActorExited, CallTimeout, NoSuchActor, StartFailed
from viral_engine.runtime.operations import CycleChild, TerminateChild
from viral_engine.runtime.snapshot import Node
from viral_engine.runtime.system import System
from viral_engine.telemetry.personal import mask_text

ROOT = "/"


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of an act.

    Attributes:
        after: what remains to be done once the operator has the answer: it ends whoever gives the answer.
    """

    data: dict[str, Any]
    after: Callable[[], object] | None = None


class Acts:
    """Carries out the acts.

    Args:
        system: the tree.
        own_path: the control actor, through which the operator speaks.
        dev: whether `hang` is allowed.
    """

    def __init__(self, system: System, own_path: str, *, dev: bool = False) -> None:
        self._system = system
        self._own_path = own_path
        self._dev = dev

    def check(self, request: Request, root: Node) -> Node:
        """Returns the node that a permitted act concerns.

        Raises:
            Refusal: there is no such node, or the act can't be done, or not without `yes`.
        """
        if request.verb == "hang" and not self._dev:
            raise Refusal("not_allowed", "nothing is made to hang here", "`viral-engine serve --dev` is for trials")
        if request.path is None:
            raise Refusal("wrong_request", f"{request.verb} needs a path")
        node = find(root, request.path)
        if node.path == ROOT and request.verb in ("kill", "stop", "restart"):
            raise Refusal(
                "not_possible",
                f"the root can't be {_PAST[request.verb]} from here: nobody would be left to start it again",
                "end the daemon with SIGTERM, or act on one of the root's children",
            )
        if node.path == self._own_path:
            _refuse_what_cuts_off(request.verb, node, root)
        if request.verb == "kill" and not request.force:
            self._refuse_the_last_straw(node)
        if request.yes:
            return node
        if request.verb in ("kill", "stop"):
            raise Refusal("needs_yes", _consequence(request.verb, node), "say it again with --yes")
        if request.verb in ("suspend", "restart") and node.path in (self._own_path, ROOT):
            raise Refusal(
                "needs_yes", f"to {request.verb} {node.path} may cut you off from the daemon", "say it again with --yes"
            )
        return node

    def _refuse_the_last_straw(self, node: Node) -> None:
        """Refuses a kill that would be one restart too many for the root, so that the daemon would end with 70."""
        standing = snapshot.standing(self._system)
        from viral_engine.runtime.what_if import what_if  # noqa: PLC0415  (only who asks loads it)

        try:
            answer = what_if(standing, node.path) if standing is not None else None
        except LookupError:
            return
        if answer is None or not answer.ends_root:
            return
        last = answer.counts[-1]
        raise Refusal(
            "not_possible",
            f"this would be restart {last.used} of {last.restarts_max} in {last.window_s:g} s: the daemon would end",
            "wait until older restarts have left the window (see `viral-engine tree`), or say --force",
        )

    def act(self, request: Request, node: Node) -> Done:
        """Does it.

        Raises:
            Refusal: it could not be done, or not in time.
        """
        timeout_s = min(max(request.timeout_s, 0.1), ACT_TIMEOUT_S)
        match request.verb:
            case "kill":
                return self._kill(node, request.reason or "by hand")
            case "restart":
                return self._by_supervisor(node, CycleChild(_name(node)), timeout_s, "restarted")
            case "stop":
                return self._by_supervisor(node, TerminateChild(_name(node)), timeout_s, "stopped")
            case "hang":
                return self._hang(node, min(max(request.for_s, 0.0), HANG_S_MAX))
            case "forgive":
                return self._forgive(node)
            case "suspend" | "resume":
                return self._order(node, request.verb)
            case verb:
                raise Refusal("wrong_request", f"{verb} is no act")

    def _kill(self, node: Node, reason: str) -> Done:
        actor = self._system.registry.whereis(node.path)
        if actor is None:
            _not_running(node)
        data = {"path": node.path, "done": "killed", "incarnation": actor.incarnation, "reason": reason}
        if self._is_own(node.path):
            return Done(data, after=lambda: actor.kill(reason))
        if not actor.kill(reason):
            raise Refusal(
                "not_possible", f"{node.path} ended by itself in the same moment", f"see `inspect {node.path}`"
            )
        return Done(data)

    def _by_supervisor(self, node: Node, message: object, timeout_s: float, done: str) -> Done:
        supervisor = node.path.rsplit("/", 1)[0] or ROOT
        data = {"path": node.path, "done": done, "incarnation": node.incarnation}
        if self._is_own(node.path):
            return Done(data, after=lambda: self._system.call(supervisor, message, ACT_TIMEOUT_S))
        try:
            self._system.call(supervisor, message, timeout_s).get()
        except CallTimeout as error:
            raise Refusal(
                "no_answer",
                f"{supervisor} has not finished within {timeout_s:g} s",
                f"it goes on if it had begun: see `inspect {node.path}` and `inspect {supervisor} --stack`",
            ) from error
        except (NoSuchActor, ActorExited) as error:
            raise Refusal("not_possible", str(error), "see `viral-engine tree`") from error
        except StartFailed as error:
            hint = f"see `inspect {node.path}` and `history {node.path}`"
            raise Refusal("failed", mask_text(str(error)), hint) from error
        except ActorError as error:
            raise Refusal("not_possible", mask_text(str(error)), f"see `inspect {node.path}`") from error
        now = self._system.registry.whereis(node.path)
        return Done({**data, "incarnation": now.incarnation if now is not None else None})

    def _order(self, node: Node, verb: str) -> Done:
        actor = self._system.registry.whereis(node.path)
        if actor is None:
            _not_running(node)
        reply = actor.order("suspend" if verb == "suspend" else "resume")
        try:
            reply.get(timeout=STATE_TIMEOUT_S)
        except CallTimeout as error:
            raise Refusal(
                "no_answer",
                f"{node.path} has not obeyed within {STATE_TIMEOUT_S:g} s: it is in a handler",
                f"it will obey when the handler returns; see `inspect {node.path} --stack`",
            ) from error
        except ActorError as error:
            raise Refusal("not_possible", str(error), f"see `inspect {node.path}`") from error
        return Done({"path": node.path, "done": _PAST[verb], "incarnation": actor.incarnation})

    def _hang(self, node: Node, seconds: float) -> Done:
        actor = self._system.registry.whereis(node.path)
        if actor is None:
            _not_running(node)
        hang(actor, seconds)
        return Done({"path": node.path, "done": "hanging", "incarnation": actor.incarnation})

    def _forgive(self, node: Node) -> Done:
        actor = self._system.registry.whereis(node.path)
        if actor is None:
            _not_running(node)
        letters = actor.context.suspects.forgive()
        return Done({"path": node.path, "done": "forgiven", "incarnation": actor.incarnation, "letters": letters})

    def _is_own(self, path: str) -> bool:
        """Tells whether the end of `path` is the end of the control actor too."""
        return self._own_path == path or self._own_path.startswith(f"{path.rstrip('/')}/")


_PAST = {"kill": "killed", "stop": "stopped", "restart": "restarted", "suspend": "suspended", "resume": "resumed"}


def _refuse_what_cuts_off(verb: str, node: Node, root: Node) -> None:
    """Refuses to end the control actor for good: its socket is how operators speak, so nobody could undo it.

    Raises:
        Refusal: it would not come back by itself.
    """
    if verb == "stop":
        raise Refusal(
            "not_possible",
            f"{node.path} can't be stopped: operators speak through it, so nobody could start it again",
            f"`restart {node.path}` and `kill {node.path}` bring it back by themselves",
        )
    if verb in ("kill", "restart") and root.state == "suspended":
        raise Refusal(
            "not_possible",
            f"{node.path} can't be {_PAST[verb]} while {ROOT} is suspended, which would have to start it again",
            f"`resume {ROOT}` first",
        )


def _name(node: Node) -> str:
    return node.path.rsplit("/", 1)[-1]


def _not_running(node: Node) -> NoReturn:
    raise Refusal("not_possible", f"{node.path} is {node.state.replace('_', ' ')}", f"`restart {node.path}` starts it")


def _consequence(verb: str, node: Node) -> str:
    below = sum(1 for _ in flat(node)) - 1
    also = f" and the {below} actors below it" if below else ""
    if verb == "kill":
        return f"this kills {node.path}{also}; its supervisor starts it again, and it counts as a restart"
    return f"this stops {node.path}{also} until somebody restarts it"
