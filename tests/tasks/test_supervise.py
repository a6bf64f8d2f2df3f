"""`make run`'s parent with a small program in place of ours: what is killed returns, one signal ends all."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from postgres.home import open_home
from postgres.processes import is_anything_left, read_pid_file, wait_until
from tests.clusters import lay_out_cluster

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import http.server, os, pathlib, signal, sys
here = pathlib.Path(__file__).parent
with (here / "starts").open("a") as starts:
    starts.write(f"{sys.argv[1]} {os.getpid()} {os.environ['DATABASE_URL']}\\n")
if sys.argv[1] == "serve" and (here / "broken").exists():
    sys.exit("I do not start.")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *_):
        pass
if sys.argv[1] == "serve":
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answer).serve_forever()
if sys.argv[1] == "worker":
    signal.pause()
"""
PARENT = """
import sys
from pathlib import Path
from settings import Settings
from tasks.supervise import run_everything
here = Path(sys.argv[1])
settings = Settings(_env_file=None, data_dir=here / "var", secret_key="s" * 40, data_keys=["d" * 40])
sys.exit(run_everything(settings, port=int(sys.argv[2]), program=(sys.executable, str(here / "program.py"))))
"""


class Run:
    """A directory with the small program, and the parents that run it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.port = free_port()
        self.parents: list[subprocess.Popen[str]] = []
        (place / "program.py").write_text(PROGRAM)

    def start(self) -> subprocess.Popen[str]:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(self.place), str(self.port)],
            env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
            | {"PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdout=(self.place / "said").open("w"),
            stderr=subprocess.PIPE,
            text=True,
        )
        self.parents.append(parent)
        return parent

    def start_and_wait(self) -> subprocess.Popen[str]:
        parent = self.start()
        assert wait_until(lambda: "Ready at" in self.said or parent.poll() is not None, 60)
        assert parent.poll() is None, parent.communicate()[1]
        assert wait_until(lambda: len(self.starts("worker")) == len(self.starts("serve")), 30)
        return parent

    @property
    def said(self) -> str:
        return (self.place / "said").read_text()

    def starts(self, name: str) -> list[int]:
        """The process ids under which a part of the program was started so far."""
        lines = (self.place / "starts").read_text().splitlines()
        return [int(line.split()[1]) for line in lines if line.split()[0] == name]

    def answering(self) -> int:
        """The process id of the server that answers now; 0 while none does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return int(answer.read())
        except OSError:
            return 0

    def postmaster(self) -> int:
        pid_file = read_pid_file(open_home(self.place / "var"))
        return pid_file.pid if pid_file and pid_file.status == "ready" else 0


@pytest.fixture
def first_run() -> Iterator[Run]:
    """A directory in which nothing has run before."""
    place = Path(tempfile.mkdtemp(prefix="ladle-run-"))
    place.chmod(0o755)
    run = Run(place)
    yield run
    for parent in run.parents:
        if parent.poll() is None:
            parent.terminate()
        parent.communicate(timeout=60)
    assert not is_anything_left(open_home(place / "var"))
    shutil.rmtree(place)


@pytest.fixture
def run(first_run: Run) -> Run:
    """A directory whose database has the newest schema, as an earlier run has left it."""
    lay_out_cluster(first_run.place / "var", migrated=True)
    return first_run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_gone(pid: int) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return check


def test_the_first_run_makes_everything_and_an_interrupt_ends_it(first_run: Run) -> None:
    check_that_one_signal_ends_everything(first_run, signal.SIGINT)


def test_a_request_to_terminate_ends_everything(run: Run) -> None:
    check_that_one_signal_ends_everything(run, signal.SIGTERM)


def check_that_one_signal_ends_everything(run: Run, how: signal.Signals) -> None:
    parent = run.start_and_wait()
    assert len(run.starts("demo")) == 1
    assert f"Ready at http://127.0.0.1:{run.port}" in run.said

    parent.send_signal(how)

    assert parent.wait(30) == 0
    assert run.answering() == 0
    assert is_gone(run.starts("worker")[0])()
    assert not is_anything_left(open_home(run.place / "var"))


def test_whatever_is_killed_comes_back(run: Run) -> None:
    run.start_and_wait()
    server, worker, postmaster = run.answering(), run.starts("worker")[0], run.postmaster()
    assert 0 not in {server, worker, postmaster}

    for killed in (server, worker, postmaster):
        os.kill(killed, signal.SIGKILL)

    assert wait_until(lambda: run.answering() not in {0, server}, 30)
    assert wait_until(lambda: len(run.starts("worker")) == 2, 30)
    assert wait_until(lambda: run.postmaster() not in {0, postmaster}, 30)
    assert len(run.starts("demo")) == 1


def test_a_killed_parent_leaves_nothing_in_the_way_of_the_next(run: Run) -> None:
    parent = run.start_and_wait()
    server, worker, postmaster = run.answering(), run.starts("worker")[0], run.postmaster()
    parent.kill()
    assert wait_until(is_gone(server), 10)
    assert wait_until(is_gone(worker), 10)

    run.start_and_wait()

    assert run.postmaster() == postmaster
    assert run.answering() not in {0, server}


def test_a_port_in_use_is_one_sentence(first_run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first_run.port))
        taken.listen()
        parent = first_run.start()
        said = parent.communicate(timeout=60)[1]

    assert parent.returncode == 1
    assert said == (
        f"Port {first_run.port} on 127.0.0.1 can't be used: address already in use. "
        f'Choose another with: make run ARGS="--port {first_run.port + 1}".\n'
    )


def test_a_data_directory_in_use_is_one_sentence_and_the_first_goes_on(run: Run) -> None:
    first = run.start_and_wait()
    server = run.answering()
    second = run.start()
    said = second.communicate(timeout=60)[1]

    assert second.returncode == 1
    assert said == (
        f"The data directory {run.place / 'var'} is in use by another running program (process {first.pid}); "
        "stop that one, or set DATA_DIR to another directory.\n"
    )
    assert run.answering() == server


def test_a_server_that_never_starts_ends_the_run(run: Run) -> None:
    run.start_and_wait().terminate()
    run.parents[0].wait(30)
    (run.place / "broken").touch()
    (run.place / "starts").unlink()

    parent = run.start()
    said = parent.communicate(timeout=60)[1]

    assert parent.returncode == 1
    assert "I do not start." in said
    assert "The server does not start; what it said stands above." in said
    assert len(run.starts("serve")) == 3
