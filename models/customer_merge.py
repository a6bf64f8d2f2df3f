"""Merges of two customers, with everything needed to undo them, and pairs of customers known to be different."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from models.base import ByActor, Table, created, key, link, moment, text

# A merge can be undone for this many days; after that, the data for undoing it is deleted.
UNDO_DAYS = 30


class CustomerMerge(ByActor, table=True):
    """One merge. `kept_before` and `merged_row` are the two rows before the merge; `moved` holds the moved ids by
    table.

    `further_phones` are phone numbers of the two that do not fit on the remaining row, but still belong to that
    customer.
    """

    __tablename__ = "customer_merge"
    __table_args__ = (
        Index("ix_customer_merge_kept_id_id", "kept_id", sql("id DESC")),
        Index("ix_customer_merge_merged_id", "merged_id"),
        Index("ix_customer_merge_further_phones", "further_phones", postgresql_using="gin"),
    )

    id: int = key()
    kept_id: int | None = link("customer.id", index=False, nullable=True, ondelete="SET NULL")
    # Not a foreign key: the row does not exist until the merge is undone.
    merged_id: int = Field(sa_type=BigInteger)
    merged_name: str = text()
    kept_before: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    kept_after: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    merged_row: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    moved: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    further_phones: list[str] = Field(
        default_factory=list, sa_type=ARRAY(Text), nullable=False, sa_column_kwargs={"server_default": "{}"}
    )
    created_at: datetime = created()
    undone_at: datetime | None = moment()
    undone_by: str = text()


class CustomerDistinction(Table, table=True):
    """Two customers that look alike but are different. The lower id is in `first_id`."""

    __tablename__ = "customer_distinction"
    __table_args__ = (
        CheckConstraint("first_id < second_id", name="ordered"),
        Index("ix_customer_distinction_second_id", "second_id"),
    )

    first_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="customer.id", ondelete="CASCADE")
    second_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="customer.id", ondelete="CASCADE")
    actor_name: str = text()
    created_at: datetime = created()
