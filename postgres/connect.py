"""asyncpg's own connection to a database by its address, for programs that stand outside the pool."""

import asyncpg
from sqlalchemy.engine import make_url


async def connect(database_url: str) -> asyncpg.Connection:
    """A connection that the caller closes; the address may name a socket folder as `host`."""
    url = make_url(database_url)
    return await asyncpg.connect(
        host=str(url.query.get("host", url.host)),
        port=url.port or int(str(url.query.get("port", 5432))),
        user=url.username,
        password=url.password,
        database=url.database,
        ssl=url.query.get("ssl"),
    )
