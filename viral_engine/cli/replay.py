"""`replay`: sends a recorded day to the daemon and tells how it decided."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from viral_engine.cli.errors import CliError, ExitCode, wrong_use
from viral_engine.cli.options import Session, common
from viral_engine.cli.replay_day import BadFile, examine, read_labels, read_world
from viral_engine.cli.replay_peer import DaemonAway, Peer, Place
from viral_engine.cli.replay_run import Replay, Unusable
from viral_engine.cli.replay_tally import as_lines, summary
from viral_engine.control import daemon_file

BATCH = 500
CONNECTIONS = 16
BAR_CELLS = 30

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Shift(click.ParamType["int | None"]):
    """`auto` (None) or a number of days."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """See `click.ParamType`."""
        if value in {None, "auto"}:
            return None
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither auto nor a number of days", param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What the command line asks for."""

    file: Path
    labels: Path | None
    world: Path | None
    connections: int
    batch: int
    shift_days: int | None


@click.command()
@click.argument("file", type=_file)
@click.option("--labels", type=_file, help="What each line really is: prints the decisions against it.")
@click.option("--world", type=_file, help="API calls to make first [default: FILE's name with .world, if it exists].")
@click.option(
    "--connections",
    type=click.IntRange(1, 64),
    default=CONNECTIONS,
    show_default=True,
    help="Connections for the world; the day itself goes over one, in order.",
)
@click.option("--batch", type=click.IntRange(1, 1000), default=BATCH, show_default=True, help="Lines to a request.")
@click.option(
    "--shift-days",
    type=_Shift(),
    default="auto",
    show_default=True,
    metavar="auto|N",
    help="Move the day: auto lets it begin after the world was told, and two clear days after the last imported event.",
)
@click.option("--url", help="The daemon's address [default: from the data folder].")
@common
def replay(session: Session, *, url: str | None, **wish: Any) -> int:
    """Send the check requests of FILE, in order, each with the time it happened.

    Every line is the body of a check. While the daemon restarts, replay waits and asks again: nothing is answered
    twice and nothing is lost. The day is moved forward by whole days, so that it begins after the world was told and,
    as imported events never go back in time, after the run before. The key needs the scopes check, write and backfill,
    and operate for a day that thereby lies ahead. Exits 1 when a line was not answered.
    """
    first = Place(url if url is not None else session.daemon.info().url)
    key = session.daemon.key(is_here=url is None)

    def locate() -> Place:
        info = daemon_file.read(session.data_dir) if url is None else None
        return first if info is None else Place(info.url, (info.pid, info.started_ms))

    try:
        data = _run(_Wish(**wish), lambda: Peer(locate, key))
    except (BadFile, ValueError) as error:
        raise wrong_use(str(error)) from error
    except DaemonAway as error:
        raise CliError(ExitCode.NOT_RUNNING, "not_running", str(error), "see `viral-engine health`") from error
    except Unusable as error:
        hint = "the key needs the scopes check, write, backfill and operate; the one in api-key has them"
        raise CliError(ExitCode.NOT_WELL, "refused", str(error), hint) from error
    session.printer.answer(data, as_lines(data))
    return ExitCode.OK if data["answered"] == data["lines"] else ExitCode.NOT_WELL


def _run(wish: _Wish, connect: Callable[[], Peer]) -> dict[str, Any]:
    day = examine(wish.file)
    truth = read_labels(wish.labels) if wish.labels is not None else {}
    world = wish.world if wish.world is not None else _beside(wish.file)
    calls = read_world(world) if world is not None else []
    run = Replay(secrets.token_hex(8), connect, wish.batch)
    if calls:
        run.tell_world(calls, day.digest, wish.connections, _bar("world"))
    run.send_day(day, truth, wish.shift_days, _bar("day"))
    return summary(run.tally)


def _beside(file: Path) -> Path | None:
    world = file.with_suffix(f".world{file.suffix}")
    return world if world.is_file() else None


def _bar(name: str) -> Callable[[int, int], None]:
    """A progress bar on standard error; nothing at all where that is no terminal."""
    if not sys.stderr.isatty():
        return lambda _done, _total: None
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        cells = BAR_CELLS * done // total
        if cells != shown or done == total:
            shown = cells
            end = "\n" if done == total else ""
            click.echo(f"\r{name:6} [{'#' * cells:{BAR_CELLS}}] {done:,} of {total:,}{end}", nl=False, err=True)

    return show
