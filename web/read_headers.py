"""The headers of a request as parsed by the server: looked up by name instead of searched one by one."""

from collections.abc import Iterable

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
