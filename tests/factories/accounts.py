"""Reads customers' messages, and makes browsers for apps with other settings."""

import re
from typing import Any

from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import build_app
from domain.messages.secrets import open_text
from models import OutboxMessage
from settings import Settings

_TOKEN = re.compile(r"[?&]token=([\w-]+)")
_CODE = re.compile(r"\b(\d{6})\b")


def with_settings(settings: Settings, **changes: Any) -> TestClientProtocol:
    """A browser on an app whose settings differ."""
    app = build_app(settings.model_copy(update=changes))
    app.testing = True
    return app.test_client()


async def sent_messages(db: AsyncSession, recipient: str, kind: str | None = None) -> list[OutboxMessage]:
    """The outbox messages for one recipient, oldest first."""
    statement = select(OutboxMessage).where(OutboxMessage.recipient == recipient).order_by(OutboxMessage.id)
    if kind is not None:
        statement = statement.where(OutboxMessage.kind == kind)
    return list((await db.execute(statement)).scalars())


async def mailed_token(db: AsyncSession, email: str, kind: str) -> str:
    """The token of the last link of this kind emailed to an address."""
    found = _TOKEN.search(open_text((await sent_messages(db, email, kind))[-1]))
    assert found is not None
    return found[1]


async def texted_code(db: AsyncSession, phone: str) -> str:
    """The last code texted to a number."""
    found = _CODE.search(open_text((await sent_messages(db, phone, "phone_code"))[-1]))
    assert found is not None
    return found[1]


def other_code(code: str) -> str:
    """Six digits that are not the code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def post(client: TestClientProtocol, path: str, **body: Any) -> tuple[int, Any]:
    """The status and the JSON of a POST."""
    response = await client.post(path, json=body)
    return response.status_code, await response.get_json()
