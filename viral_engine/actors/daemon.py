"""The process around the tree: what outlives every actor, how it starts, and how it ends."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
import uvloop

from viral_engine import __version__, config
from viral_engine.actors.database.actor import DatabaseContext
from viral_engine.actors.dead_letters import DeadLetterBox
from viral_engine.actors.growth.pager.actor import PagerContext
from viral_engine.actors.growth.trust_safety.actor import TrustSafetyContext
from viral_engine.actors.growth.trust_safety.policies import Policies
from viral_engine.actors.journal.actor import JournalContext
from viral_engine.actors.sockets import bind
from viral_engine.actors.start import NotStarted, Start, take
from viral_engine.control import daemon_file
from viral_engine.control.context import Act, ControlContext
from viral_engine.control.names import flat
from viral_engine.control.trouble import ill
from viral_engine.messages.journal import Commit
from viral_engine.runtime import snapshot
from viral_engine.runtime.errors import ActorError
from viral_engine.runtime.events import SupervisorGaveUp
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.spec import ChildSpec, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.store.audit import audit_entry
from viral_engine.store.embedded.errors import EmbeddedError
from viral_engine.store.embedded.server import EmbeddedServer
from viral_engine.store.engine import Database
from viral_engine.store.spool import Spool
from viral_engine.telemetry.board import ConditionBoard
from viral_engine.telemetry.disk import DiskGuard
from viral_engine.telemetry.event_log import EventLog
from viral_engine.telemetry.history import History
from viral_engine.telemetry.logs import LOG_FILE, configure
from viral_engine.telemetry.loop_watch import LoopWatch, end_process
from viral_engine.telemetry.metrics import Metrics
from viral_engine.web.context import Readiness, WebContext
from viral_engine.web.first_keys import FirstKeys, InstanceKeyLost, first_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viral_engine.runtime.events import Event
    from viral_engine.runtime.snapshot import Node

ROOT = "/"

EXIT_STOPPED = 0
EXIT_NOT_STARTED = 1
EXIT_GAVE_UP = 70

SWITCH_INTERVAL_S = 0.0002
"""How long a thread may keep the interpreter to itself: a computing actor must not hold up the loop for 5 ms."""

READY_LOOK_S = 0.02

SIGNAL_LOOK_S = 1.0
"""How long a stop may go unheard that was asked for in the moment in which the main thread fell asleep."""

ASIDE = frozenset({"/growth/pager"})
"""Actors that no answer needs: one that waits for a mail server, or restarts, keeps no traffic away."""

STOP_S = 7.0
"""What the tree leaves of it PostgreSQL may take to stop; then it is left to its keeper, which goes on stopping it."""

SERVER_STOP_S_MIN = 1.0
"""PostgreSQL stops in a fraction of it, unless it is frozen or has much to write."""

SLOW_START_S = 10.0


def run(tree: Supervisor, arguments: list[str]) -> int:
    """Runs the daemon until it is told to stop, and returns the exit code."""
    try:
        start = take(arguments)
        with start.lock:
            return Daemon(tree, start).run()
    except (NotStarted, config.ConfigError, EmbeddedError, InstanceKeyLost) as error:
        sys.stderr.write(f"viral-engine: {error}\n")
        return EXIT_NOT_STARTED


def wire(spec: ChildSpec, arguments: Mapping[str, tuple[Any, ...]], path: str = "") -> ChildSpec:
    """Returns the tree with each worker's arguments, given by its path."""
    if isinstance(spec, Worker):
        return replace(spec, args=arguments[path])
    assert isinstance(spec, Supervisor)
    children = tuple(wire(child, arguments, f"{path}/{child.name}") for child in spec.children)
    return replace(spec, children=children)


class Daemon:
    """One start of the daemon on one data folder.

    Args:
        tree: the specification without arguments.
        start: settings, the data folder whose lock is held, and the embedded server.
    """

    def __init__(self, tree: Supervisor, start: Start) -> None:
        self._settings = settings = start.settings
        self._data_dir = data_dir = start.data_dir
        self._boot_id = uuid.uuid4().hex
        self._started_ms = time.time_ns() // 1_000_000
        self._ended = threading.Event()
        self._why_not: str | None = None
        self._stop_requested = False
        self._board = ConditionBoard()
        self._disk = DiskGuard(data_dir, settings.disk.free_bytes_min, settings.disk.check_interval_s)
        self._logs = configure(settings.logging.level, data_dir / LOG_FILE, settings.logging.file_bytes_max)
        self._log = structlog.get_logger("daemon")
        if start.dev:
            self._log.warning("this daemon is for trials: operators may make its parts hang")
        self._history = History(data_dir)
        self._system = System(make_loop=uvloop.new_event_loop, on_fatal=self._give_up)
        self._system.events.listen(self._history)
        self._system.events.listen(EventLog())
        self._system.events.listen(self._on_event)
        self._letters = DeadLetterBox(self._system)
        self._system.events.listen(self._letters)
        self._server = start.server
        self._dev = start.dev
        self._database = Database(settings.database.url or self._embedded().conninfo, settings.database)
        self._sockets = bind(settings.server, data_dir)
        self._keys = first_keys(data_dir)
        self._metrics = Metrics(self._system, self._board)
        self._system.events.listen(self._metrics.happened)
        self._spec = wire(tree, self._arguments(self._keys))
        self._watch = LoopWatch(self._system.loop, self._end_hard)

    def run(self) -> int:
        """Starts everything, waits for a signal or the tree's end, stops everything."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            assert isinstance(self._spec, Supervisor)
            root = self._system.start(self._spec)
            root.exited.on_settled(self._ended.set)
            self._watch.start()
            self._announce()
            # Not for ever: a signal between the interpreter's look and the kernel's wait would be heard by nobody.
            while not self._ended.wait(SIGNAL_LOOK_S):
                pass
            return self._exit_code()
        except (ActorError, OSError) as error:
            # Of the machine's errors what names a file is the data folder's: daemon.json can't be written.
            raise NotStarted(str(error)) from error
        finally:
            self._stop()

    def _arguments(self, keys: FirstKeys) -> dict[str, tuple[Any, ...]]:
        """Returns what each worker's init gets, by path."""
        settings = self._settings
        spool = self._spool()
        control = ControlContext(
            listener=self._sockets.control,
            data_dir=self._data_dir,
            url=self._sockets.url,
            version=__version__,
            started_ms=self._started_ms,
            readiness=self._readiness_of_control,
            audit=self._audit,
            letters_waiting=lambda: self._letters.waiting,
            flush_history=self._history.flush,
            dev=self._dev,
        )
        database = DatabaseContext(
            database=self._database,
            server=self._server,
            settings=settings,
            board=self._board,
            boot_id=self._boot_id,
            url=self._sockets.url,
            give_up=self._give_up,
            first_keys=keys.records,
        )
        journal = JournalContext(
            database=self._database,
            settings=settings.journal,
            spool=spool,
            board=self._board,
            metrics=self._metrics,
            disk=self._disk,
            boot_id=self._boot_id,
        )
        policies = Policies()
        web = WebContext(
            system=self._system,
            settings=settings,
            version=__version__,
            instance_key=keys.instance_key,
            boot_id=self._boot_id,
            spool=spool,
            readiness=self._readiness,
            metrics_text=self._metrics.exposition,
            outage_of=lambda action: policies.enforced.action(action).outage,
            log=structlog.get_logger("web"),
        )
        return {
            "/control": (control,),
            "/database": (database,),
            "/journal": (journal,),
            "/reader": (self._database,),
            "/growth/trust_safety": (
                TrustSafetyContext(settings=settings.trust_safety, metrics=self._metrics, policies=policies),
            ),
            "/growth/content": (),
            "/growth/redaction": (),
            "/growth/pager": (
                PagerContext(
                    database=self._database,
                    settings=settings.pager,
                    board=self._board,
                    counter=self._metrics.pages,
                    url=self._sockets.url,
                ),
            ),
            "/jobs/clock": (settings.jobs,),
            "/web": (web, self._sockets.http),
        }

    def _spool(self) -> Spool:
        """Opens the spool.

        Raises:
            NotStarted: it can't be used.
        """
        folder = self._data_dir / "spool"
        try:
            spool = Spool(folder, self._settings.journal.spool_bytes_max)
        except OSError as error:
            raise NotStarted(f"the spool {folder} can't be used: {error}") from error
        for path in spool.strangers:
            self._log.warning("this is no file of the spool and is left alone", path=str(path))
        return spool

    def _embedded(self) -> EmbeddedServer:
        assert self._server is not None
        return self._server

    # While it runs.

    def _announce(self) -> None:
        """Waits until the daemon is ready, freezes what start-up made, and says where everything is."""
        slow_s = time.monotonic() + SLOW_START_S
        daemon_file.write(
            self._data_dir,
            daemon_file.DaemonInfo(
                pid=os.getpid(),
                url=self._sockets.url,
                socket=self._sockets.control.path,
                started_ms=self._started_ms,
                version=__version__,
            ),
        )
        while not (readiness := self._readiness()).ok:
            if self._ended.wait(READY_LOOK_S):
                return
            if time.monotonic() > slow_s:
                self._log.warning("not ready yet", reasons=readiness.reasons)
                gc.enable()
                slow_s = time.monotonic() + SLOW_START_S
        # Nothing made so far will ever be garbage; later collections need not look at it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)
        gc.enable()
        sys.stdout.write(
            f"viral-engine is ready on {self._sockets.url}  key file: {self._data_dir / 'api-key'}"
            f"  data folder: {self._data_dir}\n"
        )
        sys.stdout.flush()

    def _readiness(self) -> Readiness:
        reasons = self._conditions()
        root = snapshot.take(self._system)
        if root is None:
            reasons["tree"] = "it is not up"
        else:
            reasons |= _unwell(root)
        if self._system.loop.lag_s > config.LOOP_LAG_RED_S:
            reasons["loop"] = f"it has not turned for {self._system.loop.lag_s:.1f} s"
        return Readiness(reasons, self._board.remarks())

    def _conditions(self) -> dict[str, str]:
        """Returns what is wrong around the tree, by part."""
        disk = self._disk.reason()
        return self._board.reasons() | ({"disk": disk} if disk is not None else {})

    def _readiness_of_control(self) -> Mapping[str, Any]:
        """Leaves out what `health` sees in the tree by itself."""
        reasons = [f"{part}: {why}" for part, why in self._conditions().items()]
        remarks = [f"{part}: {why}" for part, why in self._board.remarks().items()]
        return {"ready": self._readiness().ok, "reasons": reasons, "remarks": remarks}

    def _audit(self, act: Act) -> None:
        """Hands an operator's act to the journal without waiting for it."""
        entry = audit_entry(
            f"operator.{act.verb}",
            f"uid:{act.uid}",
            at_ms=act.at_ms,
            subject=("actor", act.path),
            details={"reason": act.reason, "pid": act.pid},
        )
        self._system.ask("/journal", Commit((entry,)), Reply("/journal"))

    # Ending.

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stop_requested = True
        self._ended.set()

    def _on_event(self, event: Event) -> None:
        """Refuses callers from the moment on in which the root gives up: its children take their time to stop."""
        if isinstance(event, SupervisorGaveUp) and event.path == ROOT:
            self._sockets.refuse()

    def _give_up(self, why: str) -> None:
        """Ends the process in an orderly way because it can't be of use."""
        self._why_not = why
        self._ended.set()

    def _end_hard(self, why: str) -> None:
        self._log.critical("the process ends", why=why)
        self._logs.flush()
        self._history.flush()
        end_process(why)

    def _exit_code(self) -> int:
        if self._why_not is not None:
            raise NotStarted(self._why_not)
        if self._stop_requested:
            return EXIT_STOPPED
        sys.stderr.write("viral-engine: the tree gave up after too many restarts; `viral-engine history` tells why\n")
        return EXIT_GAVE_UP

    def _stop(self) -> None:
        """Stops the tree from bottom to top, then what outlives it."""
        until_s = time.monotonic() + STOP_S
        self._sockets.refuse()
        self._watch.stop()
        # Without a drain. Web serves out first, so nothing of a caller waits in a mailbox when the journal's turn
        # comes, and what the journal has taken it commits; for more the ten seconds have no room.
        self._system.stop()
        self._letters.close()
        self._sockets.close()
        self._database.dispose()
        if self._server is not None:
            try:
                self._server.stop(max(until_s - time.monotonic(), SERVER_STOP_S_MIN))
            except EmbeddedError as error:
                self._log.warning("PostgreSQL is still stopping", why=str(error))
        daemon_file.remove(self._data_dir)
        self._history.close()
        self._logs.close()


def _unwell(root: Node) -> dict[str, str]:
    """Returns every node that does not do its work, and why, of those that an answer needs."""
    return {node.path: why for node in flat(root) if node.path not in ASIDE and (why := ill(node)) is not None}
