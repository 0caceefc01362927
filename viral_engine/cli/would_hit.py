"""`blocks add --dry-run`: whom a block would hit."""

from __future__ import annotations

from typing import Any

from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import Session


def tell_would_hit(session: Session, kind: str, value: str) -> None:
    """Asks whom a block would hit, and prints it: how many, then who; nothing is blocked."""
    answer = session.daemon.http("POST", "/v1/blocks/would-hit", {"kind": kind, "value": value})
    rows = [
        *(["user", clean(one)] for one in answer["user_ids"]),
        *(["household", f"of {word(one)}"] for one in answer["households"]),
        *(["school", clean(one)] for one in answer["school_ids"]),
    ]
    table = session.printer.table(("HIT", "ID"), rows) if rows else []
    session.printer.answer(answer, [_counted(answer), _basis(answer), *([""] if rows else []), *table])
    told = len(answer["user_ids"]), len(answer["households"]), len(answer["school_ids"])
    if told != (answer["user_count"], answer["household_count"], answer["school_count"]):
        session.printer.note(f"of each at most {max(told)} are named")


def _counted(answer: dict[str, Any]) -> str:
    names = {"user_count": "user", "household_count": "verified household", "school_count": "school"}
    counts = [f"{answer[field]:,} {one}{'' if answer[field] == 1 else 's'}" for field, one in names.items()]
    return f"{answer['kind']} {clean(answer['value'])} would hit {', '.join(counts)}; nothing is blocked"


def _basis(answer: dict[str, Any]) -> str:
    """Returns what the answer rests on."""
    if answer["kind"] == "user":
        return "as the user is known by now"
    rows = f"{answer['looked_at']:,} {'users' if answer['since'] is None else 'decisions'}"
    since = "" if answer["since"] is None else f" since {word(answer['since'])}"
    return f"found in {rows}{since}" + ("" if answer["complete"] else "; there are more, so it may hit more")
