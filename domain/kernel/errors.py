"""The domain's refusals. Acts raise them, and each door renders them in its own way.

These classes know no HTTP status; `web/errors.py` maps them.
"""

from typing import Any

from domain.kernel.codes import Code


class DomainError(Exception):
    """A refusal that a person can act on.

    `message` is a whole sentence; `code` is its name for programs; `fields` says what is wrong with each input field;
    `extra` holds further keys of the answer (`hint`, `allowed`, ...).
    """

    default_code = Code.REFUSED

    def __init__(
        self, message: str, *, code: Code | None = None, fields: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.fields = fields or {}
        self.extra = extra


class NotFound(DomainError):
    """The record does not exist, or the caller may not know that it does."""

    default_code = Code.NOT_FOUND


class NotSignedIn(DomainError):
    """Credentials are missing, wrong or no longer valid."""

    default_code = Code.NOT_SIGNED_IN


class NotAllowed(DomainError):
    """The caller is authenticated but lacks the right."""

    default_code = Code.NOT_ALLOWED


class Refused(DomainError):
    """The act conflicts with the state of the record: duplicate, stale, out of stock."""

    default_code = Code.CONFLICT


class InvalidInput(DomainError):
    """The input is malformed or incomplete. `fields` names all bad fields at once."""

    default_code = Code.INVALID_INPUT


class TooLarge(DomainError):
    """The body or the file is larger than this route takes."""

    default_code = Code.TOO_LARGE


class UnsupportedType(DomainError):
    """The body has a media type that this route does not read."""

    default_code = Code.UNSUPPORTED_MEDIA_TYPE


class KeyReused(DomainError):
    """An idempotency key was sent again with a different request."""

    default_code = Code.IDEMPOTENCY_KEY_REUSED


class TooMany(DomainError):
    """A rate limit is used up; try again after `retry_after_seconds`."""

    default_code = Code.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after_seconds: int, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after_seconds = retry_after_seconds


class OutsideServiceFailed(DomainError):
    """An outside service did not answer, or refused."""

    default_code = Code.OUTSIDE_SERVICE_FAILED


class NotConfigured(DomainError):
    """This installation has no credentials for the outside service; the message names the setting."""

    default_code = Code.NOT_CONFIGURED
