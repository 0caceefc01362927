"""One conversation with the mail server: encrypted and logged in as the settings say, each answer within a time.

A module of its own: the standard library's mail takes its time to load, and no start waits for it.
"""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import EmailMessage

    from viral_engine.config import Pager

CONVERSATION_S_MAX = 30.0
"""From the connection to the farewell: a server that says a byte a second answers within every time-out of its own."""

_READY = 220
FAILURES = (smtplib.SMTPException, OSError, ValueError)
"""What smtplib raises: refusals, lost lines, words that can't be sent."""


class NotSent(Exception):
    """The mail server took nothing; the message says why, in words without an address or a password."""


class MailServer:
    """A mail server that takes mails.

    Args:
        settings: where it is, who we are.

    Raises:
        NotSent: it is away, refuses, hangs, or its password can't be had.
    """

    def __init__(self, settings: Pager) -> None:
        self._settings = settings
        password = _password(settings) if settings.username else None
        try:
            self._client = _client(settings)
        except FAILURES as error:
            raise NotSent(_why(error)) from None
        self._end = threading.Timer(CONVERSATION_S_MAX, self.abort)
        self._end.daemon = True
        self._end.start()
        try:
            _connect(self._client, settings)
            if password is not None:
                self._client.login(settings.username, password)
        except FAILURES as error:
            self.close()
            raise NotSent(_why(error)) from None

    def send(self, mail: EmailMessage) -> int:
        """Has the server accept a mail; returns how many of the recipients it refused, never all of them.

        Raises:
            NotSent: it did not accept it, or nobody knows whether it did.
        """
        try:
            return len(self._client.send_message(mail, self._settings.sender, self._settings.recipients))
        except FAILURES as error:
            raise NotSent(_why(error)) from None

    def close(self) -> None:
        """Takes leave; what was accepted stays accepted, whatever the server says to it."""
        with contextlib.suppress(*FAILURES):
            self._client.quit()
        self._end.cancel()
        self._client.close()

    def abort(self) -> None:
        """Cuts the line, from another thread."""
        line = self._client.sock
        if line is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def _client(settings: Pager) -> smtplib.SMTP:
    """Returns a client that is not connected yet, so that its line can be cut while it connects."""
    if settings.security == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            local_hostname=_own_name(), timeout=settings.timeout_s, context=_trust(settings)
        )
    else:
        client = smtplib.SMTP(local_hostname=_own_name(), timeout=settings.timeout_s)
    # What the certificate must be of; only the constructor that connects sets it.
    client._host = settings.host  # type: ignore[attr-defined]  # noqa: SLF001
    return client


def _connect(client: smtplib.SMTP, settings: Pager) -> None:
    code, _ = client.connect(settings.host, settings.port)
    if code != _READY:
        raise smtplib.SMTPConnectError(code, b"")
    if settings.security == "starttls":
        client.starttls(context=_trust(settings))


def _trust(settings: Pager) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca_file or None)


def _own_name() -> str:
    """Returns what to greet with; smtplib would look it up, which may take as long as the name server likes."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _password(settings: Pager) -> str:
    if settings.password_variable:
        password = os.environ.get(settings.password_variable)
        if password is None:
            raise NotSent(f"the variable {settings.password_variable} with the password is not set")
        return password
    try:
        return Path(settings.password_file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise NotSent(f"the password file can't be read: {why}") from None


def _why(error: Exception) -> str:
    """Says what happened; the server's own words may hold addresses, so its codes stand for them."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = sorted({code for code, _ in error.recipients.values()})
            return f"it refused every recipient ({', '.join(map(str, codes))})"
        case smtplib.SMTPAuthenticationError():
            return f"it refused the login ({error.smtp_code})"
        case smtplib.SMTPSenderRefused():
            return f"it refused the sender ({error.smtp_code})"
        case smtplib.SMTPResponseException():
            return f"it refused ({error.smtp_code})"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not to be trusted: {error.verify_message}"
        case TimeoutError():
            return "it did not answer in time"
        case OSError() if error.strerror:
            return error.strerror
        case _:
            return str(error) or type(error).__name__
