"""keep which entries must not be called

Revision ID: 4e1d7b90c2a6
Revises: 7e2a9c41d06f

Every mark is noted as a change: readers look it up until the first pass of the job has stored the answers.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.locks import lock_tables

revision = "4e1d7b90c2a6"
down_revision = "7e2a9c41d06f"
branch_labels = None
depends_on = None

LOCKED = ("customer", "calling_entry", "calling_count", "suppressed_number")
COUNT_ENTRIES = """
CREATE OR REPLACE FUNCTION note_calling_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(e.assigned_to, 0), p.kind, p.day, sum(p.entries) FROM written AS e CROSS JOIN LATERAL
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, e.phone IS NOT NULL),
    ('ordered', (e.last_order_at AT TIME ZONE 'UTC')::date, 1, e.last_order_at IS NOT NULL),
    ('window', e.window_from, 1, e.window_from IS NOT NULL),
    ('window', e.window_until + 1, -1, e.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND e.status <> 'closed'
    GROUP BY 1, 2, 3;
    INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(e.assigned_to, 0), 'suppressed ' || p.kind, p.day, -sum(p.entries) FROM written AS e CROSS JOIN LATERAL
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, e.phone IS NOT NULL),
    ('ordered', (e.last_order_at AT TIME ZONE 'UTC')::date, 1, e.last_order_at IS NOT NULL),
    ('window', e.window_from, 1, e.window_from IS NOT NULL),
    ('window', e.window_until + 1, -1, e.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND e.status <> 'closed' AND e.is_suppressed
    GROUP BY 1, 2, 3;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(e.assigned_to, 0), p.kind, p.day, -sum(p.entries) FROM dropped AS e CROSS JOIN LATERAL
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, e.phone IS NOT NULL),
    ('ordered', (e.last_order_at AT TIME ZONE 'UTC')::date, 1, e.last_order_at IS NOT NULL),
    ('window', e.window_from, 1, e.window_from IS NOT NULL),
    ('window', e.window_until + 1, -1, e.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND e.status <> 'closed'
    GROUP BY 1, 2, 3;
    INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(e.assigned_to, 0), 'suppressed ' || p.kind, p.day, sum(p.entries) FROM dropped AS e CROSS JOIN LATERAL
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, e.phone IS NOT NULL),
    ('ordered', (e.last_order_at AT TIME ZONE 'UTC')::date, 1, e.last_order_at IS NOT NULL),
    ('window', e.window_from, 1, e.window_from IS NOT NULL),
    ('window', e.window_until + 1, -1, e.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND e.status <> 'closed' AND e.is_suppressed
    GROUP BY 1, 2, 3;
  ELSIF TG_OP = 'TRUNCATE' THEN
    DELETE FROM calling_count;
  ELSE
    INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(OLD.assigned_to, 0), p.kind, p.day, -p.entries FROM
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, OLD.phone IS NOT NULL),
    ('ordered', (OLD.last_order_at AT TIME ZONE 'UTC')::date, 1, OLD.last_order_at IS NOT NULL),
    ('window', OLD.window_from, 1, OLD.window_from IS NOT NULL),
    ('window', OLD.window_until + 1, -1, OLD.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND OLD.status <> 'closed';
    INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(NEW.assigned_to, 0), p.kind, p.day, p.entries FROM
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, NEW.phone IS NOT NULL),
    ('ordered', (NEW.last_order_at AT TIME ZONE 'UTC')::date, 1, NEW.last_order_at IS NOT NULL),
    ('window', NEW.window_from, 1, NEW.window_from IS NOT NULL),
    ('window', NEW.window_until + 1, -1, NEW.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND NEW.status <> 'closed';
    IF OLD.is_suppressed THEN
      INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(OLD.assigned_to, 0), 'suppressed ' || p.kind, p.day, p.entries FROM
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, OLD.phone IS NOT NULL),
    ('ordered', (OLD.last_order_at AT TIME ZONE 'UTC')::date, 1, OLD.last_order_at IS NOT NULL),
    ('window', OLD.window_from, 1, OLD.window_from IS NOT NULL),
    ('window', OLD.window_until + 1, -1, OLD.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND OLD.status <> 'closed';
    END IF;
    IF NEW.is_suppressed THEN
      INSERT INTO calling_count (assigned_to, kind, day, entries)
    SELECT coalesce(NEW.assigned_to, 0), 'suppressed ' || p.kind, p.day, -p.entries FROM
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, NEW.phone IS NOT NULL),
    ('ordered', (NEW.last_order_at AT TIME ZONE 'UTC')::date, 1, NEW.last_order_at IS NOT NULL),
    ('window', NEW.window_from, 1, NEW.window_from IS NOT NULL),
    ('window', NEW.window_until + 1, -1, NEW.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND NEW.status <> 'closed';
    END IF;
  END IF;
  RETURN NULL;
END $body$
"""
COUNT_UPDATED = """
CREATE TRIGGER calling_count_updated
AFTER UPDATE OF assigned_to, status, phone, is_suppressed, last_order_at, window_from, window_until ON calling_entry
FOR EACH ROW WHEN (
  (OLD.assigned_to, OLD.status = 'closed', OLD.phone IS NULL, OLD.is_suppressed, OLD.last_order_at, OLD.window_from,
    OLD.window_until)
  IS DISTINCT FROM
  (NEW.assigned_to, NEW.status = 'closed', NEW.phone IS NULL, NEW.is_suppressed, NEW.last_order_at, NEW.window_from,
    NEW.window_until))
EXECUTE FUNCTION note_calling_count()
"""
NOTE_MARKS = (
    """
CREATE FUNCTION note_calling_mark_of_number() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO calling_mark_change (phone) VALUES (OLD.phone);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO calling_mark_change (phone) VALUES (NEW.phone);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE FUNCTION note_calling_mark_of_customer() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO calling_mark_change (customer_id) VALUES (NEW.id);
  RETURN NULL;
END $body$
""",
    """
CREATE FUNCTION note_calling_mark_of_entry() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO calling_mark_change (entry_id) SELECT id FROM written;
  ELSE
    INSERT INTO calling_mark_change (entry_id) VALUES (NEW.id);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER calling_mark_inserted AFTER INSERT ON suppressed_number
FOR EACH ROW WHEN (NEW.do_not_call) EXECUTE FUNCTION note_calling_mark_of_number()
""",
    """
CREATE TRIGGER calling_mark_deleted AFTER DELETE ON suppressed_number
FOR EACH ROW WHEN (OLD.do_not_call) EXECUTE FUNCTION note_calling_mark_of_number()
""",
    """
CREATE TRIGGER calling_mark_updated AFTER UPDATE OF phone, do_not_call ON suppressed_number
FOR EACH ROW WHEN ((OLD.phone, OLD.do_not_call) IS DISTINCT FROM (NEW.phone, NEW.do_not_call))
EXECUTE FUNCTION note_calling_mark_of_number()
""",
    """
CREATE TRIGGER calling_mark_updated AFTER UPDATE OF do_not_call ON customer
FOR EACH ROW WHEN (OLD.do_not_call <> NEW.do_not_call) EXECUTE FUNCTION note_calling_mark_of_customer()
""",
    """
CREATE TRIGGER calling_mark_inserted AFTER INSERT ON calling_entry REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION note_calling_mark_of_entry()
""",
    """
CREATE TRIGGER calling_mark_updated AFTER UPDATE OF phone, phone2, customer_id ON calling_entry
FOR EACH ROW WHEN ((OLD.phone, OLD.phone2, OLD.customer_id) IS DISTINCT FROM (NEW.phone, NEW.phone2, NEW.customer_id))
EXECUTE FUNCTION note_calling_mark_of_entry()
""",
)
FORMER_COUNT_ENTRIES = """
CREATE OR REPLACE FUNCTION note_calling_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO calling_count (assigned_to, kind, day, entries) SELECT coalesce(e.assigned_to, 0), p.kind, p.day, sum(p.entries) FROM written AS e CROSS JOIN LATERAL
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, e.phone IS NOT NULL),
    ('ordered', (e.last_order_at AT TIME ZONE 'UTC')::date, 1, e.last_order_at IS NOT NULL),
    ('window', e.window_from, 1, e.window_from IS NOT NULL),
    ('window', e.window_until + 1, -1, e.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND e.status <> 'closed'
    GROUP BY 1, 2, 3;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO calling_count (assigned_to, kind, day, entries) SELECT coalesce(e.assigned_to, 0), p.kind, p.day, -sum(p.entries) FROM dropped AS e CROSS JOIN LATERAL
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, e.phone IS NOT NULL),
    ('ordered', (e.last_order_at AT TIME ZONE 'UTC')::date, 1, e.last_order_at IS NOT NULL),
    ('window', e.window_from, 1, e.window_from IS NOT NULL),
    ('window', e.window_until + 1, -1, e.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND e.status <> 'closed'
    GROUP BY 1, 2, 3;
  ELSIF TG_OP = 'TRUNCATE' THEN
    DELETE FROM calling_count;
  ELSE
    INSERT INTO calling_count (assigned_to, kind, day, entries) SELECT coalesce(OLD.assigned_to, 0), p.kind, p.day, -p.entries FROM
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, OLD.phone IS NOT NULL),
    ('ordered', (OLD.last_order_at AT TIME ZONE 'UTC')::date, 1, OLD.last_order_at IS NOT NULL),
    ('window', OLD.window_from, 1, OLD.window_from IS NOT NULL),
    ('window', OLD.window_until + 1, -1, OLD.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND OLD.status <> 'closed';
    INSERT INTO calling_count (assigned_to, kind, day, entries) SELECT coalesce(NEW.assigned_to, 0), p.kind, p.day, p.entries FROM
  (VALUES ('open', CAST(NULL AS date), 1, true), ('phone', NULL, 1, NEW.phone IS NOT NULL),
    ('ordered', (NEW.last_order_at AT TIME ZONE 'UTC')::date, 1, NEW.last_order_at IS NOT NULL),
    ('window', NEW.window_from, 1, NEW.window_from IS NOT NULL),
    ('window', NEW.window_until + 1, -1, NEW.window_until IS NOT NULL)
  ) AS p(kind, day, entries, counts) WHERE p.counts AND NEW.status <> 'closed';
  END IF;
  RETURN NULL;
END $body$
"""
FORMER_COUNT_UPDATED = """
CREATE TRIGGER calling_count_updated
AFTER UPDATE OF assigned_to, status, phone, last_order_at, window_from, window_until ON calling_entry
FOR EACH ROW WHEN (
  (OLD.assigned_to, OLD.status = 'closed', OLD.phone IS NULL, OLD.last_order_at, OLD.window_from, OLD.window_until)
  IS DISTINCT FROM
  (NEW.assigned_to, NEW.status = 'closed', NEW.phone IS NULL, NEW.last_order_at, NEW.window_from, NEW.window_until))
EXECUTE FUNCTION note_calling_count()
"""
MARKED = """
INSERT INTO calling_mark_change (phone, customer_id)
SELECT phone, NULL FROM suppressed_number WHERE do_not_call
UNION ALL SELECT NULL, id FROM customer WHERE do_not_call
"""


def upgrade() -> None:
    lock_tables(*LOCKED)
    op.add_column(
        "calling_entry", sa.Column("is_suppressed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_table(
        "calling_mark_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calling_mark_change")),
    )
    op.execute("DROP TRIGGER calling_count_updated ON calling_entry")
    for statement in (COUNT_ENTRIES, COUNT_UPDATED, *NOTE_MARKS, MARKED):
        op.execute(statement)


def downgrade() -> None:
    lock_tables(*LOCKED)
    for trigger in ("inserted", "updated"):
        op.execute(f"DROP TRIGGER calling_mark_{trigger} ON calling_entry")
    for trigger in ("inserted", "deleted", "updated"):
        op.execute(f"DROP TRIGGER calling_mark_{trigger} ON suppressed_number")
    op.execute("DROP TRIGGER calling_mark_updated ON customer")
    for rows in ("number", "customer", "entry"):
        op.execute(f"DROP FUNCTION note_calling_mark_of_{rows}()")
    op.execute("DROP TRIGGER calling_count_updated ON calling_entry")
    for statement in (FORMER_COUNT_ENTRIES, FORMER_COUNT_UPDATED):
        op.execute(statement)
    op.execute("DELETE FROM calling_count WHERE kind LIKE 'suppressed %'")
    op.drop_table("calling_mark_change")
    op.drop_column("calling_entry", "is_suppressed")
