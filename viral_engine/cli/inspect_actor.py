"""`inspect`: everything about one actor, and why it does not run."""

from __future__ import annotations

from typing import Any

import click

from viral_engine.cli.history import text as text_of_entry
from viral_engine.cli.layout import age, clean, fields, word
from viral_engine.cli.options import Session, common
from viral_engine.cli.ps import left_behind
from viral_engine.cli.style import Style
from viral_engine.control.protocol import STATE_TIMEOUT_S, Request


@click.command(name="inspect")
@click.argument("path")
@click.option("--state", is_flag=True, help="Ask the actor for its state; personal values are hidden.")
@click.option(
    "--stack", is_flag=True, help="Show where its thread is now, without its help, and those that it left behind."
)
@common
def inspect_actor(session: Session, path: str, *, state: bool, stack: bool) -> None:
    """Look into one actor.

    The first line says why it is not running, or what holds it up.
    """
    request = Request(verb="inspect", path=path, state=state, stack=stack)
    data = session.daemon.ask(request, extra_s=STATE_TIMEOUT_S if state else 0.0)
    session.printer.answer(data, text(data, session.printer.style))


def text(data: dict[str, Any], style: Style) -> list[str]:
    """Returns the lines."""
    last = data["last_exit"]
    facts: dict[str, Any] = {
        "state": style.state(data["state"]) + (f" ({clean(data['status'])})" if data["status"] else ""),
        "kind": f"{data['kind']} {data['actor_class']} on {'the loop' if data['placement'] == 'loop' else 'a thread'}",
        "incarnation": data["incarnation"],
        "up": age(data["up_s"]),
        "mailbox": f"{data['depth']} of {data['capacity']}, oldest {age(data['oldest_age_s'])}",
        "refused": data["refused"],
        "handling": f"{data['current_message'] or 'a batch'} for {age(data['busy_s'])}" if data["busy_s"] else "-",
        "handled": data["handled"],
        "recent": word(data["recent"][-8:]),
        "restarts": data["restarts"],
        "last end": clean(last["reason"]) if last is not None else "-",
    }
    if data["intensity"] is not None:
        intensity = data["intensity"]
        used = f"{intensity['restarts_used']}/{intensity['restarts_max']} restarts in {intensity['window_s']:g}s"
        facts["supervises"] = f"{intensity['strategy']}, {used}: {word(data['children'])}"
    longest = max(map(len, facts))
    # The state carries its own colour, so these lines are not cleaned a second time.
    lines = [clean(data["why"]), "", *(f"{name:{longest}}  {value}" for name, value in facts.items())]
    if data.get("last_crash"):
        lines += ["", "its last crash or kill", *(f"  {line}" for line in text_of_entry(data["last_crash"]))]
    if "state_of_actor" in data:
        lines += ["", "its own state"]
        known = data["state_of_actor"]
        lines += fields(known, "  ") if known else [f"  {clean(data['state_error'] or 'it shows nothing')}"]
    if "stack" in data:
        lines += ["", "its stack", clean(data["stack"] or "  it has no thread now").rstrip()]
        for one in data.get("abandoned", ()):
            lines += ["", *left_behind(one, style)]
    return lines
