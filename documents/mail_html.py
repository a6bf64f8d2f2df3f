"""Mails as HTML, made from their plain text: a link on a line of its own is a button, lines of goods are a table.

So the two never say different things, and who reads mails as text misses nothing.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.messages.sending import WriteHtml
from settings import Settings

TEMPLATES = Path(__file__).parent.parent / "templates"
_LINK = re.compile(r"https?://\S+")
_GOODS = re.compile(r"(?P<quantity>[\d,]+) × (?P<name>.+?)(?: \((?P<sku>[^()]+)\))?: (?P<amount>\$[\d,.]+)")
# What a link is for, by the beginning of its path; another one says its address.
BUTTONS = {
    "/pay/": "Look and pay", "/verify-email": "Confirm your email", "/reset-password": "Choose a new password",
    "/portal/reset": "Choose a new password", "/portal/orders/": "Open the order", "/portal/": "Open the portal",
}  # fmt: skip


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
    """The text's paragraphs: each its lines, the one link that stands alone in it, or goods with their amounts."""
    paragraphs: list[dict[str, Any]] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in block.splitlines()]
        goods = [_GOODS.fullmatch(line) for line in lines]
        if all(goods):
            paragraphs.append({"link": "", "lines": [], "goods": [found.groupdict("") for found in goods if found]})
            continue
        kept: list[str] = []
        for line in lines:
            if _LINK.fullmatch(line):
                if kept:
                    paragraphs.append({"link": "", "lines": kept, "goods": []})
                paragraphs.append({"link": line, "label": name_link(line), "lines": [], "goods": []})
                kept = []
            else:
                kept.append(line)
        if kept:
            paragraphs.append({"link": "", "lines": kept, "goods": []})
    return paragraphs


def name_link(link: str) -> str:
    """The words on a link's button, or nothing where its purpose is not known."""
    path = urlsplit(link).path
    return next((word for beginning, word in BUTTONS.items() if path.startswith(beginning)), "")


def find_skus(text: str) -> list[str]:
    """The SKUs of the goods that a mail lists."""
    found = (_GOODS.fullmatch(line.strip()) for line in text.splitlines())
    return [match["sku"] for match in found if match and match["sku"]]


def make_mail_writer(settings: Settings, pictures: Mapping[str, str] | None = None) -> WriteHtml:
    """The function that wraps a mail of this company into its frame; `pictures` are addresses by SKU in lower case."""

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
            )
        )

    return write
