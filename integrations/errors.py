"""Errors of the clients of external services; the domain converts them to its own errors."""


class ServiceFailed(Exception):
    """The service did not answer, or not usably; a later retry may succeed.

    `wait_seconds` is how long it asked us to wait, 0 if it did not say.
    """

    def __init__(self, message: str, wait_seconds: float = 0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class ServiceRefused(ServiceFailed):
    """The service refused permanently, for a wrong number or an unknown mailbox for example. A retry won't succeed."""


class Unsubscribed(ServiceRefused):
    """The recipient asked the service for no more messages."""


# If a service asks for more, the next pass tries again.
LONGEST_WAIT_SECONDS = 3600.0


def read_retry_after(value: object, *, otherwise: float = 0) -> float:
    """Return the seconds of a `Retry-After` header or field, at most an hour; `otherwise` for anything else."""
    try:
        seconds = float(str(value))
    except ValueError:
        return otherwise
    return min(max(seconds, 0), LONGEST_WAIT_SECONDS) if seconds == seconds else otherwise  # noqa: PLR0124 - NaN
