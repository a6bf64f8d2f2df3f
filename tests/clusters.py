"""Data directories of the embedded PostgreSQL as an earlier start leaves them: copied, since making one takes seconds.

Tests of the first start itself make their own.
"""

import fcntl
import hashlib
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from models.migrations import upgrade
from postgres.embedded import attached
from postgres.home import open_home
from postgres.programs import find_postgres_programs

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "var" / "clusters"


def name_schema() -> str:
    """A word for the newest schema; another one once a migration changes."""
    steps = hashlib.sha256(version("pgqueuer").encode())
    for path in sorted((ROOT / "models" / "migrations").rglob("*.py")):
        steps.update(path.read_bytes())
    return steps.hexdigest()[:16]


def lay_out_cluster(data_dir: Path, *, migrated: bool = False) -> None:
    """Put a database that was started and stopped before under `data_dir`; `migrated`, it has the newest schema."""
    kept = KEPT / ("migrated" if migrated else "empty")
    wanted = f"{find_postgres_programs(None).major} {name_schema() if migrated else ''}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Workers of one run may ask at the same moment.
        done = kept.with_suffix(".done")
        if not done.exists() or done.read_text() != wanted:
            done.unlink(missing_ok=True)
            if kept.exists():
                shutil.rmtree(open_home(kept).data)
            with attached(kept) as url:
                if migrated:
                    upgrade(url)
            done.write_text(wanted)
    subprocess.run(["cp", "-a", str(open_home(kept).data), str(open_home(data_dir).data)], check=True)
