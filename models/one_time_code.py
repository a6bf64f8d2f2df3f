"""One-time codes and links: phone codes, phone session tokens, email verifications and changes, and password resets."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index

from models.base import Table, count, created, key, link, moment, one_of, required_moment, text


class CodePurpose(StrEnum):
    """What a code proves or permits."""

    PHONE_CODE = "phone_code"
    PHONE_SESSION = "phone_session"
    EMAIL_VERIFICATION = "email_verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a purpose
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGE_UNDO = "email_change_undo"
    STAFF_PASSWORD_RESET = "staff_password_reset"  # noqa: S105 - the same


class OneTimeCode(Table, table=True):
    """A single-use secret, stored as its hash, with an expiry and a counter of attempts, updated under a lock."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        one_of("purpose", CodePurpose),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        Index("ix_one_time_code_secret", "code_hash", "purpose"),
        Index("ix_one_time_code_target", "target", "purpose", "id"),
        Index("ix_one_time_code_expiry", "expires_at"),
    )

    id: int = key()
    purpose: str
    code_hash: str
    target: str = text()
    customer_id: int | None = link("customer.id", nullable=True, ondelete="CASCADE")
    staff_id: int | None = link("staff.id", nullable=True, ondelete="CASCADE")
    attempts: int = count()
    created_at: datetime = created()
    expires_at: datetime = required_moment()
    used_at: datetime | None = moment()
