"""A changed email takes effect by its link, and the old address has a link that undoes it.

Revision ID: change_emails_by_link
Revises: invoice_checkout
"""

from alembic import op

revision = "change_emails_by_link"
down_revision = "invoice_checkout"
branch_labels = None
depends_on = None

_BEFORE = ("phone_code", "phone_session", "email_verification", "password_reset", "staff_password_reset")
_NAME = "purpose_known"


def upgrade() -> None:
    known = (*_BEFORE[:4], "email_change", "email_change_undo", *_BEFORE[4:])
    _replace(known)


def downgrade() -> None:
    op.execute("DELETE FROM one_time_code WHERE purpose IN ('email_change', 'email_change_undo')")
    _replace(_BEFORE)


def _replace(known: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_one_time_code_{_NAME}"), "one_time_code")
    words = ", ".join(f"'{word}'" for word in known)
    op.create_check_constraint(op.f(f"ck_one_time_code_{_NAME}"), "one_time_code", f"purpose IN ({words})")
