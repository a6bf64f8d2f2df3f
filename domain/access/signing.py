"""Texts that we sign with the moment, such as the cookie of a session or the token of a link."""

from datetime import timedelta
from typing import Any

from itsdangerous import SignatureExpired, URLSafeTimedSerializer

from domain.kernel.clock import now


class TimedSerializer(URLSafeTimedSerializer):
    """Signs and reads texts that run out. One that was signed later than it is now here is good.

    Its own class refuses that, but another machine's clock may be ahead of this one's, or this one's was put back: who
    signed in there would be signed out here at once.
    """

    def loads(  # type: ignore[override]  # as the base class overrides its own
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        """What was signed; raises BadSignature for a text that is not ours or is older than `max_age` seconds."""
        value, signed_at = super().loads(s, return_timestamp=True, salt=salt)
        if max_age is not None and now() - signed_at > timedelta(seconds=max_age):
            raise SignatureExpired("The signature is too old.", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value
