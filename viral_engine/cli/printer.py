"""The only place that prints: the answer on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from viral_engine.cli.errors import CliError
from viral_engine.cli.layout import clean, table
from viral_engine.cli.style import ColorChoice, Style, choose

SCHEMA = 1


class ReaderGone(Exception):
    """Whoever read our answer has enough: `trace | head`. A class of its own, for click makes a failure of EPIPE."""


class Printer:
    """Prints one answer.

    Args:
        json: one JSON document instead of text for people.
        color: of the flag.
    """

    def __init__(self, *, json: bool, color: ColorChoice = "auto") -> None:
        self.json = json
        # An answer with a character that the terminal's encoding lacks is still an answer.
        with suppress(AttributeError, ValueError):
            sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a text stream at a real start
        self.style: Style = choose(color, os.environ, sys.stdout.encoding, is_terminal=sys.stdout.isatty())

    def answer(self, data: Any, lines: Iterable[str]) -> None:
        """Prints data as one document, or the lines; when nobody reads it any more the verb ends as it would have."""
        try:
            self._write(data, lines)
        except BrokenPipeError:
            let_go()

    def live(self, line: str) -> None:
        """Prints one line of an answer that comes bit by bit; nothing in JSON, which is one document at the end.

        Raises:
            ReaderGone: nobody reads it any more, so that there is nothing to go on for.
        """
        if self.json:
            return
        try:
            print(line, flush=True)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def _write(self, data: Any, lines: Iterable[str]) -> None:
        if self.json:
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            document = msgspec.json.encode({"schema": SCHEMA, "at": at, "data": data})
            sys.stdout.buffer.write(document + b"\n")
        else:
            for line in lines:
                print(line)
        sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, headers: bool = True) -> list[str]:
        """Returns an aligned table; without rows a line that says so."""
        return table(columns, rows, headers=headers) if rows else ["nothing"]

    def note(self, text: str) -> None:
        """Tells the person something that is not the answer."""
        if not self.json:
            print(clean(text), file=sys.stderr)


def let_go() -> None:
    """Lets what is still written to standard output go nowhere: Python would complain when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_error(error: CliError, *, json: bool) -> None:
    """Prints an error on standard error: nothing of it may end up in what reads our answers."""
    if json:
        body = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
        text = msgspec.json.encode(body).decode()
    else:
        text = clean(f"viral-engine: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
    with suppress(OSError):
        print(text, file=sys.stderr)
