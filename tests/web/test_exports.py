"""Every file that lists people stands in the audit trail; a new one can't be forgotten."""

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Role
from tests.factories import make_staff, sign_in

# Sums, goods and empty templates: no person's data.
NO_PEOPLE = {
    "/portal/invoices/journal.csv", "/portal/performance.csv", "/portal/products.csv", "/portal/profit.csv",
    "/portal/profit/labels.csv", "/portal/voice.csv",
}  # fmt: skip
# These write it down themselves, with the number of rows.
BY_THEMSELVES = {"/portal/customers.csv", "/portal/subscriptions.csv"}


def test_each_csv_of_the_portal_is_written_down_or_lists_nobody(app: Quart) -> None:
    files = {rule.rule: app.view_functions[rule.endpoint] for rule in app.url_map.iter_rules()}
    csvs = {path for path in files if path.endswith((".csv", "/csv"))}
    audited = {path for path in csvs if hasattr(files[path], "audits_export")}
    assert csvs - audited == NO_PEOPLE | BY_THEMSELVES
    assert not audited & (NO_PEOPLE | BY_THEMSELVES)


@pytest.mark.parametrize(
    ("path", "kind", "asked"),
    [
        ("/portal/orders.csv?status=pending", "order", {"status": "pending"}),
        ("/portal/invoices.csv", "invoice", {}),
        ("/portal/scores.csv", "score", {}),
        ("/portal/history.csv?group_by=customer", "sale", {"group_by": "customer"}),
        ("/api/sales/history?format=csv", "sale", {"format": "csv"}),
        ("/portal/voice/outbound.csv", "call_queue", {}),
        ("/portal/calling.csv?segment=all&q=mill", "calling_entry", {"segment": "all", "q": "mill"}),
        ("/portal/voice/sourcing.csv?show=won", "rfq", {"show": "won"}),
        ("/portal/audit.csv", "audit", {}),
        ("/portal/customers.csv", "customer", {"rows": 0}),
        ("/portal/subscriptions.csv", "subscription", {"rows": 0}),
    ],
)
async def test_a_download_says_what_was_taken_and_by_whom(
    client: TestClientProtocol, db: AsyncSession, path: str, kind: str, asked: dict[str, object]
) -> None:
    staff = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, staff)
    response = await client.get(path)
    await response.get_data()
    assert response.status_code == 200
    entry = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "customers.exported"))).one()
    assert (entry.record_kind, entry.after, entry.actor_id) == (kind, asked, staff.id)


async def test_what_is_refused_or_no_file_writes_nothing(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    assert (await client.get("/portal/orders.csv?status=lost")).status_code == 400
    assert (await client.get("/api/sales/history")).status_code == 200
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get("/portal/invoices.csv")).status_code == 403
    assert await db.scalar(select(AuditEntry.id).where(AuditEntry.action == "customers.exported")) is None
