"""Files that list people stand in the audit trail: who took which list, under which filters."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from pydantic import BaseModel
from quart import request

from domain.kernel.audit import record_export
from web.request import Handler, current_actor, db


def audits_export(of: str) -> Callable[[Handler], Handler]:
    """Write down a download of customers' data; `of` is the kind of record that the file lists.

    It stands right above the handler: what is refused before it writes nothing, and what the handler itself refuses is
    rolled back with the rest of its transaction.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def audited(*args: Any, **kwargs: Any) -> Any:
            await note_export(of, kwargs.get("query"))
            return await handler(*args, **kwargs)

        audited.audits_export = of  # type: ignore[attr-defined]
        return audited

    return decorate


async def note_export(of: str, query: object) -> None:
    """The same for a route that answers a file only when it is asked for one."""
    filters = {}
    if isinstance(query, BaseModel):
        filters = query.model_dump(mode="json", exclude={"page", "per_page", "limit"}, exclude_defaults=True)
    await record_export(db(), of, dict(request.view_args or {}) | filters, by=current_actor())
