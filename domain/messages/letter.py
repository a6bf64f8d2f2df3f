"""An email without its recipient: its kind, subject and plain text.

Letters are written by pure functions (`write_…`), so that each can be viewed without sending anything:
`/portal/parts/mails` shows all kinds, and a test checks that none is missing there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """The content of an email. `text` is plain paragraphs; documents/mail_html.py makes the HTML from them."""

    kind: str
    subject: str
    text: str
