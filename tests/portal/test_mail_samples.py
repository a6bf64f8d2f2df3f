"""The mails at /portal/parts/mails: every letter that the program writes has a sample, made by the same function."""

import ast
from datetime import date
from pathlib import Path

from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from documents.mail_html import name_quiet_link, split_paragraphs
from domain.order_desk.short_pick import SHORT_MAIL
from models import Role
from portal.mail_samples import GOODS, MailSample, list_samples
from settings import Settings
from tests.portal.desk import open_as

DOMAIN = Path(__file__).parents[2] / "domain"
# Kinds that a letter names by a variable.
NAMED = {"SHORT_MAIL": {SHORT_MAIL}, "kind": {"invoice", "invoice_reminder"}}
# The shop's own front page, whose address says enough.
WITHOUT_BUTTON = {"customer-username"}


def samples_of(settings: Settings) -> list[MailSample]:
    return list_samples(GOODS, today=date(2026, 11, 18), settings=settings)


def written_kinds() -> set[str]:
    """The kinds of all letters, as the domain's calls of `Letter` name them."""
    kinds: set[str] = set()
    for path in DOMAIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Letter":
                kind = node.args[0]
                kinds |= {str(kind.value)} if isinstance(kind, ast.Constant) else NAMED[ast.unparse(kind)]
    return kinds


def test_every_kind_of_letter_has_a_sample(settings: Settings) -> None:
    samples = samples_of(settings)
    assert {sample.letter.kind for sample in samples} == written_kinds()
    assert len({sample.key for sample in samples}) == len(samples)


def test_every_link_has_a_button_that_says_what_it_is_for(settings: Settings) -> None:
    for sample in samples_of(settings):
        links = [part for part in split_paragraphs(sample.letter.text) if part["link"]]
        assert sample.key in WITHOUT_BUTTON or all(part["label"] or name_quiet_link(part["link"]) for part in links), (
            sample.key
        )


def test_a_reminder_says_lines_sums_due_date_address_and_contact(settings: Settings) -> None:
    there = settings.model_copy(update={"company_phone": "(216) 555-0100"})
    letter = next(one.letter for one in samples_of(there) if one.key == "reminder-of-a-late-invoice")
    assert letter.subject == "$896.76 for invoice INV-000441 was due Nov 11"
    assert "invoice INV-000441 (your PO RCC-109) is 7 days late" in letter.text
    assert "24 × Sheet pan, full size (SHP-104): $215.76" in letter.text
    assert "Total: $1,195.76\nPaid: −$299.00\nStill to pay: $896.76" in letter.text
    assert "Billed to:\nRiverbend Country Club\nInes Moreno\n2200 Riverbend Drive\nCanton, OH 44702" in letter.text
    assert "Reply to this email, or call (216) 555-0100." in letter.text
    assert letter.text.endswith("/reminders")


async def test_the_samples_are_shown_as_they_look(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    page = await (await client.get("/portal/parts/mails")).get_data(as_text=True)
    assert 'src="/portal/parts/mails/order-received"' in page
    mail = await client.get("/portal/parts/mails/order-received")
    assert "sandbox" in mail.headers["Content-Security-Policy"]
    assert "Ines Moreno" in await mail.get_data(as_text=True)
    assert (await client.get("/portal/parts/mails/no-such-mail")).status_code == 404
