"""The outbox: emails, texts and Discord posts, written in the act's own transaction and sent by a job.

Emails may have attachments, which are deleted once the email is sent.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, count, created, key, link, moment, one_of, text

# The columns that the list's search looks in.
SEARCHED = ("recipient", "subject", "kind")


class Channel(StrEnum):
    """How a message is sent."""

    EMAIL = "email"
    TEXT = "text"
    DISCORD = "discord"


class MessageState(StrEnum):
    """The state of a message. For `not_sent`, `last_error` names the missing setting."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    NOT_SENT = "not_sent"


class OutboxMessage(Table, table=True):
    """One message to one recipient. `dedupe_key` prevents an act from writing it twice.

    A secret in it (a link's token, a code) is stored encrypted in `secret_sealed`; the text contains only a
    placeholder. The secret is deleted once the message is sent or the secret has expired.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        one_of("channel", Channel),
        one_of("state", MessageState),
        Index("ix_outbox_message_state", "state", sql("id DESC")),
        Index(
            "ix_outbox_message_search",
            *SEARCHED,
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(SEARCHED, "gin_trgm_ops"),
        ),
        Index(
            "ix_outbox_message_secret_expires_at",
            "secret_expires_at",
            postgresql_where=sql("secret_sealed IS NOT NULL"),
        ),
    )

    id: int = key()
    channel: str
    kind: str
    recipient: str
    subject: str = text()
    body_text: str = text()
    body_html: str = text()
    secret_sealed: str | None = None
    secret_expires_at: datetime | None = moment()
    state: str = Field(default="queued", sa_column_kwargs={"server_default": "queued"})
    attempts: int = count()
    last_error: str = text()
    dedupe_key: str | None = Field(default=None, unique=True)
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    customer_id: int | None = link("customer.id", nullable=True, ondelete="SET NULL")
    created_at: datetime = created()
    sent_at: datetime | None = moment()


class OutboxAttachment(Table, table=True):
    """A file attached to an email, ordered by `position`."""

    __tablename__ = "outbox_attachment"

    message_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="outbox_message.id", ondelete="CASCADE")
    position: int = Field(primary_key=True)
    filename: str
    content_type: str
    data: bytes = Field(sa_type=LargeBinary, nullable=False)
