"""Categories of the catalogue."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy import text as sql

from models.base import Table, count, created, key, text


class Category(Table, table=True):
    """A category of products. Its name is unique regardless of case."""

    __tablename__ = "category"
    __table_args__ = (Index("uq_category_name_lower", sql("lower(name)"), unique=True),)

    id: int = key()
    name: str
    description: str = text()
    position: int = count()
    created_at: datetime = created()
