"""A scheduler as its own process: renews what is due, as the timetable's job does, and prints how many it tried."""

import asyncio

from domain.access.crypto import use_data_keys
from domain.orders.business import Business, use_business
from domain.orders.rules import read_rules
from domain.subscriptions.renew import process_due
from models.session import Database, use_database
from settings import load_settings


async def renew() -> int:
    """Renew what is due, once."""
    settings = load_settings()
    use_database(Database(settings.database_url, pool_size=settings.database_pool))
    use_data_keys(settings.data_keys)
    use_business(Business(settings.timezone, settings.commission_pct))
    return len(await process_due(settings, rules=read_rules(settings)))


if __name__ == "__main__":
    print(asyncio.run(renew()))
