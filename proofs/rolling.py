"""From an older release to this one and back again under load: the schema first, then one server after the other."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from postgres.connect import connect
from proofs.ground import (
    DATA,
    ROOT,
    Server,
    empty_database,
    free_port,
    migrate,
    serving,
    staff_token,
    stock_shelf,
)
from proofs.traffic import Traffic, check_traffic
from settings import load_settings

BUYERS = 3
PAGES = ("/api/products", "/api/staff/orders")
# How many steps of the schema lie between the older release and this one. Programs of more than three steps ago did
# not serve over a schema that is newer than they are.
STEPS_BACK = 3
VERSIONS = "models/migrations/versions"
READY_SECONDS = 60


async def prove(*, steps_back: int = STEPS_BACK, orders: int = 40) -> None:
    """Upgrade, roll back and upgrade again while customers buy; so many orders are taken in each state."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        print("  skipped: an older release can be taken from a git checkout only")
        return
    async with older_release(steps_back) as old, empty_database() as url:
        await migrate(url, old)
        connection = await connect(url)
        products = await stock_shelf(connection, [1_000_000] * 4)
        settings = {"DRAIN_SECONDS": "2", "SECRET_KEY": load_settings().secret_key}
        async with serving([Server(url, free_port(), extra=settings, root=old) for _ in range(2)]) as servers:
            traffic = Traffic(servers, products, token=await staff_token(connection))
            running = traffic.start(buyers=BUYERS, pages=PAGES)
            try:
                await traffic.take_orders(orders)
                await migrate(url)
                await traffic.take_orders(orders)
                for release in (ROOT, old, ROOT):
                    for server in servers:
                        await _replace(server, release)
                        await traffic.take_orders(orders)
                traffic.is_over = True
                await asyncio.gather(*running)
            finally:
                for task in running:
                    task.cancel()
        print("  one migration and six servers replaced under load: to this release, back, and to it again")
        await check_traffic(connection, traffic, PAGES)
        await connection.close()


@asynccontextmanager
async def older_release(steps_back: int) -> AsyncIterator[Path]:
    """The code as it was before the last so many steps of the schema, in a folder of its own."""
    folder = DATA / "older"
    _run_git("worktree", "remove", "--force", str(folder), check=False)
    commits = _run_git("log", f"-{steps_back}", "--format=%H", "--diff-filter=A", "--", VERSIONS).split()
    _run_git("worktree", "add", "--detach", str(folder), f"{commits[-1]}~1")
    try:
        yield folder
    finally:
        _run_git("worktree", "remove", "--force", str(folder))


async def _replace(server: Server, root: Path) -> None:
    """Stop one server, which drains, and start it from another release; it counts once it is ready."""
    await server.stop()
    server.root = root
    await server.start()
    async with httpx2.AsyncClient(timeout=READY_SECONDS) as client, asyncio.timeout(READY_SECONDS):
        while (await client.get(f"{server.url}/readyz")).status_code != 200:
            await asyncio.sleep(0.1)


def _run_git(*arguments: str, check: bool = True) -> str:
    ran = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=check, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return ran.stdout
