"""structlog for the whole process: JSON unless a person reads along, a rotated copy in the data folder."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from viral_engine.telemetry.hand_over import HandOver
from viral_engine.telemetry.personal import HIDDEN, PERSONAL_KEYS, mask
from viral_engine.telemetry.rotating import RotatingFile

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from structlog.typing import Processor

LOG_FILE = "log.jsonl"

QUIET = ("uvicorn.access", "alembic", "apscheduler", "asyncio")
"""Loggers of libraries that are heard from `warning` on: paths in access lines name people."""


class Logs:
    """The configured logging: flush it before the process ends."""

    def __init__(self, handlers: list[_Handler], file: RotatingFile | None) -> None:
        self._handlers = handlers
        self._file = file

    @property
    def lost(self) -> int:
        """Lines that could not be queued or written."""
        return sum(handler.lines.dropped + handler.lines.failed for handler in self._handlers)

    def flush(self, timeout_s: float = 1.0) -> None:
        """Waits until the lines logged so far are written."""
        for handler in self._handlers:
            handler.lines.flush(timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Writes what is queued and takes the handlers away."""
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.lines.close(timeout_s)
        if self._file is not None:
            self._file.close()


def configure(level: str, file: Path | None, file_bytes_max: int, stream: TextIO | None = None) -> Logs:
    """Sets up structlog and the standard library's logging, which libraries use, as one.

    Args:
        level: debug, info, warning or error.
        file: `log.jsonl`; None to write to the stream only.
        file_bytes_max: size of one of three files.
        stream: standard error unless a test gives another.
    """
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        stamp,
        structlog.processors.format_exc_info,
        hide_personal,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    json = structlog.processors.JSONRenderer(ensure_ascii=False)
    for_person = stream.isatty()
    console = structlog.dev.ConsoleRenderer(
        colors="NO_COLOR" not in os.environ,
        timestamp_key="at",
        exception_formatter=structlog.dev.plain_traceback,
    )
    handlers = [_Handler("log-stream", _to_stream(stream), _formatter(console if for_person else json, shared))]
    rotating = RotatingFile(file, file_bytes_max) if file is not None else None
    if rotating is not None:
        handlers.append(_Handler("log-file", _to_file(rotating), _formatter(json, shared)))
    root = logging.getLogger()
    root.setLevel(number)
    for handler in handlers:
        root.addHandler(handler)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    return Logs(handlers, rotating)


def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Says when: a record of a library carries its own time, and has the same one wherever it is written."""
    record = event.get("_record")
    at = datetime.fromtimestamp(record.created, UTC) if record is not None else datetime.now(UTC)
    event["at"] = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return event


def hide_personal(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hides personal values; the net below the rule that message contents are not logged at all."""
    event.pop("color_message", None)  # uvicorn's second copy of its message, for terminals
    for key, value in event.items():
        if key.startswith("_"):
            continue
        event[key] = HIDDEN if key in PERSONAL_KEYS else mask(value)
    return event


class _Handler(logging.Handler):
    """Formats in the caller's thread and hands the line over: no logging call waits for a disk or a pipe."""

    def __init__(self, name: str, sink: Any, formatter: logging.Formatter) -> None:
        super().__init__()
        self.lines: HandOver[str] = HandOver(name, sink)
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.lines.put(self.format(record))
        except Exception:  # noqa: BLE001  (a value that can't be shown must not fail the work that it is about)
            self.lines.put('{"event": "a log line could not be formatted", "level": "error"}')


def _formatter(renderer: Processor, shared: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
    )


def _to_stream(stream: TextIO) -> Any:
    def write(line: str) -> None:
        stream.write(line + "\n")
        stream.flush()

    return write


def _to_file(file: RotatingFile) -> Any:
    return lambda line: file.write_line(line.encode(errors="replace"))
