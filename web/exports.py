"""Files that list people stand in the audit trail: who took which list, under which filters."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from pydantic import BaseModel
from quart import Response, request

from domain.kernel.audit import record_export
from web.request import Handler, current_actor, db


def audits_export(of: str) -> Callable[[Handler], Handler]:
    """Write down a download of customers' data; `of` is the kind of record that the file lists.

    It stands right above the handler, so that a refusal before it writes nothing; an answer that is no file neither.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def audited(*args: Any, **kwargs: Any) -> Any:
            answer = await handler(*args, **kwargs)
            if isinstance(answer, Response) and "attachment" in answer.headers.get("Content-Disposition", ""):
                await record_export(
                    db(), of, dict(request.view_args or {}) | _write_filters(kwargs), by=current_actor()
                )
            return answer

        audited.audits_export = of  # type: ignore[attr-defined]
        return audited

    return decorate


def _write_filters(kwargs: dict[str, Any]) -> dict[str, Any]:
    query = kwargs.get("query")
    if not isinstance(query, BaseModel):
        return {}
    return query.model_dump(mode="json", exclude={"page", "per_page", "limit"}, exclude_defaults=True)
