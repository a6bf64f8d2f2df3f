"""A plain asyncpg connection to a database by its address, for programs that do not use the pool."""

import asyncpg
from sqlalchemy.engine import make_url


async def connect(database_url: str) -> asyncpg.Connection:
    """Open a connection, which the caller closes; `host` of the address may be the directory of a socket."""
    url = make_url(database_url)
    return await asyncpg.connect(
        host=str(url.query.get("host", url.host)),
        port=url.port or int(str(url.query.get("port", 5432))),
        user=url.username,
        password=url.password,
        database=url.database,
        ssl=url.query.get("ssl"),
    )
