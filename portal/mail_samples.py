"""Samples of all emails, with invented people and products of the catalogue, for working on their layout.

Each sample is made by the function that writes the real email, so both always match.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from domain.customers import letters as customer_letters
from domain.customers.savings_request import SaveMeMoney, write_savings_letter
from domain.invoices.letters import Occasion, write_invoice, write_invoices, write_statement
from domain.invoices.own_invoices import OwnInvoicePage
from domain.invoices.queries import InvoiceItemRow, InvoiceRow
from domain.kernel.actor import SYSTEM
from domain.kernel.money import format_money
from domain.messages.letter import Letter
from domain.messages.mail_check import write_test
from domain.order_desk.short_pick import write_short_letter
from domain.orders.letters import write_received, write_received_sales
from domain.orders.lines import Line
from domain.orders.totals import calculate_totals
from domain.orders.write import Delivery, NewOrder
from domain.payments.pay_link import name_ways, write_pay_letter
from domain.staff import letters as staff_letters
from domain.subscriptions import letters as subscription_letters
from models import InvoiceStatus, OrderSource
from settings import Settings

NUMBER, INVOICE_NUMBER = "LLD-7KQ4-M9XD", "INV-000441"
TOKEN = "sample"  # noqa: S105 - a link that opens nothing.
BUYER, COMPANY = "Ines Moreno", "Riverbend Country Club"
ADDRESS = ("2200 Riverbend Drive", "Canton", "OH", "44702")
QUANTITIES = (24, 8, 3)
OTHER_BALANCE = Decimal("1204.10")


@dataclass(frozen=True, slots=True)
class SampleGood:
    """A product as samples list it."""

    name: str
    sku: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class MailSample:
    """One email of each kind, with its purpose."""

    key: str
    title: str
    letter: Letter


# For a catalogue that is still empty.
GOODS = (
    SampleGood("Sheet pan, full size", "SHP-104", Decimal("8.99")),
    SampleGood("Chafing dish, full size, 8 qt", "CHF-008", Decimal("103.00")),
    SampleGood("Chafing fuel, case of 72", "CHF-072", Decimal("52.00")),
)


def list_samples(goods: Sequence[SampleGood], *, today: date, settings: Settings) -> list[MailSample]:
    """The samples, those for customers first; `goods` are three products."""
    letters = [
        *_of_orders(goods, settings),
        *_of_invoices(goods, today, settings),
        *_of_subscriptions(goods, today, settings),
        *_of_accounts(settings.public_url.rstrip("/")),
        *_of_colleagues(goods, settings),
    ]
    return [MailSample(title.lower().replace(" ", "-"), title, letter) for title, letter in letters]


def _order(goods: Sequence[SampleGood]) -> NewOrder:
    lines = [
        Line(
            product_id=place, product_name=good.name, product_sku=good.sku, product_brand="", product_unit_size="each",
            quantity=quantity, unit_price=good.price, is_bulk_price=False, line_total=good.price * quantity,
            unit_cost=None, is_tracked=True,
        )
        for place, (good, quantity) in enumerate(zip(goods, QUANTITIES, strict=True))
    ]  # fmt: skip
    return NewOrder(
        delivery=Delivery(BUYER, *ADDRESS, company=COMPANY),
        lines=lines,
        totals=calculate_totals([line.line_total for line in lines], delivery_fee=Decimal("25.00")),
        source=OrderSource.WEB,
        by=SYSTEM,
    )


def _of_orders(goods: Sequence[SampleGood], settings: Settings) -> list[tuple[str, Letter]]:
    order = _order(goods)
    total, company = order.totals.total_amount, settings.company_name
    link = f"{settings.public_url.rstrip('/')}/pay/{TOKEN}"
    missing, taken_off = f"2 × {goods[1].name}", f"We take {format_money(goods[1].price * 2)} off your order."
    return [
        ("Order received", write_received(order, NUMBER)),
        ("Pay link", write_pay_letter(NUMBER, format_money(total), name_ways(total, settings), link, company)),
        ("Order ships short", write_short_letter(NUMBER, missing, taken_off)),
    ]


def _of_invoices(goods: Sequence[SampleGood], today: date, settings: Settings) -> list[tuple[str, Letter]]:
    link = f"{settings.public_url.rstrip('/')}/pay/invoice/{TOKEN}"
    late, ahead = _invoice(goods, due=today - timedelta(days=7)), _invoice(goods, due=today + timedelta(days=3))
    balance = late.invoice.balance
    return [
        ("Invoice", write_invoice(ahead, Occasion(today), link, settings)),
        ("Invoices of a week", write_invoices([ahead, _week_mate(ahead)], link, settings)),
        ("Reminder before the due date", write_invoice(ahead, Occasion(today, is_reminder=True), link, settings)),
        ("Reminder of a late invoice", write_invoice(late, Occasion(today, is_reminder=True), link, settings)),
        ("Statement", write_statement(COMPANY, today, late.together, balance, link, settings.company_name)),
    ]


def _invoice(goods: Sequence[SampleGood], *, due: date) -> OwnInvoicePage:
    items = [
        InvoiceItemRow(1, None, good.name, good.sku, quantity, good.price, good.price * quantity)
        for good, quantity in zip(goods, QUANTITIES, strict=True)
    ]
    total, street = sum((item.line_total for item in items), Decimal(0)), ADDRESS
    paid = (total / 4).quantize(Decimal(1))
    # Fields that emails do not use stay empty.
    values: dict[str, Any] = {field.name: "" for field in fields(InvoiceRow)} | {
        "id": 1, "customer_id": 1, "invoice_number": INVOICE_NUMBER, "status": InvoiceStatus.PARTLY_PAID,
        "customer_company": COMPANY, "customer_name": BUYER, "customer_address": street[0],
        "customer_city": street[1], "customer_state": street[2], "customer_zip": street[3], "total_amount": total,
        "amount_paid": paid, "allowances": Decimal(0), "balance": total - paid, "due_date": due, "po_number": "RCC-109",
    }  # fmt: skip
    other = values | {
        "id": 2, "invoice_number": "INV-000470", "balance": OTHER_BALANCE, "due_date": due + timedelta(days=30),
    }  # fmt: skip
    return OwnInvoicePage(InvoiceRow(**values), items, [InvoiceRow(**other)], frozenset())


def _week_mate(page: OwnInvoicePage) -> OwnInvoicePage:
    """The other invoice of the same week."""
    return replace(page, invoice=page.others[0], others=[page.invoice])


def _of_subscriptions(goods: Sequence[SampleGood], today: date, settings: Settings) -> list[tuple[str, Letter]]:
    good, other, company = goods[0], goods[1], settings.company_name
    link = f"{settings.public_url.rstrip('/')}/pay/sub/{TOKEN}"
    units, amount, later = QUANTITIES[0], good.price * QUANTITIES[0], today + timedelta(days=3)
    what, card, dearer = f"{units} × {good.name}", "Visa ending 4242", good.price * Decimal("1.05")
    write = subscription_letters
    return [
        ("Subscription begins", write.write_link(good.name, units, 28, link, company, is_new=True)),
        ("Subscription link", write.write_link(good.name, units, 28, link, company, is_new=False)),
        ("Renewal failed", write.write_declined(what, amount, "Your card was declined.", later, link, company)),
        (
            "Another price",
            write.write_price_change(good.name, units, good.price, dearer, later, link, company),
        ),
        ("Card expires", write.write_expiry(card, what, today + timedelta(days=30), link, company)),
        ("Substitute offered", write.write_substitute(good.name, units, other.name, link, company)),
    ]


def _of_accounts(shop: str) -> list[tuple[str, Letter]]:
    undo, new = f"{shop}/undo-email?token={TOKEN}", "ines@riverbend.example"
    write = customer_letters
    sentence = f"The email of your account will change to {new} once the link sent there is opened."
    return [
        ("Confirm an account", write.write_verification(f"{shop}/verify-email?token={TOKEN}")),
        ("Confirm a new email", write.write_new_email(f"{shop}/verify-email?token={TOKEN}")),
        ("Email changes", write.write_email_undo(sentence, "office@riverbend.example", undo)),
        ("Account changed", write.write_notice("The password of your account was changed.")),
        ("Customer password", write.write_reset(f"{shop}/reset-password?token={TOKEN}")),
        ("Customer username", write.write_username("riverbend", shop)),
    ]


def _of_colleagues(goods: Sequence[SampleGood], settings: Settings) -> list[tuple[str, Letter]]:
    portal, write = f"{settings.public_url.rstrip('/')}/portal", staff_letters
    sentence = "The email of your account will change to dana@ladle.example once the link sent there is opened."
    asked = SaveMeMoney(
        name=BUYER, restaurant_name=COMPANY, address=ADDRESS[0], city=ADDRESS[1], state=ADDRESS[2],
        phone="(216) 555-0148", email="ines@riverbend.example",
    )  # fmt: skip
    return [
        ("New order for sales", write_received_sales(_order(goods), NUMBER)),
        ("Savings request", write_savings_letter(asked, "+12165550148", has_invoice=True)),
        ("Staff password", write.write_reset(f"{portal}/reset?token={TOKEN}")),
        ("Staff username", write.write_username("dana", portal)),
        ("Staff email", write.write_new_email("dana", f"{portal}/confirm-email?token={TOKEN}")),
        (
            "Staff email changes",
            write.write_email_undo(sentence, "dana@old.example", f"{portal}/undo-email?token={TOKEN}"),
        ),
        ("Staff account changed", write.write_notice("A second factor was set up for your account.")),
        ("Test mail", write_test(settings.company_name)),
    ]
