"""`tree`: the supervision tree as it is now."""

from __future__ import annotations

from typing import Any

import click

from viral_engine.cli.errors import wrong_use
from viral_engine.cli.if_dies import text as text_if_dies
from viral_engine.cli.layout import GAP, age, clean, count, width
from viral_engine.cli.options import Session, common
from viral_engine.cli.style import BAD, DIM, WARN, Style
from viral_engine.control.protocol import Request


@click.command()
@click.argument("path", required=False)
@click.option("-o", "output", type=click.Choice(["table", "wide", "name"]), default="table", show_default=True)
@click.option("--if-dies", "if_dies", metavar="PATH", help="Instead: what would follow if PATH died now.")
@common
def tree(session: Session, path: str | None, output: str, if_dies: str | None) -> None:
    """Show the tree, or what lies below PATH.

    Supervisors show their strategy and how many of their allowed restarts are used up. --if-dies tells who would be
    stopped and started, in order, and whether the death would escalate; it touches nothing.
    """
    if if_dies is not None:
        if path is not None or output != "table":
            raise wrong_use("--if-dies goes with neither PATH nor -o")
        foretold = session.daemon.ask(Request(verb="if_dies", path=if_dies))
        session.printer.answer(foretold, text_if_dies(foretold, session.printer.style))
        return
    data = session.daemon.ask(Request(verb="tree", path=path))
    if output == "name":
        session.printer.answer(data, names(data["root"]))
    else:
        session.printer.answer(data, text(data, session.printer.style, wide=output == "wide"))


def names(node: dict[str, Any]) -> list[str]:
    """Returns every path, in start order."""
    return [node["path"], *(name for child in node["children"] for name in names(child))]


def text(data: dict[str, Any], style: Style, *, wide: bool = False) -> list[str]:
    """Returns the lines: a header with the totals, then one per node."""
    drawn: list[tuple[str, dict[str, Any]]] = []
    _draw(data["root"], "", "", style, drawn)
    longest = max(width(label) for label, _ in drawn)
    lines = [_header(data, style), ""]
    for label, node in drawn:
        padding = " " * (longest - width(label))
        lines.append(f"{label}{padding}{GAP}{GAP.join(_facts(node, style, wide=wide))}".rstrip())
    return lines


def _draw(
    node: dict[str, Any], lead: str, lead_below: str, style: Style, drawn: list[tuple[str, dict[str, Any]]]
) -> None:
    name = node["path"] if not drawn else node["path"].rsplit("/", 1)[-1]
    drawn.append((lead + clean(name), node))
    middle, last, beside, nothing = style.branches
    for number, child in enumerate(node["children"], 1):
        is_last = number == len(node["children"])
        lead_child = lead_below + (last if is_last else middle)
        _draw(child, lead_child, lead_below + (nothing if is_last else beside), style, drawn)


def _header(data: dict[str, Any], style: Style) -> str:
    daemon, totals = data["daemon"], data["totals"]
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(totals["states"].items()))
    parts = [
        f"viral-engine {daemon['version']}",
        f"up {age(daemon['up_s'])}",
        f"{count(totals['actors'], 'actor')}: {states}",
        count(totals["restarts"], "restart"),
        f"{count(totals['waiting'], 'message')} waiting",
        f"{totals['threads']} threads",
    ]
    if totals["abandoned_threads"]:
        parts.append(style.paint(f"{totals['abandoned_threads']} hang", BAD))
    return (" · " if style.unicode else " | ").join(parts)


def _facts(node: dict[str, Any], style: Style, *, wide: bool) -> list[str]:
    facts = [style.state(node["state"])]
    if node["status"]:
        facts.append(style.paint(clean(node["status"]), WARN))
    if node["intensity"] is not None:
        facts.append(_intensity(node["intensity"], style))
    if node["depth"]:
        facts.append(f"{node['depth']} waiting, oldest {age(node['oldest_age_s'])}")
    if node["restarts"] or wide:
        facts.append(count(node["restarts"], "restart"))
    if wide:
        facts.append(f"up {age(node['up_s'])}")
        facts.append(style.paint(f"{node['actor_class']} #{node['incarnation']} on {_placement(node)}", DIM))
        if node["last_exit"] is not None:
            facts.append(f"last end: {clean(node['last_exit']['reason'])}")
    return facts


def _placement(node: dict[str, Any]) -> str:
    return "the loop" if node["placement"] == "loop" else "a thread"


def _intensity(intensity: dict[str, Any], style: Style) -> str:
    used, allowed = intensity["restarts_used"], intensity["restarts_max"]
    told = f"{intensity['strategy']} {used}/{allowed} in {intensity['window_s']:g}s"
    if used and used >= allowed:
        return style.paint(told, BAD)
    return style.paint(told, WARN) if used else told
