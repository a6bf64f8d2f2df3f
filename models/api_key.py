"""API keys for programs: found by prefix, stored as SHA-256, scoped and revocable."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from models.base import Table, created, key, link, moment


class KeyScope(StrEnum):
    """What a key may be used for."""

    VOICE = "voice"
    SYNC = "sync"
    AUTOMATION = "automation"
    CATALOGUE = "catalogue"


class ApiKey(Table, table=True):
    """A named key. `last_used_at` is updated at most once a minute."""

    __tablename__ = "api_key"

    id: int = key()
    name: str = Field(unique=True)
    prefix: str = Field(unique=True)
    key_hash: str
    scopes: list[str] = Field(sa_type=ARRAY(Text), nullable=False)
    created_by: int | None = link("staff.id", nullable=True, ondelete="SET NULL")
    created_at: datetime = created()
    last_used_at: datetime | None = moment()
    revoked_at: datetime | None = moment()
