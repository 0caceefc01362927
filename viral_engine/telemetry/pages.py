"""What the pager did: mails that were accepted or not, and cases of child safety that nobody has claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric


class PageCounter(Collector):
    """Counted by the pager alone, on its thread.

    Attributes:
        waiting: cases that nobody has claimed, when they were last looked up.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.failed = 0
        self.waiting = 0

    def collect(self) -> Iterator[Metric]:
        """Yields the families."""
        pages = CounterMetricFamily(
            "viral_engine_pages", "Mails about cases of child safety, by what became of them.", labels=["outcome"]
        )
        pages.add_metric(["accepted"], self.accepted)
        pages.add_metric(["failed"], self.failed)
        yield pages
        yield GaugeMetricFamily(
            "viral_engine_child_safety_waiting", "Cases of child safety that nobody has claimed.", value=self.waiting
        )
