"""A job worker as its own process whose jobs another takes over two seconds after it was killed, instead of thirty."""

import asyncio

from domain.access.crypto import use_data_keys
from domain.orders.business import Business, use_business
from models.session import Database, use_database
from settings import load_settings
from tasks.worker import work_until

HEARTBEAT_SECONDS = 2.0


def main() -> None:
    """Work until the process is killed."""
    settings = load_settings()
    use_database(Database(settings.database_url, pool_size=settings.database_pool))
    use_data_keys(settings.data_keys)
    use_business(Business(settings.timezone, settings.commission_pct))
    asyncio.run(work_until(asyncio.Event(), settings, heartbeat_seconds=HEARTBEAT_SECONDS))


if __name__ == "__main__":
    main()
