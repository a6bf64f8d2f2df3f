"""Files that list people are recorded in the audit trail: who exported which list, with which filters."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from pydantic import BaseModel
from quart import request

from domain.kernel.audit import record_export
from web.request import Handler, current_actor, db


def audits_export(of: str) -> Callable[[Handler], Handler]:
    """Record a download of customer data; `of` is the kind of record that the file lists.

    It is placed directly above the handler: a request refused by a guard records nothing, and for one refused by the
    handler, the record is rolled back with its transaction.
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
    """Record a download, for a route that returns a file only on request."""
    filters = {}
    if isinstance(query, BaseModel):
        filters = query.model_dump(mode="json", exclude={"page", "per_page", "limit"}, exclude_defaults=True)
    await record_export(db(), of, dict(request.view_args or {}) | filters, by=current_actor())
