"""The embedded PostgreSQL against what happens to real machines: kills, stale files, other programs."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from sqlalchemy.engine import make_url

from postgres import home
from postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError, attached
from postgres.home import open_home
from postgres.processes import is_anything_left, read_pid_file, wait_until
from postgres.programs import find_postgres_programs
from tests.clusters import lay_out_cluster

ROOT = Path(__file__).parent.parent.parent
IS_ROOT = os.geteuid() == 0
PROGRAM = """
import sys
from pathlib import Path
from postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
try:
    print(getattr(server, sys.argv[2])(), server.pid, flush=True)
except EmbeddedPostgresError as error:
    sys.exit(str(error))
sys.stdin.read()
server.stop()
"""
AS_NOBODY = """
import os
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A directory that the server's user can reach, unlike pytest's own; whatever runs there is ended."""
    place = Path(tempfile.mkdtemp(prefix="ladle-test-"))
    place.chmod(0o755)
    yield place
    for pid_file in place.glob("**/postmaster.pid"):
        pid = int(pid_file.read_text().split()[0])
        if psutil.pid_exists(pid) and str(pid_file.parent) in psutil.Process(pid).cmdline():
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(place)


@pytest.fixture
def used_dir(data_dir: Path) -> Path:
    """The same, with a database that was started and stopped before."""
    lay_out_cluster(data_dir)
    return data_dir


@pytest.fixture
def server(used_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A server that runs, and not for the first time."""
    server = EmbeddedPostgres(used_dir, durable=False)
    server.start()
    yield server
    server.stop()


def ask(server: EmbeddedPostgres, *statements: str) -> Any:
    """Run statements on one connection; answers the last one's value."""

    async def run() -> Any:
        url = make_url(server.database_url())
        connection = await asyncpg.connect(host=str(url.query["host"]), user=url.username, database=url.database)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def start_program(data_dir: Path, how: str = "start") -> subprocess.Popen[str]:
    """Run another program on the data directory; it has the server until its standard input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(data_dir), how],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def postmaster_of(program: subprocess.Popen[str]) -> int:
    """Wait until the program has its server; answers the postmaster's process id."""
    assert program.stdout is not None
    return int(program.stdout.readline().split()[-1])


def end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.communicate()


def test_the_first_start_makes_a_durable_database_behind_a_private_socket(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    url = server.start()
    try:
        assert server.owned
        assert url == server.database_url("ladle")
        shown = {
            name: ask(server, f"SHOW {name}")
            for name in (
                "data_checksums",
                "server_encoding",
                "listen_addresses",
                "fsync",
                "synchronous_commit",
            )
        }
        assert shown == {
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "listen_addresses": "",
            "fsync": "on",
            "synchronous_commit": "on",
        }
        collation = "SELECT datcollate FROM pg_database WHERE datname = current_database()"
        assert ask(server, collation) == "C.UTF-8"
        socket_directory = Path(str(make_url(url).query["host"]))
        assert socket_directory.stat().st_mode & 0o777 == 0o700
        assert psutil.Process(server.pid).uids().effective != 0
        assert not [c for c in psutil.Process(server.pid).net_connections("inet") if c.status == "LISTEN"]
    finally:
        server.stop()
    assert not is_anything_left(open_home(data_dir))


def test_a_restart_finds_what_was_written(data_dir: Path) -> None:
    for expected in (1, 2, 3):
        server = EmbeddedPostgres(data_dir, durable=False)
        server.start()
        count = ask(
            server,
            "CREATE TABLE IF NOT EXISTS note (id int)",
            "INSERT INTO note VALUES (1)",
            "SELECT count(*) FROM note",
        )
        server.stop()
        server.stop()
        assert count == expected
        assert not server.is_running()


def test_a_killed_postmaster_is_restarted_and_loses_nothing(used_dir: Path) -> None:
    server = EmbeddedPostgres(used_dir)
    server.start()
    ask(server, "CREATE TABLE note (id int)", "INSERT INTO note VALUES (7)", "SELECT 1")
    assert not server.restart_if_dead()
    killed, url = server.pid, server.database_url()
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: not server.is_running(), 10)
    assert server.restart_if_dead()
    assert server.pid != killed
    assert server.database_url() == url
    assert ask(server, "SELECT id FROM note") == 7
    server.stop()


def test_the_server_of_a_killed_program_is_adopted(used_dir: Path) -> None:
    program = start_program(used_dir)
    postmaster = postmaster_of(program)
    end(program)
    assert psutil.pid_exists(postmaster)
    server = EmbeddedPostgres(used_dir, durable=False)
    server.start()
    assert server.pid == postmaster
    assert not server.owned
    assert server.is_running()
    assert ask(server, "SELECT 42") == 42
    server.stop()
    assert not is_anything_left(open_home(used_dir))


def test_an_adopted_server_that_is_killed_is_restarted(used_dir: Path) -> None:
    program = start_program(used_dir)
    postmaster = postmaster_of(program)
    end(program)
    server = EmbeddedPostgres(used_dir, durable=False)
    server.start()
    os.kill(postmaster, signal.SIGKILL)
    assert wait_until(lambda: not server.is_running(), 10)
    assert server.restart_if_dead()
    assert server.owned
    assert ask(server, "SELECT 42") == 42
    server.stop()


@pytest.mark.parametrize("stranger_is", ["a live program", "a zombie", "another postmaster"])
def test_a_stale_pid_file_that_names_a_stranger_is_seen_through(data_dir: Path, stranger_is: str) -> None:
    mine, other = data_dir / "mine", data_dir / "other"
    lay_out_cluster(mine)
    server = EmbeddedPostgres(mine, durable=False)
    server.start()
    running = (mine / "postgres" / "data" / "postmaster.pid").read_text()
    server.stop()
    other_server = EmbeddedPostgres(other, durable=False)
    if stranger_is == "another postmaster":
        lay_out_cluster(other)
        other_server.start()
        stranger, process = other_server.pid, None
    else:
        command = ["sleep", "300"] if stranger_is == "a live program" else ["true"]
        # Only a process of the server's own user deceives PostgreSQL itself.
        process = subprocess.Popen(command, **open_home(mine).run_as())
        stranger = process.pid
    if stranger_is == "a zombie":
        assert wait_until(lambda: psutil.Process(stranger).status() == psutil.STATUS_ZOMBIE, 10)
    lines = running.splitlines()
    (mine / "postgres" / "data" / "postmaster.pid").write_text("\n".join([str(stranger), *lines[1:]]) + "\n")

    try:
        server.start()
        assert server.pid != stranger
        assert ask(server, "SELECT 42") == 42
        assert psutil.pid_exists(stranger)
    finally:
        server.stop()
        other_server.stop()
        if process is not None:
            end(process)


def test_a_second_keeper_is_told_in_one_sentence(server: EmbeddedPostgres, data_dir: Path) -> None:
    second = start_program(data_dir)
    said = second.communicate(timeout=60)[1]

    assert second.returncode == 1
    assert said == (
        f"The data directory {data_dir} is in use by another running program (process {os.getpid()}); "
        "stop that one, or set DATA_DIR to another directory.\n"
    )
    assert ask(server, "SELECT 42") == 42


def test_a_command_attaches_to_the_running_server_and_leaves_it_running(
    server: EmbeddedPostgres, data_dir: Path
) -> None:
    with attached(data_dir) as url:
        assert url == server.database_url()
    assert ask(server, "SELECT 42") == 42


def test_the_last_of_two_commands_stops_the_server(used_dir: Path) -> None:
    first, second = (start_program(used_dir, "attach_or_start") for _ in range(2))
    assert postmaster_of(first) == postmaster_of(second)
    home = open_home(used_dir)

    first.communicate(timeout=60)
    assert first.returncode == 0
    assert is_anything_left(home)

    second.communicate(timeout=60)
    assert second.returncode == 0
    assert not is_anything_left(home)
    assert read_pid_file(home) is None


@pytest.mark.skipif(not IS_ROOT, reason="only root may mount a disk")
@pytest.mark.parametrize("is_used", [False, True], ids=["new", "used"])
def test_a_read_only_disk_is_one_sentence(data_dir: Path, is_used: bool) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(data_dir)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a disk")
    try:
        data_dir.chmod(0o755)
        if is_used:
            lay_out_cluster(data_dir)
        subprocess.run(["mount", "-o", "remount,ro", str(data_dir)], check=True)
        with pytest.raises(EmbeddedPostgresError) as refused:
            EmbeddedPostgres(data_dir).start()
        assert str(refused.value) == f"The data directory {data_dir} can't be used: the disk is read-only."
    finally:
        subprocess.run(["umount", str(data_dir)], check=True)


def test_a_directory_that_this_user_may_not_write_is_one_sentence(data_dir: Path) -> None:
    data_dir.chmod(0o555)
    # Root may write everywhere, so the program gives root up once it has imported everything.
    start = PROGRAM.replace("server = ", AS_NOBODY + "server = ")
    program = subprocess.run(
        [sys.executable, "-c", start, str(data_dir), "start"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    data_dir.chmod(0o755)

    assert (program.stdout, program.returncode) == ("", 1)
    assert program.stderr == f"The data directory {data_dir} can't be used: this user may not use it.\n"


def test_data_of_another_version_is_left_alone_and_the_version_named(used_dir: Path) -> None:
    version_file = used_dir / "postgres" / "data" / "PG_VERSION"
    made_by = version_file.read_text()
    version_file.write_text("99\n")

    with pytest.raises(EmbeddedPostgresError) as refused:
        EmbeddedPostgres(used_dir).start()

    there = find_postgres_programs(None).major
    assert "made by PostgreSQL 99, whose programs are not here" in str(refused.value)
    assert str(there) in str(refused.value)
    version_file.write_text(made_by)
    with attached(used_dir) as url:
        assert url.startswith("postgresql+asyncpg://ladle@/ladle?host=")


def test_pg_bin_without_a_server_is_named(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=f"PG_BIN should be .* but {data_dir} has no postgres"):
        EmbeddedPostgres(data_dir, pg_bin=data_dir).start()


def test_a_set_up_that_was_killed_halfway_starts_over(data_dir: Path) -> None:
    half = data_dir / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")

    server = EmbeddedPostgres(data_dir, durable=False)
    server.start()

    assert ask(server, "SELECT 42") == 42
    assert not half.exists()
    server.stop()


def test_a_server_that_refuses_its_configuration_says_why(used_dir: Path) -> None:
    with (used_dir / "postgres" / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")

    with pytest.raises(EmbeddedPostgresError) as refused:
        EmbeddedPostgres(used_dir).start()

    assert "PostgreSQL did not start" in str(refused.value)
    assert "contains errors" in str(refused.value)
    assert not is_anything_left(open_home(used_dir))


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    lay_out_cluster(deep)
    server = EmbeddedPostgres(deep, durable=False)
    url = server.start()
    socket_directory = Path(str(make_url(url).query["host"]))
    try:
        assert len(str(socket_directory)) < 60
        assert socket_directory.stat().st_mode & 0o777 == 0o700
        assert ask(server, "SELECT 42") == 42
    finally:
        server.stop()
        shutil.rmtree(socket_directory)


@pytest.mark.skipif(not IS_ROOT, reason="only root starts the server as another user")
def test_a_directory_the_servers_user_cannot_enter_is_not_opened_up(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = data_dir / "elsewhere"
    monkeypatch.setattr(home, "PLACE_OF_ITS_OWN", elsewhere)
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    database = private / "var"

    for _ in range(2):
        server = EmbeddedPostgres(database, durable=False)
        server.start()
        assert ask(server, "SELECT 42") == 42
        server.stop()

    assert private.stat().st_mode & 0o777 == 0o700
    assert len(list(elsewhere.iterdir())) == 1
    assert (database / "postgres-is-at").read_text().startswith(str(elsewhere))
    said = [record.getMessage() for record in caplog.records if record.name == "postgres.home"]
    assert len(said) == 1
    assert said[0].startswith(f"The database's user can't enter {database}, so the database lives in {elsewhere}")
