"""How telemetry writes: behind a bounded queue, into files that stay within their share, without personal data."""

import io
import json
import logging
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from viral_engine.runtime.testing import Gate
from viral_engine.telemetry import logs
from viral_engine.telemetry.hand_over import HandOver
from viral_engine.telemetry.personal import mask, mask_text
from viral_engine.telemetry.rotating import RotatingFile, files_of

PATIENCE_S = 30.0


def test_a_full_queue_drops_and_counts_instead_of_waiting() -> None:
    gate, written = Gate(), list[int]()

    def sink(item: int) -> None:
        gate.pass_through()
        written.append(item)

    hand_over = HandOver("test", sink, items_max=2)
    hand_over.put(0)
    gate.wait_for_arrival()

    assert [hand_over.put(number) for number in (1, 2, 3)] == [True, True, False]
    gate.open()
    hand_over.close(PATIENCE_S)
    assert (written, hand_over.dropped) == ([0, 1, 2], 1)


def test_an_item_that_cannot_be_written_is_counted_and_the_next_one_is_written() -> None:
    written = list[int]()

    def sink(item: int) -> None:
        if item == 1:
            raise OSError(28, "No space left on device")
        written.append(item)

    hand_over = HandOver("test", sink)
    for number in range(3):
        hand_over.put(number)

    assert hand_over.flush(PATIENCE_S)
    assert (written, hand_over.failed) == ([0, 2], 1)
    hand_over.close(PATIENCE_S)


def test_after_the_close_nothing_is_taken_and_no_thread_is_left() -> None:
    hand_over = HandOver[int]("a-thread-of-its-own", lambda _item: None)

    assert hand_over.close(PATIENCE_S)
    assert hand_over.close(PATIENCE_S)
    assert not hand_over.put(1)
    assert "a-thread-of-its-own" not in [thread.name for thread in threading.enumerate()]


@given(sizes=st.lists(st.integers(0, 120), max_size=60))
def test_files_stay_within_their_share_and_keep_the_newest_lines_whole(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("rotating") / "file"
    file = RotatingFile(path, 200)
    lines = [f"{number}:".encode() + b"x" * size for number, size in enumerate(sizes)]
    for line in lines:
        file.write_line(line)
    file.close()

    kept = [line for part in files_of(path) if part.exists() for line in part.read_bytes().splitlines()]
    assert all(part.stat().st_size <= 200 for part in files_of(path) if part.exists())
    assert kept == lines[len(lines) - len(kept) :]
    assert len(list(path.parent.iterdir())) <= 3


def test_a_file_is_nobody_elses_and_a_torn_last_line_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(0o600)
    path.write_bytes(b'{"half a li')
    file = RotatingFile(path, 1_000)

    file.write_line(b"whole")
    file.close()

    assert path.read_bytes() == b'{"half a li\nwhole\n'
    fresh = RotatingFile(tmp_path / "fresh", 1_000)
    fresh.write_line(b"x")
    fresh.close()
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o600


def test_a_full_disk_fails_the_line_and_the_next_one_is_tried_afresh(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.symlink_to("/dev/full")
    file = RotatingFile(path, 1_000)
    with pytest.raises(OSError, match="No space left"):
        file.write_line(b"lost")

    path.unlink()
    file.write_line(b"kept")
    file.close()

    assert path.read_bytes() == b"kept\n"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail Ann.O'Neil+x@school.example.org now", "mail … now"),
        ("call +1 (415) 555-0134 or 415.555.0134", "call … or …"),
        ("postgresql://me:secret@db/x", "postgresql://…/x"),
        ("key ve_abc_Zm9vYmFy is out", "key … is out"),
        ("decision 0190f1a2-7b3c-7d4e-8f50-123456789012", "decision 0190f1a2-7b3c-7d4e-8f50-123456789012"),
        ("12345678 rows in 0.25 s", "12345678 rows in 0.25 s"),
    ],
)
def test_what_looks_personal_is_hidden_in_texts(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_personal_keys_are_hidden_wherever_they_stand() -> None:
    found = mask({"user_id": 7, "nested": [{"Email": "x", "ok": True}], "content": {"a": 1}, "odd": object})

    assert found == {"user_id": 7, "nested": [{"Email": "…", "ok": True}], "content": "…", "odd": "<class 'object'>"}


@contextmanager
def configured(stream: TextIO, file: Path | None = None, level: str = "info") -> Iterator[logs.Logs]:
    """Logging as the daemon has it, undone afterwards."""
    root = logging.getLogger()
    before = (root.level, {name: logging.getLogger(name).level for name in logs.QUIET})
    configured_logs = logs.configure(level, file, 10_000, stream)
    try:
        yield configured_logs
    finally:
        configured_logs.close()
        root.setLevel(before[0])
        for name, number in before[1].items():
            logging.getLogger(name).setLevel(number)
        structlog.reset_defaults()


def test_log_lines_are_json_on_the_stream_and_in_the_file(tmp_path: Path) -> None:
    stream = io.StringIO()
    with configured(stream, tmp_path / "log.jsonl") as logged:
        structlog.stdlib.get_logger("ours").info("decided", outcome="deny", email="somebody@example.org")
        logging.getLogger("a.library").warning("hello %s", "somebody@example.org", extra={"phone": "1"})
        structlog.stdlib.get_logger("ours").debug("not shown")
        logged.flush(PATIENCE_S)

        ours, library = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert (ours["event"], ours["outcome"], ours["email"], ours["level"]) == ("decided", "deny", "…", "info")
        assert (library["event"], library["phone"], library["logger"]) == ("hello …", "…", "a.library")
        assert (tmp_path / "log.jsonl").read_text() == stream.getvalue()


def test_an_exception_is_logged_with_its_traceback_but_without_what_it_names() -> None:
    stream, nothing = io.StringIO(), dict[str, Any]()
    with configured(stream) as logged:
        try:
            nothing["somebody@example.org"]
        except KeyError:
            structlog.stdlib.get_logger("ours").exception("failed")
        logged.flush(PATIENCE_S)

        line = json.loads(stream.getvalue())
        assert "Traceback" in line["exception"]
        assert "somebody" not in stream.getvalue()


def test_a_reader_of_the_logs_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    lines = 2_000
    with (
        os.fdopen(read_end) as reader,
        os.fdopen(write_end, "w") as stream,
        configured(stream, tmp_path / "log.jsonl") as logged,
    ):
        log = structlog.stdlib.get_logger("ours")
        for number in range(lines):
            # More than a pipe holds: whoever wrote to it directly would never get here again.
            log.info("x" * 100, number=number)
        drained = threading.Thread(target=lambda: [reader.readline() for _ in range(lines)])
        drained.start()
        logged.flush(PATIENCE_S)
        drained.join(PATIENCE_S)
        assert logged.lost == 0
