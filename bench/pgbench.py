"""Runs pgbench, PostgreSQL's own load generator, with our scripts."""

import asyncio
import re
import tempfile
from pathlib import Path

from sqlalchemy.engine import make_url

from postgres.programs import find_postgres_programs


async def run_pgbench(database_url: str, script: str, *, clients: int, seconds: float) -> float:
    """Transactions per second of the script with this number of clients, with prepared statements."""
    url = make_url(database_url)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        process = await asyncio.create_subprocess_exec(
            str(find_postgres_programs(None).directory / "pgbench"),
            *("-h", str(url.query.get("host", url.host)), "-p", str(url.port or 5432), "-U", str(url.username)),
            *("-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds)))),
            *("-f", str(file), str(url.database)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    found = re.search(rb"tps = ([\d.]+)", out)
    if process.returncode or not found:
        raise RuntimeError(f"pgbench failed: {err.decode()[:2000]}")
    return float(found[1])
