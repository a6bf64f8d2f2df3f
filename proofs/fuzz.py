"""Whatever is sent, never a 500: schemathesis draws requests from the API's own document, as guest and as admin."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import httpx2

from proofs.ground import Server, check, connect, proving_database, running_servers, stock_shelf
from proofs.oversell import staff_token

# These end the session or the account that the draws are made with.
ENDS_THE_SESSION = r"/logout$|/profile|/staff/users|/auth/|/staff/login|/warehouse/login"
# 502 and 503 are answers of their own here: an outside service failed, or is not set up.
CONFIG = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", "502", "503"]\n'


async def prove(*, examples: int = 40) -> None:
    """Fuzz every operation twice: signed out, and as an admin where that does not end the session."""
    async with proving_database() as url, running_servers(url, 1) as (server,):
        connection = await connect(url)
        await stock_shelf(connection, [100] * 20)
        token = await staff_token(connection)
        await connection.close()
        guest = await fuzz(server, examples=examples)
        admin = await fuzz(
            server,
            *("-H", f"Authorization: Bearer {token}", "--exclude-path-regex", ENDS_THE_SESSION),
            examples=examples,
        )
        async with httpx2.AsyncClient() as client:
            alive = await client.get(f"{server.url}/api/staff/me", headers={"Authorization": f"Bearer {token}"})
        print(f"  guest: {guest[1]}; admin: {admin[1]}")
        check("nothing a guest sends is a 500", guest[0] == 0)
        check("nothing an admin sends is a 500", admin[0] == 0)
        check("the admin was signed in to the end", alive.status_code == 200)


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
