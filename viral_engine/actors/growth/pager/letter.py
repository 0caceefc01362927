"""What a page says: that a case waits, since when, and how to look at it. Nothing of the report, nothing of anybody.

A module of its own: the standard library's mail takes its time to load, and no start waits for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viral_engine.config import Pager
    from viral_engine.messages.paging import DuePage

_WORDS = """\
{what}

    case       {case_id}
    opened     {opened:%Y-%m-%d %H:%M:%S} UTC
    unclaimed  {waiting} in all

Look at it and take it, with a key of scope child_safety:

    viral-engine reviews show {case_id}
    viral-engine reviews claim {case_id}
    GET {url}/v1/reviews/{case_id}

This mail says nothing of the report itself. It comes again every
{remind_min:.0f} minutes until somebody claims the case.
"""


def letter(page: DuePage, *, settings: Pager, url: str, waiting: int, now: datetime) -> EmailMessage:
    """Returns the mail about a case. The same page has the same Message-ID, however often it is sent.

    Args:
        page: the case, and its page before.
        settings: from whom and to whom.
        url: of the daemon's HTTP side, unless the settings name another.
        waiting: cases that nobody has claimed, or no longer.
        now: in UTC.
    """
    last = page.last_paged_at
    number = 0 if last is None else round(last.timestamp())
    if page.claim_lapsed:
        what, news = "Whoever claimed a case of child safety has not closed it within the hour.", "was left"
    elif last is None:
        what, news = "A case of child safety has come in.", "is new"
    else:
        what, news = "Nobody has claimed a case of child safety yet.", "still waits"
    mail = EmailMessage()
    mail["Subject"] = f"Child safety: case {page.case_id} {news}"
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.recipients)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{page.case_id}.{number}@{settings.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Importance"] = "high"
    mail.set_content(
        _WORDS.format(
            what=what, case_id=page.case_id, opened=page.opened_at.astimezone(UTC), waiting=waiting,
            url=settings.api_url.rstrip("/") or url,
            remind_min=settings.remind_s / 60,
        )
    )  # fmt: skip
    return mail
