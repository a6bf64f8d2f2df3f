"""fold only products with accents

Revision ID: b3f7d2610c94
Revises: 5d0c8e7fa319

The column is made again, with its index. It has the same texts: a text of single bytes has none of the letters.
"""

from alembic import op

revision = "b3f7d2610c94"
down_revision = "5d0c8e7fa319"
branch_labels = None
depends_on = None

ACCENTED = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿāăąćĉċčďēĕėęěĝğġģĥĩīĭįĵķĺļľńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżžøđħłıŧ"
PLAIN = "aaaaaaceeeeiiiinooooouuuuyyaaaccccdeeeeegggghiiiijklllnnnooorrrssssttuuuuuuwyzzzodhlit"
TEXT = "lower(name || ' ' || sku || ' ' || brand || ' ' || description)"
FOLDED = f"translate({TEXT}, '{ACCENTED}', '{PLAIN}')"


def make_again(expression: str) -> None:
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.drop_column("product", "search_text")
    op.execute(f"ALTER TABLE product ADD COLUMN search_text text GENERATED ALWAYS AS ({expression}) STORED")
    op.execute("CREATE INDEX ix_product_search ON product USING gin (search_text gin_trgm_ops)")


def upgrade() -> None:
    make_again(f"CASE WHEN octet_length({TEXT}) = length({TEXT}) THEN {TEXT} ELSE {FOLDED} END")


def downgrade() -> None:
    make_again(FOLDED)
