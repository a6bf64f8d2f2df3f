"""Managers see who asked for a better offer, with the invoice, and mark who was answered."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEntry, OutboxAttachment, OutboxMessage, Role, SavingsRequest
from tests.factories import make_staff, sign_in
from tests.factories.catalogue import as_file, make_picture
from tests.portal.forms import read_page, send_form
from tests.statements import noted_statements

LIST = "/portal/save-me-money"
FORM = {
    "name": "Robin Baker", "restaurant_name": "Old Mill", "address": "1 Grist Rd", "city": "Alder Falls",
    "state": "OH", "phone": "216 555 0148", "email": "robin@kitchen.example", "rd_customer_number": "RD-77",
}  # fmt: skip
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF"


async def ask(client, invoice: bytes | None = None, **more: str) -> None:
    files = {"files": as_file(invoice, "invoice")} if invoice else {}
    answer = await client.post("/api/save-me-money", form=FORM | more, **files)
    assert answer.status_code == 200, await answer.get_json()


async def read_request(db: Any) -> SavingsRequest:
    found: SavingsRequest = await db.scalar(select(SavingsRequest).execution_options(populate_existing=True))
    return found


@pytest.fixture
async def admin(client, db):
    person = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, person)
    return person


async def test_a_missing_field_and_a_bad_invoice_are_told_at_once(client, db) -> None:
    form = {name: value for name, value in FORM.items() if name != "city"} | {"state": "ZZ"}
    answer = await client.post("/api/save-me-money", form=form, files=as_file(b"hello", "invoice"))
    assert (answer.status_code, (await answer.get_json())["fields"]) == (
        400,
        {
            "city": "is required",
            "state": "must be a US state, like IL",
            "invoice": "must be a JPEG, PNG or WebP picture, or a PDF",
        },
    )


async def test_a_request_is_listed_with_its_count_and_shown_with_its_invoice(client, db, admin) -> None:
    await ask(client, make_picture("JPEG", size=(60, 80)))
    request = await read_request(db)
    assert request.phone == "+12165550148"
    page = await read_page(client, LIST)
    assert '<a href="tel:+12165550148">(216) 555-0148</a>' in page
    assert page.count('<span class="count">1</span>') == 4  # the tabs Open and All, the navigation and its group
    shown = await read_page(client, f"{LIST}/{request.id}")
    for words in ("Old Mill", "Robin Baker", "1 Grist Rd", "RD-77", "mailto:robin@kitchen.example"):
        assert words in shown
    invoice = await client.get(f"{LIST}/{request.id}/invoice")
    assert invoice.content_type == "image/jpeg"
    assert invoice.headers["Cache-Control"] == "private, no-store"
    assert invoice.headers["Content-Disposition"] == f'inline; filename="invoice-{request.id}.jpg"'
    assert await invoice.get_data() == request.invoice


async def test_a_pdf_is_handed_out_as_a_download_only(client, db, admin) -> None:
    await ask(client, PDF)
    request = await read_request(db)
    shown = await read_page(client, f"{LIST}/{request.id}")
    assert "Download the PDF" in shown
    assert f'src="{LIST}/{request.id}/invoice"' not in shown
    invoice = await client.get(f"{LIST}/{request.id}/invoice")
    assert invoice.content_type == "application/pdf"
    assert invoice.headers["Content-Disposition"] == f'attachment; filename="invoice-{request.id}.pdf"'


async def test_the_mail_carries_the_invoice_and_the_outbox_names_it(client, db, admin) -> None:
    await ask(client, PDF)
    request, message = await read_request(db), (await db.execute(select(OutboxMessage))).scalar_one()
    attached = (await db.execute(select(OutboxAttachment))).scalar_one()
    assert (attached.message_id, attached.filename, attached.content_type, attached.data) == (
        message.id, f"invoice-{request.id}.pdf", "application/pdf", PDF,
    )  # fmt: skip
    assert f"invoice-{request.id}.pdf" in await read_page(client, f"/portal/outbox/{message.id}")


async def test_without_an_invoice_page_and_mail_say_so(client, db, admin) -> None:
    await ask(client)
    request, message = await read_request(db), (await db.execute(select(OutboxMessage))).scalar_one()
    assert "No invoice was sent." in message.body_text
    assert (await db.execute(select(OutboxAttachment))).all() == []
    assert "No invoice was sent" in await read_page(client, f"{LIST}/{request.id}")
    assert (await client.get(f"{LIST}/{request.id}/invoice")).status_code == 404


async def test_an_answered_request_leaves_the_open_ones_and_says_who_answered(client, db, admin) -> None:
    await ask(client)
    request = await read_request(db)
    path = f"{LIST}/{request.id}"
    for _ in range(2):
        assert (await send_form(client, path, f"{path}/answered"))[::2] == (303, path)
    after = await read_request(db)
    assert (after.answered_by, after.answered_at is not None) == (admin.full_name, True)
    assert "Old Mill" not in await read_page(client, LIST)
    assert "Old Mill" in await read_page(client, f"{LIST}?state=answered")
    await send_form(client, path, f"{path}/open")
    again = await read_request(db)
    assert (again.answered_by, again.answered_at) == ("", None)
    entries = select(AuditEntry.action).where(AuditEntry.record_kind == "savings_request").order_by(AuditEntry.id)
    trail = await db.execute(entries)
    assert trail.scalars().all() == ["savings_request.answered", "savings_request.reopened"]


async def test_the_list_finds_by_words_and_never_reads_an_invoice(client, database, db, admin) -> None:
    await ask(client, make_picture("JPEG"))
    await ask(client, restaurant_name="Blue Door", email="ann@door.example")
    async with noted_statements(database) as statements:
        found = await read_page(client, f"{LIST}?q=BLUE+d")
    assert "Blue Door" in found
    assert "Old Mill" not in found
    assert [each for each in statements if re.search(r"savings_request\.invoice\b", each)] == []
    assert "No requests match" in await read_page(client, f"{LIST}?q=100%25")
    assert "Left out of the filters: state" in await read_page(client, f"{LIST}?state=odd")


@pytest.mark.parametrize("path", [LIST, f"{LIST}/1", f"{LIST}/1/invoice"])
@pytest.mark.parametrize("role", [Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_only_managers_see_requests(client, db, path, role) -> None:
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(path)).status_code == 403


async def test_what_does_not_exist_is_404(client, admin) -> None:
    for path in (f"{LIST}/7", f"{LIST}/7/invoice", f"{LIST}/99999999999999999999"):
        assert (await client.get(path)).status_code == 404
