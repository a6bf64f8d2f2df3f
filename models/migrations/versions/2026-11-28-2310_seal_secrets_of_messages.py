"""Links and codes of messages are sealed, and forgotten once they are sent or have expired.

Revision ID: seal_message_secrets
Revises: keep_drafts
"""

import sqlalchemy as sa
from alembic import op

revision = "seal_message_secrets"
down_revision = "keep_drafts"
branch_labels = None
depends_on = None

# The mark that stands in a text where a secret stood: domain/messages/secrets.py.
MARK = "\ufffc"
SECRETS = {
    r"token=[A-Za-z0-9_-]+": ("token=" + MARK, ("verify_email", "password_reset", "staff_password_reset")),
    r"/pay/[A-Za-z0-9_-]+": ("/pay/" + MARK, ("pay_link",)),
    r"[0-9]{6}": (MARK, ("phone_code",)),
}


def upgrade() -> None:
    op.add_column("outbox_message", sa.Column("secret_sealed", sa.String(), nullable=True))
    op.add_column("outbox_message", sa.Column("secret_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_outbox_message_secret_expires_at",
        "outbox_message",
        ["secret_expires_at"],
        postgresql_where=sa.text("secret_sealed IS NOT NULL"),
    )
    for pattern, (mark, kinds) in SECRETS.items():
        # What waits still leaves as it is; what is sent, or older than every link, is shown no more.
        op.get_bind().execute(
            sa.text(
                "UPDATE outbox_message SET body_text = regexp_replace(body_text, :pattern, :mark, 'g') "
                "WHERE kind = ANY(:kinds) AND (state = 'sent' OR created_at < now() - interval '3 days')"
            ),
            {"pattern": pattern, "mark": mark, "kinds": list(kinds)},
        )


def downgrade() -> None:
    op.drop_index("ix_outbox_message_secret_expires_at", table_name="outbox_message")
    op.drop_column("outbox_message", "secret_expires_at")
    op.drop_column("outbox_message", "secret_sealed")
