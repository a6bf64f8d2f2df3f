"""What has to be bought soon, and what came from whom at what cost."""

from decimal import Decimal

from domain.inventory.receive import ReceiveStock, receive_stock
from domain.procurement.products import AddVendorProduct, add_product
from domain.procurement.reorder import list_bought, list_reorder_soon
from domain.procurement.vendors import CreateVendor, create_vendor
from models import Role
from tests.factories import as_actor, make_product, make_staff
from tests.factories.orders import make_order


async def test_short_shelves_and_slow_vendors_are_found(db) -> None:
    boss, packer = as_actor(await make_staff(db, Role.MANAGER)), as_actor(await make_staff(db, Role.WAREHOUSE))
    low = await make_product(db, stock=3, reorder_level=3)
    slow = await make_product(db, stock=130, reorder_level=5)
    for other in ({"stock": 4, "reorder_level": 3}, {"stock": None, "reorder_level": 9}):
        await make_product(db, **other)
    vendor = await create_vendor(db, CreateVendor(name="Far Away"), by=boss)
    product = AddVendorProduct(name="Pan", product_id=slow.id, lead_time_days=90, est_price_min=Decimal("4.00"))
    await add_product(db, vendor.id, product, by=boss)
    await make_order(db, (slow, 90))
    found = await list_reorder_soon(db, visible_to=boss)
    assert [(row.id, row.days_left, row.vendor_name) for row in found] == [
        (slow.id, 40, "Far Away"),
        (low.id, None, ""),
    ]
    assert found[0].est_price_min == Decimal("4.00")
    hidden = (await list_reorder_soon(db, visible_to=packer))[0]
    assert (hidden.est_price_min, hidden.last_cost, hidden.vendor_name) == (None, None, "Far Away")


async def test_deliveries_of_a_vendor_are_listed_with_their_cost(db) -> None:
    boss = as_actor(await make_staff(db, Role.MANAGER))
    product = await make_product(db)
    vendor = await create_vendor(db, CreateVendor(name="Near By"), by=boss)
    for cost in ("4.00", "5.00"):
        data = ReceiveStock(quantity=5, unit_cost=Decimal(cost), vendor_id=vendor.id)
        await receive_stock(db, product.id, data, by=boss)
    bought = await list_bought(db, vendor.id, visible_to=boss)
    assert [(row.quantity, row.unit_cost) for row in bought] == [(5, Decimal("5.00")), (5, Decimal("4.00"))]
