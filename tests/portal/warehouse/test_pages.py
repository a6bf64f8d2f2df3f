"""The pages of the warehouse: the queue, packing by scans, shipping short, and box rules."""

import html
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pypdf import PdfReader
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import BoxRule, Label, LabelState, Order, Product, Role
from tests.factories import make_product, make_staff, next_number, sign_in
from tests.factories.orders import make_order
from tests.fakes.easypost_server import FakeEasyPost
from tests.portal.forms import read_page, send_form

QUEUE = "/portal/warehouse"
LIST = f"{QUEUE}/pick-list"


async def ready(db: AsyncSession, *quantities: int, status: str = "confirmed") -> tuple[Order, list[Product]]:
    """A confirmed order of weighed and measured goods, a line for each quantity."""
    box: dict[str, Any] = {"ship_box_length": 12, "ship_box_width": 9, "ship_box_height": 6, "ship_box_name": "Small"}
    products = [
        await make_product(db, ship_weight_oz=Decimal(20), bin_location=f"B-{place:02d}", **box)
        for place, _ in enumerate(quantities, start=1)
    ]
    placed = await make_order(db, *zip(products, quantities, strict=True), delivery_phone="(216) 555-0148")
    await db.execute(update(Order).where(Order.id == placed.written.id).values(status=status))
    await db.commit()
    order = await db.get_one(Order, placed.written.id)
    await db.refresh(order)
    return order, products


async def packer(client: TestClientProtocol, db: AsyncSession, role: Role = Role.WAREHOUSE) -> None:
    await sign_in(client, db, await make_staff(db, role))


def read_words(shown: str) -> str:
    """What stands on a page, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", shown)))


async def scan(client: TestClientProtocol, order: Order, code: str, **more: Any) -> tuple[int, str, str]:
    url = f"{QUEUE}/{order.order_number}"
    return await send_form(client, url, f"{url}/scan", code=code, scan_key=f"k{next_number()}", **more)


async def test_the_queue_lists_by_promise_and_opens_by_slip(client: TestClientProtocol, db: AsyncSession) -> None:
    order, _ = await ready(db, 3)
    await packer(client, db)
    page = await read_page(client, QUEUE)
    for words in (order.order_number, "To pick", "Scan a slip"):
        assert words in page
    assert "$" not in page.split("<main")[1]
    _, _, where = await send_form(client, QUEUE, f"{QUEUE}/scan", code=order.order_number.replace("-", "").lower())
    assert where == f"{QUEUE}/{order.order_number}"
    _, _, where = await send_form(client, QUEUE, f"{QUEUE}/scan", act="next")
    assert where == f"{QUEUE}/{order.order_number}"
    status, page, _ = await send_form(client, QUEUE, f"{QUEUE}/scan", code="nothing of ours")
    assert (status, "No order has this code: nothing of ours" in page) == (422, True)
    for stage in ("to_pick", "to_pack", "to_ship", "short", "in_transit", "late", "shipped_today", "delivered"):
        await read_page(client, f"{QUEUE}?stage={stage}")


async def test_a_rep_does_not_pack(client: TestClientProtocol, db: AsyncSession) -> None:
    order, _ = await ready(db, 1)
    await packer(client, db, Role.SALES_REP)
    for path in (QUEUE, f"{QUEUE}/{order.order_number}", "/portal/box-rules"):
        assert (await client.get(path)).status_code == 403


async def test_a_three_line_order_is_packed_by_scans_alone(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, products = await ready(db, 1, 2, 1)
    await packer(client, db)
    for code in (products[0].sku, f"2*{products[1].sku}", products[2].sku):
        status, page, _ = await scan(client, order, code)
        assert (status, "tone-good" in page) == (200, True)
    assert "All 4 items are in the" in page
    status, _, where = await scan(client, order, order.order_number)
    assert (status, where) == (303, QUEUE)
    await db.refresh(order)
    assert (order.status, order.tracking_number is not None, easypost.buys) == ("packed", True, 4)
    labels = (await db.execute(select(Label).where(Label.order_id == order.id))).scalars().all()
    assert {label.service for label in labels} == {"GroundAdvantage"}


async def test_a_wrong_scan_says_what_it_was(client: TestClientProtocol, db: AsyncSession) -> None:
    order, _ = await ready(db, 2)
    other = await make_product(db, bin_location="C-12")
    await db.commit()
    await packer(client, db)
    status, page, _ = await scan(client, order, other.sku)
    assert (status, "is-wrong" in page, f"Not on this order: {other.name}" in page) == (422, True, True)
    assert "belongs in bin C-12" in page
    status, page, _ = await scan(client, order, "4000000000000")
    assert (status, "No product or order has this code" in page) == (422, True)


async def test_twelve_of_one_thing_by_their_number(client: TestClientProtocol, db: AsyncSession) -> None:
    order, _ = await ready(db, 12)
    await packer(client, db)
    page = await read_page(client, f"{QUEUE}/{order.order_number}")
    item = page.split('name="item" value="')[1].split('"')[0]
    status, page, _ = await scan(client, order, "12", item=item)
    assert (status, "12 of 12 scanned" in page) == (200, True)


async def test_a_label_needs_a_complete_pack_or_a_managers_reason(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, _ = await ready(db, 2)
    url = f"{QUEUE}/{order.order_number}"
    await packer(client, db)
    status, page, _ = await send_form(client, url, f"{url}/label")
    assert (status, "2 still to scan." in page) == (409, True)
    status, page, _ = await send_form(client, url, f"{url}/label", reason="Trust me")
    assert (status, "Only a manager" in page) == (403, True)
    await packer(client, db, Role.MANAGER)
    status, _, _ = await send_form(client, url, f"{url}/label", reason="Counted by hand")
    assert (status, easypost.buys) == (303, 2)


async def test_an_order_of_many_boxes_is_bought_in_one_form(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, _ = await ready(db, 23, status="packed")
    url = f"{QUEUE}/{order.order_number}"
    await packer(client, db)
    shown = await read_page(client, f"{url}?rates=1")
    assert "23 parcels" in shown
    # Boxes that are alike are asked about once, and the button says what all of them cost.
    assert len(easypost.shipments) == 1
    cheapest = min(float(rate["rate"]) for rate in next(iter(easypost.shipments.values()))["rates"])
    assert f"Buy label<span data-rate-sum>, ${cheapest * 23:.2f}" in " ".join(shown.split())
    status, _, _ = await send_form(client, url, f"{url}/label")
    assert (status, easypost.buys) == (303, 23)
    labels = (await db.execute(select(Label.position).where(Label.order_id == order.id))).scalars()
    assert sorted(labels) == list(range(1, 24))


async def test_without_easypost_it_ships_with_a_number_typed_in(client: TestClientProtocol, db: AsyncSession) -> None:
    order, [product] = await ready(db, 1)
    url = f"{QUEUE}/{order.order_number}"
    await packer(client, db)
    assert "EASYPOST_API_KEY is not set" in await read_page(client, url)
    await scan(client, order, product.sku)
    status, _, _ = await send_form(client, url, f"{url}/ship", tracking_number="1Z999AA10123456784", carrier="UPS")
    await db.refresh(order)
    assert (status, order.status, order.tracking_number) == (303, "shipped", "1Z999AA10123456784")


async def test_shipping_short_asks_first(client: TestClientProtocol, db: AsyncSession) -> None:
    order, [product] = await ready(db, 3)
    url = f"{QUEUE}/{order.order_number}"
    await packer(client, db)
    await scan(client, order, f"2*{product.sku}")
    assert "without 1 item?" in await read_page(client, f"{url}/short")
    status, _, where = await send_form(client, f"{url}/short")
    await db.refresh(order)
    assert (status, where, order.status, order.allowances) == (303, url, "packed", Decimal("10.00"))
    await packer(client, db, Role.STAFF)
    shown = read_words(await read_page(client, f"/portal/orders/{order.order_number}"))
    assert ("2 of 3 units" in shown, "1 short" in shown, "Allowed off the total $10.00" in shown) == (True, True, True)
    slip = await client.get(f"/portal/orders/{order.order_number}/slip")
    text = PdfReader(io.BytesIO(await slip.get_data(as_text=False))).pages[0].extract_text()
    assert "1 of 3 not found" in text


async def test_an_order_set_aside_stands_under_short(client: TestClientProtocol, db: AsyncSession) -> None:
    order, _ = await ready(db, 3)
    url = f"{QUEUE}/{order.order_number}"
    await packer(client, db)
    assert (await send_form(client, url, f"{url}/aside"))[2] == QUEUE
    assert order.order_number in await read_page(client, f"{QUEUE}?stage=short")


async def test_ticked_orders_ship_and_print(client: TestClientProtocol, db: AsyncSession) -> None:
    packed, _ = await ready(db, 1, status="packed")
    pending, _ = await ready(db, 1, status="pending")
    await packer(client, db)
    numbers = [packed.order_number, pending.order_number]
    _, _, where = await send_form(client, QUEUE, f"{QUEUE}/bulk", act="slips", order=numbers)
    assert where.startswith("/portal/orders/slips?order=")
    await send_form(client, QUEUE, f"{QUEUE}/bulk", act="ship", order=numbers)
    for order, status in ((packed, "shipped"), (pending, "pending")):
        await db.refresh(order)
        assert order.status == status


async def test_box_rules_are_kept_on_their_page(client: TestClientProtocol, db: AsyncSession) -> None:
    order, [product] = await ready(db, 5)
    await packer(client, db)
    page = "/portal/box-rules"
    status, _, where = await send_form(
        client, page, product=product.sku, qty_per_box=4, box_name="Tote", length_in="16", width_in=12, height_in=10
    )
    assert status == 303
    rule = (await db.execute(select(BoxRule))).scalar_one()
    assert (where, rule.qty_per_box, rule.box_name) == (f"{page}/{rule.id}", 4, "Tote")
    shown = await read_page(client, f"{where}?order={order.order_number}")
    for words in ("Tote, 16 by 12 by 10 inches: 4", "Leftovers", product.name):
        assert words in shown
    assert (await send_form(client, where, qty_per_box=0))[0] == 422
    assert (await send_form(client, where, qty_per_box=6))[0] == 303
    assert (await send_form(client, where, f"{where}/delete"))[2] == page
    assert (await db.execute(select(BoxRule))).first() is None


async def test_a_pick_list_names_totes_and_marks_orders_picked(client: TestClientProtocol, db: AsyncSession) -> None:
    first, [product] = await ready(db, 2)
    placed = await make_order(db, (product, 3))
    await db.commit()
    numbers = [first.order_number, placed.written.order_number]
    await packer(client, db)
    page = f"{QUEUE}/pick-list?order={numbers[0]}&order={numbers[1]}"
    shown = await read_page(client, page)
    assert "2 orders, 5 items, 1 stop in walking order" in read_words(shown)
    _, _, where = await send_form(client, page, f"{QUEUE}/pick-list", order=numbers)
    assert where == f"{QUEUE}?stage=to_pack"
    await db.refresh(first)
    assert first.picked_at is not None
    assert "To pack" in await read_page(client, where)


async def test_a_pick_list_is_walked_by_scans(client: TestClientProtocol, db: AsyncSession) -> None:
    """A scan takes a bin for all totes; what is taken, not on the list or unknown changes nothing."""
    first, [pan, lid] = await ready(db, 2, 1)
    placed = await make_order(db, (pan, 3))
    other = await make_product(db, bin_location="Q-07")
    await db.commit()
    numbers = [first.order_number, placed.written.order_number]
    await packer(client, db)
    page = f"{LIST}?order={numbers[0]}&order={numbers[1]}"

    async def pick(**form: str) -> tuple[int, str]:
        status, shown, _ = await send_form(client, page, f"{LIST}/scan", order=numbers, **form)
        return status, read_words(shown)

    status, shown = await pick(code=pan.sku)
    assert status == 200
    assert f"{pan.name}: 5 taken 2 into tote A, 3 into tote B. Next: B-02" in shown
    for code, words in (
        (pan.sku, f"Taken already: {pan.name}"),
        (other.sku, f"Not on this list: {other.name} {other.sku} belongs in bin Q-07."),
        ("nothing", "No product or order has this code: nothing"),
    ):
        status, shown = await pick(code=code)
        assert (status, words in shown) == (422, True)
    assert "Every bin was visited 5 of 6 items lie in the totes." in (await pick(act=f"short:{lid.sku}"))[1]
    assert "0 of 1 found" in read_words(await read_page(client, page))
    # It turned up after all; and the pans go back.
    assert "6 of 6 items lie in the totes." in (await pick(code=lid.sku))[1]
    assert "1 of 6" in (await pick(act=f"back:{pan.sku}"))[1]
    await pick(act=f"take:{pan.sku}")
    assert (await send_form(client, page, f"{LIST}/scan", order=numbers))[2] == f"{QUEUE}?stage=to_pack"
    await db.refresh(first)
    assert first.picked_at is not None
    assert (await send_form(client, page, f"{LIST}/scan", order=numbers, act="take:GONE"))[0] == 404


async def test_the_slip_of_a_tote_opens_its_order(client: TestClientProtocol, db: AsyncSession) -> None:
    order, _ = await ready(db, 1)
    await packer(client, db)
    page = f"{LIST}?order={order.order_number}"
    where = (await send_form(client, page, f"{LIST}/scan", order=[order.order_number], code=order.order_number))[2]
    assert where == f"{QUEUE}/{order.order_number}"


async def test_the_packer_takes_other_boxes_and_insures_them(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, _ = await ready(db, 1, status="packed")
    await packer(client, db)
    url = f"{QUEUE}/{order.order_number}"
    boxes = {"parcels[0][name]": "Small", "parcels[0][pounds]": "1.3"}
    boxes |= {f"parcels[0][{side}]": size for side, size in (("length", "12"), ("width", "9"), ("height", "6"))}
    status, page, _ = await send_form(client, url, f"{url}/label", act="add", add="Large|24|18|16", **boxes)
    assert (status, "24 × 18 × 16" in page, "2 parcels, 2.3 lb" in page) == (200, True, True)
    status, page, _ = await send_form(client, url, f"{url}/label", act="drop:0", **boxes)
    assert (status, "1 parcel, 1.2 lb" in page) == (200, True)
    status, page, _ = await send_form(client, url, f"{url}/label", act="rates", **boxes | {"parcels[0][pounds]": "0"})
    assert (status, "must be above 0" in page, easypost.buys) == (422, True, 0)
    weighed = boxes | {"parcels[0][pounds]": "2.25", "insurance": "80.5"}
    _, page, _ = await send_form(client, url, f"{url}/label", act="rates", **weighed)
    assert ('value="2.25"' in page, 'value="80.5' in page) == (True, True)
    status, page, _ = await send_form(client, url, f"{url}/label", act="buy", **weighed | {"insurance": "eighty"})
    assert (status, 'value="eighty"' in page) == (422, True)
    status, _, _ = await send_form(client, url, f"{url}/label", act="buy", insurance="250", rate="UPS|Ground", **boxes)
    assert (status, easypost.buys, easypost.bought[0]["insurance"]) == (303, 1, "250.00")
    assert easypost.bought[0]["parcel"]["weight"] == 20.8


async def test_nobody_ships_by_hand_while_a_colleague_buys_the_label(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order, _ = await ready(db, 1, status="packed")
    label = Label(
        order_id=order.id, state=LabelState.BUYING, purchase="p", position=1, reference="r", request={},
        next_ask_at=now() + timedelta(minutes=1),
    )  # fmt: skip
    db.add(label)
    await packer(client, db)
    url = f"{QUEUE}/{order.order_number}"
    status, page, _ = await send_form(client, url, f"{url}/ship", tracking_number="1Z", carrier="UPS")
    assert (status, "are being bought" in page, 'value="1Z"' in page) == (409, True, True)
    # An answer that is missing for long keeps nobody from shipping.
    label.attempts = 1
    await db.commit()
    assert (await send_form(client, url, f"{url}/ship", tracking_number="1Z", carrier="UPS"))[0] == 303


async def test_a_managers_reason_stays_when_the_carrier_refuses(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, _ = await ready(db, 1, status="confirmed")
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    easypost.faults.refuse_buy = "The address is not served."
    url = f"{QUEUE}/{order.order_number}"
    sent = {"act": "buy", "reason": "The truck waits", "rate": "UPS|Ground"}
    status, page, _ = await send_form(client, url, f"{url}/label", **sent)
    assert (status, "The address is not served." in page, 'value="The truck waits"' in page) == (502, True, True)


async def test_the_carriers_spelling_of_the_address_is_taken_over(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, _ = await ready(db, 1)
    await db.execute(update(Order).where(Order.id == order.id).values(delivery_address="48 Wharf Stret"))
    await packer(client, db)
    url = f"{QUEUE}/{order.order_number}"
    assert "Use corrected address" in await read_page(client, f"{url}?rates=1")
    status, _, where = await send_form(client, url, f"{url}/address")
    assert (status, where) == (303, url)
    await db.refresh(order)
    assert (order.delivery_address, order.delivery_zip[-5:]) == ("48 Wharf Street", "-0001")
    status, page, _ = await send_form(client, url, f"{url}/address")
    assert (status, "no other spelling" in page) == (409, True)
    await db.execute(update(Order).where(Order.id == order.id).values(status="shipped"))
    assert (await send_form(client, url, f"{url}/address"))[0] == 409
    assert easypost.buys == 0


async def test_abroad_customs_are_told(client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost) -> None:
    order, products = await ready(db, 1, status="packed")
    await db.execute(update(Order).where(Order.id == order.id).values(delivery_country="CA", delivery_state="ON"))
    await packer(client, db)
    url = f"{QUEUE}/{order.order_number}"
    assert "Who certifies it" in await read_page(client, url)
    status, page, _ = await send_form(client, url, f"{url}/label")
    assert (status, "Customs info is required" in " ".join(page.split()) or "customs info" in page) == (422, True)
    declared = {"customs[signer]": "Sam Okafor", "customs[tariff_number]": "732393"}
    status, _, _ = await send_form(client, url, f"{url}/label", **declared)
    assert (status, easypost.buys) == (303, 1)
    told = easypost.bought[0]["customs_info"]
    assert (told["customs_signer"], told["eel_pfc"]) == ("Sam Okafor", "NOEEI 30.36")
    assert told["customs_items"] == [
        {
            "description": products[0].name,
            "quantity": 1,
            "value": 10.0,
            "weight": 20.0,
            "origin_country": "US",
            "hs_tariff_number": "732393",
        }
    ]


async def test_what_is_scanned_counts_before_the_start_button(client: TestClientProtocol, db: AsyncSession) -> None:
    """Enter in the scan field presses the first button of the form, which is Start."""
    await ready(db, 1)
    order, _ = await ready(db, 1)
    await packer(client, db)
    _, _, where = await send_form(client, QUEUE, f"{QUEUE}/scan", code=order.order_number, act="next")
    assert where == f"{QUEUE}/{order.order_number}"
