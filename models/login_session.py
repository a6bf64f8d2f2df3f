"""Sign-in sessions are rows, so that disabling, role changes, password changes and signing out end them at once."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, created, key, link, moment, one_of, required_moment, text


class SessionKind(StrEnum):
    """Whose session it is. Each kind has its own cookie, salt and lifetime."""

    CUSTOMER = "customer"
    STAFF = "staff"


class LoginSession(Table, table=True):
    """One signed-in browser. Only the SHA-256 of the cookie's random id is stored."""

    __tablename__ = "login_session"
    __table_args__ = (
        one_of("kind", SessionKind),
        CheckConstraint("(kind = 'staff') = (staff_id IS NOT NULL)", name="staff_named"),
        CheckConstraint("(kind = 'customer') = (customer_id IS NOT NULL)", name="customer_named"),
        Index("ix_login_session_expiry", "expires_at"),
        Index("ix_login_session_staff_open", "staff_id", postgresql_where=sql("ended_at IS NULL")),
        Index("ix_login_session_customer_open", "customer_id", postgresql_where=sql("ended_at IS NULL")),
    )

    id: int = key()
    token_hash: str = Field(unique=True)
    kind: str
    staff_id: int | None = link("staff.id", nullable=True, ondelete="CASCADE")
    customer_id: int | None = link("customer.id", nullable=True, ondelete="CASCADE")
    address: str = text()
    user_agent: str = text()
    created_at: datetime = created()
    last_seen_at: datetime = created()
    expires_at: datetime = required_moment()
    ended_at: datetime | None = moment()


class RevokedToken(Table, table=True):
    """A JWT that was revoked. The row can be deleted once the token has expired."""

    __tablename__ = "revoked_token"
    __table_args__ = (Index("ix_revoked_token_expiry", "expires_at"),)

    jti: str = Field(primary_key=True)
    staff_id: int | None = link("staff.id", nullable=True, ondelete="CASCADE")
    expires_at: datetime = required_moment()
