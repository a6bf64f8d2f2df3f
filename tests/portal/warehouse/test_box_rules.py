"""The page of the box rules: its tabs, what a rule would do before it is saved, and two people at one rule."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.boxes.pack import BoxType, Content, PackedBox
from models import BoxRule, Order, Product
from models.session import current_database
from portal.warehouse.crates import PIXELS, choose_letters, choose_scale, draw_crate
from tests.factories import make_product
from tests.factories.orders import make_order
from tests.portal.forms import read_page, send_form
from tests.portal.warehouse.test_pages import packer, read_words, ready
from tests.statements import noted_statements

PAGE = "/portal/box-rules"


async def rule_for(db: AsyncSession, product: Product, per_box: int = 4) -> BoxRule:
    """A rule of four to a tote."""
    sides: dict[str, Any] = {"length_in": Decimal(16), "width_in": Decimal(12), "height_in": Decimal(10)}
    rule = BoxRule(product_id=product.id, qty_per_box=per_box, box_name="Tote", **sides)
    db.add(rule)
    await db.commit()
    return rule


async def test_tabs_count_rules_and_products_without_one(client: TestClientProtocol, db: AsyncSession) -> None:
    _, [ruled, bare] = await ready(db, 5, 2)
    await rule_for(db, ruled)
    unsold = await make_product(db)
    old = await make_order(db, (unsold, 1))
    await db.execute(
        update(Order).where(Order.id == old.written.id).values(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    )
    cancelled = await make_order(db, (unsold, 1))
    await db.execute(update(Order).where(Order.id == cancelled.written.id).values(status="cancelled"))
    await db.commit()
    await packer(client, db)
    words = read_words(await read_page(client, PAGE))
    assert "1 rule; 1 product ordered this week has none" in words
    assert "With a rule 1 Without, ordered this week 1 Without, all 2" in words
    week = await read_page(client, f"{PAGE}?tab=week")
    assert bare.name in week.split('id="rule_list"')[1]
    assert unsold.name not in week.split('id="rule_list"')[1]
    assert unsold.name in (await read_page(client, f"{PAGE}?tab=all")).split('id="rule_list"')[1]


async def test_a_rule_says_what_it_would_change(client: TestClientProtocol, db: AsyncSession) -> None:
    order, [product] = await ready(db, 8)
    await make_order(db, (product, 4))
    rule = await rule_for(db, product)
    await packer(client, db)
    shown = read_words(await read_page(client, f"{PAGE}/{rule.id}?order={order.order_number}"))
    assert "Same 2 boxes as now. 2 orders of the last 30 days hold this product; none changes." in shown
    assert "A full box weighs 4 × 1.2 = 5.0 of 40 lb" in shown
    typed: dict[str, Any] = {
        "product_id": product.id,
        "box_name": "Tote",
        "length_in": 16,
        "width_in": 12,
        "height_in": 10,
    }
    ask: dict[str, Any] = {"order": order.order_number, "qty_per_box": 2} | typed
    _, page, _ = await send_form(client, PAGE, f"{PAGE}/effect", **ask)
    assert "4 boxes instead of 2. 2 orders of the last 30 days hold this product; 2 change." in read_words(page)
    _, page, _ = await send_form(client, PAGE, f"{PAGE}/effect", **ask | {"qty_per_box": 40})
    assert "so that 32 fill one" in read_words(page)
    _, page, _ = await send_form(client, PAGE, f"{PAGE}/effect", **ask | {"qty_per_box": "many"})
    assert "instead of" not in page
    # An order that is not there keeps nobody from seeing what becomes of the others.
    _, page, _ = await send_form(client, PAGE, f"{PAGE}/effect", **ask | {"order": "LLD-NONE-SUCH"})
    assert read_words(page).count("2 orders of the last 30 days hold this product; 2 change.") == 1
    await db.refresh(rule)
    assert rule.qty_per_box == 4


async def test_each_step_of_the_packing_is_shown_on_request(client: TestClientProtocol, db: AsyncSession) -> None:
    order, [product] = await ready(db, 9)
    rule = await rule_for(db, product)
    await packer(client, db)
    page = await read_page(client, f"{PAGE}/{rule.id}?order={order.order_number}")
    link = f"{PAGE}/{rule.id}?order={order.order_number}&amp;steps=1"
    assert f'href="{link}">Each step</a>' in page
    shown = read_words(await read_page(client, link.replace("&amp;", "&")))
    assert f"Box 1, Tote: filled by the rule with 4 × {product.name}, 2 times." in shown
    assert f"Box 2, Tote: begun with 1 × {product.name}." in shown
    assert "Without the steps" in shown


async def test_a_product_is_chosen_by_a_few_letters(client: TestClientProtocol, db: AsyncSession) -> None:
    _, [ruled, bare] = await ready(db, 5, 2)
    rule = await rule_for(db, ruled)
    await packer(client, db)
    assert bare.sku in await read_page(client, f"{PAGE}/products?product={bare.name[:6]}")
    chosen = await read_page(client, f"{PAGE}?product={bare.sku}")
    assert f'name="product_id" value="{bare.id}"' in chosen
    # One that has a rule opens that rule.
    assert f'action="{PAGE}/{rule.id}"' in await read_page(client, f"{PAGE}?product={ruled.sku}")


async def test_what_two_people_change_of_a_rule_is_merged(client: TestClientProtocol, db: AsyncSession) -> None:
    _, [product] = await ready(db, 5)
    rule = await rule_for(db, product)
    await packer(client, db)
    url = f"{PAGE}/{rule.id}"
    opened = (
        '{"qty_per_box": "4", "box_name": "Tote", "length_in": "16", "width_in": "12", "height_in": "10", "notes": ""}'
    )
    mine: dict[str, Any] = {
        "version": 1,
        "_opened": opened,
        "box_name": "Tote",
        "length_in": 16,
        "width_in": 12,
        "height_in": 10,
    }
    assert (await send_form(client, url, notes="Paper between", qty_per_box=4, **mine))[0] == 303
    assert (await send_form(client, url, notes="", qty_per_box=6, **mine))[0] == 303
    await db.refresh(rule)
    assert (rule.notes, rule.qty_per_box) == ("Paper between", 6)
    status, page, _ = await send_form(client, url, notes="", qty_per_box=8, **mine)
    assert status == 409
    assert "Changed by" in page
    assert "In a box: yours “8”, theirs “6”" in read_words(page)


async def test_more_rules_and_orders_need_no_more_statements(client: TestClientProtocol, db: AsyncSession) -> None:
    order, [product, *_] = await ready(db, 5, 1, 1)
    rule = await rule_for(db, product)
    await packer(client, db)

    async def count() -> int:
        async with noted_statements(current_database()) as statements:
            for query in ("", "?tab=week", "?tab=all"):
                await read_page(client, f"{PAGE}{query}")
            await read_page(client, f"{PAGE}/{rule.id}?order={order.order_number}")
        return len(statements)

    before = await count()
    for _ in range(5):
        await rule_for(db, await make_product(db))
        await make_order(db, (product, 3), (await make_product(db), 1))
    await db.commit()
    assert await count() == before
    assert len((await db.execute(select(BoxRule))).all()) == 6


def test_all_boxes_of_a_picture_have_one_scale() -> None:
    small, long = (
        BoxType("Small", (Decimal(9), Decimal(6), Decimal(4))),
        BoxType("Long", (Decimal(60), Decimal(8), Decimal(6))),
    )
    contents = (Content(1, "Pan", "PAN", 3), Content(2, "Pot", "POT", 1))
    boxes = [PackedBox(kind.name, kind.sides, None, contents) for kind in (small, long)]
    assert choose_scale(boxes[:1]) == PIXELS
    scale = choose_scale(boxes)
    assert scale < PIXELS
    drawn = [draw_crate(box, {}, choose_letters(boxes), scale) for box in boxes]
    assert all(crate is not None and crate.width <= 128 and crate.height <= 114 for crate in drawn)
    assert draw_crate(PackedBox("", None, None, contents), {}, choose_letters(boxes), scale) is None
    # No letter lies on another.
    tall = PackedBox("Large", (Decimal(24), Decimal(18), Decimal(16)), None, contents)
    large = draw_crate(tall, {}, choose_letters(boxes), choose_scale([tall]))
    assert large is not None
    assert large.tags[0].y - large.tags[1].y >= 16
