"""Mails as HTML, made from their plain text: a link on a line of its own becomes a button, lines of goods and of sums a
table, and lines below a caption (`Delivery to:`) an address.

So the two versions always say the same, and those who read mails as text miss nothing.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.invoices.links import ask_for_all
from domain.kernel.phone import parse_phone
from domain.kernel.sent_urls import split_sent_url
from domain.messages.sending import WriteHtml
from settings import Settings

TEMPLATES = Path(__file__).parent.parent / "templates"
_LINK = re.compile(r"https?://\S+")
# A sum on a line of its own, such as `Total: $12.00` or `INV-000473 (your PO 12/7), due Dec 30: $12.00`.
_SUM = re.compile(r"(?P<word>[A-Z].{1,120}): (?P<amount>−?\$[\d,.]+)")
_CAPTION = re.compile(r"[A-Z][\w ]{1,40}:")
# What the text above a link asks for, repeated on its button.
_ASKS = re.compile(r"Pay \$[\d,]+\.\d\d")
_GOODS = re.compile(r"(?P<quantity>[\d,]+) × (?P<name>.+?)(?: \((?P<sku>[^()]+)\))?: (?P<amount>\$[\d,.]+)")
# Other open invoices, which can be paid on the page of the mail's first link too.
_ALSO_OPEN = re.compile(
    r"(?P<what>Also open: .+)\. The same page pays (?P<which>both|all of them), (?P<amount>\$[\d,.]+)\."
)
# The text of a button by the beginning of the link's path; for other links it is the address.
BUTTONS = {
    "/pay/sub/": "See your subscription", "/pay/": "Look and pay", "/verify-email": "Confirm your email",
    "/reset-password": "Choose a new password", "/undo-email": "Keep my email",
    "/portal/reset": "Choose a new password", "/portal/confirm-email": "Confirm your email",
    "/portal/undo-email": "Keep my email", "/portal/sign-in": "Sign in",
    "/portal/orders/": "Open the order", "/portal/": "Open the portal",
}  # fmt: skip
# Links that are not buttons, by the end of their path.
QUIET = {"/reminders": "No more reminders"}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def split_paragraphs(text: str) -> list[dict[str, Any]]:
    """Split the text into paragraphs.

    Each is lines of text, a link of its own, goods with their sums, lines with a caption, or other open invoices.
    """
    paragraphs: list[dict[str, Any]] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in block.splitlines()]
        goods, sums = [_GOODS.fullmatch(line) for line in lines], [_SUM.fullmatch(line) for line in lines]
        if all(goods):
            paragraphs.append(_paragraph(goods=[found.groupdict("") for found in goods if found]))
        elif all(sums):
            table = paragraphs[-1] if paragraphs and paragraphs[-1]["goods"] else _paragraph()
            table["sums"] = [found.groupdict() for found in sums if found]
            paragraphs += [] if table["goods"] else [table]
        elif also := _ALSO_OPEN.fullmatch(block):
            asks = f"Pay {also['which']}, {also['amount']}"
            first = next((paragraph["link"] for paragraph in paragraphs if paragraph["link"]), "")
            paragraphs.append(_paragraph(also=also["what"], link=ask_for_all(first) if first else "", label=asks))
        elif len(lines) > 1 and _CAPTION.fullmatch(lines[0]) and not any(map(_LINK.fullmatch, lines)):
            paragraphs.append(_paragraph(caption=lines[0].rstrip(":"), lines=lines[1:]))
        else:
            _split_links(paragraphs, lines)
    return paragraphs


def _split_links(paragraphs: list[dict[str, Any]], lines: list[str]) -> None:
    """Add the text of a block, and each link in it separately; the text above a link may determine its button."""
    kept: list[str] = []
    for line in lines:
        if not _LINK.fullmatch(line):
            kept.append(line)
            continue
        if kept:
            paragraphs.append(_paragraph(lines=kept))
            kept = []
        above = paragraphs[-1]["lines"][-1:] if paragraphs else []
        asked = _ASKS.match(above[0]) if above else None
        label, words = asked[0] if asked else name_link(line), name_quiet_link(line) or line
        paragraphs.append(_paragraph(link=line, label="" if words != line else label, words=words))
    if kept:
        paragraphs.append(_paragraph(lines=kept))


def _paragraph(**parts: Any) -> dict[str, Any]:
    return {
        "link": "",
        "label": "",
        "words": "",
        "caption": "",
        "also": "",
        "lines": [],
        "goods": [],
        "sums": [],
    } | parts


def name_quiet_link(link: str) -> str:
    """Return the text of a small link at the end of a mail; empty for any other."""
    path = split_sent_url(link).path
    return next((word for ending, word in QUIET.items() if path.endswith(ending)), "")


def name_link(link: str) -> str:
    """Return the text of a link's button; empty if its purpose is not known."""
    path = split_sent_url(link).path
    if name_quiet_link(link):
        return ""
    return next((word for beginning, word in BUTTONS.items() if path.startswith(beginning)), "")


def find_skus(text: str) -> list[str]:
    """Return the SKUs of the goods that a mail lists."""
    found = (_GOODS.fullmatch(line.strip()) for line in text.splitlines())
    return [match["sku"] for match in found if match and match["sku"]]


def make_mail_writer(settings: Settings, pictures: Mapping[str, str] | None = None) -> WriteHtml:
    """Return the function that wraps a company mail in its frame; `pictures` are addresses by lower-case SKU."""

    def write(subject: str, text: str) -> str:
        return (
            _environment()
            .get_template("email/message.html")
            .render(
                subject=subject,
                paragraphs=split_paragraphs(text),
                pictures=pictures or {},
                company_name=settings.company_name,
                company_address=settings.company_address,
                company_phone=settings.company_phone,
                company_tel=parse_phone(settings.company_phone) or settings.company_phone,
            )
        )

    return write
