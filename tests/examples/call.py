"""A request of an example, whose values may be read from the demo company or an earlier answer."""

from dataclasses import dataclass, field
from typing import Any

import asyncpg


@dataclass(frozen=True)
class Call:
    """One request: a text that begins with SELECT is read from the database, one with @ from an answer.

    `who` is a user of the demo company who signs in only for this call; otherwise the operation determines the caller.
    """

    operation: str
    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    form: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    who: str = ""
    first: str = ""


async def resolve(value: Any, connection: asyncpg.Connection, answers: dict[str, Any]) -> Any:
    """The value with all lookups resolved."""
    if isinstance(value, dict):
        return {name: await resolve(inner, connection, answers) for name, inner in value.items()}
    if isinstance(value, list):
        return [await resolve(inner, connection, answers) for inner in value]
    if isinstance(value, str) and value.startswith("SELECT "):
        found = await connection.fetchval(value)
        assert found is not None, f"The demo company has nothing for {value}"
        return found
    if isinstance(value, str) and value.startswith("@"):
        found = answers
        for part in value[1:].split("."):
            found = found[int(part)] if isinstance(found, list) else found[part]
        return found
    return value
