"""The same order sent many times at once is placed once, and everybody hears of it."""

import asyncio
from typing import Any

from quart.typing import TestClientProtocol
from sqlalchemy import func, select

from domain.voice.speech import prepare_speech
from models import KeyScope, Order, Product
from models.session import Database
from tests.api.voice.calling import GUEST, ask, next_phone
from tests.factories import make_product
from tests.factories.catalogue import make_key


async def test_fifty_repeats_at_once_place_one_order(committed: Database, committed_client: TestClientProtocol) -> None:
    # A server does so when it starts; the race is about what comes then.
    prepare_speech()
    async with committed.session() as db:
        product = await make_product(db, stock=100)
        key = await make_key(db, KeyScope.VOICE)
        await db.commit()
    items = [{"product_id": product.id, "quantity": 1}]
    body: dict[str, Any] = GUEST | {"phone": next_phone(), "items": items, "confirmed": True, "call_id": "conv-at-once"}
    answers = await asyncio.gather(*(ask(committed_client, key, "place-order", **body) for _ in range(50)))
    assert [status for status, _ in answers] == [200] * 50
    assert all(answer["success"] for _, answer in answers)
    assert len({answer["order_number"] for _, answer in answers}) == 1
    async with committed.session() as db:
        assert await db.scalar(select(func.count()).select_from(Order)) == 1
        assert await db.scalar(select(Product.stock_quantity).where(Product.id == product.id)) == 99
