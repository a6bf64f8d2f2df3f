"""`make run`: the parent process that keeps database, server and worker running, and stops them together.

It has no state: a kill -9 of any of them, including itself, loses nothing, and the next start recovers.
"""

import argparse
import asyncio
import contextlib
import ctypes
import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from settings import Settings, load_settings_or_exit
from tasks.ports import local_url, port_trouble

PROGRAM = (sys.executable, str(Path(__file__).parent.parent / "run.py"))
STOP_SECONDS = 8.0
PORT_SECONDS = 7.0
READY_SECONDS = 60.0
STEADY_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 15.0
TRIES_TO_START = 3
PR_SET_PDEATHSIG = 1
DEMO_STAFF = ("admin", "manager", "rep", "packer")
DEMO_PASSWORD = "demo-demo"  # noqa: S105 - printed for everybody; these users sign in from this machine only.

libc = ctypes.CDLL(None, use_errno=True)


class CannotRun(Exception):
    """`make run` can't continue; the message is one sentence."""


@dataclass
class Child:
    """A process that is restarted when it dies, after a pause that grows if it keeps dying."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_start_at: float = 0.0
    quick_deaths: int = field(default=0)

    def start(self) -> None:
        """Start the process in a group of its own; it gets SIGTERM if this parent is killed."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, which stops its children in order.
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has no threads.
        )

    def start_again_if_dead(self) -> None:
        """Reap an ended process with the rest of its group, and restart it when its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            _signal_group(self.process.pid, signal.SIGKILL)
            self.quick_deaths = 0 if now - self.started_at > STEADY_SECONDS else self.quick_deaths + 1
            # The first death may be an accident; if the process dies again soon, the pauses get longer.
            pause_seconds = 2.0 ** (self.quick_deaths - 2) if self.quick_deaths > 1 else 0.0
            self.next_start_at = now + min(pause_seconds, LONGEST_PAUSE_SECONDS)
            _say(f"The {self.name} ended with status {self.process.returncode}; it is started again.")
            self.process = None
        if self.process is None and now >= self.next_start_at:
            self.start()

    def stop(self, deadline: float) -> None:
        """Wait for a process that was asked to end, and kill it with its group at the deadline."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


def run_everything(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    program: tuple[str, ...] = PROGRAM,
) -> int:
    """Run database, server and worker until Ctrl-C or SIGTERM; return the exit code."""
    for stopping in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stopping, signal.default_int_handler)
    server: EmbeddedPostgres | None = None
    children: list[Child] = []
    try:
        if not settings.database_url:
            server = EmbeddedPostgres(settings.data_dir, settings.pg_bin)
            settings = settings.model_copy(update={"database_url": server.start()})
        # A database that was still running means that the previous parent was killed; its children may take a moment to
        # end.
        _wait_for_port(host, port, seconds=0.0 if server and server.owned else PORT_SECONDS)
        # The server loads while this process migrates.
        environment = os.environ | {"DATABASE_URL": settings.database_url, "WAIT_FOR_SCHEMA_SECONDS": "3600"}
        if "public_url" not in settings.model_fields_set:
            environment["PUBLIC_URL"] = local_url(host, port)
        serve = [
            *program,
            "serve",
            "--host",
            host,
            "--port",
            str(port),
            "--workers",
            str(workers),
            "--no-worker",
        ]
        children = [Child("server", serve, environment), Child("worker", [*program, "worker"], environment)]
        if server and not settings.is_production and _is_empty(settings.database_url):
            _migrate(settings.database_url)
            _say("Loading the demo company.")
            subprocess.run([*program, "demo"], env=environment, check=True)
            children[0].start()
        else:
            children[0].start()
            _migrate(settings.database_url)
        children[1].start()
        _wait_for_server(children[0], host, port)
        _announce(settings, host, port)
        _keep_running(server, children)
    except KeyboardInterrupt:
        return 0
    except (EmbeddedPostgresError, CannotRun) as problem:
        _say(str(problem), sys.stderr)
        return 1
    except subprocess.CalledProcessError as problem:
        _say(f"The demo company could not be loaded (status {problem.returncode}).", sys.stderr)
        return 1
    finally:
        _stop_all(server, children)
    return 0


def _migrate(database_url: str) -> None:
    """Migrate the database to the newest schema. Raises CannotRun if it can't be reached at all."""
    # Importing all tables takes a second, during which the server already starts.
    from models.migrations import upgrade
    from tasks.commands import UNREACHABLE, describe_unreachable

    try:
        upgrade(database_url)
    except UNREACHABLE as error:
        raise CannotRun(describe_unreachable(error)) from error


def _keep_running(server: EmbeddedPostgres | None, children: list[Child]) -> None:
    """Restart what dies, until a signal raises KeyboardInterrupt; sleeps while nothing happens."""
    with _woken_by_ended_children() as wakeups:
        while True:
            # An adopted server is not our child: check once per second whether it is alive.
            select.select([wakeups], [], [], 1.0)
            with contextlib.suppress(BlockingIOError):
                wakeups.recv(4096)
            if server and server.restart_if_dead():
                _say("The database server had ended; it runs again.")
            for child in children:
                child.start_again_if_dead()


@contextlib.contextmanager
def _woken_by_ended_children() -> Iterator[socket.socket]:
    """Yield a socket that becomes readable when a child ends."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        reader.close()
        writer.close()


def _stop_all(server: EmbeddedPostgres | None, children: list[Child]) -> None:
    """Stop server and worker together, then the database; a second Ctrl-C does not interrupt it."""
    for stopping in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stopping, signal.SIG_IGN)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        if child.process is not None and child.process.poll() is None:
            child.process.terminate()
    for child in children:
        child.stop(deadline)
    if server is not None:
        server.stop()


def _wait_for_port(host: str, port: int, *, seconds: float) -> None:
    """Check that the port is free. Raises CannotRun if another process keeps it."""
    deadline = time.monotonic() + seconds
    while trouble := port_trouble(host, port):
        if time.monotonic() > deadline:
            raise CannotRun(f'{trouble} Choose another with: make run ARGS="--port {port + 1}".')
        time.sleep(0.1)


def _wait_for_server(child: Child, host: str, port: int) -> None:
    """Wait until the server answers. Raises CannotRun if it ends repeatedly instead."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if _answers(host, port):
            return
        child.start_again_if_dead()
        if child.quick_deaths >= TRIES_TO_START:
            break
        time.sleep(0.02)
    raise CannotRun("The server does not start; what it said stands above.")


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _announce(settings: Settings, host: str, port: int) -> None:
    """Print the addresses, and the sign-ins of the demo company if it is loaded."""
    address = f"http://{host}:{port}"
    _say(f"Ready at {address} (staff portal: {address}/portal, API: {address}/docs). Ctrl-C stops it.")
    if not settings.is_production and _has_demo_staff(settings.database_url):
        _say(
            f"Demo sign-ins, password {DEMO_PASSWORD}: {', '.join(DEMO_STAFF)} in the portal; "
            "customer bistro in the shop."
        )


def _is_empty(database_url: str) -> bool:
    if _ask(database_url, "SELECT to_regclass('customer') IS NULL"):
        return True
    return bool(_ask(database_url, "SELECT NOT EXISTS (SELECT FROM staff) AND NOT EXISTS (SELECT FROM customer)"))


def _has_demo_staff(database_url: str) -> bool:
    counted = _ask(database_url, "SELECT count(*) FROM staff WHERE username = ANY($1)", list(DEMO_STAFF))
    return bool(counted == len(DEMO_STAFF))


def _ask(database_url: str, statement: str, *values: object) -> Any:
    """Query one value from the database, on a connection of its own."""

    async def ask() -> Any:
        connection = await connect(database_url)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    return asyncio.run(ask())


def _die_with_parent() -> None:
    """Ask the kernel, in the child, for a SIGTERM if the parent ends unexpectedly."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _say(sentence: str, stream: Any = None) -> None:
    print(sentence, file=stream or sys.stdout, flush=True)


def main() -> int:
    """Run everything with the settings of the environment."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    return run_everything(load_settings_or_exit(), host=arguments.host, port=arguments.port, workers=arguments.workers)


if __name__ == "__main__":
    sys.exit(main())
