"""The runtime by itself: calls, casts, starts, restarts, and a computing neighbour; beside Erlang/OTP and stock pykka.

The collector and the switch interval are as the daemon has them. Erlang's rows need Debian's erlang-base.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pykka
import uvloop

from bench.erlang_runs import PATIENCE_S, Erlang
from bench.process import python
from bench.results import Row
from bench.stock_pykka import BridgedEcho, PykkaEcho
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.operations import StartDynamic, StartMany
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, SupervisorSpec, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.thread_actor import ThreadActor

IN_FLIGHT = 64
CALLS = 40_000
PYKKA_CALLS = 10_000
ERLANG_CALLS_RUNS = 3
"""Times as many runs: Erlang's figure differs by half from run to run, as its schedulers share out the callers."""

KILLS = 20
MANY = 10_000
GROUP = 100
NEIGHBOUR_CALLS = 2_000
NEIGHBOUR_PAUSE_S = 0.0005
SWITCH_INTERVAL_S = 0.0002
GC_THRESHOLDS = (50_000, 50, 100)

GEN_SERVER = Row(
    name="calls to a loop actor, 64 in flight, against gen_server:call (1/s)", better="higher", goal=0.3, target=0.5
)
STOCK = Row(name="calls to a loop actor, 64 in flight, against stock pykka (1/s)", better="higher", goal=None)
BRIDGED = Row(
    name="calls from the loop to a thread actor, 64 in flight, against stock pykka with a bridge (1/s)",
    better="higher",
    goal=2,
)
FROM_THREAD = Row(
    name="calls from a thread to a thread actor, one at a time, against stock pykka (1/s)", better="higher", goal=None
)
FROM_THREAD_ERLANG = Row(
    name="calls from a thread to a loop actor, one at a time, against gen_server:call (1/s)", better="higher", goal=None
)
CASTS = Row(name="casts from a thread to a loop actor, against gen_server:cast (1/s)", better="higher", goal=None)
CASTS_STOCK = Row(name="casts from a thread to a thread actor, against stock pykka (1/s)", better="higher", goal=None)
START_1000 = Row(name="start of 1,000 children, against stock pykka (s)", better="lower", goal=None)
START_MANY = Row(name="start of 10,000 idle named children (s)", better="lower", goal=1, target=0.2)
MEMORY = Row(name="an idle named child of 10,000 (KiB)", better="lower", goal=6, target=4)
START_ERLANG = Row(name="start of 10,000 children, against Erlang/OTP (s)", better="lower", goal=None)
STOP_ERLANG = Row(name="stop of 10,000 children, against Erlang/OTP (s)", better="lower", goal=None)
KILLED = Row(name="killed actor serves again (ms)", better="lower", goal=10)
GROUP_ERLANG = Row(name="restart of a group of 100, against Erlang/OTP (ms)", better="lower", goal=None)
NEIGHBOUR = Row(name="p99 of a loop actor beside a computing thread actor (ms)", better="lower", goal=1)


class Echo(LoopActor):
    """Answers with what it was asked."""

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        """Answers."""
        return message

    def handle_cast(self, message: Any) -> None:
        """Takes note of nothing."""


class ThreadEcho(ThreadActor):
    """The same with a thread of its own."""

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        """Answers."""
        return message

    def handle_cast(self, message: Any) -> None:
        """Takes note of nothing."""


class Busy(ThreadActor):
    """Computes without end once it is told to."""

    def handle_cast(self, message: Any) -> None:
        """Computes until the message's event is set."""
        while not message.is_set():
            sum(range(2_000))


@contextmanager
def tree(*workers: Worker, **options: Any) -> Iterator[System]:
    """A running tree with these workers."""
    with running(Supervisor(name="bench", children=workers, **options)) as system:
        yield system


@contextmanager
def running(spec: SupervisorSpec) -> Iterator[System]:
    """A running tree, with the collector and the switch interval of the daemon."""
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*GC_THRESHOLDS)
    system = System(make_loop=uvloop.new_event_loop)
    system.start(spec)
    try:
        yield system
    finally:
        system.stop()
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)


def rows(runs: int) -> Iterator[Row]:
    """Measures the runtime."""
    with tempfile.TemporaryDirectory() as folder:
        erlang = Erlang(folder)
        yield from _calls(runs, erlang)
        yield from _casts(runs, erlang)
        yield from _children(runs, erlang)
        yield KILLED.measured(_killed_ms())
        yield _beside(GROUP_ERLANG, runs, _group_ms, erlang, "group", GROUP)
        yield NEIGHBOUR.measured([_beside_computing_ms() for _ in range(runs)])


def _beside(row: Row, runs: int, ours: Callable[[], float], erlang: Erlang, mode: str, *arguments: int) -> Row:
    """Measures in turn with Erlang; without it our side alone."""
    mine, other = [], []
    for _ in range(runs):
        mine.append(ours())
        if erlang.missing is None:
            other.append(erlang.measure(mode, *arguments))
    if erlang.missing is None:
        return row.measured(mine, other)
    return row.measured(mine, note=erlang.missing) if row.goal is None else row.skip(erlang.missing)


def _beside_stock(row: Row, runs: int, ours: Callable[[], float], stock: Callable[[], float]) -> Row:
    pairs = [(ours(), stock()) for _ in range(runs)]
    return row.measured([mine for mine, _ in pairs], [other for _, other in pairs])


# Calls and casts.


def _calls(runs: int, erlang: Erlang) -> Iterator[Row]:
    workers = (Worker(name="echo", actor_class=Echo), Worker(name="thread", actor_class=ThreadEcho))
    with tree(*workers) as system:

        def in_flight(path: str = "/echo") -> float:
            return float(_on_loop(system, _calls_per_s(lambda number: system.call(path, number))))

        yield _beside(GEN_SERVER, runs * ERLANG_CALLS_RUNS, in_flight, erlang, "calls", IN_FLIGHT, CALLS * 5)
        yield _beside_stock(STOCK, runs, in_flight, _pykka_calls_per_s)
        yield _beside_stock(BRIDGED, runs, lambda: in_flight("/thread"), lambda: _bridged_calls_per_s(system))
        yield _beside_stock(
            FROM_THREAD, runs, lambda: _one_by_one(lambda: system.call("/thread", 1).get()), _pykka_one_by_one
        )
        yield _beside(
            FROM_THREAD_ERLANG, runs, lambda: _one_by_one(lambda: system.call("/echo", 1).get()),
            erlang, "calls", 1, CALLS,
        )  # fmt: skip


def _casts(runs: int, erlang: Erlang) -> Iterator[Row]:
    workers = (
        Worker(name="echo", actor_class=Echo, mailbox_capacity=CALLS + 1),
        Worker(name="thread", actor_class=ThreadEcho, mailbox_capacity=CALLS + 1),
    )
    with tree(*workers) as system:

        def casts(path: str = "/echo") -> float:
            begun_s = time.perf_counter()
            for number in range(CALLS):
                system.cast(path, number)
            system.call(path, "done", PATIENCE_S).get()
            return CALLS / (time.perf_counter() - begun_s)

        yield _beside(CASTS, runs, casts, erlang, "casts", CALLS * 5)
        yield _beside_stock(CASTS_STOCK, runs, lambda: casts("/thread"), _pykka_casts_per_s)


def _on_loop(system: System, coroutine: Any) -> Any:
    """Runs a coroutine on the system's loop, from this thread."""
    done: Future[Any] = Future()

    def finish(task: asyncio.Task[Any]) -> None:
        if task.exception() is not None:
            done.set_exception(task.exception())
        else:
            done.set_result(task.result())

    system.loop.post(lambda: asyncio.ensure_future(coroutine).add_done_callback(finish))
    return done.result(PATIENCE_S)


async def _calls_per_s(call: Callable[[int], Any], count: int = CALLS) -> float:
    async def caller(calls: int) -> None:
        for number in range(calls):
            await call(number)

    begun_s = time.perf_counter()
    await asyncio.gather(*(caller(count // IN_FLIGHT) for _ in range(IN_FLIGHT)))
    return count / (time.perf_counter() - begun_s)


def _bridged_calls_per_s(system: System) -> float:
    actor = BridgedEcho.start()

    async def ask(number: int) -> Any:
        future: Any = actor.ask(number, block=False)
        await future.waiter
        return future.get()

    try:
        return float(_on_loop(system, _calls_per_s(ask, PYKKA_CALLS)))
    finally:
        actor.stop()


def _pykka_calls_per_s() -> float:
    actor = PykkaEcho.start()
    begun_s = time.perf_counter()
    for _ in range(PYKKA_CALLS // IN_FLIGHT):
        futures = [actor.ask(number, block=False) for number in range(IN_FLIGHT)]
        pykka.get_all(futures)
    seconds = time.perf_counter() - begun_s
    actor.stop()
    return PYKKA_CALLS / seconds


def _one_by_one(call: Callable[[], Any]) -> float:
    begun_s = time.perf_counter()
    for _ in range(PYKKA_CALLS):
        call()
    return PYKKA_CALLS / (time.perf_counter() - begun_s)


def _pykka_one_by_one() -> float:
    actor = PykkaEcho.start()
    found = _one_by_one(lambda: actor.ask(1))
    actor.stop()
    return found


def _pykka_casts_per_s() -> float:
    actor = PykkaEcho.start()
    begun_s = time.perf_counter()
    for number in range(PYKKA_CALLS):
        actor.tell(number)
    actor.ask("done")
    seconds = time.perf_counter() - begun_s
    actor.stop()
    return PYKKA_CALLS / seconds


# Starts and restarts.


def _children(runs: int, erlang: Erlang) -> Iterator[Row]:
    small = [_start_and_stop(1_000, ThreadEcho) for _ in range(runs)]
    stock = [_pykka_start_s(1_000) for _ in range(runs)]
    yield START_1000.measured([found[0] for found in small], stock)
    large = [_start_and_stop(MANY, Echo) for _ in range(runs)]
    starts, stops = [found[0] for found in large], [found[1] for found in large]
    yield START_MANY.measured(starts)
    yield MEMORY.measured([_idle_kib() for _ in range(runs)])
    for row, figures, mode in ((START_ERLANG, starts, "start"), (STOP_ERLANG, stops, "stop")):
        if erlang.missing is None:
            yield row.measured(figures, [erlang.measure(mode, MANY) for _ in range(runs)])
        else:
            yield row.measured(figures, note=erlang.missing)


def pool_of(
    count: int, actor_class: type[pykka.Actor]
) -> tuple[AbstractContextManager[System], tuple[StartDynamic, ...]]:
    """A dynamic supervisor to be run, and so many named children to start in it."""
    spec = DynamicSupervisor(name="pool", template=Worker(name="echo", actor_class=actor_class))
    return running(spec), tuple(StartDynamic(f"child-{number}") for number in range(count))


def _start_and_stop(count: int, actor_class: type[pykka.Actor]) -> tuple[float, float]:
    """Seconds to start so many named children, and to stop them."""
    pool, wanted = pool_of(count, actor_class)
    with pool as system:
        begun_s = time.perf_counter()
        system.call("/", StartMany(wanted), PATIENCE_S).get()
        start_s = time.perf_counter() - begun_s
        assert len(system.registry) == count + 1
        begun_s = time.perf_counter()
        system.stop()
        stop_s = time.perf_counter() - begun_s
    return start_s, stop_s


def _idle_kib() -> float:
    ran = subprocess.run([*python("bench.idle")], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    return float(ran.stdout)


def _pykka_start_s(count: int) -> float:
    begun_s = time.perf_counter()
    actors = [PykkaEcho.start() for _ in range(count)]
    seconds = time.perf_counter() - begun_s
    for actor in actors:
        actor.stop(block=False)
    return seconds


def _killed_ms() -> list[float]:
    found = []
    with tree(Worker(name="echo", actor_class=Echo), restarts_max=KILLS + 1) as system:
        for number in range(KILLS):
            actor = system.registry.whereis("/echo")
            assert actor is not None
            begun_s = time.perf_counter()
            actor.kill("bench")
            assert system.call("/echo", number, patient=True).get() == number
            found.append((time.perf_counter() - begun_s) * 1000)
    return found


def _group_ms() -> float:
    workers = tuple(Worker(name=f"child-{number}", actor_class=Echo) for number in range(GROUP))
    with tree(*workers, strategy="one_for_all") as system:
        first, last = (system.registry.whereis(f"/{workers[place].name}") for place in (0, -1))
        assert first is not None
        assert last is not None
        begun_s = time.perf_counter()
        first.kill("bench")
        last.exited.get()
        for worker in workers:
            system.call(f"/{worker.name}", 1, patient=True).get()
        return (time.perf_counter() - begun_s) * 1000


def _beside_computing_ms() -> float:
    stop = threading.Event()
    with tree(Worker(name="echo", actor_class=Echo), Worker(name="busy", actor_class=Busy)) as system:
        system.cast("/busy", stop)
        try:
            found: list[float] = _on_loop(system, _call_times_ms(system))
        finally:
            stop.set()
    return sorted(found)[len(found) * 99 // 100]


async def _call_times_ms(system: System) -> list[float]:
    found = []
    for number in range(NEIGHBOUR_CALLS):
        await asyncio.sleep(NEIGHBOUR_PAUSE_S)
        begun_s = time.perf_counter()
        await system.call("/echo", number)
        found.append((time.perf_counter() - begun_s) * 1000)
    return found
