"""The files of deploy/ in use: web servers, worker, nginx with TLS and PostgreSQL, each run by its own user.

No container is needed: the commands are those of the image and of compose.yaml, the site is nginx.conf, with loopback
ports and a test certificate. Needs root, nginx, and a checkout that other users can read.
"""

import asyncio
import os
import pwd
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.kernel.clock import now
from postgres.connect import connect
from proofs.ground import ROOT, check, free_port, order_of, stock_shelf
from proofs.restarts import own_cluster

DEPLOY = ROOT / "deploy"
DOMAIN = "shop.example.com"
# The image's own user, and one more, so that the worker and the web servers can't read each other's files.
WEB_UID, WORKER_UID = 10001, 10002
START_SECONDS = 120.0
# No mail server is set, so that the worker keeps the mail.
MAIL_DONE = "SELECT count(*) FROM outbox_message WHERE kind = 'order_received' AND state <> 'queued'"


@dataclass
class Place:
    """Where the proof runs: its folder, the ports, and the interpreter that every user may run."""

    folder: Path
    python: list[str]
    environment: dict[str, str]
    commands: dict[str, list[str]]
    tls_port: int = field(default_factory=free_port)
    plain_port: int = field(default_factory=free_port)
    web_ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, command: list[str], uid: int, *, name: str, **extra: str) -> asyncio.subprocess.Process:
        """Run a command of the image as that user, with its own data folder."""
        data = self.folder / name
        data.mkdir(mode=0o700)
        os.chown(data, uid, uid)
        log = (self.folder / f"{name}.log").open("wb")
        process = await asyncio.create_subprocess_exec(
            *self.python, "run.py", *command, cwd=ROOT, env=self.environment | {"DATA_DIR": str(data)} | extra,
            stdout=log, stderr=log, user=uid, group=uid, extra_groups=[],
        )  # fmt: skip
        self.running.append(process)
        return process

    async def end(self) -> None:
        """Stop everything that is still running."""
        for process in self.running:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
        await asyncio.gather(*(process.wait() for process in self.running))


async def prove(*, requests: int = 300) -> None:
    """Start everything according to the files, order through TLS, and restart one web server under load."""
    if missing := what_is_missing():
        print(f"  skipped: {missing}")
        return
    async with own_cluster() as cluster, own_place(cluster.urls["tcp"].replace("+asyncpg", "")) as place:
        migration = await place.start(place.commands["migrate"], WEB_UID, name="migrate")
        if await migration.wait():
            print((place.folder / "migrate.log").read_text())
        check("migrate ends well", migration.returncode == 0)
        connection = await connect(cluster.urls["tcp"])
        (product,) = await stock_shelf(connection, [100_000])
        web = await asyncio.gather(*(start_web(place, port) for port in place.web_ports))
        worker = await place.start(
            place.commands["worker"], WORKER_UID, name="worker", WORKER_METRICS=f"127.0.0.1:{free_port()}"
        )
        nginx = await start_nginx(place)
        async with browser(place) as client:
            await wait_until_up(client)
            check_users({"web": web[0], "second web": web[1], "worker": worker, "nginx": nginx})
            await check_site(client, place)
            await order_one(client, product)
            if not (is_done := await _comes_true(connection, MAIL_DONE)):
                print((place.folder / "worker.log").read_text()[-3000:])
            check("an order came in by TLS, and the worker dealt with its mail", is_done)
            await restart_under_load(client, place, web[0], product=product, requests=requests)
        await connection.close()


def what_is_missing() -> str:
    """Why the proof can't run here; empty if it can."""
    if os.geteuid() != 0:
        return "only root can start processes of other users"
    if not shutil.which("nginx"):
        return "nginx is not installed"
    if any(not folder.stat().st_mode & 0o001 for folder in (ROOT, *ROOT.parents)):
        return f"other users can't read {ROOT}"
    return "" if find_python() else "no Python of this version that other users can run"


def find_python() -> list[str]:
    """An interpreter that every user may run, with the packages of this one."""
    here = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in here.parents):
        return [sys.executable]
    other = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")
    return [other] if other else []


@asynccontextmanager
async def own_place(database_url: str) -> AsyncIterator[Place]:
    """The same for the duration of the proof; afterwards processes are stopped and the folder removed."""
    place = fill_in(database_url)
    try:
        write_certificate(place.folder)
        yield place
    finally:
        await place.end()
        shutil.rmtree(place.folder, ignore_errors=True)


def fill_in(database_url: str) -> Place:
    """A folder, and the settings and commands of deploy/ as an operator fills them in."""
    folder = Path(tempfile.mkdtemp(prefix="deployed-"))
    folder.chmod(0o711)
    filled = dict(
        line.split("=", 1)
        for line in (DEPLOY / "ladle.env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    filled |= {name: secrets.token_urlsafe(48) for name in ("SECRET_KEY", "DATA_KEYS", "METRICS_TOKEN")}
    filled |= {
        "DATABASE_URL": database_url, "TRUSTED_PROXIES": "127.0.0.1", "DRAIN_SECONDS": "2",
        "COMPANY_NAME": "Proof", "COMPANY_ADDRESS": "88 Grist Road, Alder Falls, OH 44099",
        "COMPANY_PHONE": "+13125550142",
        # What the image sets, and where the packages are for an interpreter that is not that of the environment.
        "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": "/tmp",
        "PYTHONPATH": str(Path(httpx2.__file__).parents[1]),
    }  # fmt: skip
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    commands = {name: services[name]["command"] for name in ("migrate", "web", "worker")}
    return Place(folder, find_python(), filled, commands)


def write_certificate(folder: Path) -> None:
    """A certificate of the domain, signed by itself, as `fullchain.pem` and `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").touch(mode=0o600)
    (folder / "key.pem").write_bytes(secret)


async def start_web(place: Place, port: int) -> asyncio.subprocess.Process:
    """A web server on this port, started by compose.yaml's command and awaited until ready."""
    command = list(place.commands["web"])
    command[command.index("--host") + 1] = "127.0.0.1"
    command[command.index("--port") + 1] = str(port)
    process = await place.start(command, WEB_UID, name=f"web-{port}-{secrets.token_hex(2)}")
    async with httpx2.AsyncClient() as client, asyncio.timeout(START_SECONDS):
        while not await _answers(client, f"http://127.0.0.1:{port}/readyz"):
            await asyncio.sleep(0.1)
    return process


async def start_nginx(place: Place) -> asyncio.subprocess.Process:
    """nginx with our site, run by Debian's user for it, on loopback ports."""
    site = (DEPLOY / "nginx.conf").read_text().replace("/etc/ssl/ladle", str(place.folder))
    site = site.replace("listen 80;", f"listen 127.0.0.1:{place.plain_port};")
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{place.tls_port} ssl")
    for ours, port in zip(("127.0.0.1:8000", "127.0.0.1:8001"), place.web_ports, strict=True):
        site = site.replace(ours, f"127.0.0.1:{port}")
    temporary = "".join(
        f"{kind}_temp_path {place.folder}/nginx-{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"""daemon off;
user www-data;
pid {place.folder}/nginx.pid;
error_log {place.folder}/nginx.log;
events {{}}
http {{
access_log off;
{temporary}{site}}}
"""
    (place.folder / "nginx.conf").write_text(whole)
    process = await asyncio.create_subprocess_exec(
        "nginx", "-c", str(place.folder / "nginx.conf"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    place.running.append(process)
    return process


@asynccontextmanager
async def browser(place: Place) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that trusts the domain's certificate and resolves the domain to loopback."""
    trust = ssl.create_default_context(cafile=str(place.folder / "fullchain.pem"))
    async with httpx2.AsyncClient(
        base_url=f"https://127.0.0.1:{place.tls_port}", headers={"Host": DOMAIN}, verify=trust, timeout=30
    ) as client:
        yield client


async def ask(client: httpx2.AsyncClient, method: str, path: str, **more: Any) -> httpx2.Response:
    """The answer of the site; the name that TLS asks for is the domain's."""
    return await client.request(method, path, extensions={"sni_hostname": DOMAIN}, **more)


async def wait_until_up(client: httpx2.AsyncClient) -> None:
    """Wait for nginx's first answer."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                if (await ask(client, "GET", "/healthz")).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.1)


def check_users(processes: dict[str, asyncio.subprocess.Process]) -> None:
    """Each process is of its own user; nginx answers by workers of its own."""
    owners = {name: _owner_of(process.pid) for name, process in processes.items() if name != "nginx"}
    children = Path(f"/proc/{processes['nginx'].pid}/task/{processes['nginx'].pid}/children").read_text().split()
    owners["nginx"] = _owner_of(int(children[0]))
    print(f"  users: {', '.join(f'{name} {owner}' for name, owner in owners.items())}")
    check(
        "web, worker and nginx are of users of their own, none of them root",
        owners["web"] == owners["second web"] == WEB_UID
        and owners["worker"] == WORKER_UID
        and owners["nginx"] == pwd.getpwnam("www-data").pw_uid,
    )


async def check_site(client: httpx2.AsyncClient, place: Place) -> None:
    """Check the public paths, and those for internal use only."""
    async with httpx2.AsyncClient() as plain:
        moved = await plain.get(f"http://127.0.0.1:{place.plain_port}/portal", headers={"Host": DOMAIN})
    check("http leads to https", (moved.status_code, moved.headers["location"]) == (301, f"https://{DOMAIN}/portal"))
    closed = [(await ask(client, "GET", path)).status_code for path in ("/metrics", "/readyz", "/api/internal/score")]
    check("metrics, readiness and internal doors are closed outside", closed == [404, 404, 404])
    page = await ask(client, "GET", "/portal/sign-in")
    check("the portal is served, over https only", page.status_code == 200 and _is_strict(page))
    style = re.search(r'href="(/static/app[^"]+)"', page.text)
    check("its stylesheet too", bool(style) and (await ask(client, "GET", style[1])).status_code == 200)  # type: ignore[index]


async def order_one(client: httpx2.AsyncClient, product: int) -> str:
    """Place an order as a customer's browser would; answers its number."""
    # Production has rate limits, and loopback is a trusted proxy: each order comes from a different address.
    place = f"2001:db8::{secrets.token_hex(2)}"
    headers = {"Idempotency-Key": secrets.token_hex(8), "X-Forwarded-For": place}
    body = order_of([(product, 1)], delivery_email="buyer@kitchen.example")
    placed = await ask(client, "POST", "/api/orders", json=body, headers=headers)
    if placed.status_code != 201:
        raise AssertionError(f"{placed.status_code}: {placed.text[:300]}")
    number: str = placed.json()["order"]["order_number"]
    return number


async def restart_under_load(
    client: httpx2.AsyncClient,
    place: Place,
    web: asyncio.subprocess.Process,
    *,
    product: int,
    requests: int,
) -> None:
    """Stop one web server with SIGTERM during requests, and start it again."""
    numbers: list[str] = []

    async def buy() -> None:
        while len(numbers) < requests:
            numbers.append(await order_one(client, product))

    buying = [asyncio.create_task(buy()) for _ in range(3)]
    began_at = time.monotonic()
    web.send_signal(signal.SIGTERM)
    check("a stopped server ends well", await web.wait() == 0)
    stopped = time.monotonic() - began_at
    await start_web(place, place.web_ports[0])
    await asyncio.gather(*buying)
    print(f"  {len(numbers)} orders through nginx, one server stopped in {stopped:.1f} s and started among them")
    check("each was answered at the first try, with a number of its own", len(set(numbers)) == len(numbers))


def _owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def _is_strict(page: httpx2.Response) -> bool:
    return "max-age" in page.headers.get("strict-transport-security", "")


async def _answers(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx2.HTTPError:
        return False


async def _comes_true(connection: asyncpg.Connection, count: str) -> bool:
    ends_at = time.monotonic() + START_SECONDS
    while not (found := await connection.fetchval(count)) and time.monotonic() < ends_at:
        await asyncio.sleep(0.1)
    return bool(found)
