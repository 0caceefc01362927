"""`hang`: for trials with `serve --dev`, to see what is done about an actor that hangs."""

from __future__ import annotations

import click

from viral_engine.cli.options import SPAN, Session, common
from viral_engine.control.protocol import Request


@click.command()
@click.argument("path")
@click.option("--for", "for_s", type=SPAN, default="30s", show_default=True, metavar="30s", help="For so long.")
@common
def hang(session: Session, path: str, for_s: float) -> None:
    """Make an actor hang in a handler; only a daemon started with `serve --dev` does."""
    answer = session.daemon.ask(Request(verb="hang", path=path, for_s=for_s))
    session.printer.answer(answer, [f"{path} hangs for {for_s:g} s: look at `ps` and `history`"])
