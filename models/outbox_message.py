"""The outbox: mails, texts and Discord posts written in the act's own transaction and sent by a job; mails may carry
files, which are dropped once the mail is sent.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, count, created, key, link, moment, one_of, text

# What the search of the list looks through.
SEARCHED = ("recipient", "subject", "kind")


class Channel(StrEnum):
    """How a message leaves."""

    EMAIL = "email"
    TEXT = "text"
    DISCORD = "discord"


class MessageState(StrEnum):
    """How far a message has come; `not_sent` says in `last_error` which setting is missing."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    NOT_SENT = "not_sent"


class OutboxMessage(Table, table=True):
    """One message to one recipient; `dedupe_key` keeps an act from writing it twice.

    A secret that it carries (a link's token, a code) stands in `secret_sealed`, and in the text only as a mark; it is
    forgotten once the message is sent or the secret has expired.
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
    """A file that goes with a mail, in the order of `position`."""

    __tablename__ = "outbox_attachment"

    message_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="outbox_message.id", ondelete="CASCADE")
    position: int = Field(primary_key=True)
    filename: str
    content_type: str
    data: bytes = Field(sa_type=LargeBinary, nullable=False)
