"""`health`: is all well? Exit 0 or 1."""

from __future__ import annotations

from typing import Any

import click

from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.cli.layout import clean
from viral_engine.cli.options import Session, common
from viral_engine.cli.style import WARN, Style
from viral_engine.control.protocol import Request

HTTP_OK = 200


@click.command()
@common
def health(session: Session) -> int:
    """Say whether all is well.

    The tree is whole, the daemon ready, and its HTTP side answers /readyz. Exits 1 when not.
    """
    data = session.daemon.ask(Request(verb="health"))
    data["http"] = _http(session)
    data["ok"] = data["ok"] and data["http"]["ready"]
    session.printer.answer(data, text(data, session.printer.style))
    return ExitCode.OK if data["ok"] else ExitCode.NOT_WELL


def _http(session: Session) -> dict[str, Any]:
    """Asks /readyz as a load balancer would; no answer is an answer here."""
    try:
        status, answer = session.daemon.exchange("GET", "/readyz")
    except CliError as error:
        return {"ready": False, "status": None, "answer": None, "error": error.message}
    return {"ready": status == HTTP_OK, "status": status, "answer": answer, "error": None}


def _headline(data: dict[str, Any]) -> str:
    if not data["ok"]:
        return "not well"
    return "well, but for what is to be looked at" if data["readiness"].get("remarks") else "all is well"


def text(data: dict[str, Any], style: Style) -> list[str]:
    """Returns the lines: the verdict first."""
    totals, http = data["totals"], data["http"]
    lines = [f"{style.verdict(ok=data['ok'])} {_headline(data)}"]
    running = totals["states"].get("running", 0)
    lines.append(f"{style.verdict(ok=not data['troubles'])} tree: {running} of {totals['actors']} actors are running")
    lines += [f"  {clean(trouble)}" for trouble in data["troubles"]]
    lines.append(f"{style.verdict(ok=data['ready'])} daemon: {'ready' if data['ready'] else 'not ready'}")
    lines += [f"  {clean(reason)}" for reason in data["readiness"].get("reasons", ())]
    lines += [f"  {style.paint('look at', WARN)} {clean(remark)}" for remark in data["readiness"].get("remarks", ())]
    told = f"/readyz answers {http['status']}" if http["error"] is None else http["error"]
    lines.append(f"{style.verdict(ok=http['ready'])} http: {clean(told)}")
    return lines
