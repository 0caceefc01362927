"""`tree --if-dies`: what would follow a death, as lines."""

from __future__ import annotations

from typing import Any

from viral_engine.cli.layout import GAP, clean
from viral_engine.cli.style import BAD, DIM, OK, WARN, Style

_COLORS = {
    "dies": BAD, "ends": BAD, "gives_up": BAD, "shuts_down": BAD, "rests": WARN, "stays_down": WARN, "stops": WARN,
    "waits": DIM, "starts": OK,
}  # fmt: skip


def text(data: dict[str, Any], style: Style) -> list[str]:
    """Returns the lines: what it would mean, then every step in order."""
    steps = data["steps"]
    longest = max(len(step["verb"]) for step in steps)
    lines = [f"If {clean(data['path'])} died now, {verdict(data)}.", ""]
    for step in steps:
        verb = style.paint(f"{step['verb'].replace('_', ' '):{longest}}", _COLORS.get(step["verb"], DIM))
        lines.append(f"{verb}{GAP}{clean(step['path'])}" + (f"{GAP}({clean(step['why'])})" if step["why"] else ""))
    return lines


def verdict(data: dict[str, Any]) -> str:
    """Returns what it would mean, as the end of a sentence."""
    counts = data["counts"]
    told = [
        f"it would be restart {count['used']} of {count['restarts_max']} in {count['window_s']:g} s of {count['path']}"
        for count in counts[:1]
    ] or ["nobody would count it" if data["path"] != "/" else "nobody would be left to bring it back"]
    gave_up = [step["path"] for step in data["steps"] if step["verb"] in ("gives_up", "shuts_down")]
    if gave_up:
        told.append(f"{' and then '.join(gave_up)} would end over it")
    if data["ends_daemon"]:
        told.append("and the daemon would end with exit 70")
    elif not gave_up:
        told.append("nothing would escalate")
    return ", ".join(told)
