"""The orders page compared with itself without its template, by the CPU of its process."""

import statistics
import time
from typing import Any

from quart import Quart

from app import build_app
from bench.companies import ORDERS_OF_ONE, companies
from bench.growth import HERE, sign_in_demo
from models.session import Database, use_database
from settings import load_settings

SIZE = 10_000
PATH = "/portal/orders"


class Ready:
    """A template that was rendered before."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, **_: Any) -> str:
        """The same text each time."""
        return self.text


async def bench(*, orders: int = SIZE, rounds: int = 60) -> dict[str, float]:
    """Measure milliseconds of CPU both ways, in turns; print and return the ratio."""
    async with companies((orders,), orders_of_one=ORDERS_OF_ONE) as urls:
        settings = load_settings().model_copy(update={"database_url": urls[orders], "rate_limits": "off"})
        app, database = build_app(settings), Database(urls[orders])
        use_database(database)
        client = await sign_in_demo(app, "admin")
        spent: dict[str, list[float]] = {"whole": [], "without": []}
        page = await (await client.get(PATH, scope_base=HERE)).get_data(as_text=True)
        for turn in range(rounds):
            for name, found in spent.items():
                with_template = _swap_template(app, Ready(page) if name == "without" else None)
                began = time.process_time()
                answer = await client.get(PATH, scope_base=HERE)
                assert answer.status_code == 200
                await answer.get_data()
                if turn > 5:  # the first ones warm up
                    found.append((time.process_time() - began) * 1000)
                with_template()
        await database.close()
    best = {name: statistics.median(found) for name, found in spent.items()}
    print("  " + ", ".join(f"{name} {milliseconds:.1f} ms of CPU" for name, milliseconds in best.items()))
    print(f"  the page of orders: {best['without'] / best['whole']:.2f} of itself without its template")
    return {"orders_page": best["without"] / best["whole"]}


def _swap_template(app: Quart, ready: Ready | None) -> Any:
    """Return `ready` for every template; the returned function restores the real ones."""
    environment: Any = app.jinja_env
    if ready is not None:
        environment.get_template = lambda *_: ready
    return lambda: vars(environment).pop("get_template", None)
