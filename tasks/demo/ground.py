"""The basis of the demo's statements: reproducible randomness, the parameters, and the vocabulary as tables.

Every seemingly random choice is a hash of a row's number, so one seed creates one company and no statement loops.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from tasks.demo.names import CITIES, STAFF, WORDS
from tasks.demo.shelves import BOXES, BRANDS, CATEGORIES, KINDS

TABLES = (
    "demo_wish", "demo_word", "demo_city", "demo_colleague", "demo_category", "demo_brand", "demo_box", "demo_kind",
    "demo_staff", "demo_team", "demo_product", "demo_customer", "demo_visit", "demo_order", "demo_number", "demo_line",
    "demo_sale", "demo_recent", "demo_terms", "demo_ledger", "demo_stock",
    "demo_invoice", "demo_by_hand",
)  # fmt: skip

# `share` returns a seemingly random number in [0, 1); `salt` identifies the choice. Each function is one expression and
# correctly marked immutable or stable, so that PostgreSQL inlines it.
_FUNCTIONS = """
CREATE OR REPLACE FUNCTION pg_temp.share(of_row bigint, salt int) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(of_row, salt + {seed} * 1000) & 1073741823) / 1073741824.0::double precision;

CREATE OR REPLACE FUNCTION pg_temp.nth(of_row bigint, salt int, choices bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 + floor(pg_temp.share(of_row, salt) * choices)::bigint;

CREATE OR REPLACE FUNCTION pg_temp.dollars(amount numeric) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN '$' || to_char(amount, 'FM999,999,990.00');
"""

_TABLES = """
CREATE TEMP TABLE demo_wish (
  at timestamptz, today date, today_starts_at timestamptz, customers int, products int, orders int,
  seed bigint, free_from numeric, fee numeric, password_hash text
);
CREATE TEMP TABLE demo_word (list text, n bigint, word text, PRIMARY KEY (list, n));
CREATE TEMP TABLE demo_city (
  n bigint PRIMARY KEY, city text, state text, zip text, area_code text, timezone text
);
CREATE TEMP TABLE demo_colleague (
  n int, username text, first_name text, last_name text, role text, team text, is_active bool
);
CREATE TEMP TABLE demo_category (n bigint PRIMARY KEY, name text, description text);
CREATE TEMP TABLE demo_brand (n bigint PRIMARY KEY, name text);
CREATE TEMP TABLE demo_box (n bigint PRIMARY KEY, name text, length numeric, width numeric, height numeric);
CREATE TEMP TABLE demo_kind (
  n bigint PRIMARY KEY, category bigint, code text, noun text, variants text[], sizes text[], price numeric,
  weight_oz numeric, unit text, box bigint
);
CREATE TEMP TABLE demo_staff (n int, id bigint, name text, team text);
"""


@dataclass(frozen=True, slots=True)
class DemoWish:
    """The parameters of the company: its size, the seed, the date, and the delivery fees."""

    customers: int
    products: int
    orders: int
    seed: int
    at: datetime
    business_timezone: str
    free_from: Decimal
    fee: Decimal
    password_hash: str


async def prepare_ground(connection: asyncpg.Connection, wish: DemoWish) -> None:
    """Create the temporary functions and tables used by the other steps."""
    await clear_ground(connection)
    await connection.execute("SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '256MB'")
    await connection.execute(_FUNCTIONS.format(seed=_seed(wish)))
    await connection.execute(_TABLES)
    await connection.execute(
        """
        INSERT INTO demo_wish
        SELECT $1::timestamptz, day, day::timestamp AT TIME ZONE $2::text, $3, $4, $5, $6, $7, $8, $9
        FROM (SELECT ($1::timestamptz AT TIME ZONE $2::text)::date AS day) AS business
        """,
        wish.at,
        wish.business_timezone,
        wish.customers,
        wish.products,
        wish.orders,
        _seed(wish),
        wish.free_from,
        wish.fee,
        wish.password_hash,
    )
    vocabulary = {
        "demo_word": [(name, n, word) for name, words in WORDS.items() for n, word in enumerate(words, start=1)],
        "demo_city": _number(_split(CITIES)),
        "demo_colleague": _number(STAFF),
        "demo_category": _number(CATEGORIES),
        "demo_brand": _number([(name,) for name in BRANDS]),
        "demo_box": _number(BOXES),
        "demo_kind": _number(_read_kinds()),
    }
    for table, rows in vocabulary.items():
        await connection.copy_records_to_table(table, records=rows)
    await connection.execute("; ".join(f"ANALYZE {table}" for table in vocabulary))


async def clear_ground(connection: asyncpg.Connection) -> None:
    """Drop the temporary tables."""
    await connection.execute("SET LOCAL client_min_messages = warning")
    await connection.execute(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{table}' for table in TABLES)}")


def _seed(wish: DemoWish) -> int:
    return wish.seed % 1_000_000


def _number(rows: "list[tuple[object, ...]] | tuple[tuple[object, ...], ...]") -> list[tuple[object, ...]]:
    return [(n, *row) for n, row in enumerate(rows, start=1)]


def _split(text: str) -> list[tuple[object, ...]]:
    return [tuple(line.split("|")) for line in text.strip().splitlines()]


def _read_kinds() -> list[tuple[object, ...]]:
    return [
        (
            int(category), code, noun, variants.split(";"), sizes.split(";"), Decimal(price), Decimal(weight), unit,
            int(box),
        )
        for category, code, noun, variants, sizes, price, weight, unit, box in (
            line.split("|") for line in KINDS.strip().splitlines()
        )
    ]  # fmt: skip
