"""The headers of a request as parsed by the server: looked up by name instead of searched one by one."""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.datastructures.mixins import ImmutableHeadersMixin
from werkzeug.exceptions import BadRequestKeyError


class ReadHeaders(ImmutableHeadersMixin, Headers):  # type: ignore[misc] # Werkzeug says the same of its own.
    """Immutable headers. A request looks up a dozen of them, and a browser sends twenty.

    Values are not checked for line breaks again: the server's parser ends a header there.
    """

    def __init__(self, read: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._list = list(read)
        # If a header is sent several times, the first one counts, as in Werkzeug's own search.
        self._by_name = {name.lower(): value for name, value in reversed(self._list)}

    def _get_key(self, key: str) -> str:
        try:
            return self._by_name[key.lower()]
        except KeyError:
            raise BadRequestKeyError(key) from None

    # Most of the headers that are looked up were not sent. Werkzeug raises and catches an exception for each of them.

    def get(  # type: ignore[override]
        self,
        key: str,
        default: Any = None,
        type: Callable[[str], Any] | None = None,  # noqa: A002
    ) -> Any:
        """Return the header's value, converted by `type`; `default` if it was not sent or can't be converted."""
        value = self._by_name.get(key.lower())
        return default if value is None else value if type is None else super().get(key, default, type)

    def getlist(self, key: str, type: Callable[[str], Any] | None = None) -> list[Any]:  # noqa: A002
        """Return all values sent for the header, each converted by `type`."""
        if type is not None or len(self._by_name) < len(self._list):
            return super().getlist(key, type)  # type: ignore[arg-type]
        value = self._by_name.get(key.lower())
        return [] if value is None else [value]

    def __contains__(self, key: str) -> bool:
        """True if the header was sent."""
        return key.lower() in self._by_name
