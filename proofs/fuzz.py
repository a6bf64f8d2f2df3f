"""Whatever is sent, never a 500: schemathesis draws requests from the API's own document, as everybody who may call."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import asyncpg
import httpx2

from domain.access.passwords import hash_password
from models.postgres.connect import connect
from proofs.ground import Server, check, proving_database, running_servers, staff_token, stock_shelf

# These end the session or the account that the draws are made with.
ENDS_THE_SESSION = r"/logout$|/profile|/staff/users|/users/\{|/auth/|/staff/login|/warehouse/login"
KEY = "a key of the proof that is long enough"
PASSWORD = "the password of the proof"
_CUSTOMER = """
INSERT INTO customer (username, email, email_verified_at, password_hash)
VALUES ('proof', 'proof@example.com', now(), $1)
"""
# 502 and 503 are answers of their own here: an outside service failed, or is not set up.
CONFIG = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", "502", "503"]\n'


async def prove(*, examples: int = 40) -> None:
    """Fuzz every operation signed out, and each one that somebody may call as an admin, a program and a customer."""
    async with proving_database() as url, running_servers(url, 1, API_KEY=KEY) as (server,):
        connection = await connect(url)
        await stock_shelf(connection, [100] * 20)
        admin = f"Authorization: Bearer {await staff_token(connection)}"
        customer = f"Cookie: {await customer_cookie(server, connection)}"
        await connection.close()
        kept = ("--exclude-path-regex", ENDS_THE_SESSION)
        failed = []
        for who, options in (
            ("guest", ()),
            ("admin", ("-H", admin, *kept)),
            ("program", ("-H", f"X-API-Key: {KEY}", "--include-path-regex", "^/api/v1/")),
            ("customer", ("-H", customer, *kept, "--include-path-regex", "^/api/(?!staff|v1|internal|webhooks)")),
        ):
            status, cases = await fuzz(server, *options, examples=examples)
            print(f"  {who}: {cases}")
            failed += [who] * (status != 0)
        check("nothing that anybody sends is a 500", not failed)
        for who, header, path in (("admin", admin, "/api/staff/me"), ("customer", customer, "/api/orders")):
            name, _, value = header.partition(": ")
            async with httpx2.AsyncClient() as client:
                alive = await client.get(f"{server.url}{path}", headers={name: value})
            check(f"the {who} was signed in to the end", alive.status_code == 200)


async def customer_cookie(server: Server, connection: asyncpg.Connection) -> str:
    """The session cookie of a customer who signed in."""
    await connection.execute(_CUSTOMER, await hash_password(PASSWORD))
    async with httpx2.AsyncClient(base_url=server.url) as client:
        answer = await client.post("/api/auth/login", json={"username": "proof", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


async def fuzz(server: Server, *options: str, examples: int) -> tuple[int, str]:
    """Run schemathesis over the served document; returns its exit status and its line about the cases."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(CONFIG)
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "--no-color", "run"),
            *(f"{server.url}/openapi.json", "--checks", "not_a_server_error", "--phases", "fuzzing"),
            *("--max-examples", str(examples), "--seed", "1", *options),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out = (await process.communicate())[0].decode()
    if process.returncode:
        print(out)
    cases = next((line.strip() for line in out.splitlines() if re.match(r"\s*\d+ generated", line)), "no cases")
    return process.returncode or 0, cases
