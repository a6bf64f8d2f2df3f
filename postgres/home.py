"""Where the embedded PostgreSQL is on disk and as which user it runs: never root, and where that user has access.

Permissions of the directories above are never changed. Without access to them, it uses a directory in /var/lib.
"""

import errno
import fcntl
import hashlib
import logging
import os
import pwd
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from postgres.programs import EmbeddedPostgresError

PORT = 5432
LONGEST_SOCKET_PATH = 107
PLACE_OF_ITS_OWN = Path("/var/lib/ladle")
# The system's own directory instead of TMPDIR, so that every program finds the same socket.
SHORT_SOCKET_PARENT = Path("/tmp")  # noqa: S108 - only used for a 0700 directory whose owner is checked.

logger = logging.getLogger(__name__)


class RunAs(TypedDict, total=False):
    """The arguments of subprocess that set the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class PostgresHome:
    """The directory of the data, the log and the locks, and the user who owns it."""

    directory: Path
    uid: int
    gid: int

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """The log file of the server."""
        return self.directory / "postgres.log"

    def run_as(self) -> "RunAs":
        """Return the arguments that run a child process as the owner of this directory; none if we are that user."""
        return {} if self.uid == os.geteuid() else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def open_file(self, name: str, flags: int = os.O_RDWR) -> int:
        """Open a file of the directory, created for its owner only; return a file descriptor."""
        descriptor = os.open(self.directory / name, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self.uid != os.geteuid():
            os.fchown(descriptor, self.uid, self.gid)
        return descriptor

    def make_directory(self, path: Path) -> None:
        """Create a directory for the owner only; an existing one must already belong to them."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {self.uid, os.geteuid()}:
                raise EmbeddedPostgresError(f"{path} is in the way: it should belong to us alone.") from None
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)

    def socket_directory(self) -> Path:
        """Create the directory of the server's socket: in the home, or a short one if that path is too long."""
        directory = self.directory / "socket"
        too_long = len(os.fsencode(directory / f".s.PGSQL.{PORT}")) > LONGEST_SOCKET_PATH
        if too_long or set(str(directory)) & set(" ,\"'\\"):
            directory = SHORT_SOCKET_PARENT / f"ladle-{self.uid}-{_short_hash(self.directory)}"
        self.make_directory(directory)
        return directory


def open_home(data_dir: Path) -> PostgresHome:
    """Find or create the home under DATA_DIR. Raises EmbeddedPostgresError if it can't be used."""
    with clear_disk_errors(data_dir):
        data_dir = data_dir.absolute()
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        directory = _choose_directory(data_dir)
        uid, gid = _choose_user(directory)
        home = PostgresHome(directory, uid, gid)
        home.make_directory(directory)
        return home


@contextmanager
def clear_disk_errors(place: Path) -> Iterator[None]:
    """Turn an error of the disk into one sentence."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.EROFS: "the disk is read-only",
            errno.ENOSPC: "the disk is full",
            errno.EACCES: "this user may not use it",
            errno.EPERM: "this user may not use it",
        }
        reason = reasons.get(error.errno or 0, str(error.strerror))
        raise EmbeddedPostgresError(f"The data directory {place} can't be used: {reason}.") from error


@contextmanager
def lock_held(home: PostgresHome, name: str, *, timeout_seconds: float) -> Iterator[None]:
    """Hold one of the home's locks; if the program is killed, the lock is released."""
    descriptor = home.open_file(name)
    try:
        deadline = time.monotonic() + timeout_seconds
        while not try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"Another program has been starting or stopping the database in {home.directory} "
                    f"for {timeout_seconds:.0f} seconds."
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a lock (fcntl.LOCK_EX or LOCK_SH) if it is free; return whether it was. Never waits."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _choose_directory(data_dir: Path) -> Path:
    """Return DATA_DIR/postgres, or the directory recorded there if the server's user had no access to it."""
    beside, signpost = data_dir / "postgres", data_dir / "postgres-is-at"
    if signpost.exists():
        written_down = Path(signpost.read_text().strip())
        if (written_down / "data").exists():
            return written_down
    if (beside / "data").exists() or os.geteuid() != 0 or _can_enter(data_dir, *_unprivileged_user()):
        return beside
    elsewhere = PLACE_OF_ITS_OWN / _short_hash(data_dir)
    PLACE_OF_ITS_OWN.mkdir(mode=0o755, parents=True, exist_ok=True)
    signpost.write_text(f"{elsewhere}\n")
    logger.warning("The database's user can't enter %s, so the database lives in %s.", data_dir, elsewhere)
    return elsewhere


def _choose_user(directory: Path) -> tuple[int, int]:
    """Return the owner of an existing home, else an unprivileged user: PostgreSQL refuses to run as root."""
    try:
        owner = (directory / "data").stat()
    except FileNotFoundError:
        return _unprivileged_user() if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    if os.geteuid() not in {0, owner.st_uid}:
        raise EmbeddedPostgresError(
            f"The database in {directory} belongs to {_user_name(owner.st_uid)}; run this as that user or as root."
        )
    if os.geteuid() == 0 and not _can_enter(directory.parent, owner.st_uid, owner.st_gid):
        raise EmbeddedPostgresError(
            f"The database's user {_user_name(owner.st_uid)} can't enter {directory.parent}; "
            "move DATA_DIR to a place that user can reach."
        )
    return owner.st_uid, owner.st_gid


def _unprivileged_user() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return user.pw_uid, user.pw_gid
    raise EmbeddedPostgresError("PostgreSQL does not run as root, and there is no user postgres or nobody.")


def _can_enter(directory: Path, uid: int, gid: int) -> bool:
    """Ask the kernel, as that user, so that ACLs and mounts count too."""
    asked = subprocess.run(
        ["/usr/bin/test", "-x", str(directory)], user=uid, group=gid, extra_groups=[], cwd="/", check=False
    )
    return asked.returncode == 0


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
