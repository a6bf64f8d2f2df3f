"""The command line as it is typed: each command finds its database by itself."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from postgres.embedded import EmbeddedPostgres
from proofs.ground import ROOT, free_port
from tests.conftest import TEST_DATA

UNSET = ("DATABASE_URL", "APP_ENV")


def run(data_dir: Path, *arguments: str, **settings: str) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment |= {"DATA_DIR": str(data_dir)} | settings
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def is_ready(url: str, process: "subprocess.Popen[bytes]") -> bool:
    """Ask until the server says that it is ready, or has ended; for at most thirty seconds."""
    with httpx2.Client() as http:
        for _ in range(600):
            if process.poll() is not None:
                return False
            try:
                return http.get(f"{url}/readyz").status_code == 200
            except httpx2.TransportError:
                try:
                    process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
    return False


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder of its own, beside that of the other tests, where PostgreSQL's user can reach it."""
    folder = TEST_DATA.with_name(f"alone-{os.getpid()}")
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def test_a_server_alone_starts_the_embedded_database_for_its_own_life(data_dir: Path) -> None:
    migrate = run(data_dir, "migrate")
    assert migrate.wait(60) == 0
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = run(data_dir, "serve", "--no-worker", "--port", str(port), DRAIN_SECONDS="60")
    try:
        assert is_ready(url, server)
        server.terminate()
        with httpx2.Client(base_url=url) as http:
            while (answer := http.get("/readyz")).status_code == 200:
                time.sleep(0.05)
            # A proxy sends its requests elsewhere now; what it sends here meanwhile is answered.
            assert (answer.json()["status"], answer.headers["Connection"]) == ("stopping", "close")
            assert http.get("/healthz").status_code == 200
        server.send_signal(signal.SIGINT)  # a second signal ends the wait
    finally:
        server.terminate()
        server.wait(30)
    assert not EmbeddedPostgres(data_dir).is_running()
