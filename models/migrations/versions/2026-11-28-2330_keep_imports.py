"""Imports, their files and the rows that did not go in have tables.

Revision ID: keep_imports
Revises: c78c0f1be1a0
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "keep_imports"
down_revision = "c78c0f1be1a0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_run",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="draft", nullable=False),
        sa.Column("is_dry", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("filename", sa.Text(), server_default="", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("encoding", sa.Text(), server_default="", nullable=False),
        sa.Column("delimiter", sa.Text(), server_default="", nullable=False),
        sa.Column("headings", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("mapping", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("is_staged", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("last_group", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("processed_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bad_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'queued', 'running', 'done', 'stopped', 'failed')",
            name=op.f("ck_import_run_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_index("ix_import_run_newest", "import_run", [sa.literal_column("id DESC")])
    op.create_index(
        "ix_import_run_open", "import_run", ["id"], postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.create_table(
        "import_chunk",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["import_run.id"], name=op.f("fk_import_chunk_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_import_chunk")),
    )
    op.create_table(
        "import_row",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("line_number", sa.Integer(), nullable=False),
        sa.Column("group_number", sa.Integer(), nullable=False),
        sa.Column("cells", postgresql.JSONB(), nullable=False),
        sa.Column("outcome", sa.String(), server_default="waiting", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("faults", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.CheckConstraint("outcome IN ('waiting', 'skipped', 'bad')", name=op.f("ck_import_row_outcome_known")),
        sa.ForeignKeyConstraint(["run_id"], ["import_run.id"], name=op.f("fk_import_row_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "line_number", name=op.f("pk_import_row")),
    )
    op.create_index("ix_import_row_group", "import_row", ["run_id", "group_number", "line_number"])
    op.create_index("ix_import_row_outcome", "import_row", ["run_id", "outcome", "line_number"])


def downgrade() -> None:
    op.drop_index("ix_import_row_outcome", table_name="import_row")
    op.drop_index("ix_import_row_group", table_name="import_row")
    op.drop_table("import_row")
    op.drop_table("import_chunk")
    op.drop_index("ix_import_run_open", table_name="import_run")
    op.drop_index("ix_import_run_newest", table_name="import_run")
    op.drop_table("import_run")
