"""Prometheus metrics in a registry of our own; the runtime's figures are read from a snapshot at scrape time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from viral_engine.domain.outcome import Outcome
from viral_engine.runtime import snapshot
from viral_engine.telemetry.event_counter import EventCounter
from viral_engine.telemetry.pages import PageCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from viral_engine.runtime.snapshot import Node
    from viral_engine.runtime.system import System
    from viral_engine.telemetry.board import ConditionBoard

    _Figure = tuple[str, str, Callable[[Node], float]]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

OTHER = "other"
"""The label of what no catalogue lists: a label that a caller can choose would be a way to fill the memory."""


class Metrics:
    """What the parts of the daemon count.

    Args:
        system: the tree whose figures are shown.
        board: whose parts are shown; None for none.

    Attributes:
        decided: counts a decision by its outcome.
        happened: counts an event of the runtime.
        pages: counts what the pager sends.
    """

    def __init__(self, system: System, board: ConditionBoard | None = None) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(RuntimeCollector(system))
        if board is not None:
            self.registry.register(ConditionCollector(board))
        self.pages = PageCounter()
        self.registry.register(self.pages)
        self._decisions = DecisionCounter()
        self.registry.register(self._decisions)
        self.decided = self._decisions.count
        self.happened = EventCounter()
        self.registry.register(self.happened)
        self._batches = Histogram(
            "viral_engine_journal_batch_rows",
            "Rows of one commit of the journal.",
            buckets=BATCH_BUCKETS,
            registry=self.registry,
        )

    def committed(self, rows: int) -> None:
        """Counts a batch of the journal."""
        self._batches.observe(rows)

    def exposition(self) -> bytes:
        """Returns the page of `/metrics`, of the type `CONTENT_TYPE`."""
        return generate_latest(self.registry)


class DecisionCounter(Collector):
    """Decisions by outcome, counted in a dict: the library's counters take a lock and 2 us in every check."""

    def __init__(self) -> None:
        self._counts = {str(outcome): 0 for outcome in Outcome} | {OTHER: 0}

    def count(self, outcome: str) -> None:
        """Counts one decision; on one thread only."""
        self._counts[outcome if outcome in self._counts else OTHER] += 1

    def collect(self) -> Iterator[Metric]:
        """Yields the family."""
        family = CounterMetricFamily("viral_engine_decisions", "Decisions by outcome.", labels=["outcome"])
        for outcome, count in self._counts.items():
            family.add_metric([outcome], count)
        yield family


class ConditionCollector(Collector):
    """What is on the board when it is asked."""

    def __init__(self, board: ConditionBoard) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        """Yields the family."""
        family = GaugeMetricFamily(
            "viral_engine_condition", "1 for each part that is not well, or that somebody must look at.",
            labels=["part", "ready"],
        )  # fmt: skip
        for ready, parts in (("no", self._board.reasons()), ("yes", self._board.remarks())):
            for part in parts:
                family.add_metric([part, ready], 1)
        yield family


class RuntimeCollector(Collector):
    """Reads the tree when it is asked: nothing is counted twice and an idle daemon does no work for it."""

    def __init__(self, system: System) -> None:
        self._system = system

    def describe(self) -> Iterable[Metric]:
        """Names the families without reading the tree."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yields every family."""
        root = snapshot.take(self._system)
        nodes = list(_flat(root)) if root is not None else []
        yield from _per_actor(nodes)
        yield _gauge("viral_engine_threads", "Threads of the process.", snapshot.thread_count())
        abandoned = len(self._system.abandoned())
        yield _gauge("viral_engine_abandoned_threads", "Threads that hang in killed actors.", abandoned)
        yield _gauge("viral_engine_loop_lag_seconds", "Since the event loop last turned.", self._system.loop.lag_s)
        failures = self._system.events.listener_failures
        yield CounterMetricFamily("viral_engine_listener_failures", "Listeners of events that raised.", value=failures)


def _per_actor(nodes: list[Node]) -> Iterator[Metric]:
    counters: tuple[_Figure, ...] = (
        ("messages_handled", "Messages handled by the present incarnation.", lambda node: node.handled),
        ("messages_refused", "Messages refused for a full mailbox.", lambda node: node.refused),
        ("restarts", "Restarts by the supervisor.", lambda node: node.restarts),
    )
    gauges: tuple[_Figure, ...] = (
        ("mailbox_depth", "Messages waiting.", lambda node: node.depth),
        ("oldest_message_seconds", "Age of the oldest message waiting.", lambda node: node.oldest_age_s or 0.0),
        ("busy_seconds", "Time in the current handler.", lambda node: node.busy_s or 0.0),
        ("running", "1 while it runs, else 0.", lambda node: int(node.state == "running")),
    )
    for name, text, read in counters:
        counter = CounterMetricFamily(f"viral_engine_actor_{name}", text, labels=["path"])
        for node in nodes:
            counter.add_metric([node.path], read(node))
        yield counter
    for name, text, read in gauges:
        gauge = GaugeMetricFamily(f"viral_engine_actor_{name}", text, labels=["path"])
        for node in nodes:
            gauge.add_metric([node.path], read(node))
        yield gauge


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _flat(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _flat(child)
