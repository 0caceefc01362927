"""Metrics and the watch over the loop, on a real tree."""

import threading

from prometheus_client.parser import text_string_to_metric_families

from viral_engine.runtime.loop import LoopThread
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import Gate, Probe, settle, start_supervised
from viral_engine.telemetry.loop_watch import LoopWatch
from viral_engine.telemetry.metrics import Metrics

PATIENCE_S = 30.0


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by name and label values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_the_figures_of_every_actor_are_read_when_they_are_asked_for() -> None:
    with start_supervised(Worker(name="probe", actor_class=Probe, args=([],))) as system:
        metrics = Metrics(system)
        for number in range(3):
            system.call("/probe", number).get()
        settle(system)

        found = samples(metrics)

    assert found["viral_engine_actor_messages_handled_total", "/probe"] >= 3
    assert found["viral_engine_actor_running", "/probe"] == 1
    assert found["viral_engine_actor_mailbox_depth", "/probe"] == 0
    assert found["viral_engine_actor_restarts_total", "/"] == 0
    assert found["viral_engine_abandoned_threads",] == 0


def test_counters_take_labels_from_catalogues_only() -> None:
    with start_supervised() as system:
        metrics = Metrics(system)
        metrics.decided("deny")
        metrics.decided("whatever a caller made up")
        metrics.committed(3)
        metrics.committed(2_000)

        found = samples(metrics)

    assert found["viral_engine_decisions_total", "deny"] == 1
    assert found["viral_engine_decisions_total", "allow"] == 0
    assert found["viral_engine_decisions_total", "other"] == 1
    assert found["viral_engine_journal_batch_rows_bucket", "4.0"] == 1
    assert found["viral_engine_journal_batch_rows_count",] == 2


def test_a_loop_that_hangs_is_reported_once_and_a_turning_one_never() -> None:
    loop, gate, stuck, reported = LoopThread(), Gate(), list[str](), threading.Event()

    def on_stuck(why: str) -> None:
        stuck.append(why)
        reported.set()

    loop.start()
    watch = LoopWatch(loop, on_stuck, blocked_max_s=1.0, interval_s=0.01)
    watch.start()
    try:
        assert stuck == []
        loop.post(gate.pass_through)
        gate.wait_for_arrival()
        assert reported.wait(PATIENCE_S)
    finally:
        gate.open()
        watch.stop()
        loop.stop()

    [why] = stuck
    assert why.startswith("the event loop has not turned for 1.")
