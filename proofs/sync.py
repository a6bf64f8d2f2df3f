"""Product sync: 5,000 rows in one request in under two seconds, by two statements more than 50 rows take.

The time is the whole request over HTTP; the statements are what really goes over the database's connection.
"""

import asyncio
import base64
import time
from io import BytesIO

import asyncpg
import httpx2
from PIL import Image

from domain.catalogue.bulk import MANY, PARTS
from domain.catalogue.sync_bulk import SyncBulkUpdate, sync_bulk_update
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from models import KeyScope
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import Server, check, proving_database, running_servers, stock_shelf
from proofs.statements import noted_on

KEY = "a key of the proof that is long enough"
MOST_SECONDS = 2.0
_SCANS = """
SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'product_image_data'
"""


async def prove(*, rows: int = 5_000, few: int = 50, seconds: float | None = MOST_SECONDS, rounds: int = 3) -> None:
    """Time whole requests, count statements, and ask the database who read the bytes of pictures."""
    async with proving_database() as url, running_servers(url, 1, API_KEY=KEY) as (server,):
        connection = await connect(url)
        products = await stock_shelf(connection, [10] * rows)
        await connection.execute("ANALYZE")
        async with httpx2.AsyncClient(timeout=60, base_url=server.url, headers={"X-API-Key": KEY}) as client:
            await time_requests(client, products, seconds=seconds, rounds=rounds)
            await each_row_alone(client, products)
            await meet_others(client, connection, seconds=seconds)
            await read_no_bytes(client, server, connection, products[0])
        await count_statements(url, products, few=few)
        await connection.close()


async def time_requests(client: httpx2.AsyncClient, products: list[int], *, seconds: float | None, rounds: int) -> None:
    """Every product gets a new price, bulk price, flag and description in each round."""
    taken = []
    for number in range(1, rounds + 1):
        body = {"products": [_row(product, number) for product in products]}
        started = time.perf_counter()
        response = await client.post("/api/v1/products/bulk", json=body)
        taken.append(time.perf_counter() - started)
        assert response.status_code == 200, response.text
        assert response.json()["updated_count"] == len(products)
    print(f"  {len(products)} rows: {', '.join(f'{each:.2f} s' for each in taken)}")
    if seconds is not None:  # a limit for an idle machine; tests assert no times
        check(f"every request took less than {seconds:g} s", max(taken) < seconds)


async def each_row_alone(client: httpx2.AsyncClient, products: list[int]) -> None:
    """Of rows that are good, bad and unknown by turns, the good ones are done."""
    rows: list[dict[str, object]] = []
    for number, product in enumerate(products):
        kinds: list[dict[str, object]] = [
            _row(product, 99),
            {"id": product, "unit_price": "x"},
            {"sku": f"none-{product}"},
        ]
        rows.append(kinds[number % 3])
    answer = (await client.post("/api/v1/products/bulk", json={"products": rows})).json()
    counts = answer["updated_count"], answer["skipped_count"], answer["error_count"]
    print(f"  good, bad and unknown rows by turns: {counts[0]} updated, {counts[1]} skipped, {counts[2]} refused")
    good = len(range(0, len(products), 3))
    check("the good rows were done and each other one is named", counts == (good, 0, len(products) - good))


async def meet_others(
    client: httpx2.AsyncClient, connection: asyncpg.Connection, *, seconds: float | None, programs: int = 3
) -> None:
    """Several programs change all products by SKU concurrently, each in a different order."""
    skus = [record["sku"] for record in await connection.fetch("SELECT sku FROM product ORDER BY id")]
    started = time.perf_counter()

    async def send(number: int) -> float:
        own = skus[number * 7 :] + skus[: number * 7]
        rows = [{"sku": sku, "unit_price": 200 + number, "brand": f"program {200 + number}"} for sku in own[::-1]]
        answer = await client.post("/api/v1/products/bulk", json={"products": rows})
        assert answer.json()["updated_count"] == len(skus), answer.text[:500]
        return time.perf_counter() - started

    taken = await asyncio.gather(*(send(number) for number in range(programs)))
    print(f"  {programs} programs at once: {', '.join(f'{each:.2f} s' for each in sorted(taken))}")
    left = await connection.fetch("SELECT DISTINCT unit_price, brand FROM product")
    one = len(left) == 1 and left[0]["brand"] == f"program {left[0]['unit_price']:.0f}"
    check("every product is left as one and the same program said", one)
    if seconds is not None:
        check(f"the last was answered within {programs * seconds:g} s", max(taken) < programs * seconds)


async def read_no_bytes(
    client: httpx2.AsyncClient, server: Server, connection: asyncpg.Connection, product: int
) -> None:
    """Lists and products are read many times; only the picture's own route opens the table of bytes."""
    written = BytesIO()
    Image.new("RGB", (64, 64), "grey").save(written, "PNG")
    address = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
    await client.patch(f"/api/v1/products/{product}", json={"image_url": address})
    before = await _settled_scans(server, connection)
    for _ in range(50):
        for path in ("/api/products", f"/api/products/{product}", "/api/v1/products", f"/api/v1/products/{product}"):
            assert (await client.get(path)).status_code == 200
    between = await _settled_scans(server, connection)
    for _ in range(5):
        assert (await client.get(f"/api/products/{product}/image")).status_code == 200
    after = await _settled_scans(server, connection)
    print(
        f"  scans of the pictures' bytes: {between - before} by 200 reads of products, {after - between} by 5 pictures"
    )
    check("reads of products never touch the bytes, and pictures do", between == before and after - between == 5)


async def count_statements(url: str, products: list[int], *, few: int) -> None:
    """The same act on few rows and on all, with everything that goes over its connection written down."""
    database = Database(url)
    use_database(database)
    counts = {}
    try:
        # A new connection asks for the types it meets, once.
        await _count(database, products[:few], word="first")
        for size in (few, len(products) // 2, len(products)):
            counts[size] = await _count(database, products[:size])
    finally:
        await database.close()
    print("  statements: " + ", ".join(f"{count} for {size} rows" for size, count in counts.items()))
    wanted = {size: counts[few] + len(PARTS) * (size > MANY) for size in counts}
    check(f"no statement more for more rows, except {len(PARTS)} for parts of more than {MANY:,}", counts == wanted)


async def _count(database: Database, products: list[int], *, word: str = "again") -> int:
    program = Actor(ActorKind.API_KEY, name=SYSTEM.name, scopes=frozenset({KeyScope.SYNC}))
    data = SyncBulkUpdate.model_validate(
        {"products": [{"id": id_, "name": f"{word} {id_} {len(products)}"} for id_ in products]}
    )
    async with database.separate_transaction() as session, noted_on(await session.connection()) as statements:
        result = await sync_bulk_update(session, data, by=program)
        # The last statement is written down once the loop comes around.
        await asyncio.sleep(0)
    assert len(result.updated) == len(products)
    return len(statements)


async def _settled_scans(server: Server, connection: asyncpg.Connection) -> int:
    """The scans of the table; connections report theirs when they end, so the server is restarted."""
    await server.stop()
    await server.start()
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    scans: int = await connection.fetchval(_SCANS)
    return scans


def _row(product: int, number: int) -> dict[str, object]:
    return {
        "id": product,
        "unit_price": 10 + number,
        "bulk_price": 9 + number,
        "bulk_quantity": 10 + number,
        "in_stock": number % 2 == 0,
        "description": f"As the other system says for the {number}th time",
    }
