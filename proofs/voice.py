"""Repeats of voice agents: one order for fifty concurrent requests, also after a restart."""

import asyncio
import random

import httpx2

from domain.voice.redact import redact_text, redact_turns
from postgres.connect import connect
from proofs.ground import Server, check, free_port, proving_database, stock_shelf

KEY = "a key of the proof that is long enough"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GUEST = {
    "phone_number": "(216) 555-0148",
    "delivery_name": "Greta Lindqvist",
    "delivery_company": "Alder Diner",
    "delivery_address": "88 Grist Road",
    "delivery_city": "Alder Falls",
    "delivery_state": "OH",
    "delivery_zip": "44099",
}


async def prove(*, repeats: int = 50) -> None:
    """Repeat an order concurrently and after a restart."""
    async with proving_database() as url:
        connection = await connect(url)
        product = (await stock_shelf(connection, [1_000]))[0]
        port = free_port()
        body = GUEST | {"items": [{"product_id": product, "quantity": 1}], "confirmed": True, "call_id": "conv-1"}
        answers = []
        for _ in range(2):
            server = Server(url, port, extra={"API_KEY": KEY})
            await server.start()
            try:
                answers += await send_all(server, "place-order", [body] * repeats)
            finally:
                await server.stop()
        numbers = {answer.get("order_number") for answer in answers if answer.get("success")}
        good = sum(1 for answer in answers if answer.get("success"))
        orders = await connection.fetchval("SELECT count(*) FROM orders")
        check(f"{len(answers)} repeats, over a restart, all succeed", good == len(answers))
        check("and made one order", (orders, len(numbers)) == (1, 1))
        level = await connection.fetchval("SELECT stock_quantity FROM product WHERE id = $1", product)
        check("which took its stock once", level == 999)
        await connection.close()


async def send_all(server: Server, tool: str, bodies: list[dict[str, object]]) -> list[dict[str, object]]:
    """The answers of a tool to bodies that are sent at once."""
    async with httpx2.AsyncClient(timeout=60, base_url=server.url, headers={"X-API-Key": KEY}) as client:
        sent = [client.post(f"/api/voice/{tool}", json=body) for body in bodies]
        return [response.json() for response in await asyncio.gather(*sent)]


def say(digits: list[int], way: int) -> str:
    """A card number as callers give it: in groups, with dashes, in one, or digit by digit."""
    text = "".join(map(str, digits))
    groups = [text[place : place + 4] for place in range(0, 16, 4)]
    return (" ".join(groups), "-".join(groups), text, " ".join(WORDS[digit] for digit in digits))[way]


def count_leaks(cards: int) -> int:
    """The number of planted numbers that the redaction misses, including those spread over two turns."""
    chance = random.Random(11)
    leaks = 0
    for place in range(cards):
        digits = [chance.randrange(10) for _ in range(16)]
        text = say(digits, place % 4)
        halves = [say(digits[:8] + [0] * 8, 2)[:8], "".join(map(str, digits[8:]))]
        leaks += redact_text(text) == text or any(
            half in redacted for half in halves for redacted in redact_turns(halves)
        )
    return leaks
