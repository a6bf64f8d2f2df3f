"""Answers of the mail server checks."""

from api.schemas.base import Answer


class SmtpCheckOut(Answer):
    success: bool
    ehlo: str | None
    starttls: str | None
    login: str | None
    error: str | None
    error_type: str | None
    smtp_user: str
    smtp_pass_len: int


class MailSettingsOut(Answer):
    SMTP_HOST: str
    SMTP_PORT: int
    SMTP_USER: str
    SMTP_PASSWORD: str
    sending_to: str


class TestEmailOut(Answer):
    success: bool = True
    queued: bool
    config: MailSettingsOut
    message: str
