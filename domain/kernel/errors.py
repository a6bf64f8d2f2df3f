"""The refusals of the business, raised once in the domain and shown by each door in its own way.

No class here knows an HTTP status; `web/errors.py` maps them.
"""

from typing import Any

from domain.kernel.codes import Code


class DomainError(Exception):
    """A refusal that a person can act on.

    `message` is a whole sentence; `code` is its snake_case name for programs; `fields` says what is wrong
    with which input; everything else in `extra` is answered beside them (`hint`, `allowed`, ...).
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
    """There is no such record, or the caller may not know that there is."""

    default_code = Code.NOT_FOUND


class NotSignedIn(DomainError):
    """Credentials are missing, wrong or no longer valid."""

    default_code = Code.NOT_SIGNED_IN


class NotAllowed(DomainError):
    """Good credentials without the right."""

    default_code = Code.NOT_ALLOWED


class Refused(DomainError):
    """The act conflicts with the state of the record: duplicate, stale, out of stock."""

    default_code = Code.CONFLICT


class InvalidInput(DomainError):
    """The input is malformed or incomplete; `fields` names every bad field at once."""

    default_code = Code.INVALID_INPUT


class TooLarge(DomainError):
    """The body or the file is larger than this route takes."""

    default_code = Code.TOO_LARGE


class UnsupportedType(DomainError):
    """The body is of a media type that this route does not read."""

    default_code = Code.UNSUPPORTED_MEDIA_TYPE


class KeyReused(DomainError):
    """An idempotency key came again with another request."""

    default_code = Code.IDEMPOTENCY_KEY_REUSED


class TooMany(DomainError):
    """A rate limit is used up; try again after `retry_after_seconds`."""

    default_code = Code.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after_seconds: int, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after_seconds = retry_after_seconds


class OutsideServiceFailed(DomainError):
    """An outside company did not answer, or refused."""

    default_code = Code.OUTSIDE_SERVICE_FAILED


class NotConfigured(DomainError):
    """This installation has no credentials for the outside service; the message names the setting."""

    default_code = Code.NOT_CONFIGURED
