"""Stock for staff: the list, corrections, and received goods."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.idempotent import idempotent
from api.schemas.inventory import InventoryOut, ReceivedStockOut, SavedStockOut, show_inventory
from domain.access.rights import Right
from domain.inventory import adjust, receive
from domain.inventory.adjust import UpdateInventory
from domain.inventory.receive import ReceiveStock
from domain.inventory.stock_list import ListInventory, list_stock_lines
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, reads, reads_query
from web.request import current_actor, db

blueprint = Blueprint("staff_inventory", __name__)
tag_blueprint(blueprint, ["inventory"])


@blueprint.get("/api/staff/inventory")
@staff_only(Right.SEE_PRODUCTS)
@reads_query(ListInventory)
@answers(InventoryOut)
async def list_inventory(query: ListInventory) -> Any:
    """The stock list by product name; prices are null for the warehouse role."""
    async with current_database().listing() as connection:
        return show_inventory(await list_stock_lines(connection, query, visible_to=current_actor()))


@blueprint.patch("/api/staff/inventory/<id:product_id>")
@staff_only(Right.EDIT_STOCK)
@reads(UpdateInventory, rights=dict.fromkeys(adjust.PRICES, Right.EDIT_PRODUCTS))
@answers(SavedStockOut)
async def update_inventory(product_id: int, data: UpdateInventory) -> Any:
    """Set the stock level, the in-stock flag and (managers only) prices; the ledger records who changed the level and
    why."""
    return {"product": await adjust.update_inventory(db(), product_id, data, by=current_actor())}


@blueprint.post("/api/staff/inventory/<id:product_id>/receive")
@staff_only(Right.EDIT_STOCK)
@idempotent
@reads(ReceiveStock, rights={"unit_cost": Right.SEE_COSTS})
@answers(ReceivedStockOut)
async def receive_stock(product_id: int, data: ReceiveStock) -> Any:
    """Add received goods; a unit cost sent by a manager changes the product's average cost."""
    return await receive.receive_stock(db(), product_id, data, by=current_actor())
