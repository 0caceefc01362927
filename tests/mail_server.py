"""A real mail server on this machine that can be away, refuse, wait at a gate, and ask for a login over TLS."""

from __future__ import annotations

import email
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

if TYPE_CHECKING:
    from email.message import Message

    from viral_engine.runtime.testing import Gate

PATIENCE_S = 30.0
CERTIFICATE = Path(__file__).with_name("mail_server.pem")
"""With its key: for this server of the tests and nothing else."""


class MailServer:
    """On a port of its own, the same one each time it comes back.

    Args:
        password: what a login needs; None when nobody logs in.
        tls: none, starttls, tls, as the pager's setting.

    Attributes:
        raw: the mails that were accepted, as bytes.
        refused: recipients that are refused.
        answers: what it says to a mail instead of accepting it; None to accept it.
        gate: where it waits before it answers to a mail.
    """

    def __init__(self, *, password: str | None = None, tls: str = "none") -> None:
        self.raw: list[bytes] = []
        self.refused: set[str] = set()
        self.answers: str | None = None
        self.gate: Gate | None = None
        self._changed = threading.Condition()
        self._options: dict[str, Any] = {}
        self._controller: Controller | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        if tls != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self._options |= (
                # It does not know that its line is encrypted.
                {"ssl_context": context, "auth_require_tls": False}
                if tls == "tls"
                else {"tls_context": context, "require_starttls": True}
            )
        if password is not None:
            self._options |= {
                "auth_required": tls == "starttls",
                "authenticator": lambda *given: AuthResult(
                    success=given[-1].password == password.encode(), handled=False
                ),
            }

    @property
    def mails(self) -> list[Message]:
        """The mails that were accepted, read."""
        return [email.message_from_bytes(raw) for raw in self.raw]

    def wait_for(self, count: int) -> list[Message]:
        """Blocks until so many mails were accepted."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.raw) >= count, PATIENCE_S), f"{len(self.raw)} mails came"
        return self.mails

    def start(self) -> None:
        """Comes, or comes back."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **self._options)
        self._controller.start()

    def stop(self) -> None:
        """Goes away."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(AssertionError):
            self.stop()

    # What aiosmtpd calls.

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Takes or refuses a recipient."""
        if address in self.refused:
            return f"550 <{address}>: nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Takes or refuses a mail."""
        if self.gate is not None:
            self.gate.pass_through()
        if self.answers is not None:
            return self.answers
        with self._changed:
            self.raw.append(envelope.content)
            self._changed.notify_all()
        return "250 OK"
