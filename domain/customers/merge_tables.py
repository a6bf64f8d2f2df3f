"""What a merge does with every row that refers to a customer.

`FATES` lists each foreign key to `customer`; a test compares it with all tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg
import orjson


class Fate(StrEnum):
    """What a merge does with the merged customer's rows."""

    MOVES = "moves"
    # The kept customer's own row is used; without one, the merged customer's moves.
    MOVES_IF_ALONE = "moves_if_alone"
    ENDS = "ends"


FATES: Mapping[str, Fate] = {
    "bank_account.customer_id": Fate.MOVES_IF_ALONE,
    "call_log.customer_id": Fate.MOVES,
    "calling_entry.customer_id": Fate.MOVES_IF_ALONE,
    "credit_entry.customer_id": Fate.MOVES,
    "customer_distinction.first_id": Fate.ENDS,
    "customer_distinction.second_id": Fate.ENDS,
    "customer_merge.kept_id": Fate.MOVES,
    "customer_note.customer_id": Fate.MOVES,
    "customer_score.customer_id": Fate.ENDS,
    "invoice.customer_id": Fate.MOVES,
    "login_session.customer_id": Fate.ENDS,
    "one_time_code.customer_id": Fate.ENDS,
    "orders.customer_id": Fate.MOVES,
    "outbound_call_log.customer_id": Fate.MOVES,
    "outbox_message.customer_id": Fate.MOVES,
    "payment.customer_id": Fate.MOVES,
    "receipt.customer_id": Fate.MOVES,
    "rfq.customer_id": Fate.MOVES,
    "stripe_intent.customer_id": Fate.MOVES,
    "subscription.customer_id": Fate.MOVES,
}
# Rows with a version or an update time get a new one, so that open pages notice.
_TOUCHES = {"orders": ", version = version + 1, updated_at = now()"}
# With a second entry on the calling list, the same person would be called twice.
_SET_ASIDE = {"calling_entry": "UPDATE calling_entry SET status = 'closed', updated_at = now() WHERE id = ANY($1)"}


@dataclass(frozen=True, slots=True)
class Moved:
    """The ids of the rows that moved, by `table.column`, and snapshots of rows that were replaced."""

    ids: dict[str, list[int]]
    gave_way: dict[str, list[dict[str, Any]]]


async def move_rows(connection: asyncpg.Connection, merged_id: int, kept_id: int) -> Moved:
    """Move all rows of the merged customer to the kept one, table by table, in order of id."""
    moved = Moved({}, {})
    for name, fate in FATES.items():
        table, column = name.split(".")
        if fate is Fate.ENDS:
            continue
        if fate is Fate.MOVES_IF_ALONE and await _has_row(connection, table, column, kept_id):
            moved.gave_way[name] = await _keep_for_undo(connection, table, column, merged_id)
            continue
        ids = await _point(connection, table, column, merged_id, kept_id)
        if ids:
            moved.ids[name] = ids
    return moved


async def move_back(connection: asyncpg.Connection, moved: Moved, merged_id: int, kept_id: int) -> None:
    """Move the same rows back to the customer from whom they came, and restore the replaced ones."""
    for name, ids in moved.ids.items():
        table, column = name.split(".")
        await connection.execute(
            f"UPDATE {table} SET {column} = $1{_TOUCHES.get(table, '')} WHERE {column} = $2 AND id = ANY($3)",  # noqa: S608 - names from above
            merged_id,
            kept_id,
            ids,
        )
    for name, rows in moved.gave_way.items():
        table, column = name.split(".")
        for row in rows:
            await connection.execute(f"DELETE FROM {table} WHERE id = $1", row["id"])  # noqa: S608 - as above
            await insert_snapshot(connection, table, row)


async def insert_snapshot(connection: asyncpg.Connection, table: str, row: dict[str, Any]) -> None:
    """Insert a row from its snapshot, without generated columns."""
    columns = await connection.fetchval(
        "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER' AND column_name = ANY($2)",
        table,
        list(row),
    )
    await connection.execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $1::jsonb)",  # noqa: S608 - names of our own tables
        orjson.dumps(row).decode(),
    )


async def take_snapshot(connection: asyncpg.Connection, table: str, row_id: int) -> dict[str, Any]:
    """Return a row as plain JSON values."""
    text = await connection.fetchval(f"SELECT to_jsonb(t)::text FROM {table} t WHERE id = $1", row_id)  # noqa: S608 - as above
    row: dict[str, Any] = orjson.loads(text)
    return row


async def _has_row(connection: asyncpg.Connection, table: str, column: str, customer_id: int) -> bool:
    return bool(
        await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table} WHERE {column} = $1)", customer_id)  # noqa: S608 - as above
    )


async def _point(connection: asyncpg.Connection, table: str, column: str, merged_id: int, kept_id: int) -> list[int]:
    rows = await connection.fetch(
        f"WITH wanted AS (SELECT id FROM {table} WHERE {column} = $1 ORDER BY id FOR NO KEY UPDATE) "  # noqa: S608 - as above
        f"UPDATE {table} SET {column} = $2{_TOUCHES.get(table, '')} WHERE id IN (SELECT id FROM wanted) RETURNING id",
        merged_id,
        kept_id,
    )
    return sorted(row["id"] for row in rows)


async def _keep_for_undo(
    connection: asyncpg.Connection, table: str, column: str, merged_id: int
) -> list[dict[str, Any]]:
    """Return snapshots of the rows for an undo, because deleting the merged customer unlinks or deletes them."""
    rows = await connection.fetch(
        f"SELECT id, to_jsonb(t)::text AS row FROM {table} t WHERE {column} = $1 ORDER BY id FOR UPDATE",  # noqa: S608 - as above
        merged_id,
    )
    if rows and table in _SET_ASIDE:
        await connection.execute(_SET_ASIDE[table], [row["id"] for row in rows])
    return [orjson.loads(row["row"]) for row in rows]
