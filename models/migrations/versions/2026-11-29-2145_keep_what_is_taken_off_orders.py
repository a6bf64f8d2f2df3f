"""keep what is taken off an order without a payment

Revision ID: 7d20c4a9e1f6
Revises: 7d3c90be41f2
"""

import sqlalchemy as sa
from alembic import op

revision = "7d20c4a9e1f6"
down_revision = "7d3c90be41f2"
branch_labels = None
depends_on = None

REASONS = "'returned', 'damaged', 'short', 'goodwill', 'cancelled', 'mistake', 'bounced', 'disputed'"
# What neither a payment nor a credit memo took off an order was short, and its newest short pick says when.
FILL = """
INSERT INTO order_allowance (order_id, amount, given_for, created_at, actor_kind, actor_id, actor_name)
SELECT o.id, o.allowances - known.amount, 'short', coalesce(e.created_at, o.updated_at), coalesce(e.actor_kind, 'system'),
  e.actor_id, coalesce(e.actor_name, '')
FROM orders AS o
CROSS JOIN LATERAL (
  SELECT coalesce((
    SELECT -sum(p.applied_amount) FROM payment AS p
    WHERE p.order_id = o.id AND p.state = 'succeeded' AND p.given_back = 'allowance' AND p.given_for <> 'cancelled'
  ), 0) + coalesce((
    SELECT sum(m.amount - m.to_credit) FROM credit_memo AS m JOIN invoice AS i ON i.id = m.invoice_id
    WHERE i.order_id = o.id
  ), 0) AS amount
) AS known
LEFT JOIN LATERAL (
  SELECT created_at, actor_kind, actor_id, actor_name FROM order_event
  WHERE order_id = o.id AND kind = 'packed_short' ORDER BY id DESC LIMIT 1
) AS e ON true
WHERE o.allowances > 0 AND o.allowances > known.amount
"""
_HOUR = "date_trunc('hour', {0}, 'UTC')"
_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO hour_change (report, hour) {inserted};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO hour_change (report, hour) {deleted};
  ELSE
    INSERT INTO hour_change (report, hour) {was} UNION {becomes};
  END IF;
  RETURN NULL;
END $body$
"""
_MOMENTS = "LATERAL (VALUES (i.sent_at), (i.voided_at)) AS b(at)"
_TRADE = f"SELECT DISTINCT 'trade', {_HOUR.format('r.created_at')} FROM {{rows}}"  # noqa: S608 - ours
_BOOKS = (
    f"SELECT DISTINCT 'books', {_HOUR.format('m.at')} FROM {{{{rows}}}}, LATERAL ({{moments}}) AS m(at) WHERE {{where}}"  # noqa: S608 - ours
)
_SENT = (
    "SELECT r.created_at UNION SELECT b.at FROM invoice AS i, {0} WHERE i.order_id = r.order_id AND b.at > r.created_at"
)
# The journal hears of what is taken off, and of more that an invoice's being void depends on.
FUNCTIONS = {
    "note_trade_of_order_allowance": _TRADE,
    "note_books_of_order_allowance": _BOOKS.format(moments=_SENT.format(_MOMENTS), where="m.at IS NOT NULL"),
    "note_books_of_payment": _BOOKS.format(
        moments=f"""{_SENT.format(_MOMENTS)}
      UNION SELECT i.voided_at FROM invoice AS i WHERE i.id = r.invoice_id AND i.voided_at > r.created_at
    """,  # noqa: S608 - ours
        where="r.state = 'succeeded' AND m.at IS NOT NULL",
    ),
    "note_books_of_invoice": _BOOKS.format(
        moments=f"""
      SELECT r.sent_at UNION SELECT r.voided_at
      UNION SELECT p.created_at FROM payment AS p WHERE p.order_id = r.order_id AND p.created_at >= r.sent_at
      UNION SELECT p.created_at FROM payment AS p WHERE p.invoice_id = r.id AND p.created_at >= r.voided_at
      UNION SELECT a.created_at FROM order_allowance AS a WHERE a.order_id = r.order_id AND a.created_at >= r.sent_at
      UNION SELECT b.at FROM invoice AS i, {_MOMENTS} WHERE i.order_id = r.order_id AND r.voided_at IS NOT NULL
    """,  # noqa: S608 - ours
        where="r.sent_at IS NOT NULL AND m.at IS NOT NULL",
    ),
    "note_books_of_credit_memo": _BOOKS.format(
        moments=f"""
      SELECT r.created_at UNION SELECT i.voided_at FROM invoice AS i WHERE i.id = r.invoice_id
      UNION SELECT b.at FROM invoice AS v JOIN invoice AS i ON i.order_id = v.order_id, {_MOMENTS}
      WHERE v.id = r.invoice_id AND v.status = 'void'
    """,  # noqa: S608 - ours
        where="m.at IS NOT NULL",
    ),
}
_TRIGGERS = (
    """
CREATE TRIGGER {name}_inserted AFTER INSERT ON order_allowance REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION {name}()
""",
    """
CREATE TRIGGER {name}_deleted AFTER DELETE ON order_allowance REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT
EXECUTE FUNCTION {name}()
""",
    """
CREATE TRIGGER {name}_updated AFTER UPDATE OF {columns} ON order_allowance
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION {name}()
""",
)
WATCHED = {
    "note_trade_of_order_allowance": ("created_at", "amount"),
    "note_books_of_order_allowance": ("created_at", "order_id", "amount"),
}
# What the journal posts otherwise from now on: invoices of orders that have a void one, and money of void ones.
COUNT_AGAIN = f"""
INSERT INTO hour_change (report, hour)
SELECT DISTINCT 'books', {_HOUR.format("m.at")} FROM invoice AS v, LATERAL (
  SELECT v.voided_at UNION SELECT p.created_at FROM payment AS p WHERE p.invoice_id = v.id
  UNION SELECT b.at FROM invoice AS i, {_MOMENTS} WHERE i.order_id = v.order_id
) AS m(at) WHERE v.voided_at IS NOT NULL AND m.at IS NOT NULL
"""  # noqa: S608 - ours


# The step before knows no such table.
_OLD_HOURS = _BOOKS.format(
    moments="""
      SELECT r.sent_at UNION SELECT r.voided_at
      UNION SELECT p.created_at FROM payment AS p WHERE p.order_id = r.order_id AND p.created_at >= r.sent_at
    """,
    where="r.sent_at IS NOT NULL AND m.at IS NOT NULL",
)
_OLD_INVOICES = _FUNCTION.format(
    name="note_books_of_invoice",
    inserted=_OLD_HOURS.format(rows="written AS r"),
    deleted=_OLD_HOURS.format(rows="dropped AS r"),
    was=_OLD_HOURS.format(rows="(SELECT OLD.*) AS r"),
    becomes=_OLD_HOURS.format(rows="(SELECT NEW.*) AS r"),
)


def _write_functions() -> None:
    for name, hours in FUNCTIONS.items():
        op.execute(
            _FUNCTION.format(
                name=name,
                inserted=hours.format(rows="written AS r"),
                deleted=hours.format(rows="dropped AS r"),
                was=hours.format(rows="(SELECT OLD.*) AS r"),
                becomes=hours.format(rows="(SELECT NEW.*) AS r"),
            )
        )


def _watch(name: str, columns: tuple[str, ...]) -> None:
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    for trigger in _TRIGGERS:
        op.execute(trigger.format(name=name, columns=", ".join(columns), old=old, new=new))


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_table(
        "order_allowance",
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("given_for", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"given_for IN ({REASONS})", name=op.f("ck_order_allowance_given_for_known")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_order_allowance_amount_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_allowance_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_allowance")),
    )
    op.create_index("ix_order_allowance_created", "order_allowance", ["created_at"], unique=False)
    op.create_index(op.f("ix_order_allowance_order_id"), "order_allowance", ["order_id"], unique=False)
    _write_functions()
    for name, columns in WATCHED.items():
        _watch(name, columns)
    for statement in (FILL, COUNT_AGAIN):
        op.execute(statement)


def downgrade() -> None:
    op.execute(_OLD_INVOICES)
    op.drop_table("order_allowance")
    for name in WATCHED:
        op.execute(f"DROP FUNCTION {name}()")
