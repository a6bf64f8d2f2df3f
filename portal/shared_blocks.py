"""Shares one rendering of a live block among users who see the same: after a change all open lists fetch their block.

A rendering is shared by requests for the same URL by the same role (each rep has their own), until one of its topics
changes after it began, and for at most a second. The CSRF token in it is replaced by each user's own. A process without
a listener receives no changes and shares nothing.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from quart import Response, current_app, g, request

from domain.kernel.live import Topic
from models import Role
from portal.csrf import csrf_token
from portal.live import Hub
from portal.render import answer_html, wants_block
from web.guards import Handler
from web.request import current_actor

LONGEST_SECONDS = 1.0
# While changes keep coming, the delay between two renderings; requests in the meantime share the next one.
SHORTEST_SECONDS = 0.3
MOST_KEPT = 200


@dataclass(slots=True)
class Rendering:
    """A block that is rendered or will be: its text without tokens; None if it can't be shared."""

    version: Hashable | None  # None while it has not begun
    begun_at: float
    parts: "asyncio.Future[list[str] | None]"

    def is_for(self, version: Hashable) -> bool:
        """True if no change was received since it began."""
        return self.version is None or (self.version == version and time.monotonic() - self.begun_at < LONGEST_SECONDS)


def shares_block(*topics: Topic) -> Callable[[Handler], Handler]:
    """Share the live block that the handler renders; apply directly below the guard.

    The block may depend only on its URL, the topics, and the role, or for a rep on the user.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def sharing(*args: Any, **kwargs: Any) -> Any:
            hub: Hub = current_app.extensions["live"]
            version = hub.version_of(topics)
            if version is None or not (wants_block() and request.headers.get("X-Live")):
                return await handler(*args, **kwargs)
            kept: dict[Hashable, Rendering] = current_app.extensions.setdefault("shared_blocks", {})
            key = _describe_viewer()
            found = kept.get(key)
            if found is not None and found.is_for(version):
                parts = await asyncio.shield(found.parts)
                return answer_html(csrf_token().join(parts)) if parts else await handler(*args, **kwargs)
            if len(kept) >= MOST_KEPT:
                kept.clear()
            rendering = kept[key] = Rendering(None, 0.0, asyncio.get_running_loop().create_future())
            parts = None
            try:
                if found is not None:
                    await asyncio.sleep(found.begun_at + SHORTEST_SECONDS - time.monotonic())
                # If the listener has stopped by now, it matches no later version.
                rendering.version, rendering.begun_at = hub.version_of(topics) or object(), time.monotonic()
                response = await handler(*args, **kwargs)
                parts = await _read_parts(response)
            finally:
                rendering.parts.set_result(parts)
            return response

        return sharing

    return decorate


def _describe_viewer() -> Hashable:
    """The URL, the block, and the audience: a role, or one rep."""
    actor = current_actor()
    own = actor.id if actor.has_role(Role.SALES_REP) else None
    return request.full_path, request.headers.get("HX-Target"), actor.role, own


async def _read_parts(response: Response) -> list[str] | None:
    """The block split at its tokens; None if it has content for one reader only."""
    if response.status_code != 200 or "HX-Trigger" in response.headers or g.get("dropped"):
        return None
    return (await response.get_data(as_text=True)).split(csrf_token())
