"""Customers save a payment method, move, skip and pause by themselves; a renewal keeps its product and its request.

Revision ID: 5e1f0c7a93d4
Revises: 5d0c8e71b9a4
"""

import sqlalchemy as sa
from alembic import op

revision = "5e1f0c7a93d4"
down_revision = "5d0c8e71b9a4"
branch_labels = None
depends_on = None

KINDS = ("card", "checkout", "refund", "renewal", "invoice", "setup")


def _allow_kinds(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_stripe_intent_kind_known"), "stripe_intent", type_="check")
    quoted = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_stripe_intent_kind_known"), "stripe_intent", f"kind IN ({quoted})")


def upgrade() -> None:
    _allow_kinds(KINDS)
    op.drop_constraint(op.f("ck_stripe_intent_amount_positive"), "stripe_intent", type_="check")
    positive = "amount > 0 OR kind = 'setup'"
    op.create_check_constraint(op.f("ck_stripe_intent_amount_positive"), "stripe_intent", positive)
    for name in ("rhythm_from", "resume_on", "payment_expires_on"):
        op.add_column("subscription", sa.Column(name, sa.Date(), nullable=True))
    for name in ("pays_by", "pays_by_id"):
        op.add_column("subscription", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("subscription", sa.Column("substitute_id", sa.BigInteger(), nullable=True))
    op.add_column("subscription", sa.Column("substitute_agreed", sa.Boolean(), server_default="false", nullable=False))
    op.create_foreign_key(
        op.f("fk_subscription_substitute_id"), "subscription", "product", ["substitute_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("ix_subscription_substitute_id"), "subscription", ["substitute_id"])
    paused = sa.text("status = 'paused'")
    op.create_index("ix_subscription_resumes", "subscription", ["resume_on"], postgresql_where=paused)
    op.add_column("renewal", sa.Column("product_id", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE renewal AS r SET product_id = s.product_id FROM subscription AS s WHERE s.id = r.subscription_id"
    )
    op.alter_column("renewal", "product_id", nullable=False)
    op.create_foreign_key(op.f("fk_renewal_product_id"), "renewal", "product", ["product_id"], ["id"])
    op.create_index(op.f("ix_renewal_product_id"), "renewal", ["product_id"])
    for name in ("caller", "client_key", "request_hash"):
        op.add_column("renewal", sa.Column(name, sa.Text(), server_default="", nullable=False))
    keyed = sa.text("client_key <> ''")
    op.create_index("ix_renewal_client_key", "renewal", ["caller", "client_key"], postgresql_where=keyed)


def downgrade() -> None:
    op.drop_index("ix_renewal_client_key", "renewal")
    for name in ("request_hash", "client_key", "caller", "product_id"):
        op.drop_column("renewal", name)
    op.drop_index("ix_subscription_resumes", "subscription")
    for name in (
        "substitute_agreed", "substitute_id", "pays_by_id", "pays_by", "payment_expires_on", "resume_on", "rhythm_from",
    ):  # fmt: skip
        op.drop_column("subscription", name)
    op.execute("DELETE FROM stripe_intent WHERE kind = 'setup'")
    op.drop_constraint(op.f("ck_stripe_intent_amount_positive"), "stripe_intent", type_="check")
    op.create_check_constraint(op.f("ck_stripe_intent_amount_positive"), "stripe_intent", "amount > 0")
    _allow_kinds(KINDS[:-1])
