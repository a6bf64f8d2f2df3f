"""The embedded PostgreSQL: a real server, started under DATA_DIR when no DATABASE_URL is set.

It listens only on a socket in a 0700 directory, and durability is always on: a confirmed order is on disk. Each user of
the server holds a shared lock on `users.lock`; the last one to release it stops the server. The server itself holds
`alive.lock` through an inherited descriptor, so if that lock is free, no process of the server is left, whatever
process id is in postmaster.pid.
"""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from postgres.home import PORT, PostgresHome, clear_disk_errors, lock_held, open_home, try_lock
from postgres.processes import (
    is_anything_left,
    is_postmaster,
    is_ready,
    last_complaint,
    read_pid_file,
    wait_until,
)
from postgres.programs import EmbeddedPostgresError, PostgresPrograms, find_postgres_programs

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "attached"]

USER = "ladle"
DATABASE = "ladle"
START_SECONDS = 300.0  # Recovery after a crash replays the log and may take minutes; a healthy start takes one second.
STOP_SECONDS = 60.0
LARGEST_LOG_BYTES = 20_000_000
CREATE_DATABASE = r"""
SELECT 'CREATE DATABASE ladle' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'ladle') \gexec
"""
SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",  # It costs more than it saves on short statements.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # The details of an error carry customers' data, and this is a log.
    "log_min_error_statement": "panic",  # The same holds for statements.
    "cluster_name": "ladle",
}
# Only for tests: a crash of the machine may lose everything, and nothing waits for the disk.
THROW_AWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """The use of the embedded server by one program; not thread-safe."""

    def __init__(self, data_dir: Path, pg_bin: Path | None = None, *, durable: bool = True) -> None:
        self.data_dir = data_dir
        self._pg_bin = pg_bin
        self._durable = durable
        self._home: PostgresHome | None = None
        self._socket_directory = Path()
        self._pid = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._locks: dict[str, int] = {}

    @property
    def owned(self) -> bool:
        """True if the server is this program's own child."""
        return self._child is not None

    @property
    def pid(self) -> int:
        """The process id of the server's postmaster; 0 before the start."""
        return self._pid

    def start(self) -> str:
        """Start or adopt the server as its only supervisor (`make run`); return the address of the database.

        Raises EmbeddedPostgresError if another supervisor uses the data directory, or for any other obstacle.
        """
        home = self._open_home()
        with clear_disk_errors(self.data_dir):
            keeper = self._locks["keeper.lock"] = home.open_file("keeper.lock")
            if not try_lock(keeper, fcntl.LOCK_EX):
                holder = os.pread(keeper, 20, 0).decode(errors="replace").strip() or "unknown"
                self._let_go("keeper.lock")
                raise EmbeddedPostgresError(
                    f"The data directory {self.data_dir} is in use by another running program "
                    f"(process {holder}); stop that one, or set DATA_DIR to another directory."
                )
            os.ftruncate(keeper, 0)
            os.pwrite(keeper, f"{os.getpid()}\n".encode(), 0)
        return self.attach_or_start()

    def attach_or_start(self) -> str:
        """Use the running server, else start it for as long as it is needed; return the address of the database."""
        home = self._open_home()
        try:
            with (
                clear_disk_errors(self.data_dir),
                lock_held(home, "start.lock", timeout_seconds=START_SECONDS),
            ):
                if "users.lock" not in self._locks:
                    self._locks["users.lock"] = home.open_file("users.lock")
                    try_lock(self._locks["users.lock"], fcntl.LOCK_SH)
                self._bring_up(home)
        except BaseException:
            self._let_go("users.lock", "keeper.lock")
            raise
        return self.database_url()

    def database_url(self, database: str = DATABASE) -> str:
        """Return the SQLAlchemy address of a database of this server."""
        return f"postgresql+asyncpg://{USER}@/{database}?host={quote(str(self._socket_directory), safe='/')}"

    def is_running(self) -> bool:
        """True while the postmaster is alive; reaps it if it was this program's child and has ended."""
        if self._child is not None:
            return self._child.poll() is None
        return self._pid != 0 and is_postmaster(self._open_home(), self._pid)

    def restart_if_dead(self) -> bool:
        """Start a dead server again for its supervisor; return True if it was dead."""
        if self.is_running():
            return False
        home = self._open_home()
        with clear_disk_errors(self.data_dir), lock_held(home, "start.lock", timeout_seconds=START_SECONDS):
            self._bring_up(home)
        return True

    def stop(self) -> None:
        """Release the server, and stop it if it has no other users; quick, and may be called twice."""
        if "users.lock" not in self._locks:
            return
        home = self._open_home()
        with lock_held(home, "start.lock", timeout_seconds=START_SECONDS):
            fcntl.flock(self._locks["users.lock"], fcntl.LOCK_UN)
            if try_lock(self._locks["users.lock"], fcntl.LOCK_EX):
                self._end(home)
            self._let_go("users.lock", "keeper.lock")
        self._pid, self._child = 0, None

    def _open_home(self) -> PostgresHome:
        if self._home is None:
            self._home = open_home(self.data_dir)
        return self._home

    def _let_go(self, *names: str) -> None:
        for name in names:
            if name in self._locks:
                os.close(self._locks.pop(name))

    def _bring_up(self, home: PostgresHome) -> None:
        """Adopt the server that runs on the data, else start one; the caller holds the start lock."""
        self._pid, self._child = 0, None
        programs = self._prepare_data(home)
        if not self._adopt(home):
            self._launch(home, programs)
        self._make_database(programs)

    def _prepare_data(self, home: PostgresHome) -> PostgresPrograms:
        """Create the data directory if there is none, and find the programs of the version that created it."""
        version_file = home.data / "PG_VERSION"
        if home.data.exists():
            made_by = version_file.read_text().strip() if version_file.exists() else ""
            if not made_by.isdigit():
                raise EmbeddedPostgresError(f"{home.data} is not a data directory of PostgreSQL 10 or newer.")
            return find_postgres_programs(self._pg_bin, int(made_by))
        programs = find_postgres_programs(self._pg_bin)
        # Created under another name and renamed: an interrupted set-up leaves nothing that looks finished.
        fresh = home.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        home.make_directory(fresh)
        command = [
            programs.path("initdb"),
            "-D",
            str(fresh),
            "-U",
            USER,
            "--auth-local=trust",
            "--auth-host=reject",
        ]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]
        command += [] if self._durable else ["--no-sync"]
        done = subprocess.run(
            command,
            cwd=fresh,
            env=_clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            **home.run_as(),
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EmbeddedPostgresError(
                f"PostgreSQL could not make its data directory {home.data}: {last_complaint(done.stderr)}"
            )
        fresh.rename(home.data)
        return programs

    def _adopt(self, home: PostgresHome) -> bool:
        """Take over a healthy server that another program started; remove the traces of a dead one."""
        pid_file = read_pid_file(home)
        if pid_file and is_postmaster(home, pid_file.pid):
            pid = pid_file.pid
            wait_until(lambda: is_ready(home, pid) or not is_postmaster(home, pid), START_SECONDS)
            if is_ready(home, pid) and is_postmaster(home, pid):
                self._pid, self._socket_directory = pid, pid_file.socket_directory
                return True
        # The last processes of a killed server may still be ending.
        if not wait_until(lambda: not is_anything_left(home), STOP_SECONDS):
            raise EmbeddedPostgresError(
                f"A PostgreSQL that this program can't see, or that does not end, uses {home.data}."
            )
        # By now its process id may belong to another process or a zombie, and PostgreSQL would refuse to start.
        (home.data / "postmaster.pid").unlink(missing_ok=True)
        for trace in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (home.socket_directory() / trace).unlink(missing_ok=True)
        return False

    def _launch(self, home: PostgresHome, programs: PostgresPrograms) -> None:
        """Start the postmaster as our child and wait until it accepts connections."""
        self._socket_directory = home.socket_directory()
        settings = SERVER_SETTINGS | ({} if self._durable else THROW_AWAY_SETTINGS)
        settings["unix_socket_directories"] = str(self._socket_directory)
        command = [programs.path("postgres"), "-D", str(home.data)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        if home.log.exists() and home.log.stat().st_size > LARGEST_LOG_BYTES:
            home.log.replace(home.log.with_suffix(".log.1"))
        log, alive = home.open_file(home.log.name, os.O_WRONLY | os.O_APPEND), home.open_file("alive.lock")
        log_start = os.fstat(log).st_size
        try:
            fcntl.flock(alive, fcntl.LOCK_EX)
            child = subprocess.Popen(
                command,
                cwd=home.data,
                env=_clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,  # Ctrl-C in the terminal is for us, not for the server.
                pass_fds=(alive,),
                **home.run_as(),
            )
        finally:
            os.close(log)
            os.close(alive)
        self._pid, self._child = child.pid, child
        try:
            wait_until(lambda: child.poll() is not None or is_ready(home, child.pid), START_SECONDS)
            if child.poll() is not None or not is_ready(home, child.pid):
                complaint = last_complaint(home.log.read_bytes()[log_start:].decode(errors="replace"))
                raise EmbeddedPostgresError(f"PostgreSQL did not start in {home.data}: {complaint} (log: {home.log})")
        except BaseException:
            self._end(home)
            raise

    def _make_database(self, programs: PostgresPrograms) -> None:
        """Create the program's database if it does not exist; this also shows that the server answers."""
        command = [
            programs.path("psql"),
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            str(self._socket_directory),
        ]
        done = subprocess.run(
            [*command, "-p", str(PORT), "-U", USER, "-d", "postgres"],
            input=CREATE_DATABASE,
            env=_clean_environment() | {"PGCONNECT_TIMEOUT": "10"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"The PostgreSQL in {self.data_dir} (process {self._pid}) does not answer: "
                f"{last_complaint(done.stderr)}"
            )

    def _end(self, home: PostgresHome) -> None:
        """Stop the postmaster: connections are closed, data is written; if it hangs, stop it by force."""
        for how in (signal.SIGINT, signal.SIGQUIT):
            if not self.is_running():
                break
            try:
                os.kill(self._pid, how)
            except ProcessLookupError:
                break
            if wait_until(lambda: not self.is_running(), STOP_SECONDS):
                break
        wait_until(lambda: not is_anything_left(home), STOP_SECONDS)


@contextmanager
def attached(data_dir: Path, pg_bin: Path | None = None) -> Iterator[str]:
    """Yield the address of the embedded database for the duration of a command; starts the server if needed."""
    server = EmbeddedPostgres(data_dir, pg_bin)
    url = server.attach_or_start()
    try:
        yield url
    finally:
        server.stop()


def _clean_environment() -> dict[str, str]:
    """Return the environment without PG… variables, which are meant for other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
