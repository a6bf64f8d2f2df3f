"""keep the last call of each customer

Revision ID: 7c41e09ab6d2
Revises: c61f0b9d27e8

Of nobody it is known yet: readers look at the calls until the next step, or the first pass of the job, has kept them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.locks import lock_tables

revision = "7c41e09ab6d2"
down_revision = "c61f0b9d27e8"
branch_labels = None
depends_on = None

# Calls by account and number, whose number that is, and who must not be called.
NOTE_CALLS_OF_CUSTOMERS = (
    """
CREATE FUNCTION note_calls_of_customers() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO customer_call_change (customer_id, phone) SELECT DISTINCT customer_id, phone FROM written;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO customer_call_change (customer_id, phone) SELECT DISTINCT customer_id, phone FROM dropped;
  ELSE
    INSERT INTO customer_call_change (customer_id, phone)
    VALUES (OLD.customer_id, OLD.phone), (NEW.customer_id, NEW.phone);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_call_inserted AFTER INSERT ON outbound_call_log REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_calls_of_customers()
""",
    """
CREATE TRIGGER customer_call_deleted AFTER DELETE ON outbound_call_log REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION note_calls_of_customers()
""",
    """
CREATE TRIGGER customer_call_updated AFTER UPDATE OF customer_id, phone, outcome, callback_date, created_at
ON outbound_call_log
FOR EACH ROW WHEN ((OLD.customer_id, OLD.phone, OLD.outcome, OLD.callback_date, OLD.created_at)
  IS DISTINCT FROM (NEW.customer_id, NEW.phone, NEW.outcome, NEW.callback_date, NEW.created_at))
EXECUTE FUNCTION note_calls_of_customers()
""",
    """
CREATE FUNCTION note_reach_of_customer() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO customer_call_change (customer_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_reach_updated AFTER UPDATE OF phone, phone2, is_active, do_not_call ON customer
FOR EACH ROW WHEN ((OLD.phone, OLD.phone2, OLD.is_active, OLD.do_not_call)
  IS DISTINCT FROM (NEW.phone, NEW.phone2, NEW.is_active, NEW.do_not_call))
EXECUTE FUNCTION note_reach_of_customer()
""",
    """
CREATE FUNCTION note_reach_of_number() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO customer_call_change (phone) VALUES (OLD.phone);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO customer_call_change (phone) VALUES (NEW.phone);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_reach_inserted AFTER INSERT ON suppressed_number
FOR EACH ROW WHEN (NEW.do_not_call) EXECUTE FUNCTION note_reach_of_number()
""",
    """
CREATE TRIGGER customer_reach_deleted AFTER DELETE ON suppressed_number
FOR EACH ROW WHEN (OLD.do_not_call) EXECUTE FUNCTION note_reach_of_number()
""",
    """
CREATE TRIGGER customer_reach_updated AFTER UPDATE OF phone, do_not_call ON suppressed_number
FOR EACH ROW WHEN ((OLD.phone, OLD.do_not_call) IS DISTINCT FROM (NEW.phone, NEW.do_not_call))
EXECUTE FUNCTION note_reach_of_number()
""",
)
# Steps are true of the rows that they were taken from alone. Who changes those is one at a time, so that no steps of
# another transaction appear beside.
DROP_STEPS = (
    """
CREATE FUNCTION drop_customer_sales_steps() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('customer_sales'));
  DELETE FROM customer_sales_steps;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER customer_sales_steps_dropped BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON customer_sales
FOR EACH STATEMENT EXECUTE FUNCTION drop_customer_sales_steps()
""",
)


def upgrade() -> None:
    op.create_table(
        "customer_call_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_call_change")),
    )
    op.create_table(
        "customer_sales_steps",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("apart", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("known_cycles", sa.Integer(), nullable=False),
        sa.Column("worths", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("worths_through", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("cycles", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("cycles_through", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_sales_steps")),
    )
    lock_tables("customer", "outbound_call_log", "suppressed_number", "customer_sales")
    op.add_column("customer_sales", sa.Column("is_barred", sa.Boolean(), nullable=True))
    op.add_column("customer_sales", sa.Column("called_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customer_sales", sa.Column("call_back_on", sa.Date(), nullable=True))
    for statement in (*NOTE_CALLS_OF_CUSTOMERS, *DROP_STEPS):
        op.execute(statement)


def downgrade() -> None:
    lock_tables("customer", "outbound_call_log", "suppressed_number", "customer_sales")
    op.execute("DROP TRIGGER customer_sales_steps_dropped ON customer_sales")
    op.execute("DROP FUNCTION drop_customer_sales_steps()")
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER customer_call_{trigger} ON outbound_call_log")
        op.execute(f"DROP TRIGGER customer_reach_{trigger} ON suppressed_number")
    op.execute("DROP TRIGGER customer_reach_updated ON customer")
    for rows in ("calls_of_customers", "reach_of_customer", "reach_of_number"):
        op.execute(f"DROP FUNCTION note_{rows}()")
    for column in ("call_back_on", "called_at", "is_barred"):
        op.drop_column("customer_sales", column)
    op.drop_table("customer_sales_steps")
    op.drop_table("customer_call_change")
