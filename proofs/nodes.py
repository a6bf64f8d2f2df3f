"""Two servers, two workers and a replica: one of each is killed again and again, and nothing is lost."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from models.migrations import upgrade
from postgres.connect import connect
from postgres.home import open_home
from proofs.ground import DATA, ROOT, check, free_port, running_servers, staff_token, stock_shelf
from proofs.restarts import Cluster, own_cluster
from proofs.traffic import Traffic, check_traffic

BUYERS = 4
# The second reads from the replica where it answers.
PAGES = ("/api/products", "/api/staff/customers/export")
SETTLED_SECONDS = 90.0
OPEN = "SELECT count(*) FROM job_run WHERE name = 'send_message' AND state IN ('queued', 'running')"
MAILS = "SELECT count(*), count(DISTINCT order_id) FROM outbox_message WHERE kind = 'order_received'"


async def prove(*, seconds: float = 120.0, every: float = 5.0) -> None:
    """Kill a server and a worker every few seconds, stop and start the replica, and count everything at the end."""
    async with own_cluster() as cluster, own_replica(cluster) as replica:
        url = cluster.urls["tcp"]
        await asyncio.to_thread(upgrade, url)
        async with running_servers(url, 2, READ_DATABASE_URL=replica.urls["tcp"]) as servers:
            connection = await connect(url)
            products = await stock_shelf(connection, [1_000_000] * 4)
            traffic = Traffic(servers, products, token=await staff_token(connection))
            workers = [await _start_worker(url) for _ in range(2)]
            running = traffic.start(buyers=BUYERS, pages=PAGES)
            kills, is_replica_up, ends_at = 0, True, time.monotonic() + seconds
            try:
                while time.monotonic() < ends_at:
                    await traffic.take_orders(1)
                    await asyncio.sleep(every)
                    turn = kills % 2
                    workers[turn].send_signal(signal.SIGKILL)
                    await asyncio.gather(servers[turn].kill(), workers[turn].wait())
                    workers[turn] = await _start_worker(url)
                    await servers[turn].start()
                    kills += 1
                    await asyncio.to_thread(replica.stop if is_replica_up else replica.start)
                    is_replica_up = not is_replica_up
                traffic.is_over = True
                await asyncio.gather(*running)
                print(f"  {kills} kills of a server and a worker, the replica stopped and started as often")
                check("both were killed, and the replica was away", kills >= 2)
                await check_traffic(connection, traffic, PAGES)
                await _check_mails(connection)
            finally:
                await _end(running, workers)
                await connection.close()


@asynccontextmanager
async def own_replica(primary: Cluster) -> AsyncIterator[Cluster]:
    """A streaming replica of the cluster on a port of its own, removed afterwards."""
    home = open_home(DATA / "replica")
    shutil.rmtree(home.data, ignore_errors=True)
    replica = Cluster(primary.programs, home, free_port())
    home.make_directory(home.data)
    source = ("-h", "127.0.0.1", "-p", str(primary.port), "-U", "proof")
    await asyncio.to_thread(replica.run, "pg_basebackup", *source, "-R", "-X", "stream", "-c", "fast")
    await asyncio.to_thread(replica.start)
    try:
        yield replica
    finally:
        await asyncio.to_thread(replica.stop)
        shutil.rmtree(home.data, ignore_errors=True)


async def _start_worker(url: str) -> asyncio.subprocess.Process:
    environment = os.environ | {"DATABASE_URL": url}
    nowhere = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proofs.quick_worker", cwd=ROOT, env=environment, stdout=nowhere, stderr=nowhere
    )


async def _end(running: list[asyncio.Task[None]], workers: list[asyncio.subprocess.Process]) -> None:
    for task in running:
        task.cancel()
    for worker in workers:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def _check_mails(connection: asyncpg.Connection) -> None:
    """Wait until no email job is open: the remaining workers take over the jobs of the killed ones."""
    ends_at = time.monotonic() + SETTLED_SECONDS
    while (left := int(await connection.fetchval(OPEN))) and time.monotonic() < ends_at:
        await asyncio.sleep(0.2)
    mails, orders = await connection.fetchrow(MAILS)
    check("each order has one mail", mails == orders == await connection.fetchval("SELECT count(*) FROM orders"))
    check("no job of them was lost", left == 0)
