"""Writes a finished answer to the connection in one piece, as text that was joined once.

uvicorn takes a head and a body as two messages. It checks each header against two patterns and compares its name with
four, 450 of the 8,000 bytecodes of a short request. One search of the joined text is enough: their names are ours.
"""

import re
from typing import Any

from quart import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_NO_BODY = {204, 304}
# What uvicorn refuses in a value; werkzeug has refused line breaks already.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def write_whole(cycle: Any, response: Response, body: bytes) -> bool:
    """Write the answer to the request that this cycle of the server handles.

    Returns False, and does nothing, if it must be sent in the usual way: the client is slow or gone, the answer has no
    body, says itself whether the connection stays open, or has a header that uvicorn would refuse, or the server is
    another one.
    """
    if not isinstance(cycle, RequestResponseCycle):
        return False
    if cycle.disconnected or cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
        return False
    status = response.status_code
    own = "".join([f"{name.lower()}: {value}\r\n" for name, value in response.headers])
    head = f"\n{own}"
    if status in _NO_BODY or "\nconnection: " in head or _UNSENDABLE.search(own):
        return False
    if f"\ncontent-length: {len(body)}\r" not in head:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    servers = [b"%b: %b\r\n" % header for header in cycle.default_headers]
    end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    cycle.transport.write(b"".join([STATUS_LINE[status], *servers, own.encode(), end, body]))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
