"""The action check over HTTP, held against servers that do less or do it the usual way; A B A B."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import wrk
from bench.process import NotStarted, Running, cpu_seconds, free_port, python, resident_bytes, running
from bench.results import Row
from viral_engine.store.embedded.server import EmbeddedServer

CHECK = "/v1/actions/check"
USERS = 10_000
"""At 20,000 requests a second each comes 120 times a minute, as often as the limit of reads allows."""
RUN_S = 2.0
WARM_UP_MAX_S = 20.0
ACTIVE_SHARE_MIN = 0.9
CONTENT_CONNECTIONS = 8
MANY = 10_000
MANY_S = 20.0

AT_64 = Row(name="check recorded before answered, 64 connections (1/s)", better="higher", goal=0.6, target=1.2)
AT_512 = Row(name="check recorded before answered, 512 connections (1/s)", better="higher", goal=0.6, target=2.0)
FASTAPI = Row(name="check, 64 connections, against FastAPI + limits in memory (1/s)", better="higher", goal=3, target=8)
INSERT = Row(name="check, 64 connections, against one INSERT + COMMIT each (1/s)", better="higher", goal=4, target=8)
ALONE = Row(name="check, 64 connections, against one autocommitted INSERT each (1/s)", better="higher", goal=None)
P99 = Row(name="check, 64 connections, p99 (ms)", better="lower", goal=4, target=1.2)
BESIDE_CONTENT = Row(
    name="check without content, p99, while others send 4 KiB of content (ms)", better="lower", goal=2, target=None
)
TEN_THOUSAND = Row(name="check, 10,000 connections, p99 (ms)", better="lower", goal=1000, target=400)


@dataclass(slots=True)
class Side:
    """One server under load, with what each run measured."""

    server: Running
    key: str
    users: int
    loads: list[wrk.Load]
    cpu_us: list[dict[str, float]]

    def run(self, connections: int, seconds: float = RUN_S) -> None:
        """Loads it once."""
        before = cpu_seconds(self.server.pid)
        load = wrk.load(self.server.url, CHECK, self.key, connections, seconds, self.users)
        after = cpu_seconds(self.server.pid)
        self.loads.append(load)
        self.cpu_us.append({name: (after[name] - before[name]) * 1e6 / max(load.requests, 1) for name in after})

    def warm_up(self) -> None:
        """Loads it until every user was seen once and is in memory: within a run they come in turn."""
        self.run(64, 1)
        per_s = max(self.loads[-1].per_s, 1)
        self.run(64, min(1.3 * self.users / per_s, WARM_UP_MAX_S))

    def per_s(self) -> list[float]:
        """Requests a second of each run."""
        return [load.per_s for load in self.loads]

    def p99_ms(self) -> list[float]:
        """The 99th percentile of each run."""
        return [load.p99_ms for load in self.loads]

    def cpu(self) -> dict[str, float]:
        """Median processor time a request by process, where there is any."""
        middle = sorted(self.cpu_us, key=lambda seconds: seconds["python"])[len(self.cpu_us) // 2]
        return {name: round(value, 1) for name, value in middle.items() if value > 0}

    def forget(self) -> None:
        """Drops what was measured, before another number of connections."""
        self.loads.clear()
        self.cpu_us.clear()

    def trouble(self, connections: int) -> str | None:
        """What makes the figures doubtful."""
        errors = sum(load.errors for load in self.loads)
        if errors:
            return f"{errors} errors"
        idle = [load for load in self.loads if load.active < ACTIVE_SHARE_MIN * connections]
        return f"only {idle[0].active:.0f} connections were active in {len(idle)} runs" if idle else None


@contextmanager
def daemon(folder: Path) -> Iterator[Side]:
    """The daemon on a folder of its own."""
    port = free_port()
    data = folder / "data"
    program = Path(sys.executable).with_name("viral-engine")
    command = [str(program), "serve", "--data-dir", str(data), "--port", str(port)]
    with running(command, port, "/readyz", folder / "daemon.log") as server:
        key = (data / "api-key-check").read_text(encoding="utf-8").split()[-1]
        yield Side(server, key, USERS, [], [])


@contextmanager
def reference(module: str, folder: Path, **environment: str) -> Iterator[Side]:
    """One of the servers in `bench.servers`."""
    port = free_port()
    command = python(f"bench.servers.{module}", str(port))
    with running(command, port, CHECK, folder / f"{module}.log", environment) as server:
        yield Side(server, "none", USERS, [], [])


def rows(folder: Path, runs: int, *, long: bool) -> Iterator[Row]:
    """Measures everything that goes over HTTP."""
    here = [AT_64, AT_512, FASTAPI, INSERT, ALONE, P99, BESIDE_CONTENT, TEN_THOUSAND]
    why = wrk.missing()
    if why is not None:
        yield from (row.skip(why) for row in here)
        return
    with ExitStack() as servers:
        try:
            ours = servers.enter_context(daemon(folder))
            constant = servers.enter_context(reference("constant", folder))
        except (NotStarted, OSError) as error:
            yield from (row.skip(str(error)) for row in here)
            return
        ours.warm_up()
        constant.run(64, 1)
        yield from _at_64(servers, folder, ours, constant, runs)
        yield _compared(AT_512, ours, constant, 512, runs)
        yield _beside_content(ours, runs)
        yield _ten_thousand(ours) if long else TEN_THOUSAND.skip("takes long: python -m bench --long")


def _at_64(servers: ExitStack, folder: Path, ours: Side, constant: Side, runs: int) -> Iterator[Row]:
    sides = [ours, constant]
    fastapi, why_no_fastapi = _optional(servers, "fastapi_limits", folder)
    database = EmbeddedServer(folder / "data").conninfo
    insert, why_no_insert = _optional(servers, "insert", folder, BENCH_DATABASE=database)
    alone, why_not_alone = _optional(servers, "insert", folder, BENCH_DATABASE=database, BENCH_AUTOCOMMIT="1")
    for side in (fastapi, insert, alone):
        if side is not None:
            side.run(64, 1)
            sides.append(side)
    for side in sides:
        side.forget()
    for _ in range(runs):
        for side in sides:
            side.run(64)
    note = ours.trouble(64) or constant.trouble(64)
    yield AT_64.measured(ours.per_s(), constant.per_s(), cpu_us=_both(ours, constant), note=note)
    references = (
        (FASTAPI, fastapi, why_no_fastapi),
        (INSERT, insert, why_no_insert),
        (ALONE, alone, why_not_alone),
    )
    for row, side, why in references:
        if side is None:
            yield row.skip(why)
        else:
            yield row.measured(ours.per_s(), side.per_s(), cpu_us=_both(ours, side), note=side.trouble(64))
    yield P99.measured(ours.p99_ms(), constant.p99_ms(), note=note)


def _compared(row: Row, ours: Side, constant: Side, connections: int, runs: int) -> Row:
    for side in (ours, constant):
        side.forget()
    for _ in range(runs):
        for side in (ours, constant):
            side.run(connections)
    note = ours.trouble(connections) or constant.trouble(connections)
    return row.measured(ours.per_s(), constant.per_s(), cpu_us=_both(ours, constant), note=note)


def _beside_content(ours: Side, runs: int) -> Row:
    """Alone and beside others in turn; whoever sends content waits for it, so their connections are its rate."""
    alone, beside = [], []
    for _ in range(runs):
        ours.forget()
        ours.run(64)
        alone += ours.p99_ms()
        ours.forget()
        others = threading.Thread(
            target=wrk.load,
            args=(ours.server.url, CHECK, ours.key, CONTENT_CONNECTIONS, RUN_S + 1, ours.users),
            kwargs={"content": 4_000},
        )
        others.start()
        ours.run(64)
        others.join()
        beside += ours.p99_ms()
    return BESIDE_CONTENT.measured(beside, alone, note=ours.trouble(64))


def _ten_thousand(ours: Side) -> Row:
    backlog = int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii"))
    ours.forget()
    load = wrk.load(ours.server.url, CHECK, ours.key, MANY, MANY_S, ours.users, threads=2)
    note = (
        f"{load.errors} errors, {load.active:,.0f} connections active, {load.per_s:,.0f}/s, "
        f"{resident_bytes(ours.server.pid) / 1e6:.0f} MB, somaxconn {backlog}"
    )
    return TEN_THOUSAND.measured([load.p99_ms], note=note)


def _optional(servers: ExitStack, module: str, folder: Path, **environment: str) -> tuple[Side | None, str]:
    if module == "fastapi_limits" and importlib.util.find_spec("fastapi") is None:
        return None, "fastapi is not installed: pip install -e '.[bench]'"
    try:
        return servers.enter_context(reference(module, folder, **environment)), ""
    except (NotStarted, OSError) as error:
        return None, str(error)


def _both(ours: Side, other: Side) -> dict[str, float]:
    return ours.cpu() | {f"reference {name}": value for name, value in other.cpu().items()}
