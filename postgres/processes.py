"""Tells a live postmaster from a zombie, another process with its id, and the remains of a killed one."""

import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from postgres.home import PostgresHome, try_lock


@dataclass(frozen=True)
class PidFile:
    """The content of postmaster.pid; `status` is starting, ready, stopping or standby."""

    pid: int
    socket_directory: Path
    status: str


def read_pid_file(home: PostgresHome) -> PidFile | None:
    """Read postmaster.pid; None if it does not exist or is incomplete."""
    try:
        lines = (home.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    if not lines[0].strip().isdigit():
        return None
    return PidFile(int(lines[0]), Path(lines[4].strip()), lines[7].strip())


def is_ready(home: PostgresHome, pid: int) -> bool:
    """True if this postmaster has reported that it accepts connections."""
    pid_file = read_pid_file(home)
    return pid_file is not None and pid_file.pid == pid and pid_file.status == "ready"


def is_postmaster(home: PostgresHome, pid: int) -> bool:
    """True if a process is the live postmaster of this data directory, not a zombie or another process."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.name() not in {"postgres", "postmaster"}:
            return False
        # The postmaster keeps the command line it was started with; its working directory remains correct if the data
        # is moved, but root in a container may not read it.
        return str(home.data) in process.cmdline() or Path(process.cwd()).samefile(home.data)
    except (psutil.Error, OSError):
        return False


def is_anything_left(home: PostgresHome) -> bool:
    """True while any process of the server is alive: all inherit the descriptor that holds `alive.lock`."""
    descriptor = home.open_file("alive.lock")
    try:
        return not try_lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, checking often at first and less often later; return whether it became true."""
    deadline, pause = time.monotonic() + seconds, 0.005
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)
    return True


def last_complaint(output: str) -> str:
    """Return the line of a PostgreSQL program's output that describes the error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for word in ("PANIC:", "FATAL:", "error:", "could not"):
        for line in reversed(lines):
            if word in line:
                return line[line.index(word) :]
    return lines[-1] if lines else "it gave no reason."
