"""A real tree behind a real operators' socket, and the real command line as a process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viral_engine.actors.control.actor import Control
from viral_engine.control import client, daemon_file
from viral_engine.control.context import Act, ControlContext
from viral_engine.control.daemon_file import DaemonInfo
from viral_engine.control.listener import Listener, listen
from viral_engine.control.protocol import Request
from viral_engine.runtime.events import ActorStarted
from viral_engine.runtime.flight_recorder import personal
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, Gate, Probe, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.telemetry.history import History

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
URL = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""


@dataclass(frozen=True)
class Work:
    """A message that ends at the gate."""

    note: str


@personal("child")
@dataclass(frozen=True)
class Poison:
    """A message that ends whoever handles it, with an error that quotes what is personal in it."""

    child: str
    dose: int = 1


class AtTheGate(ThreadActor):
    """Stands at a gate while it handles a message, so that a test has it stuck for as long as it likes."""

    def init(self, gate: Gate) -> None:
        self.gate = gate

    def handle_cast(self, message: Any) -> None:
        match message:
            case Work():
                self.gate.pass_through()
            case Poison(child):
                raise KeyError(child)
            case _:
                raise ValueError(f"can't work on it for {message}")

    def inspect_state(self) -> Mapping[str, Any]:
        return {"email": "somebody@example.org", "seen": 3}


@dataclass
class Operated:
    """A tree that can be operated."""

    data_dir: Path
    listener: Listener
    history: History
    gate: Gate = field(default_factory=Gate)
    log: EventLog = field(default_factory=EventLog)
    audited: list[Act] = field(default_factory=list)
    audit_error: Exception | None = None
    ready: dict[str, Any] = field(default_factory=lambda: {"ready": True})
    system: System = field(init=False)

    def audit(self, act: Act) -> None:
        if self.audit_error is not None:
            raise self.audit_error
        self.audited.append(act)

    def ask(self, verb: Any, **fields: Any) -> Any:
        return client.ask(self.listener.path, Request(verb=verb, **fields), PATIENCE_S)

    def incarnation(self, path: str) -> int | None:
        actor = self.system.registry.whereis(path)
        return actor.incarnation if actor is not None else None

    def wait_for_start(self, path: str, incarnation: int) -> None:
        count = len(self.log.of(ActorStarted))
        while not any((event.path, event.incarnation) == (path, incarnation) for event in self.log.of(ActorStarted)):
            count = len(self.log.wait_for(ActorStarted, count)) + 1


@contextmanager
def operate(data_dir: Path) -> Iterator[Operated]:
    """/control, /growth/trust_safety (which stands at a gate) and /growth/probe."""
    with ExitStack() as stack:
        listener = listen(data_dir)
        stack.callback(listener.close)
        history = History(data_dir)
        stack.callback(history.close)
        tree = Operated(data_dir, listener, history)
        started_ms = time.time_ns() // 1_000_000
        daemon_file.write(
            data_dir, DaemonInfo(pid=os.getpid(), url=URL, socket=listener.path, started_ms=started_ms, version="1.2.3")
        )
        context = ControlContext(
            listener=listener,
            data_dir=data_dir,
            url=URL,
            version="1.2.3",
            started_ms=started_ms,
            readiness=lambda: tree.ready,
            audit=tree.audit,
            flush_history=history.flush,
        )
        growth = Supervisor(
            name="growth",
            children=(
                Worker(name="trust_safety", actor_class=AtTheGate, args=(tree.gate,)),
                Worker(name="probe", actor_class=Probe, args=([],)),
            ),
            restarts_max=5,
            restarts_window_s=60,
        )
        control = Worker(name="control", actor_class=Control, args=(context,))

        def listener_of_events(event: Any) -> None:
            history(event)
            EventLog.__call__(tree.log, event)

        # Opened before the tree stops, or whoever stands at the gate would be waited for.
        stack.enter_context(start_supervised_with(listener_of_events, tree, control, growth))
        stack.callback(tree.gate.open)
        yield tree


def start_supervised_with(listener_of_events: Any, tree: Operated, *children: Any) -> Any:
    """Starts the tree with a listener that is there from the first event on."""
    stack = ExitStack()
    tree.system = stack.enter_context(
        start_supervised(*children, log=listener_of_events, restarts_max=20, restarts_window_s=60)
    )
    return stack


@dataclass(frozen=True)
class Ran:
    """How a run of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The data of the one JSON document on standard output."""
        document = json.loads(self.out)
        assert document["schema"] == 1
        assert document["at"].endswith("Z")
        return document["data"]

    @property
    def error(self) -> dict[str, str]:
        """The error on standard error; standard output must be empty."""
        assert self.out == ""
        found: dict[str, str] = json.loads(self.err)["error"]
        assert set(found) == {"code", "message", "hint"}
        return found


COMMAND = [sys.executable, "-c", "from viral_engine.cli.main import main; main()"]


def environment(**changes: str) -> dict[str, str]:
    """What a process is given: a plain terminal-less shell, whatever this one is."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **changes}


def viral_engine(*arguments: str | Path, **changes: str) -> Ran:
    """Runs the command line to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(**changes),
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_unread(command: list[str]) -> tuple[int, bytes]:
    """Runs a command line whose reader is gone before it begins; its exit code and standard error."""
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        return process.wait(PATIENCE_S), told


__all__ = ["COMMAND", "ROOT", "URL", "Operated", "Poison", "Ran", "Work", "environment", "run_unread", "viral_engine"]
