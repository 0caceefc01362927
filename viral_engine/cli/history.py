"""`history`: crashes and kills, kept across restarts and readable without a daemon."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import click
import msgspec

from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.cli.layout import age, clean
from viral_engine.cli.options import SPAN, Session, common
from viral_engine.control.protocol import Request
from viral_engine.telemetry import history_file

RECENT_SHOWN = 8
"""Messages of the flight recorder that people are shown, the newest ones; --json has all."""


@click.command()
@click.argument("path", required=False)
@click.option("--since", type=SPAN, metavar="1h", help="Only the last 90s, 30m, 1h, 2d ...")
@click.option("-n", "limit", type=click.IntRange(1, history_file.ENTRIES_MAX), default=100, show_default=True)
@click.option("--all", "aside", is_flag=True, help="Also abandoned threads and a blocked event loop.")
@click.option("--traceback", is_flag=True, help="Print the traceback of each crash.")
@common
def history(
    session: Session, path: str | None, *, since: float | None, limit: int, aside: bool, traceback: bool
) -> None:
    """Show crashes, kills, give-ups and dead letters.

    One entry each, oldest first, of PATH and what lies below it, with the message that was being handled and those
    before it; personal fields are hidden. Needs no daemon.
    """
    since_s = time.time() - since if since is not None else None
    request = Request(verb="history", path=path, since_s=since_s, aside=aside, limit=limit)
    entries = _entries(session, request)
    lines: list[str] = []
    for entry in entries:
        lines += text(entry, with_traceback=traceback)
    session.printer.answer(entries, lines or ["no crash and no kill"])


def _entries(session: Session, request: Request) -> list[dict[str, Any]]:
    """Asks the daemon, whose newest entries may not be in the file yet; reads the file when it does not answer."""
    try:
        answer: dict[str, Any] = session.daemon.ask(request)
    except CliError as error:
        if error.exit_code not in (ExitCode.NOT_RUNNING, ExitCode.NO_ANSWER):
            raise
        path = "/" + request.path.strip("/") if request.path else None
        limit = request.limit or history_file.ENTRIES_MAX
        try:
            found = history_file.read(session.data_dir, path, request.since_s, aside=request.aside, limit=limit)
        except PermissionError as denied:
            raise CliError(
                ExitCode.NOT_ALLOWED,
                "not_allowed",
                f"you may not read {denied.filename}",
                "run it as the daemon's user",
            ) from denied
        if not found and not session.data_dir.is_dir():
            raise
        plain: list[dict[str, Any]] = msgspec.to_builtins(found)
        return plain
    entries: list[dict[str, Any]] = answer["entries"]
    return entries


def text(entry: dict[str, Any], *, with_traceback: bool = False) -> list[str]:
    """Returns the lines of one entry."""
    facts = [entry["time"], entry["kind"].replace("_", " "), entry["path"], clean(entry["reason"])]
    extra = []
    if entry["message_type"]:
        extra.append(f"while handling {entry['message_type']}")
    if entry["during"]:
        extra.append("while starting")
    if entry["up_s"] is not None:
        extra.append(f"up {age(entry['up_s'])}")
    lines = ["  ".join(facts) + (f"  ({', '.join(extra)})" if extra else "")]
    lines += [f"    {line}" for line in recorder(entry)]
    if with_traceback and entry["traceback"]:
        lines += [f"    {line}" for line in clean(entry["traceback"]).rstrip().split("\n")]
    return lines


def recorder(entry: dict[str, Any]) -> list[str]:
    """Returns what the flight recorder says: the message that ended it, and those that it began with before."""
    lines = [f"message: {clean(entry['killer'])}"] if entry.get("killer") else []
    if entry.get("recent"):
        ended_s = datetime.fromisoformat(entry["time"]).timestamp()
        begun = [
            f"{clean(one['message_type'])} {age(ended_s - datetime.fromisoformat(one['at']).timestamp())}"
            for one in entry["recent"][-RECENT_SHOWN:]
        ]
        lines.append(f"begun before: {', '.join(begun)}")
    return lines
