"""count subscriptions by status

Revision ID: a91c3e60d7f2
Revises: e37a5c19d084

The lock of a trigger makes writers wait until all subscriptions are counted.
"""

import sqlalchemy as sa
from alembic import op

revision = "a91c3e60d7f2"
down_revision = "e37a5c19d084"
branch_labels = None
depends_on = None

NOTE_SUBSCRIPTIONS = (
    """
CREATE FUNCTION note_subscription_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO subscription_count (status, subscriptions) SELECT status, count(*) FROM written GROUP BY status;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO subscription_count (status, subscriptions) SELECT status, -count(*) FROM dropped GROUP BY status;
  ELSE
    INSERT INTO subscription_count (status, subscriptions) VALUES (OLD.status, -1), (NEW.status, 1);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER subscription_count_inserted AFTER INSERT ON subscription REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_subscription_count()
""",
    """
CREATE TRIGGER subscription_count_deleted AFTER DELETE ON subscription REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION note_subscription_count()
""",
    """
CREATE TRIGGER subscription_count_updated AFTER UPDATE OF status ON subscription FOR EACH ROW
WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_subscription_count()
""",
)
COUNT = """
INSERT INTO subscription_count (status, subscriptions)
SELECT status, count(*) FROM subscription GROUP BY status ORDER BY status
"""


def upgrade() -> None:
    op.create_table(
        "subscription_count",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("subscriptions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_count")),
    )
    for statement in NOTE_SUBSCRIPTIONS:
        op.execute(statement)
    op.execute(COUNT)


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER subscription_count_{trigger} ON subscription")
    op.execute("DROP FUNCTION note_subscription_count()")
    op.drop_table("subscription_count")
