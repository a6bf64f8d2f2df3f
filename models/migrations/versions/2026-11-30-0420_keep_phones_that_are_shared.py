"""keep phones that are shared, and list the subscriptions of a state by their next date

Revision ID: 9c41e7d05ab3
Revises: 5b0c1d7e92af
"""

import sqlalchemy as sa
from alembic import op

revision = "9c41e7d05ab3"
down_revision = "5b0c1d7e92af"
branch_labels = None
depends_on = None

NEXT = sa.text("(CASE WHEN status = 'active' THEN coalesce(retry_on, next_renewal_date) END)")
NOTE_PHONES = """
CREATE FUNCTION note_shared_phones() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO shared_phone_change (phone) SELECT DISTINCT phone FROM written WHERE phone IS NOT NULL;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO shared_phone_change (phone) SELECT DISTINCT phone FROM dropped WHERE phone IS NOT NULL;
  ELSE
    INSERT INTO shared_phone_change (phone)
    SELECT phone FROM (VALUES (OLD.phone), (NEW.phone)) AS r(phone) WHERE phone IS NOT NULL;
  END IF;
  RETURN NULL;
END $body$
"""
NOTE_PHONES_TRIGGERS = (
    """
CREATE TRIGGER shared_phones_inserted AFTER INSERT ON customer REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_shared_phones()
""",
    """
CREATE TRIGGER shared_phones_deleted AFTER DELETE ON customer REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION note_shared_phones()
""",
    """
CREATE TRIGGER shared_phones_updated AFTER UPDATE OF phone ON customer
FOR EACH ROW WHEN (OLD.phone IS DISTINCT FROM NEW.phone) EXECUTE FUNCTION note_shared_phones()
""",
)
# The triggers lock the table against changes, so that all of them are counted here.
COUNT = """
INSERT INTO shared_phone (phone, members)
SELECT phone, count(*) FROM customer WHERE phone IS NOT NULL GROUP BY phone HAVING count(*) > 1
"""


def upgrade() -> None:
    op.create_table(
        "shared_phone",
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("phone", name=op.f("pk_shared_phone")),
    )
    op.create_table(
        "shared_phone_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shared_phone_change")),
    )
    op.drop_index("ix_subscription_status", table_name="subscription")
    op.create_index("ix_subscription_status", "subscription", ["status", NEXT, "id"])
    for statement in (NOTE_PHONES, *NOTE_PHONES_TRIGGERS):
        op.execute(statement)
    op.execute(COUNT)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER shared_phones_{trigger} ON customer")
    op.execute("DROP FUNCTION note_shared_phones()")
    op.drop_index("ix_subscription_status", table_name="subscription")
    op.create_index("ix_subscription_status", "subscription", ["status"])
    op.drop_table("shared_phone_change")
    op.drop_table("shared_phone")
