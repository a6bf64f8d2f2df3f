"""Let searches ignore accents.

Each column that is searched is made again from its own expression, with its indexes.

Revision ID: 61c0d9e4a7f2
Revises: 9d3c51f7a0e4
"""

from collections.abc import Callable

from alembic import op
from sqlalchemy import text

from models.migrations.locks import lock_tables

revision = "61c0d9e4a7f2"
down_revision = "9d3c51f7a0e4"
branch_labels = None
depends_on = None

TABLES = ("calling_entry", "customer", "invoice", "orders", "product", "rfq", "savings_request", "vendor")
ACCENTED = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿāăąćĉċčďēĕėęěĝğġģĥĩīĭįĵķĺļľńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżžøđħłıŧ"
PLAIN = "aaaaaaceeeeiiiinooooouuuuyyaaaccccdeeeeegggghiiiijklllnnnooorrrssssttuuuuuuwyzzzodhlit"
_EXPRESSION = text("""
SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d
JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.adrelid = CAST(:name AS regclass) AND a.attname = 'search_text'
""")
_INDEXES = text("""
SELECT indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename = :name AND indexdef LIKE '%search_text%' ORDER BY indexname
""")


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    lock_tables("product", *TABLES)
    for table in TABLES:
        _make_again(table, lambda expression: f"translate({expression}, '{ACCENTED}', '{PLAIN}')")


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    lock_tables("product", *TABLES)
    for table in TABLES:
        _make_again(table, _unfold)


def _unfold(expression: str) -> str:
    return expression.removeprefix("translate(").partition(f", '{ACCENTED}'")[0]


def _make_again(table: str, change: Callable[[str], str]) -> None:
    connection = op.get_bind()
    expression = connection.execute(_EXPRESSION, {"name": table}).scalar_one()
    indexes = connection.execute(_INDEXES, {"name": table}).scalars().all()
    op.drop_column(table, "search_text")
    op.execute(f"ALTER TABLE {table} ADD COLUMN search_text text GENERATED ALWAYS AS ({change(expression)}) STORED")
    for index in indexes:
        op.execute(index)
