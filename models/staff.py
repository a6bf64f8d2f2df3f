"""Staff: who may sign in to the portal and with which role."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy import text as sql

from models.base import Table, count, created, flag, key, moment, one_of, text


class Role(StrEnum):
    """The roles of staff. `domain/access/rights.py` says what each may do."""

    ADMIN = "admin"
    MANAGER = "manager"
    STAFF = "staff"
    SALES_REP = "sales_rep"
    WAREHOUSE = "warehouse"


class Staff(Table, table=True):
    """A staff user. One with history is archived, never deleted. Demo users can sign in only from loopback."""

    __tablename__ = "staff"
    __table_args__ = (
        one_of("role", Role),
        Index("uq_staff_username_lower", sql("lower(username)"), unique=True),
        Index("uq_staff_email_lower", sql("lower(email)"), unique=True),
        Index("ix_staff_role", "role", postgresql_where=sql("is_active")),
    )

    id: int = key()
    username: str
    email: str | None = text(nullable=True)
    password_hash: str
    first_name: str = text()
    last_name: str = text()
    full_name: str = text()
    role: str
    totp_secret: str | None = text(nullable=True)
    totp_confirmed_at: datetime | None = moment()
    totp_last_step: int | None = None
    is_demo: bool = flag(False)
    is_active: bool = flag(True)
    archived_at: datetime | None = moment()
    failed_sign_ins: int = count()
    locked_until: datetime | None = moment()
    created_at: datetime = created()
    updated_at: datetime = created()
    version: int = count(1)
