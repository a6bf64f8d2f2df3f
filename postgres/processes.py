"""Distinguishes a living postmaster from a zombie, another process with its number, and the remains of a killed one."""

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
    """What postmaster.pid says; `status` is starting, ready, stopping or standby."""

    pid: int
    socket_directory: Path
    status: str


def read_pid_file(home: PostgresHome) -> PidFile | None:
    """Read postmaster.pid; None when there is none or it is only half written."""
    try:
        lines = (home.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    if not lines[0].strip().isdigit():
        return None
    return PidFile(int(lines[0]), Path(lines[4].strip()), lines[7].strip())


def is_ready(home: PostgresHome, pid: int) -> bool:
    """True when this postmaster has said that it takes connections."""
    pid_file = read_pid_file(home)
    return pid_file is not None and pid_file.pid == pid and pid_file.status == "ready"


def is_postmaster(home: PostgresHome, pid: int) -> bool:
    """True when a process is the living postmaster of this data, not a zombie and no other process."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.name() not in {"postgres", "postmaster"}:
            return False
        # The postmaster keeps the command line it was started with; its working directory survives a move
        # of the data, but root in a container may not look at it.
        return str(home.data) in process.cmdline() or Path(process.cwd()).samefile(home.data)
    except (psutil.Error, OSError):
        return False


def is_anything_left(home: PostgresHome) -> bool:
    """True while any process of the server lives: all inherit the descriptor that holds `alive.lock`."""
    descriptor = home.open_file("alive.lock")
    try:
        return not try_lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, looking often at first and less often later; answers whether it came true."""
    deadline, pause = time.monotonic() + seconds, 0.005
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)
    return True


def last_complaint(output: str) -> str:
    """Pick the line of a PostgreSQL program's output that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for word in ("PANIC:", "FATAL:", "error:", "could not"):
        for line in reversed(lines):
            if word in line:
                return line[line.index(word) :]
    return lines[-1] if lines else "it gave no reason."
