"""What all tables share: the naming of constraints, column types with their units, and who made a row."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Index,
    MetaData,
    Numeric,
    Text,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlmodel import Field, SQLModel

from models.accents import ACCENTED, PLAIN

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


# For tables whose lists use index-only scans: rows changed since the last VACUUM are read from the table itself.
VACUUMED_SOON = {
    "postgresql_with": {"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_insert_scale_factor": 0.02}
}


class Table(SQLModel):
    """Base class of all tables. API answers never return an instance of one."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def table_of(model: type[Table]) -> sqlalchemy.Table:
    """Return the Core table of a model, for `FROM` and joins."""
    return Table.metadata.tables[str(model.__tablename__)]


def columns_of(model: type[Table]) -> ReadOnlyColumnCollection[str, sqlalchemy.Column[Any]]:
    """Return the Core columns of a model, for statements that read plain rows. A test checks the names used."""
    return table_of(model).c


def key() -> Any:
    """The surrogate primary key of a table."""
    return Field(default=None, primary_key=True, sa_type=BigInteger)


def link(target: str, *, index: bool = True, nullable: bool = False, **foreign_key: Any) -> Any:
    """A foreign key to `target` (`table.column`). Pass `index=False` if a wider index begins with this column."""
    more: dict[str, Any] = foreign_key | ({"default": None} if nullable else {})
    return Field(sa_type=BigInteger, foreign_key=target, index=index, nullable=nullable, **more)


def sparse_index(name: str, column: str) -> Index:
    """An index of a foreign key that few rows have; rows where it is null are not in the index."""
    return Index(name, column, postgresql_where=sql(f"{column} IS NOT NULL"))


def text(*, nullable: bool = False, **more: Any) -> Any:
    """A text column. One that is not nullable defaults to the empty string, in the database too."""
    if nullable:
        return Field(default=None, sa_type=Text, nullable=True, **more)
    return Field(default="", sa_type=Text, nullable=False, sa_column_kwargs={"server_default": ""}, **more)


def money(*, nullable: bool = False) -> Any:
    """An amount of US dollars, exact to the cent: NUMERIC(12,2)."""
    if nullable:
        return Field(default=None, sa_type=Numeric(12, 2), nullable=True)
    return Field(
        default=Decimal("0.00"), sa_type=Numeric(12, 2), nullable=False, sa_column_kwargs={"server_default": "0"}
    )


def generated_column(name: str, expression: str) -> Any:
    """An amount of US dollars that the database calculates from other columns of the row."""
    return Field(default=None, sa_column=Column(name, Numeric(12, 2), Computed(expression, persisted=True)))


def number(digits: int, places: int) -> Any:
    """A measured value; the column's name contains its unit. Nullable."""
    return Field(default=None, sa_type=Numeric(digits, places), nullable=True)


def flag(default: bool) -> Any:
    """A boolean with the same default in the database and in Python."""
    return Field(default=default, nullable=False, sa_column_kwargs={"server_default": "true" if default else "false"})


def count(default: int = 0) -> Any:
    """An integer with the same default in the database and in Python."""
    return Field(default=default, nullable=False, sa_column_kwargs={"server_default": str(default)})


def moment() -> Any:
    """A point in time, nullable; stored with time zone and read in UTC."""
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


def required_moment() -> Any:
    """A point in time without a default."""
    return Field(sa_type=DateTime(timezone=True), nullable=False)


def created() -> Any:
    """When the row was created; defaults to the current time."""
    return Field(
        default_factory=lambda: datetime.now(UTC),
        sa_type=DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": func.now()},
    )


class ByActor(Table):
    """Base class of tables whose rows record who made them; `domain.kernel.actor.Actor.columns` fills the three
    columns.

    `actor_id` is the id of a row of the actor's kind. It is not a foreign key, because the row stays when the person is
    deleted. Tables of the first releases keep it as `integer` in the database (a test lists them): widening it would
    rewrite all orders under a lock, and break the statements that a running older release has prepared.
    """

    actor_kind: str = text()
    actor_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    actor_name: str = text()


def searched(expression: str, *, skips_ascii: bool = False) -> Any:
    """A generated column with the text to search in, in lower case and without accents.

    Looking for 86 letters takes ten times as long as all else. With `skips_ascii` only a text with a letter of more
    than one byte is looked through. Large tables do without, because another expression rewrites the whole table.
    """
    folded = f"translate({expression}, '{ACCENTED}', '{PLAIN}')"
    if skips_ascii:
        folded = f"CASE WHEN octet_length({expression}) = length({expression}) THEN {expression} ELSE {folded} END"
    return Field(default=None, sa_column=Column("search_text", Text, Computed(folded, persisted=True)))


def search_index(name: str) -> Index:
    """A trigram index on `search_text`, for `LIKE '%…%'` and for misspellings."""
    return Index(name, "search_text", postgresql_using="gin", postgresql_ops={"search_text": "gin_trgm_ops"})


def prefix_index(name: str, column: str) -> Index:
    """An index for `lower(column) LIKE 'be%'` with any collation of the database."""
    lowered = func.lower(sql(column)).label("lowered")
    return Index(name, lowered, postgresql_ops={"lowered": "text_pattern_ops"})


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """A CHECK that the column contains one of the enum's values."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def is_e164(column: str) -> CheckConstraint:
    """A CHECK that the column is null or an E.164 phone number."""
    return CheckConstraint(rf"{column} IS NULL OR {column} ~ '^\+[1-9][0-9]{{6,14}}$'", name=f"{column}_e164")
