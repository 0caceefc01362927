"""`ps`: every actor on one line, trouble first."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import Any

import click

from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.cli.layout import age, clean
from viral_engine.cli.options import Session, common
from viral_engine.cli.style import BAD, Style
from viral_engine.control.protocol import Request

COLUMNS = ("PATH", "STATE", "DEPTH>", "OLDEST>", "MSG/S>", "RESTARTS>", "LAST-RESTART", "UP>")
FRAMES_SHOWN = 3
"""Frames of a thread that hangs; `inspect PATH --stack` and --json have all."""

STATES = ("starting", "running", "suspended", "restarting", "stopped", "given_up", "ended")
BUSY_SHOWN_S = 1.0

WIDE = ("HANDLED>", "REFUSED>", "BUSY>", "MESSAGE", "CLASS")

_KEYS = {
    "age": lambda row: -(row["oldest_age_s"] or 0.0),
    "depth": lambda row: -row["depth"],
    "rate": lambda row: -(row["messages_per_s"] or 0.0),
    "restarts": lambda row: -row["restarts"],
    "path": lambda row: row["path"],
}


@click.command()
@click.argument("glob", required=False)
@click.option("--sort", type=click.Choice(sorted(_KEYS)), help="Instead of trouble first.")
@click.option("--state", type=click.Choice(STATES), metavar="S", help="Only actors in this state.")
@click.option("-o", "output", type=click.Choice(["table", "wide", "name"]), default="table", show_default=True)
@click.option("--no-headers", is_flag=True)
@common
def ps(
    session: Session, glob: str | None, *, sort: str | None, state: str | None, output: str, no_headers: bool
) -> None:
    """List the actors, trouble first.

    GLOB chooses by path. Threads that hang in killed actors follow, each with where it hangs.

    MSG/S is measured between this look and the one before, or over half a second.
    """
    data = session.daemon.ask(Request(verb="ps"))
    if glob is not None and not any(_is_meant(row["path"], glob) for row in data["actors"]):
        raise CliError(ExitCode.NO_SUCH_THING, "not_found", f"no actor is called {glob}", "see `viral-engine tree`")
    shown = [row for row in data["actors"] if _matches(row, glob, state)]
    abandoned = [one for one in data.get("abandoned", ()) if _is_meant(one["path"], glob)]
    shown.sort(key=_KEYS[sort] if sort else trouble_first)
    if output == "name":
        session.printer.answer({"actors": shown, "abandoned": abandoned}, [row["path"] for row in shown])
        return
    wide = output == "wide"
    rows = [cells(row, session.printer.style, time.time(), wide=wide) for row in shown]
    columns = COLUMNS + WIDE if wide else COLUMNS
    lines = session.printer.table(columns, rows, headers=not no_headers)
    for one in abandoned:
        lines += ["", *left_behind(one, session.printer.style, frames_max=FRAMES_SHOWN)]
    session.printer.answer({"actors": shown, "abandoned": abandoned}, lines)


def trouble_first(row: dict[str, Any]) -> tuple[Any, ...]:
    """Sorts what does not run to the top, then what is busy or behind, then what restarts."""
    behind_s = max(_busy_s(row), row["oldest_age_s"] or 0.0)
    return (row["state"] == "running", -behind_s, -row["depth"], -row["restarts"], row["path"])


def cells(row: dict[str, Any], style: Style, now_s: float, *, wide: bool = False) -> list[str]:
    """Returns the cells of one line."""
    last = row["last_exit"]
    ended = f"{age(now_s - last['at_ms'] / 1_000)} ago: {clean(last['reason'])}" if last is not None else "-"
    rate = row["messages_per_s"]
    state = style.state(row["state"]) + (f" ({clean(row['status'])})" if row["status"] else "")
    if _busy_s(row):
        state += f" (busy {age(row['busy_s'])} with {clean(row['current_message'] or 'a batch')})"
    line = [
        row["path"],
        state,
        str(row["depth"]),
        age(row["oldest_age_s"]),
        "-" if rate is None else f"{rate:.1f}",
        str(row["restarts"]),
        ended,
        age(row["up_s"]),
    ]
    if wide:
        message = row["current_message"] or "-"
        line += [str(row["handled"]), str(row["refused"]), age(row["busy_s"]), message, row["actor_class"]]
    return line


def _busy_s(row: dict[str, Any]) -> float:
    """Returns how long an actor has been at one message, when that is longer than a handler should take."""
    busy_s = row["busy_s"] or 0.0
    return busy_s if busy_s >= BUSY_SHOWN_S else 0.0


def _matches(row: dict[str, Any], glob: str | None, state: str | None) -> bool:
    if state is not None and row["state"] != state:
        return False
    return _is_meant(row["path"], glob)


def _is_meant(path: str, glob: str | None) -> bool:
    return glob is None or fnmatchcase(path, glob) or path == "/" + glob.strip("/")


def left_behind(one: dict[str, Any], style: Style, frames_max: int | None = None) -> list[str]:
    """Returns what a thread that hangs in a killed actor is at, and the end of its stack."""
    at = f"{clean(one['message'] or 'a batch')} for {age(one['busy_s'])}"
    lines = [style.paint(f"{one['path']} #{one['incarnation']} was killed, its thread hangs in {at}", BAD)]
    stack = clean(one["stack"] or "").rstrip().split("\n")
    # A frame is two lines: where, and the source.
    return lines + stack[-2 * frames_max if frames_max is not None else 0 :]
