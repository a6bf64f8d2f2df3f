"""The headers of a request as the server read them: looked up by name instead of one after the other."""

from collections.abc import Iterable

from werkzeug.datastructures import Headers
from werkzeug.datastructures.mixins import ImmutableHeadersMixin
from werkzeug.exceptions import BadRequestKeyError


class ReadHeaders(ImmutableHeadersMixin, Headers):  # type: ignore[misc] # Werkzeug says the same of its own.
    """Headers that never change. A request asks for a dozen of them, and a browser sends twenty.

    A value is not searched for line breaks once more: the server's parser ends a header there.
    """

    def __init__(self, read: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._list = list(read)
        # The first of several lines of one name counts, as in Werkzeug's own look through them.
        self._by_name = {name.lower(): value for name, value in reversed(self._list)}

    def _get_key(self, key: str) -> str:
        try:
            return self._by_name[key.lower()]
        except KeyError:
            raise BadRequestKeyError(key) from None
