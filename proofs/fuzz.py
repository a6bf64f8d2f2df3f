"""No request gets a 500, and all answers are documented.

schemathesis generates valid and invalid requests from the API's document, single and in sequences, for all kinds of
callers. `proofs/fuzz_hooks.py` configures it.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from domain.access.passwords import hash_password
from postgres.connect import connect
from proofs.ground import ROOT, Server, check, proving_database, running_servers, staff_token, stock_shelf

# These end the session or the account that the draws are made with: signing out, the own profile (its password and
# "sign out everywhere"), accounts of colleagues (an administrator's own among them) and of website users (the
# customer's own), and signing in, which answers another session in the place of the one that is sent.
ENDS_THE_SESSION = r"/logout$|/profile|/staff/users|/users/\{|/auth/|/staff/login|/warehouse/login"
KEY = "a key of the proof that is long enough"
SECRET = "a secret of the proof that is long enough"
PASSWORD = "the password of the proof"
_CUSTOMER = """
INSERT INTO customer (username, email, email_verified_at, password_hash)
VALUES ('proof', 'proof@example.com', now(), $1)
"""
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance",
    "what_fits_is_taken", "what_misfits_is_refused",
)  # fmt: skip
# 502 and 503 are answers of their own here: an outside service failed, or is not set up. A NUL
# is refused in any text, which no schema says.
CONFIG = """
request-timeout = 60
[generation]
allow-x00 = false
with-security-parameters = false
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "502", "503"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "502", "503"]
"""


@dataclass(frozen=True)
class Caller:
    """A caller: its header, its security schemes, and a path that shows whether it is still signed in."""

    name: str
    header: str = ""
    ways: frozenset[str] = frozenset()
    alive: str = ""

    def may_call(self, operation: dict[str, Any]) -> bool:
        """True if the caller may use the operation according to the document."""
        ways = operation["security"]
        return {} in ways or not ways if not self.ways else any(self.ways & set(way) for way in ways)


async def prove(*, examples: int = 15, whole: bool = True, stateful_seconds: int = 120) -> None:
    """Fuzz as all kinds of callers; `whole` also tests operations that the caller may not use, and sequences.

    Sequences have no end of their own and last `stateful_seconds` per caller. A caller must not run after one who may
    delete or merge them: an administrator will eventually use customer 1.
    """
    async with (
        proving_database() as url,
        running_servers(url, 1, API_KEY=KEY, INTERNAL_SECRET=SECRET) as (server,),
    ):
        known = await make_callers(server, url)
        async with httpx2.AsyncClient(timeout=60) as client:
            document = (await client.get(f"{server.url}/openapi.json")).json()
        failed = []
        for who in known:
            drawn = document if whole else narrowed(document, who)
            runs: list[tuple[str, tuple[str, ...]]] = [("fuzzing", ())]
            if whole:
                runs.append(("stateful", ("--max-time", str(stateful_seconds))))
            for phase, more in runs:
                status, cases = await fuzz(server, drawn, who, "--phases", phase, *more, examples=examples)
                print(f"  {who.name}, {phase}: {cases}", flush=True)
                failed += [f"{who.name}, {phase}"] * (status != 0)
            if who.alive:
                name, _, value = who.header.partition(": ")
                async with httpx2.AsyncClient(timeout=60) as client:
                    alive = await client.get(f"{server.url}{who.alive}", headers={name: value})
                check(f"the {who.name} was signed in to the end", alive.status_code == 200)
        check("nothing that anybody sends is a 500, and the document knows every answer", not failed)


async def make_callers(server: Server, url: str) -> tuple[Caller, ...]:
    """All callers, with a small catalogue; those who may delete others come last."""
    connection = await connect(url)
    await stock_shelf(connection, [100] * 20)
    token, cookie = await staff_token(connection), await customer_cookie(server, connection)
    await connection.close()
    return (
        Caller("guest"),
        Caller("customer", f"Cookie: {cookie}", frozenset({"customer"}), "/api/orders"),
        Caller("program", f"X-API-Key: {KEY}", frozenset({"api_key"})),
        Caller("machine", f"X-Internal-Secret: {SECRET}", frozenset({"internal"})),
        Caller("admin", f"Authorization: Bearer {token}", frozenset({"staff"}), "/api/staff/me"),
    )


def narrowed(document: dict[str, Any], who: Caller) -> dict[str, Any]:
    """The document with only the caller's operations; the others answer 401 or 403 before reading anything."""
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "operationId" not in operation or who.may_call(operation):
                paths[path][method] = operation
    return document | {"paths": paths}


async def customer_cookie(server: Server, connection: asyncpg.Connection) -> str:
    """The session cookie of a customer who signed in."""
    await connection.execute(_CUSTOMER, await hash_password(PASSWORD))
    async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
        answer = await client.post("/api/auth/login", json={"username": "proof", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


async def fuzz(server: Server, document: dict[str, Any], who: Caller, *options: str, examples: int) -> tuple[int, str]:
    """Run schemathesis over the document with more `options`; returns its exit status and its line about the cases."""
    signed_in = ("-H", who.header) if who.header else ()
    kept = ("--exclude-path-regex", ENDS_THE_SESSION) if who.alive else ()
    with tempfile.TemporaryDirectory() as folder:
        config, drawn = Path(folder) / "schemathesis.toml", Path(folder) / "openapi.json"
        config.write_text(CONFIG)
        drawn.write_text(json.dumps(document))
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "--no-color", "run"),
            *(str(drawn), "--url", server.url, "--checks", ",".join(CHECKS), *options),
            *("--max-examples", str(examples), "--seed", "1", "--continue-on-failure", *signed_in, *kept),
            cwd=folder,
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(ROOT / "proofs" / "fuzz_hooks.py")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out = (await process.communicate())[0].decode()
    if process.returncode:
        print(out)
    cases = next((line.strip() for line in out.splitlines() if re.match(r"\s*\d+ generated", line)), "no cases")
    return process.returncode or 0, cases
