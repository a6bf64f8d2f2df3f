"""Numbers that must not be called or texted stand by themselves; customers know who must not be texted.

Revision ID: suppress_numbers
Revises: 5928ba5b4391
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "suppress_numbers"
down_revision = "5928ba5b4391"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppressed_number",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        *_mark("do_not_call"),
        *_mark("do_not_text"),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(
            r"phone IS NULL OR phone ~ '^\+[1-9][0-9]{6,14}$'", name=op.f("ck_suppressed_number_phone_e164")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressed_number")),
        sa.UniqueConstraint("phone", name=op.f("uq_suppressed_number_phone")),
    )
    op.create_index(
        "ix_suppressed_number_newest",
        "suppressed_number",
        [sa.literal_column("updated_at DESC"), sa.literal_column("id DESC")],
    )
    op.create_index(
        "ix_suppressed_number_phone_digits",
        "suppressed_number",
        ["phone"],
        postgresql_using="gin",
        postgresql_ops={"phone": "gin_trgm_ops"},
    )
    op.add_column("customer", sa.Column("do_not_text", sa.Boolean(), server_default="false", nullable=False))
    op.create_index("ix_customer_phone2", "customer", ["phone2"])
    op.execute("""
        INSERT INTO suppressed_number (phone, do_not_call, do_not_call_reason, do_not_call_note, do_not_call_at)
        SELECT DISTINCT ON (number) number, true, 'staff', do_not_call_note, now()
        FROM customer, unnest(ARRAY[phone, phone2]) AS number
        WHERE do_not_call AND number IS NOT NULL ORDER BY number, id
    """)


def downgrade() -> None:
    op.drop_index("ix_customer_phone2", table_name="customer")
    op.drop_column("customer", "do_not_text")
    op.drop_table("suppressed_number")


def _mark(name: str) -> list[sa.Column[Any]]:
    """The columns of one mark: whether, why, by whom and when."""
    return [
        sa.Column(name, sa.Boolean(), server_default="false", nullable=False),
        *(
            sa.Column(f"{name}_{word}", sa.Text(), server_default="", nullable=False)
            for word in ("reason", "note", "by")
        ),
        sa.Column(f"{name}_at", sa.DateTime(timezone=True), nullable=True),
    ]
