"""A day's files as `replay` reads them: lines checked before anything is sent, times moved by whole days."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

CLEAR_DAYS = 2
"""Days between what the engine has reached and a shifted file: every window of the engine is over by then."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


class BadFile(Exception):
    """A file that can't be replayed; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class DayFile:
    """A file whose every line was looked at.

    Attributes:
        digest: of its bytes, in hex.
        first_at: `occurred_at` of the first line, None when lines carry none.
    """

    path: Path
    digest: str
    lines: int
    first_at: datetime | None


def examine(path: Path) -> DayFile:
    """Reads a day file through.

    Raises:
        BadFile: a line that is no JSON object, or times that are missing in part or go backwards.
    """
    digest = hashlib.sha256()
    lines = 0
    first: datetime | None = None
    last: datetime | None = None
    for lines, (raw, document) in enumerate(_objects(path), start=1):
        digest.update(raw)
        moment = _moment(document.get("occurred_at"), path, lines)
        if lines == 1:
            first = last = moment
        elif (moment is None) != (last is None):
            raise BadFile(f"{path}, line {lines}: either every line has occurred_at or none")
        elif moment is not None and last is not None and moment < last:
            raise BadFile(f"{path}, line {lines}: occurred_at goes backwards")
        last = moment
    if lines == 0:
        raise BadFile(f"{path} is empty")
    return DayFile(path, digest.hexdigest(), lines, first)


def chunks(day: DayFile, size: int, shift_days: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The lines in order, `size` at a time, each with the number of its first line; the very first goes alone."""
    documents = (document for _, document in _objects(day.path))
    start, wanted = 1, 1
    while batch := list(islice(documents, wanted)):
        yield start, [_shifted(document, shift_days) for document in batch]
        start, wanted = start + len(batch), size


def read_labels(path: Path) -> dict[int, tuple[str, str]]:
    """Line number to label and expectation.

    Raises:
        BadFile: a line that does not say what line it is about and what it is.
    """
    labels: dict[int, tuple[str, str]] = {}
    for number, (_, document) in enumerate(_objects(path), start=1):
        match document:
            case {"line": int(line), "label": str(label), **rest}:
                labels[line] = (label, str(rest.get("expected", "")))
            case _:
                raise BadFile(f"{path}, line {number}: needs `line` (a number) and `label` (text)")
    return labels


def read_world(path: Path) -> list[dict[str, Any]]:
    """The calls that tell what was known before the day.

    Raises:
        BadFile: a line that is no call.
    """
    calls = [document for _, document in _objects(path)]
    for number, call in enumerate(calls, start=1):
        match call:
            case {"method": "PUT" | "POST" | "DELETE", "path": str(), "after_line": int(line)} if 0 < line < number:
                continue
            case {"method": "PUT" | "POST" | "DELETE", "path": str()} if "after_line" not in call:
                continue
            case _:
                raise BadFile(f"{path}, line {number}: needs `method`, `path` and `body`")
    return calls


def days_beyond(first_at: datetime, message: str) -> int | None:
    """How many whole days a file must move so that it begins `CLEAR_DAYS` after the time that the message ends with.

    Returns:
        None when the message names no time.
    """
    found = _RFC3339.findall(message)
    if not found:
        return None
    reached = datetime.fromisoformat(found[-1])
    days = (reached - first_at) // timedelta(days=1) + CLEAR_DAYS + 1
    return max(days, 1)


def days_until(first_at: datetime, told_at: datetime | None) -> int:
    """How many whole days a file must move to begin after `told_at`; 0 without one."""
    if told_at is None or told_at < first_at:
        return 0
    return (told_at - first_at) // timedelta(days=1) + 1


def moved(text: str, days: int) -> str:
    """A time of RFC 3339 so many days later, in UTC and milliseconds."""
    moment = datetime.fromisoformat(text).astimezone(UTC) + timedelta(days=days)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shifted(document: dict[str, Any], days: int) -> dict[str, Any]:
    if days == 0 or "occurred_at" not in document:
        return document
    return document | {"occurred_at": moved(document["occurred_at"], days)}


def _objects(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                document = json.loads(raw)
            except (ValueError, RecursionError):
                document = None
            if not isinstance(document, dict):
                raise BadFile(f"{path}, line {number}: is not a JSON object")
            yield raw, document


def _moment(text: Any, path: Path, line: int) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadFile(f"{path}, line {line}: occurred_at is not a time of RFC 3339 with its offset")
    return moment
