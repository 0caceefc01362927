"""`trace`: the messages that an actor handles, as it begins with them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click

from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.cli.layout import age, clean, count
from viral_engine.cli.options import SPAN, Session, common
from viral_engine.cli.style import BAD, DIM, Style
from viral_engine.control.protocol import TRACE_COUNT_MAX, TRACE_S_MAX, Request

_RATE = re.compile(r"([1-9]\d{0,5})/([smh])")
_OUTCOMES = {"raised": " and raised", "ended": " and was ended in it"}
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0}


class Rate(click.ParamType[tuple[int, float]]):
    """Messages in a time, such as 10/s or 100/m."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, float]:
        """See `click.ParamType`."""
        match = _RATE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no rate such as 10/s, 100/m or 1000/h", param, ctx)
        return int(match[1]), _UNITS_S[match[2]]


@click.command()
@click.argument("path")
@click.option("-n", "limit", type=click.IntRange(1, TRACE_COUNT_MAX), default=20, show_default=True)
@click.option("--rate", type=Rate(), metavar="10/s", help="End when there are more than that.")
@click.option("--match", metavar="TYPE", help="Only messages of this type; * and ? stand for others.")
@click.option(
    "--for", "for_s", type=SPAN, default="30s", show_default=True, metavar="30s", help="Stop after this time."
)
@common
def trace(
    session: Session, path: str, *, limit: int, rate: tuple[int, float] | None, match: str | None, for_s: float
) -> None:
    """Show the messages that the actor at PATH begins to handle, live; of no actor below it.

    Each with its kind, how long it waited in the mailbox and how long its handler took; personal fields are hidden.
    Ends after -n messages, when there are more than --rate, or when --for is over, and says which. Costs nothing
    when nobody traces.
    """
    rate_max, rate_s = rate if rate is not None else (None, 1.0)
    request = Request(
        verb="trace", path=path, limit=limit, match=match, rate=rate_max, rate_s=rate_s, for_s=min(for_s, TRACE_S_MAX)
    )
    messages: list[dict[str, Any]] = []
    ended: dict[str, Any] = {}
    for line in session.daemon.follow(request):
        if line is None:
            continue
        if "ended" in line:
            ended = line
            continue
        messages.append(line)
        session.printer.live(text(line, session.printer.style))
    if not ended:
        raise CliError(ExitCode.NO_ANSWER, "no_answer", "the daemon ended before the trace did", "see `history`")
    session.printer.answer({"path": path, "messages": messages, **ended}, [text_of_end(ended, request)])


def text(line: dict[str, Any], style: Style) -> str:
    """Returns the line of one message."""
    at = datetime.fromtimestamp(line["at_ms"] / 1_000, UTC).strftime("%H:%M:%S.%f")[:-3]
    batch = f" in a batch of {line['batch']}" if line["batch"] > 1 else ""
    times = f"waited {_ms(line['waited_ms'])}, took {_ms(line['took_ms'])}{batch}"
    outcome = style.paint(_OUTCOMES.get(line["outcome"], ""), BAD)
    return f"{at}  {line['kind']:5}  {clean(line['message'])}  {style.paint(times, DIM)}{outcome}"


def text_of_end(ended: dict[str, Any], request: Request) -> str:
    """Returns why the trace is over, and what that says about the actor."""
    match ended["ended"]:
        case "count":
            why = "by count: that many were asked for"
        case "rate":
            why = f"by rate: more than {request.rate} messages in {request.rate_s:g} s"
        case _:
            why = f"by time: {request.for_s:g} s are over"
    told = [f"-- ended {why}", f"{count(ended['shown'], 'message')} in {age(ended['seconds'])}"]
    if ended["lost"]:
        told.append(f"{ended['lost']} more were lost: they came faster than they could be sent")
    if ended["busy_s"] is not None and ended["ended"] == "time":
        told.append(f"it has been handling {clean(ended['handling'] or 'a batch')} for {age(ended['busy_s'])}")
    return "; ".join(told)


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms" if milliseconds < 1_000 else age(milliseconds / 1_000)  # noqa: PLR2004  (a second)
