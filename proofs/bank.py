"""Bank account numbers are stored only encrypted: searches for 500 known numbers everywhere."""

import asyncio
import random
import re
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.crypto import UnreadableSecretError
from domain.access.passwords import hash_password
from domain.sales.bank_account import read_number, rotate_bank_accounts
from models import BankAccount
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import check, proving_database, running_servers
from settings import load_settings

PASSWORD = "proof-proof-proof"
ROUTING = "021000021"
AT_ONCE = 8
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_PEOPLE = """
INSERT INTO customer (username, email, first_name, last_name, company_name, phone, created_at, updated_at)
SELECT 'bank' || n, 'bank' || n || '@bistro.test', 'Greta', 'Number ' || n, 'Bistro ' || n,
  '+1216' || (5550000 + n), now(), now()
FROM generate_series(1, $1) AS n RETURNING id
"""
# Where a number might appear: pages, exports, the audit trail, and metrics.
_PLACES = (
    "/portal/customers", "/portal/customers.csv", "/portal/audit", "/portal/audit.csv", "/portal/calling",
    "/portal/jobs", "/portal/outbox", "/portal/search?q={number}", "/api/staff/customers/export", "/metrics",
)  # fmt: skip


async def prove(*, accounts: int = 500) -> None:
    """Send the numbers through both doors, also invalid ones and with a failing server, and search for them."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        async with proving_database() as url:
            raw = await connect(url)
            await raw.execute(
                "INSERT INTO staff (username, full_name, password_hash, role) VALUES ('proof', 'Proof', $1, 'admin')",
                await hash_password(PASSWORD),
            )
            people = [row["id"] for row in await raw.fetch(_PEOPLE, accounts)]
            rng = random.Random(7)
            numbers = {person: str(rng.randrange(10**11, 10**12)) for person in people}
            async with running_servers(url, 1, log=str(log), LOG_LEVEL="debug", METRICS_TOKEN="") as (server,):
                shown = await give_and_look(server.url, numbers, raw)
            check_absent("answers, error pages, exports, the audit trail and metrics", numbers, shown)
            check_absent("the server's log at DEBUG", numbers, log.read_text(errors="replace"))
            check_absent("a dump of every table", numbers, await dump_tables(raw))
            await move_and_rotate(url, numbers, raw)
            await raw.close()


async def give_and_look(url: str, numbers: dict[int, str], raw: asyncpg.Connection) -> str:
    """All answers of the server to valid and invalid numbers and to searches."""
    seen: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        token = await sign_in(client)

        async def send(method: str, path: str, **body: Any) -> httpx2.Response:
            async with gate:
                answer = await client.request(method, path, headers={"X-CSRF-Token": token}, **body)
            seen.extend((answer.text, str(answer.headers)))
            return answer

        async def give(person: int, number: str, *, looks: bool = False) -> int:
            data = {
                "routing_number": ROUTING,
                "account_number": number,
                "bank_name": "First Proof",
                "csrf_token": token,
            }
            api, page = f"/api/sales/customers/{person}/ach", f"/portal/customers/{person}/bank"
            if looks:
                await send("POST", page, data=data | {"routing_number": "1"})
                await send("POST", page, data=data | {"account_number": f"{number}-{number}"})
                await send("POST", api, json={"routing_number": ROUTING, "account_number": [number]})
                await send("POST", api, content=f'{{"account_number": "{number}"')
            kept = await (send("POST", api, json=data) if person % 2 else send("POST", page, data=data))
            await send("GET", api)
            if looks:
                await send("GET", f"/portal/customers/{person}?tab=bank")
            return kept.status_code

        first = next(iter(numbers))
        # A missing table: the error page and its log must not contain numbers either.
        await raw.execute("ALTER TABLE bank_account RENAME TO bank_account_away")
        broken = await asyncio.gather(*(give(person, numbers[person], looks=True) for person in list(numbers)[:20]))
        await raw.execute("ALTER TABLE bank_account_away RENAME TO bank_account")
        given = await asyncio.gather(
            *(give(person, number, looks=person % 10 == 0) for person, number in numbers.items())
        )
        kept = await raw.fetchval("SELECT count(*) FROM bank_account")
        check(f"{kept} numbers kept, {len(broken)} of them after a failure", kept == len(numbers) == len(given))
        check("a failing server answers 500", set(broken) == {500})
        for place in _PLACES:
            await send("GET", place.format(number=numbers[first]))
    return "\n".join(seen).replace(f"q={numbers[first]}", "").replace(f'value="{numbers[first]}"', "")


async def sign_in(client: httpx2.AsyncClient) -> str:
    """The anti-forgery token of a signed-in page."""
    page = await client.get("/portal/sign-in")
    fields = {"csrf_token": _read_token(page.text), "username": "proof", "password": PASSWORD}
    await client.post("/portal/sign-in", data=fields)
    return _read_token((await client.get("/portal/profile")).text)


def _read_token(text: str) -> str:
    found = _TOKEN.search(text)
    if found is None:
        raise AssertionError("The page has no anti-forgery token.")
    return found[1]


async def dump_tables(raw: asyncpg.Connection) -> str:
    """Every row of every table, as pg_dump writes them."""
    names = await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    out = BytesIO()
    for row in names:
        await raw.copy_from_table(row["tablename"], output=out)
    return out.getvalue().decode(errors="replace")


def check_absent(where: str, numbers: dict[int, str], text: str) -> None:
    """Check that no number is in the text, even with separated digits."""
    bare = re.sub(r"(?<=\d)[\s.-](?=\d)", "", text)
    found = [number for number in numbers.values() if number in text or number in bare]
    check(f"none of {len(numbers)} numbers in {where} ({len(text):,} characters)", not found)


async def move_and_rotate(url: str, numbers: dict[int, str], raw: asyncpg.Connection) -> None:
    """A number copied to another row is refused; after re-encrypting with a new key the old key is no longer needed."""
    keys = load_settings().data_keys
    database = Database(url)
    use_database(database)
    new = ["a new key that nobody has guessed so far, made for this proof"]
    async with database.session() as db:
        one, two = [await _account_of(db, person) for person in list(numbers)[:2]]
        own = one.sealed_number
        one.sealed_number = two.sealed_number
        check("a number moved to another row is refused", not _is_readable(one, keys))
        one.sealed_number = own
        check("each number reads as it was given", read_number(one, keys) == numbers[one.customer_id])
        await db.rollback()
    rotated = 0
    async with database.session() as db:
        while done := await rotate_bank_accounts(db, [*new, *keys]):
            rotated += done
        await db.commit()
    async with database.session() as db:
        accounts = [await _account_of(db, person) for person in numbers]
        readable = [read_number(account, new) == numbers[account.customer_id] for account in accounts]
    check(f"{rotated} numbers sealed with a new key, and read by it alone", rotated == len(numbers) and all(readable))
    check("the old key reads none of them", not any(_is_readable(account, keys) for account in accounts))
    names = await raw.fetchval("SELECT count(DISTINCT number_index) FROM bank_account")
    check("each account keeps an index of its own", names == len(numbers))
    await database.close()


async def _account_of(db: AsyncSession, person: int) -> BankAccount:
    return (await db.scalars(select(BankAccount).where(BankAccount.customer_id == person))).one()


def _is_readable(account: BankAccount, keys: list[str]) -> bool:
    try:
        read_number(account, keys)
    except UnreadableSecretError:
        return False
    return True
