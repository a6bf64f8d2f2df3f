"""Loading many rows at once: indexes and foreign keys are dropped and rebuilt at the end, in one pass each.

So is the trigger that records what each order bought, which looks up its lines by index: the caller recounts
afterwards.
"""

from dataclasses import dataclass

import asyncpg

LOADED = (
    "product", "customer", "orders", "order_item", "order_event", "payment", "stock_movement", "outbox_message",
    "label", "tracker",
)  # fmt: skip

# What they record of each row is counted from all rows in the end.
_TRIGGERS = (
    ("order_item", "purchases_inserted"), ("order_event", "trail_inserted"), ("audit_entry", "trail_inserted"),
)  # fmt: skip
_INDEXES = """
SELECT index.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
JOIN pg_class AS index ON index.oid = i.indexrelid
JOIN pg_class AS owner ON owner.oid = i.indrelid
WHERE owner.relname = ANY($1::text[]) AND owner.relnamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
ORDER BY index.relname
"""
_FOREIGN_KEYS = """
SELECT c.conname AS name, owner.relname AS owner, pg_get_constraintdef(c.oid) AS definition
FROM pg_constraint AS c JOIN pg_class AS owner ON owner.oid = c.conrelid
WHERE c.contype = 'f' AND owner.relname = ANY($1::text[]) AND owner.relnamespace = current_schema()::regnamespace
ORDER BY c.conname
"""


@dataclass(frozen=True, slots=True)
class SetAside:
    """The statements that restore what was dropped."""

    statements: tuple[str, ...]


async def set_indexes_aside(connection: asyncpg.Connection) -> SetAside:
    """Drop the foreign keys and the indexes of the loaded tables, except those of keys.

    Locks the tables until the transaction ends; after an error, the rollback restores everything.
    """
    tables = list(LOADED)
    keys = await connection.fetch(_FOREIGN_KEYS, tables)
    indexes = await connection.fetch(_INDEXES, tables)
    for key in keys:
        await connection.execute(f'ALTER TABLE "{key["owner"]}" DROP CONSTRAINT "{key["name"]}"')
    for index in indexes:
        await connection.execute(f'DROP INDEX "{index["name"]}"')
    for table, trigger in _TRIGGERS:
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    return SetAside(
        (
            *(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}" for table, trigger in _TRIGGERS),
            *(index["definition"] for index in indexes),
            *(f'ALTER TABLE "{key["owner"]}" ADD CONSTRAINT "{key["name"]}" {key["definition"]}' for key in keys),
        )
    )


async def restore_indexes(connection: asyncpg.Connection, aside: SetAside) -> None:
    """Rebuild the indexes and check the foreign keys, for all rows at once."""
    for statement in aside.statements:
        await connection.execute(statement)
