"""Mails as HTML: the plain text's paragraphs in one frame, a link on a line of its own as a button-like line."""

import re
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.messages.sending import WriteHtml
from settings import Settings

TEMPLATES = Path(__file__).parent.parent / "templates"
_LINK = re.compile(r"https?://\S+")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def split_paragraphs(text: str) -> list[dict[str, object]]:
    """The text's paragraphs: each its lines, or the one link that stands alone in it."""
    paragraphs: list[dict[str, object]] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines: list[str] = []
        for line in (part.strip() for part in block.splitlines()):
            if _LINK.fullmatch(line):
                if lines:
                    paragraphs.append({"link": "", "lines": lines})
                paragraphs.append({"link": line, "lines": []})
                lines = []
            else:
                lines.append(line)
        if lines:
            paragraphs.append({"link": "", "lines": lines})
    return paragraphs


def make_mail_writer(settings: Settings) -> WriteHtml:
    """The function that wraps a mail of this company into its frame."""

    def write(subject: str, text: str) -> str:
        return (
            _environment()
            .get_template("email/message.html")
            .render(
                subject=subject,
                paragraphs=split_paragraphs(text),
                company_name=settings.company_name,
                company_address=settings.company_address,
            )
        )

    return write
