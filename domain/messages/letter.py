"""A mail before it is addressed: its kind, its subject and its plain text.

Letters are written by pure functions (`write_…`), so that each can be looked at without anybody being written to:
`/portal/parts/mails` shows every kind, and a test asks for one that is missing there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says; `text` is plain paragraphs, and documents/mail_html.py makes its HTML from them."""

    kind: str
    subject: str
    text: str
