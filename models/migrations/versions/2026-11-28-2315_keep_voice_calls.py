"""Calls of voice agents are kept with their evaluations, and what callers want us to find.

Revision ID: keep_voice_calls
Revises: labels
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "keep_voice_calls"
down_revision = "labels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "voice_agent",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), server_default="inbound", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name=op.f("ck_voice_agent_direction_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_agent")),
        sa.UniqueConstraint("external_id", name=op.f("uq_voice_agent_external_id")),
    )
    op.create_index("ix_voice_agent_name", "voice_agent", ["name"], unique=False)
    op.create_table(
        "prompt_version",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("state", sa.String(), server_default="live", nullable=False),
        sa.Column("prompt", sa.Text(), server_default="", nullable=False),
        sa.Column("analysis", sa.Text(), server_default="", nullable=False),
        sa.Column("changes_made", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expected_improvement", sa.Text(), server_default="", nullable=False),
        sa.Column("trial", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("went_live_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('suggested', 'live', 'retired', 'dismissed')", name=op.f("ck_prompt_version_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["voice_agent.id"], name=op.f("fk_prompt_version_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_version")),
    )
    op.create_index("uq_prompt_version_agent_external", "prompt_version", ["agent_id", "external_id"], unique=True)
    op.create_index("uq_prompt_version_agent_number", "prompt_version", ["agent_id", "number"], unique=True)
    op.create_index(
        "uq_prompt_version_live",
        "prompt_version",
        ["agent_id"],
        unique=True,
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_table(
        "rfq",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), server_default="open", nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("call_id", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("item_description", sa.String(), nullable=False),
        sa.Column("specifications", sa.Text(), server_default="", nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("target_unit_price", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("quality_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("timeline_weeks", sa.Integer(), nullable=True),
        sa.Column("delivery_address", sa.Text(), server_default="", nullable=False),
        sa.Column("additional_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("staff_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed("lower(item_description || ' ' || coalesce(phone, phone_raw))", persisted=True),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("phone IS NULL OR phone ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_rfq_phone_e164")),
        sa.CheckConstraint("status IN ('open', 'quoted', 'won', 'lost')", name=op.f("ck_rfq_status_known")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_rfq_quantity_positive")),
        sa.CheckConstraint("timeline_weeks > 0", name=op.f("ck_rfq_timeline_positive")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_rfq_customer_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rfq")),
    )
    op.create_index(op.f("ix_rfq_customer_id"), "rfq", ["customer_id"], unique=False)
    op.create_index("ix_rfq_newest", "rfq", [sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "ix_rfq_search",
        "rfq",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index("ix_rfq_status_newest", "rfq", ["status", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "call_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("provider", sa.Text(), server_default="", nullable=False),
        sa.Column("call_type", sa.String(), server_default="inbound_order", nullable=False),
        sa.Column("direction", sa.String(), server_default="inbound", nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("prompt_version_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("caller_phone", sa.Text(), nullable=True),
        sa.Column("caller_phone_raw", sa.Text(), server_default="", nullable=False),
        sa.Column("duration_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transcript", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tool_outputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("order_placed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("order_number", sa.Text(), server_default="", nullable=False),
        sa.Column("transcript_url", sa.Text(), nullable=True),
        sa.Column("cost_dollars", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("checker_verdict", sa.Text(), nullable=True),
        sa.Column("checker_reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("eval_status", sa.String(), server_default="pending", nullable=False),
        sa.Column("eval_score", sa.Integer(), nullable=True),
        sa.Column("eval_resolution", sa.Text(), nullable=True),
        sa.Column("eval_hallucination", sa.Boolean(), nullable=True),
        sa.Column("eval_escalation_needed", sa.Boolean(), nullable=True),
        sa.Column("eval_reviewed_by", sa.Text(), nullable=True),
        sa.Column("eval_reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("eval_error", sa.Text(), server_default="", nullable=False),
        sa.Column("review_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("wants_review", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "call_type IN ('inbound_order', 'outbound_sales')", name=op.f("ck_call_log_call_type_known")
        ),
        sa.CheckConstraint(
            "caller_phone IS NULL OR caller_phone ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_call_log_caller_phone_e164")
        ),
        sa.CheckConstraint("checker_verdict IN ('pass', 'fail')", name=op.f("ck_call_log_checker_verdict_known")),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name=op.f("ck_call_log_direction_known")),
        sa.CheckConstraint(
            "eval_status IN ('pending', 'complete', 'failed', 'reviewed', 'flagged')",
            name=op.f("ck_call_log_eval_status_known"),
        ),
        sa.CheckConstraint("duration_seconds >= 0", name=op.f("ck_call_log_duration_not_negative")),
        sa.CheckConstraint("eval_score BETWEEN 0 AND 100", name=op.f("ck_call_log_score_in_range")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["voice_agent.id"], name=op.f("fk_call_log_agent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_call_log_customer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_call_log_order_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["prompt_version_id"],
            ["prompt_version.id"],
            name=op.f("fk_call_log_prompt_version_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_log")),
        sa.UniqueConstraint("call_id", name=op.f("uq_call_log_call_id")),
    )
    op.create_index(
        "ix_call_log_agent_started",
        "call_log",
        ["agent_id", sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(op.f("ix_call_log_customer_id"), "call_log", ["customer_id"], unique=False)
    op.create_index(op.f("ix_call_log_order_id"), "call_log", ["order_id"], unique=False)
    op.create_index(
        "ix_call_log_phone_started", "call_log", ["caller_phone", sa.literal_column("started_at DESC")], unique=False
    )
    op.create_index(op.f("ix_call_log_prompt_version_id"), "call_log", ["prompt_version_id"], unique=False)
    op.create_index(
        "ix_call_log_review",
        "call_log",
        ["eval_status", sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("wants_review"),
    )
    op.create_index(
        "ix_call_log_started",
        "call_log",
        [sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "call_evaluation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("call_log_id", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("hallucination", sa.Boolean(), nullable=False),
        sa.Column("escalation_needed", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("input_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cost_dollars", sa.Numeric(precision=12, scale=6), nullable=True),
        sa.Column("raw_reply", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "resolution IN ('resolved', 'partly', 'unresolved')", name=op.f("ck_call_evaluation_resolution_known")
        ),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_call_evaluation_score_in_range")),
        sa.ForeignKeyConstraint(
            ["call_log_id"], ["call_log.id"], name=op.f("fk_call_evaluation_call_log_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_evaluation")),
    )
    op.create_index(
        "ix_call_evaluation_call", "call_evaluation", ["call_log_id", sa.literal_column("id DESC")], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_call_evaluation_call", table_name="call_evaluation")
    op.drop_table("call_evaluation")
    op.drop_index("ix_call_log_started", table_name="call_log")
    op.drop_index("ix_call_log_review", table_name="call_log", postgresql_where=sa.text("wants_review"))
    op.drop_index(op.f("ix_call_log_prompt_version_id"), table_name="call_log")
    op.drop_index("ix_call_log_phone_started", table_name="call_log")
    op.drop_index(op.f("ix_call_log_order_id"), table_name="call_log")
    op.drop_index(op.f("ix_call_log_customer_id"), table_name="call_log")
    op.drop_index("ix_call_log_agent_started", table_name="call_log")
    op.drop_table("call_log")
    op.drop_index("ix_rfq_status_newest", table_name="rfq")
    op.drop_index(
        "ix_rfq_search", table_name="rfq", postgresql_using="gin", postgresql_ops={"search_text": "gin_trgm_ops"}
    )
    op.drop_index("ix_rfq_newest", table_name="rfq")
    op.drop_index(op.f("ix_rfq_customer_id"), table_name="rfq")
    op.drop_table("rfq")
    op.drop_index("uq_prompt_version_live", table_name="prompt_version", postgresql_where=sa.text("state = 'live'"))
    op.drop_index("uq_prompt_version_agent_number", table_name="prompt_version")
    op.drop_index("uq_prompt_version_agent_external", table_name="prompt_version")
    op.drop_table("prompt_version")
    op.drop_index("ix_voice_agent_name", table_name="voice_agent")
    op.drop_table("voice_agent")
