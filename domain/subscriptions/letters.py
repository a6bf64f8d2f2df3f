"""The emails to customers about their subscriptions. Each has a link to the page where they can change them."""

from datetime import date
from decimal import Decimal

from domain.kernel.money import format_money
from domain.messages.letter import Letter


def write_declined(  # noqa: PLR0917 - one letter in its parts
    goods: str, amount: Decimal, why: str, retry_on: date | None, link: str, company: str
) -> Letter:
    """The email that a renewal could not be charged. `goods` are the units and the product's name."""
    again = f"We try again on {write_day(retry_on)}. " if retry_on else ""
    text = (
        f"Your payment of {format_money(amount)} for {goods} did not go through: {why}"
        f"\n\nNothing is ordered yet, and nothing is charged. {again}"
        "If your card or bank account has changed, save another one here:"
    )
    return Letter("renewal_failed", "We could not charge your subscription", _lead(text, link, company))


def write_price_change(  # noqa: PLR0917 - one letter in its parts
    name: str, units: int, before: Decimal, after: Decimal, due: date, link: str, company: str
) -> Letter:
    """The email that the next renewal has a different unit price from the last one."""
    text = (
        f"{name} costs {format_money(after)} now, and cost {format_money(before)} last time. Your next "
        f"{units} ship on {write_day(due)} at the new price, minus your discount.\n\n"
        "Skip, pause or change them here:"
    )
    return Letter("subscription_price", f"{name}: new price", _lead(text, link, company))


def write_expiry(card: str, goods: str, expires_on: date | None, link: str, company: str) -> Letter:
    """The email that a saved card expires soon."""
    text = (
        f"{card}, which pays for your {goods}, expires on "
        f"{write_day(expires_on)}.\n\nSave another card here, so that no delivery is missed:"
    )
    return Letter("card_expiry", "Your saved card expires soon", _lead(text, link, company))


def write_link(name: str, units: int, interval_days: int, link: str, company: str, *, is_new: bool) -> Letter:
    """The email with the link to the customer's page; for a new subscription it asks for a card."""
    wish = "Save a card or a bank account, and it starts" if is_new else "Skip, pause, change it or use another card"
    text = f"Your subscription: {units} × {name} every {interval_days} days.\n\n{wish}:"
    return Letter("subscription_link", f"Your subscription to {name}", _lead(text, link, company))


def write_substitute(own: str, units: int, other: str, link: str, company: str) -> Letter:
    """The email that offers a substitute for a product that is out of stock, for one renewal."""
    text = (
        f"{own} is out of stock, so your delivery waits and nothing is charged. We could send "
        f"{units} × {other} instead this time, at the day's price.\n\nSay yes or no here:"
    )
    subject = f"{own} is out of stock: may we send another product?"
    return Letter("subscription_substitute", subject, _lead(text, link, company))


def write_day(day: date | None) -> str:
    """Return a day written in full, as emails show it."""
    return f"{day:%B} {day.day}, {day.year}" if day else ""


def _lead(text: str, link: str, company: str) -> str:
    return f"{text}\n\n{link}\n\nThank you, {company}"
