"""How the clients of outside companies fail; the domain turns it into its own words."""


class ServiceFailed(Exception):
    """The company did not answer, or not in a way to act on; trying again later may help.

    `wait_seconds` is how long it asked to be left alone, 0 when it did not say.
    """

    def __init__(self, message: str, wait_seconds: float = 0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class ServiceRefused(ServiceFailed):
    """The company said no for good: a wrong number, an unknown mailbox. Trying again won't help."""


class Unsubscribed(ServiceRefused):
    """The recipient asked the company for no more messages."""


# A company that asks for more is asked again by the next pass.
LONGEST_WAIT_SECONDS = 3600.0


def read_retry_after(value: object, *, otherwise: float = 0) -> float:
    """The seconds of a `Retry-After` header or field, within an hour; a date or nonsense counts as `otherwise`."""
    try:
        seconds = float(str(value))
    except ValueError:
        return otherwise
    return min(max(seconds, 0), LONGEST_WAIT_SECONDS) if seconds == seconds else otherwise  # noqa: PLR0124 - NaN
