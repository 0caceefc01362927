"""The runtime by itself: calls, restarts, and a computing neighbour."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pykka
import uvloop

from bench.results import Row
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.thread_actor import ThreadActor

IN_FLIGHT = 64
CALLS = 40_000
PYKKA_CALLS = 10_000
KILLS = 20
NEIGHBOUR_CALLS = 2_000
NEIGHBOUR_PAUSE_S = 0.0005
SWITCH_INTERVAL_S = 0.0005
ERLANG = Path(__file__).with_name("erlang") / "calls.erl"

ERLANG_CALLS = Row(
    name="calls to a loop actor, 64 in flight, against gen_server:call (1/s)", better="higher", goal=0.3, target=0.5
)
PYKKA_CALLS_ROW = Row(name="calls to a loop actor, 64 in flight, against stock pykka (1/s)", better="higher", goal=None)
KILLED = Row(name="killed actor serves again (ms)", better="lower", goal=10)
NEIGHBOUR = Row(name="p99 of a loop actor beside a computing thread actor (ms)", better="lower", goal=1)


class Echo(LoopActor):
    """Answers with what it was asked."""

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        """Answers."""
        return message


class Busy(ThreadActor):
    """Computes without end once it is told to."""

    def handle_cast(self, message: Any) -> None:
        """Computes until the message's event is set."""
        while not message.is_set():
            sum(range(2_000))


class PykkaEcho(pykka.ThreadingActor):
    """The same in stock pykka."""

    def on_receive(self, message: Any) -> Any:
        """Answers."""
        return message


@contextmanager
def tree(*workers: Worker, restarts_max: int = 3) -> Iterator[System]:
    """A running tree with these workers."""
    system = System(make_loop=uvloop.new_event_loop)
    system.start(Supervisor(name="bench", children=workers, restarts_max=restarts_max))
    try:
        yield system
    finally:
        system.stop()


def rows(runs: int) -> Iterator[Row]:
    """Measures the runtime."""
    ours, stock, erlang = [], [], []
    why_no_erlang = None if shutil.which("erlc") else "Erlang is not installed (apt-get install erlang-base)"
    with tree(Worker(name="echo", actor_class=Echo)) as system, tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            ours.append(_on_loop(system, _calls_per_s(system)))
            stock.append(_pykka_calls_per_s())
            if why_no_erlang is None:
                erlang.append(_erlang_calls_per_s(folder))
    yield ERLANG_CALLS.skip(why_no_erlang) if why_no_erlang else ERLANG_CALLS.measured(ours, erlang)
    yield PYKKA_CALLS_ROW.measured(ours, stock)
    yield KILLED.measured(_killed_ms())
    yield NEIGHBOUR.measured([_beside_computing_ms() for _ in range(runs)])


def _on_loop(system: System, coroutine: Any) -> Any:
    """Runs a coroutine on the system's loop, from this thread."""
    done: Future[Any] = Future()

    def finish(task: asyncio.Task[Any]) -> None:
        if task.exception() is not None:
            done.set_exception(task.exception())
        else:
            done.set_result(task.result())

    system.loop.post(lambda: asyncio.ensure_future(coroutine).add_done_callback(finish))
    return done.result(60)


async def _calls_per_s(system: System) -> float:
    async def caller(calls: int) -> None:
        for number in range(calls):
            await system.call("/echo", number)

    begun_s = time.perf_counter()
    await asyncio.gather(*(caller(CALLS // IN_FLIGHT) for _ in range(IN_FLIGHT)))
    return CALLS / (time.perf_counter() - begun_s)


def _pykka_calls_per_s() -> float:
    actor = PykkaEcho.start()
    begun_s = time.perf_counter()
    for _ in range(PYKKA_CALLS // IN_FLIGHT):
        futures = [actor.ask(number, block=False) for number in range(IN_FLIGHT)]
        pykka.get_all(futures)
    seconds = time.perf_counter() - begun_s
    actor.stop()
    return PYKKA_CALLS / seconds


def _erlang_calls_per_s(folder: str) -> float:
    if not Path(folder, "calls.beam").exists():
        subprocess.run(["erlc", "-o", folder, ERLANG], check=True, timeout=60)
    ran = subprocess.run(
        ["erl", "-noshell", "-pa", folder, "-run", "calls", "main", str(IN_FLIGHT), str(CALLS * 5)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return float(ran.stdout)


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


def _beside_computing_ms() -> float:
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as the daemon has it
    stop = threading.Event()
    try:
        with tree(Worker(name="echo", actor_class=Echo), Worker(name="busy", actor_class=Busy)) as system:
            system.cast("/busy", stop)
            found: list[float] = _on_loop(system, _call_times_ms(system))
            stop.set()
    finally:
        stop.set()
        sys.setswitchinterval(interval_s)
    return sorted(found)[len(found) * 99 // 100]


async def _call_times_ms(system: System) -> list[float]:
    found = []
    for number in range(NEIGHBOUR_CALLS):
        await asyncio.sleep(NEIGHBOUR_PAUSE_S)
        begun_s = time.perf_counter()
        await system.call("/echo", number)
        found.append((time.perf_counter() - begun_s) * 1000)
    return found
