"""Texts signed together with the current time, such as the cookie of a session or the token of a link."""

from datetime import timedelta
from typing import Any

from itsdangerous import SignatureExpired, URLSafeTimedSerializer

from domain.kernel.clock import now


class TimedSerializer(URLSafeTimedSerializer):
    """Signs texts that expire and reads them. A signature from the future is accepted.

    The base class refuses it, but the clock of another machine may be ahead of ours, or ours may have been set back:
    users who signed in there would be signed out here immediately.
    """

    def loads(  # type: ignore[override]  # as the base class overrides its own
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        """Return the signed value. Raises BadSignature if the text is not ours or older than `max_age` seconds."""
        value, signed_at = super().loads(s, return_timestamp=True, salt=salt)
        if max_age is not None and now() - signed_at > timedelta(seconds=max_age):
            raise SignatureExpired("The signature is too old.", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value
