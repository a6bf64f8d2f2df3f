"""What every table shares: the naming of constraints, column types with their units, and who made a row."""

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


# Of a table whose lists are read from indexes alone: what changed since its last VACUUM is looked up in its rows.
VACUUMED_SOON = {
    "postgresql_with": {"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_insert_scale_factor": 0.02}
}


class Table(SQLModel):
    """Base of every table; answers never return one."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def table_of(model: type[Table]) -> sqlalchemy.Table:
    """The Core table of a model, for `FROM` and joins."""
    return Table.metadata.tables[str(model.__tablename__)]


def columns_of(model: type[Table]) -> ReadOnlyColumnCollection[str, sqlalchemy.Column[Any]]:
    """The Core columns of a model, for statements that read plain rows; a test knows a name that is none of them."""
    return table_of(model).c


def key() -> Any:
    """The surrogate primary key of a table."""
    return Field(default=None, primary_key=True, sa_type=BigInteger)


def link(target: str, *, index: bool = True, nullable: bool = False, **foreign_key: Any) -> Any:
    """A foreign key to `target` (`table.column`), indexed unless a wider index begins with it."""
    more: dict[str, Any] = foreign_key | ({"default": None} if nullable else {})
    return Field(sa_type=BigInteger, foreign_key=target, index=index, nullable=nullable, **more)


def sparse_index(name: str, column: str) -> Index:
    """The index of a foreign key that few rows have; a row without one has no entry in it."""
    return Index(name, column, postgresql_where=sql(f"{column} IS NOT NULL"))


def text(*, nullable: bool = False, **more: Any) -> Any:
    """A text column; required texts default to the empty string in the database."""
    if nullable:
        return Field(default=None, sa_type=Text, nullable=True, **more)
    return Field(default="", sa_type=Text, nullable=False, sa_column_kwargs={"server_default": ""}, **more)


def money(*, nullable: bool = False) -> Any:
    """An amount of US dollars, exact to the cent."""
    if nullable:
        return Field(default=None, sa_type=Numeric(12, 2), nullable=True)
    return Field(
        default=Decimal("0.00"), sa_type=Numeric(12, 2), nullable=False, sa_column_kwargs={"server_default": "0"}
    )


def generated_column(name: str, expression: str) -> Any:
    """An amount of US dollars that the database itself works out from other columns of the row."""
    return Field(default=None, sa_column=Column(name, Numeric(12, 2), Computed(expression, persisted=True)))


def number(digits: int, places: int) -> Any:
    """A measured quantity whose unit stands in the column's name."""
    return Field(default=None, sa_type=Numeric(digits, places), nullable=True)


def flag(default: bool) -> Any:
    """A boolean with the same default in the database as here."""
    return Field(default=default, nullable=False, sa_column_kwargs={"server_default": "true" if default else "false"})


def count(default: int = 0) -> Any:
    """A whole number with the same default in the database as here."""
    return Field(default=default, nullable=False, sa_column_kwargs={"server_default": str(default)})


def moment() -> Any:
    """A point in time that may be unknown; kept with time zone, read in UTC."""
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


def required_moment() -> Any:
    """A point in time that the writer must give."""
    return Field(sa_type=DateTime(timezone=True), nullable=False)


def created() -> Any:
    """When the row was made, given by the database unless the writer says."""
    return Field(
        default_factory=lambda: datetime.now(UTC),
        sa_type=DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": func.now()},
    )


class ByActor(Table):
    """Base of the tables whose rows keep who made them; `domain.kernel.actor.Actor.columns` fills the three.

    The id is the row of the actor's kind and no foreign key: the row stays when the person is deleted. Tables of the
    first releases keep it as `integer` in the database (a test lists them): to widen it would rewrite all orders under
    a lock, and break the statements that a serving older release has prepared.
    """

    actor_kind: str = text()
    actor_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    actor_name: str = text()


def searched(expression: str) -> Any:
    """The text that searches look in, in lower case and without accents, kept by the database itself."""
    folded = f"translate({expression}, '{ACCENTED}', '{PLAIN}')"
    return Field(default=None, sa_column=Column("search_text", Text, Computed(folded, persisted=True)))


def search_index(name: str) -> Index:
    """A trigram index on `search_text`, for `LIKE '%…%'` and typos."""
    return Index(name, "search_text", postgresql_using="gin", postgresql_ops={"search_text": "gin_trgm_ops"})


def prefix_index(name: str, column: str) -> Index:
    """An index for `lower(column) LIKE 'be%'` whatever the database's collation."""
    lowered = func.lower(sql(column)).label("lowered")
    return Index(name, lowered, postgresql_ops={"lowered": "text_pattern_ops"})


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """A CHECK that the column holds one of the enum's words."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def is_e164(column: str) -> CheckConstraint:
    """A CHECK that the column is empty or an E.164 phone number."""
    return CheckConstraint(rf"{column} IS NULL OR {column} ~ '^\+[1-9][0-9]{{6,14}}$'", name=f"{column}_e164")
