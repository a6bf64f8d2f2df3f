"""keep the sums of commissions, and find callbacks by their day

Revision ID: b81f04c6d2e7
Revises: 9a40d3e7c615
"""

import sqlalchemy as sa
from alembic import op

revision = "b81f04c6d2e7"
down_revision = "9a40d3e7c615"
branch_labels = None
depends_on = None

_ADD_UP = """
INSERT INTO commission_sum (month, staff_id, earned, taken_back, paid, entries)
    SELECT month, staff_id, coalesce({sign}sum(amount) FILTER (WHERE kind = 'earned'), 0),
      coalesce({sign}sum(amount) FILTER (WHERE kind = 'taken_back'), 0),
      coalesce({sign}sum(amount) FILTER (WHERE paid_at IS NOT NULL), 0), {sign}count(*)
    FROM {source} GROUP BY month, staff_id;
"""
_WRITTEN = _ADD_UP.format(sign="", source="written").strip()
_DROPPED = _ADD_UP.format(sign="-", source="dropped").strip()
NOTE_COMMISSIONS = f"""
CREATE FUNCTION note_commission_sum() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM commission_sum;
  END IF;
  IF TG_OP IN ('DELETE', 'UPDATE') THEN
    {_DROPPED}
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    {_WRITTEN}
  END IF;
  RETURN NULL;
END $body$
"""  # noqa: S608 - constants of ours
NOTE_COMMISSIONS_TRIGGERS = (
    """
CREATE TRIGGER commission_sum_inserted AFTER INSERT ON commission_entry REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_commission_sum()
""",
    """
CREATE TRIGGER commission_sum_deleted AFTER DELETE ON commission_entry REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION note_commission_sum()
""",
    """
CREATE TRIGGER commission_sum_updated AFTER UPDATE ON commission_entry
REFERENCING OLD TABLE AS dropped NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION note_commission_sum()
""",
    """
CREATE TRIGGER commission_sum_emptied AFTER TRUNCATE ON commission_entry FOR EACH STATEMENT
EXECUTE FUNCTION note_commission_sum()
""",
)


def upgrade() -> None:
    op.create_table(
        "commission_sum",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Numeric(precision=18, scale=2), nullable=False)
            for name in ("earned", "taken_back", "paid")
        ),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_sum")),
    )
    op.create_index(
        "ix_calling_entry_callback",
        "calling_entry",
        ["callback_on", sa.text("priority_score DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("callback_on IS NOT NULL"),
    )
    # A trigger's lock keeps writers away to the end, so that none is counted twice.
    for statement in (NOTE_COMMISSIONS, *NOTE_COMMISSIONS_TRIGGERS):
        op.execute(statement)
    op.execute(_ADD_UP.format(sign="", source="commission_entry"))


def downgrade() -> None:
    for trigger in ("inserted", "deleted", "updated", "emptied"):
        op.execute(f"DROP TRIGGER commission_sum_{trigger} ON commission_entry")
    op.execute("DROP FUNCTION note_commission_sum()")
    op.drop_index("ix_calling_entry_callback", table_name="calling_entry")
    op.drop_table("commission_sum")
