"""A loopback mail server (aiosmtpd) with configurable faults, and STARTTLS with its own certificate."""
# ruff: noqa: N802, ARG002 - aiosmtpd gives its hooks their names and arguments.

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.fakes.certificate import make_tls


@dataclass
class FakeMail:
    """What came in, and what to answer: `data_answers` and `rcpt_answers` are used up one a mail; "drop" hangs up."""

    password: str = "right"
    data_answers: list[str] = field(default_factory=list)
    rcpt_answers: list[str] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, server, session, envelope: Envelope, address, options) -> str:
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope: Envelope) -> str:
        answer = self.data_answers.pop(0) if self.data_answers else "250 taken"
        if answer == "drop":
            server.transport.abort()
            return "250 never heard"
        if answer.startswith("250"):
            self.messages.append(
                email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
            )
            self.was_encrypted.append(session.ssl is not None)
        return answer

    def authenticate(self, server, session, envelope, mechanism, auth_data: LoginPassword) -> AuthResult:
        return AuthResult(success=auth_data.password == self.password.encode(), handled=False)


@contextmanager
def fake_mail(*, tls_folder: Path | None = None, **faults) -> Iterator[FakeMail]:
    """The server for the duration of the block, in its own thread."""
    fake = FakeMail(**faults)
    controller = Controller(
        fake,
        hostname="127.0.0.1",
        port=_free_port(),
        authenticator=fake.authenticate,
        auth_require_tls=tls_folder is not None,
        tls_context=make_tls(tls_folder) if tls_folder else None,
    )
    controller.start()
    fake.port = controller.port
    try:
        yield fake
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
