"""Hostile texts and JSON in every field of every operation: stored unchanged, or refused cleanly; never a 5xx.

The texts and bodies are those of `proofs/hostile_texts.py`, or the collections in `../shared/data/hostile`.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any
from urllib.parse import quote

import httpx2

from domain.kernel.texts import clean_text
from postgres.connect import connect
from proofs.fuzz import ENDS_THE_SESSION, KEY, SECRET, Caller, make_callers, narrowed
from proofs.ground import check, load_demo, proving_database, running_servers
from proofs.hostile_texts import read_jsons, read_texts

# A failed or unconfigured vendor is not our error.
NOT_FAULTS = {502, 503}
AT_ONCE = 8
JSON = {"Content-Type": "application/json"}
# Valid values for fields with a format while the operation's other fields are tested.
FORMED = {"date": "2026-11-24", "date-time": "2026-11-24T09:30:00Z", "email": "greta@example.com"}
NAMED = {
    "phone": "+12165550148",
    "phone_number": "+12165550148",
    "phone2": "+12165550149",
    "delivery_phone": "+12165550148",
    "state": "OH",
    "delivery_state": "OH",
    "zip": "44099",
    "delivery_zip": "44099",
    "payment_method": "check",
    "password": "four words of the proof",
}
# How to find a record of the demo company for a path parameter, by the path before it.
RECORDS = {
    r"/staff/orders/$|/sales/orders/$": "SELECT max(id)::text FROM orders",
    r"orders/$|checks/$|commissions/$": "SELECT order_number FROM orders ORDER BY id DESC LIMIT 1",
    r"customers/$|suggest-interval/$": "SELECT max(id)::text FROM customer",
    r"calling-list/$": "SELECT max(id)::text FROM calling_entry",
    r"invoices/$": "SELECT max(id)::text FROM invoice",
    r"/vendors/$": "SELECT max(id)::text FROM vendor",
    r"/procurement/products/$": "SELECT max(id)::text FROM vendor_product",
    r"products/$|inventory/$": "SELECT max(id)::text FROM product",
    r"/sku/$": "SELECT sku FROM product ORDER BY id DESC LIMIT 1",
    r"/subscriptions/$": "SELECT max(id)::text FROM subscription",
    r"/labels/$": "SELECT max(id)::text FROM label",
    r"/calls/$": "SELECT max(id)::text FROM call_log",
    r"/agents/$": "SELECT max(id)::text FROM voice_agent",
    r"/box-recommendations/$": "SELECT max(id)::text FROM box_rule",
    r"/imports/$": "SELECT max(id)::text FROM import_run",
}
# Text fields whose answer differs from what was sent: normalised, or looked up.
REWRITTEN = re.compile(r"phone|email|username|state$|zip$|country|sku|address|image|url|from|token|password|zone")


@dataclass
class Tally:
    """The results of the requests."""

    requests: int = 0
    refused: int = 0
    kept: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, answer: httpx2.Response, what: str) -> None:
        """Count an answer; record our 5xx answers, and refusals with a wrong shape."""
        self.requests += 1
        self.refused += 400 <= answer.status_code < 500
        if answer.status_code >= 500 and answer.status_code not in NOT_FAULTS:
            self.faults.append(f"{what} is {answer.status_code}: {answer.text[:200]}")
        elif answer.status_code >= 400 and (not is_json(answer) or not set(answer.json()) >= {"error", "code"}):
            self.faults.append(f"{what} is refused in another shape: {answer.text[:200]}")

    def compare(self, sent: object, answer: httpx2.Response, what: str) -> None:
        """Check that stored texts in an answer equal the sent ones."""
        if answer.status_code not in {200, 201} or not is_json(answer) or not isinstance(sent, dict):
            return
        shown = answer.json()
        for name, text in sent.items():
            if not isinstance(text, str) or REWRITTEN.search(name):
                continue
            for found in find_texts(shown, name):
                self.kept += 1
                if found != clean_text(text.strip()):
                    self.faults.append(f"{what} keeps {name} {text!r} as {found!r}")


def is_json(answer: httpx2.Response) -> bool:
    """True for an answer that says it is JSON."""
    return answer.headers.get("content-type", "").startswith("application/json")


def find_texts(shown: Any, name: str, depth: int = 0) -> Iterator[str]:
    """The texts with this name in an answer's record, at the top or one level below."""
    if isinstance(shown, dict) and depth < 2:
        if isinstance(shown.get(name), str):
            yield shown[name]
        for inner in shown.values():
            yield from find_texts(inner, name, depth + 1)


async def prove(
    *,
    every: int = 1,
    texts: Sequence[str] | None = None,
    jsons: Sequence[tuple[str, bytes]] | None = None,
    doors: int | None = None,
) -> None:
    """Test all operations; with `every` = n each gets only every nth text, a different one for each field."""
    texts, jsons = texts or read_texts(), jsons or read_jsons()
    print(f"  {len(texts)} texts and {len(jsons)} JSON bodies")
    async with (
        proving_database() as url,
        running_servers(url, 1, API_KEY=KEY, INTERNAL_SECRET=SECRET) as (server,),
        httpx2.AsyncClient(base_url=server.url, timeout=60) as client,
    ):
        await load_demo(url, customers=12, products=20, orders=60)
        known = await make_callers(server, url)
        document = (await client.get("/openapi.json")).json()
        records = await find_records(url)
        tally = Tally()
        bad = await feed_jsons(client, tally, jsons, document, known[-1], doors=doors)
        for fault in tally.faults[:40]:
            print(f"  {fault}")
        check(f"{bad} bodies that are no JSON are refused, and the others are read", not tally.faults and bad > 0)
        for who in known:
            walk = Walk(client, tally, texts, narrowed(document, who), who, records)
            await walk.feed_all(every)
        for fault in tally.faults[:40]:
            print(f"  {fault}")
        check(f"{tally.kept} texts that were kept came back as they were sent", tally.kept > 0)
        check(f"no 5xx in {tally.requests} requests, {tally.refused} of them refused cleanly", not tally.faults)


async def find_records(url: str) -> dict[str, str]:
    """A record of the demo company for each kind of path."""
    connection = await connect(url)
    try:
        return {where: await connection.fetchval(query) or "987654321" for where, query in RECORDS.items()}
    finally:
        await connection.close()


def header_of(who: Caller) -> dict[str, str]:
    """The caller's credentials."""
    name, _, value = who.header.partition(": ")
    return {name: value} if name else {}


async def feed_jsons(
    client: httpx2.AsyncClient,
    tally: Tally,
    jsons: Sequence[tuple[str, bytes]],
    document: dict[str, Any],
    admin: Caller,
    *,
    doors: int | None,
) -> int:
    """Check that all JSON operations accept only JSON, even in unknown fields."""
    found = [
        (method, re.sub(r"\{\w+\}", "987654321", path))
        for path, item in document["paths"].items()
        for method in ("post", "put", "patch")
        if takes_json(item.get(method)) and admin.may_call(item[method])
    ]
    gate = asyncio.Semaphore(AT_ONCE)

    async def feed(method: str, address: str) -> None:
        async with gate:
            for name, text in jsons:
                # A body of nothing at all counts as one without fields.
                for body in (text, b'{"no_field_of_ours": ' + text + b"}") if text else (text,):
                    answer = await client.request(method, address, headers=header_of(admin) | JSON, content=body)
                    tally.note(answer, f"{method.upper()} {address} with {name}")
                    if name.startswith("n_") and text and answer.status_code not in {400, 403, 404, 413}:
                        tally.faults.append(f"{address} takes {name}: {answer.status_code} {answer.text[:100]}")
                    if name.startswith("y_") and body is not text and "invalid_json" in answer.text:
                        tally.faults.append(f"{address} refuses {name}")

    chosen = list(islice(found, doors))
    await asyncio.gather(*(feed(method, address) for method, address in chosen))
    return len(chosen) * sum(name.startswith("n_") for name, _ in jsons)


def takes_json(operation: dict[str, Any] | None) -> bool:
    """True for an operation that reads a JSON body."""
    return "application/json" in (operation or {}).get("requestBody", {}).get("content", {})


@dataclass
class Walk:
    """One caller testing all operations that it may use."""

    client: httpx2.AsyncClient
    tally: Tally
    texts: Sequence[str]
    document: dict[str, Any]
    who: Caller
    records: dict[str, str]

    async def feed_all(self, every: int) -> None:
        """Send each text to each operation: in all text fields, in one of them, or in fields of any type.

        Deletions come last, so that the others find their records.
        """
        operations = [
            (method, path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if "operationId" in operation and not (self.who.alive and re.search(ENDS_THE_SESSION, path))
        ]
        gate = asyncio.Semaphore(AT_ONCE)

        async def feed(method: str, path: str, operation: dict[str, Any], turn: int) -> None:
            async with gate:
                request, body = self.draw(method, path, operation, turn)
                answer = await self.client.request(**request)
            what = f"{method.upper()} {request['url']} with text {turn} as {self.who.name}"
            if answer.status_code >= 500:
                what += f" ({str(request)[:600]})"
            self.tally.note(answer, what)
            self.tally.compare(body, answer, what)

        for method, path, operation in sorted(operations, key=lambda one: one[0] == "delete"):
            turns = range(len(path) % every, len(self.texts), every)
            await asyncio.gather(*(feed(method, path, operation, turn) for turn in turns))

    def draw(self, method: str, path: str, operation: dict[str, Any], turn: int) -> tuple[dict[str, Any], object]:
        """A request with hostile texts, and its body."""
        schemas = self.document["components"]["schemas"]
        texts = (self.texts[(turn + place) % len(self.texts)] for place in count())
        made = Composer(schemas, texts, wild=turn % 3 == 0, only=turn // 3 if turn % 3 == 1 else None)
        query = {
            parameter["name"]: made.compose(parameter["schema"], parameter["name"])
            for parameter in operation.get("parameters", [])
            if parameter["in"] == "query" and (parameter.get("required") or turn % 2)
        }
        request: dict[str, Any] = {
            "method": method.upper(),
            "url": self.fill(path, made.next_text() if turn % 5 == 0 else None),
            "params": {name: value for name, value in query.items() if value is not None},
            "headers": header_of(self.who),
        }
        body: object = None
        for kind, part in operation.get("requestBody", {}).get("content", {}).items():
            body = made.compose(part["schema"])
            if kind == "application/json":
                request |= {"content": json.dumps(body), "headers": request["headers"] | JSON}
            elif isinstance(body, dict) and kind == "multipart/form-data":
                request["files"] = {name: (None, str(value)) for name, value in body.items()}
            elif isinstance(body, dict):
                request["data"] = {name: str(value) for name, value in body.items()}
        return request, body

    def fill(self, path: str, hostile: str | None) -> str:
        """A path with a company's record for each parameter, or with a hostile text."""
        filled = ""
        for part in path.split("/")[1:]:
            filled += "/"
            if not part.startswith("{"):
                filled += part
            elif hostile is not None:
                filled += quote(hostile, safe="") or "x"
            else:
                records = (value for where, value in self.records.items() if re.search(where, filled))
                filled += next(records, "+12165550148" if part == "{phone}" else "1")
        return filled


@dataclass
class Composer:
    """Values that fit a schema, with hostile texts where it takes a text.

    `wild` also uses them for other types; `only` is the position of the single hostile text.
    """

    schemas: dict[str, Any]
    texts: Iterator[str]
    wild: bool
    only: int | None
    met: int = 0

    def next_text(self) -> str:
        """The next hostile text."""
        return next(self.texts)

    def compose(self, schema: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value for the schema."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[-1]]
        for options in ("anyOf", "allOf", "oneOf"):
            if options in schema:
                return self.compose(schema[options][0], name, depth)
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            inner = schema.get("properties", {}) if depth < 5 else {}
            return {key: self.compose(part, key, depth + 1) for key, part in inner.items()}
        if kind == "array":
            return [self.compose(schema.get("items", {}), name, depth + 1)]
        return self.next_text() if self.wild else self.compose_value(schema, name)

    def compose_value(self, schema: dict[str, Any], name: str) -> Any:
        """A single value for the schema."""
        if "const" in schema or "enum" in schema:
            return schema.get("const", next(iter(schema.get("enum", [None]))))
        if schema.get("type") in {"integer", "number"}:
            return schema.get("minimum", 1) or 1
        if schema.get("type") == "boolean":
            return False
        if plausible := NAMED.get(name) or FORMED.get(schema.get("format", "")):
            return plausible
        self.met += 1
        return "plain" if self.only is not None and self.met - 1 != self.only % 7 else self.next_text()
