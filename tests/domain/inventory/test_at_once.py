"""Concurrent acts on the same products: no deadlock, nothing is lost, and the ledger adds up."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.bulk_save import BulkSaveProducts, bulk_save_products
from domain.catalogue.delete_product import delete_product
from domain.catalogue.sync_bulk import SyncBulkUpdate, sync_bulk_update
from domain.catalogue.sync_edits import SyncUpdateStock, sync_update_stock
from domain.inventory.adjust import AdjustStock, adjust_stock
from domain.inventory.receive import ReceiveGoods, ReceiveStock, average_cost, receive_goods, receive_stock
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.errors import InvalidInput, Refused
from models import KeyScope, OrderItem, Product, Role, StockMovement
from models.session import Database
from tests.factories import as_actor, make_category, make_product, make_staff
from tests.factories.orders import make_order

PROGRAM = Actor(ActorKind.API_KEY, id=1, name="Other system", scopes=frozenset({KeyScope.SYNC}))
Act = Callable[[AsyncSession], Awaitable[object]]


async def do_at_once(committed: Database, *acts: Act) -> list[object]:
    """Each act in a transaction of its own, all at the same time; what each gave, or was refused with."""

    async def do(act: Act) -> object:
        async with committed.separate_transaction() as db:
            return await act(db)

    return await asyncio.gather(*(do(act) for act in acts), return_exceptions=True)


@pytest.fixture
async def manager(committed: Database) -> Actor:
    """A manager who is really there."""
    async with committed.separate_transaction() as db:
        return as_actor(await make_staff(db, Role.MANAGER))


async def stock(committed: Database, *levels: int | None, cost: str = "2.00") -> list[Product]:
    """Products of one category with these levels."""
    async with committed.separate_transaction() as db:
        category = await make_category(db)
        return [await make_product(db, level, category_id=category.id, cost_per_item=Decimal(cost)) for level in levels]


async def test_deliveries_orders_and_counts_at_once_lose_nothing(committed: Database, manager: Actor) -> None:
    [product] = await stock(committed, 500)
    assert product.id
    acts: list[Act] = []
    for number in range(8):
        arrived = ReceiveStock(quantity=number + 1, unit_cost=Decimal(f"{number}.37"))
        added = AdjustStock.model_validate({"way": "add", "units": 2, "reason": "returned"})
        synced = SyncUpdateStock(in_stock=True, stock_quantity=400 + number)
        acts += [
            partial(receive_stock, product_id=product.id, data=arrived, by=manager),
            partial(adjust_stock, product_id=product.id, data=added, by=manager),
            partial(sync_update_stock, id_or_sku=product.sku, data=synced, by=PROGRAM),
            lambda db: make_order(db, (product, 3)),
        ]
    outcomes = await do_at_once(committed, *acts)
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    async with committed.session() as db:
        kept = await db.get_one(Product, product.id)
        movements = (
            await db.execute(
                select(StockMovement).where(StockMovement.product_id == product.id).order_by(StockMovement.id)
            )
        ).scalars()
        level, cost, reasons = 0, Decimal("2.00"), []
        for row in movements:
            if row.unit_cost is not None:
                cost = average_cost(level, cost, row.delta, row.unit_cost)
            level += row.delta
            assert row.level_after == level
            reasons.append(row.reason)
    assert (kept.stock_quantity, kept.cost_per_item) == (level, cost)
    assert [reasons.count(reason) for reason in ("received", "returned", "order_placed")] == [8, 8, 8]


async def test_saves_syncs_and_deliveries_of_the_same_rows_in_any_order_all_come_through(
    committed: Database, manager: Actor
) -> None:
    products = await stock(committed, *[10] * 12)
    acts: list[Act] = []
    for number in range(12):
        order = products if number % 2 else products[::-1]
        saved = [{"id": product.id, "unit_price": Decimal(number + 1), "stock_quantity": number} for product in order]
        synced = [{"sku": product.sku, "name": f"Name {number}"} for product in order]
        lines = [{"sku": product.sku, "quantity": 1} for product in order]
        acts += [
            partial(bulk_save_products, data=BulkSaveProducts.model_validate({"products": saved}), by=manager),
            partial(sync_bulk_update, data=SyncBulkUpdate.model_validate({"products": synced}), by=PROGRAM),
            partial(receive_goods, data=ReceiveGoods.model_validate({"lines": lines}), by=manager),
        ]
    outcomes = await do_at_once(committed, *acts)
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    async with committed.session() as db:
        kept = (await db.execute(select(Product).order_by(Product.id))).scalars().all()
        # Each request came as a whole before or after every other one.
        assert len({(product.unit_price, product.stock_quantity, product.name) for product in kept}) == 1
        sums = dict.fromkeys((product.id for product in kept), 0)
        for row in (await db.execute(select(StockMovement))).scalars():
            sums[row.product_id] += row.delta
    assert sums == {product.id: product.stock_quantity for product in kept}


async def test_of_two_requests_for_the_same_skus_one_is_refused_as_a_whole(committed: Database, manager: Actor) -> None:
    a, b, c, d = await stock(committed, 1, 1, 1, 1)

    def save(first: Product, second: Product, skus: tuple[str, str]) -> Act:
        rows = [{"id": product.id, "sku": sku} for product, sku in zip((first, second), skus, strict=True)]
        return partial(bulk_save_products, data=BulkSaveProducts.model_validate({"products": rows}), by=manager)

    outcomes = await do_at_once(committed, save(a, b, ("NEW-1", "NEW-2")), save(c, d, ("new-1", "new-3")))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    async with committed.session() as db:
        skus = set((await db.execute(select(Product.sku))).scalars())
    if refusals:
        assert [type(refusal) for refusal in refusals] == [Refused]
        assert len(skus & {"NEW-1", "NEW-2", "new-1", "new-3"}) == 2
    else:  # The second came when the first was done, and only its one row was refused.
        assert len(skus & {"NEW-1", "NEW-2", "new-1", "new-3"}) == 3


@pytest.mark.parametrize("level", [5, None])
async def test_a_product_deleted_while_it_is_ordered_stays_in_the_books(
    committed: Database, manager: Actor, level: int | None
) -> None:
    for product in await stock(committed, *[level] * 6):
        assert product.id

        async def order(db: AsyncSession, product: Product = product) -> object:
            return await make_order(db, (product, 1))

        delete = partial(delete_product, product_id=product.id, by=manager)
        ordered, message, ordered_too = await do_at_once(committed, order, delete, order)
        assert isinstance(message, str)
        async with committed.session() as db:
            kept = await db.get(Product, product.id)
            lines = (await db.execute(select(OrderItem.id).where(OrderItem.product_id == product.id))).all()
        refused = [outcome for outcome in (ordered, ordered_too) if isinstance(outcome, BaseException)]
        # An order came before the deletion and keeps the product, or after it and is refused.
        assert all(isinstance(refusal, InvalidInput) for refusal in refused)
        assert len(lines) == 2 - len(refused)
        if lines:
            assert kept is not None
            assert kept.archived_at is not None
            assert "archived instead" in message
        else:
            assert kept is None
            assert message.endswith("was deleted.")
