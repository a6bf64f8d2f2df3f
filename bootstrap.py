"""Makes a fresh clone ready: virtual environment, locked libraries, system packages.

It needs nothing but Python's own library and does nothing that is already done. When it can't do something,
it says in one message what a person has to do.
"""

import argparse
import ctypes
import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
# Tools that were not written here, for the API's document.
GENERATOR = VENV / "generator"
GENERATOR_LOCK = ROOT / "requirements" / "generator.txt"
NODE_TOOLS = ROOT / "tests" / "clients"
NODE_LOCK = NODE_TOOLS / "package-lock.json"
OLDEST_POSTGRES = 14
CREATECLUSTER_CONF = Path("/etc/postgresql-common/createcluster.conf")
POSTGRES_PACKAGES = ["postgresql", "postgresql-contrib"]
PDF_LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
    "libfontconfig.so.1": "libfontconfig1",
}
FONT_PACKAGE = "fonts-dejavu-core"
# Letters that the bundled fonts lack, and the files that bring them: a paper prints without them, with boxes.
MORE_FONTS = {"fonts-droid-fallback": "DroidSansFallback*.ttf", "fonts-noto-color-emoji": "NotoColorEmoji.ttf"}
BROWSER_PACKAGE = "chromium"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# How often a command that takes long says what it does.
SPEAK_SECONDS = 5.0
UNREACHABLE = re.compile(
    r"name resolution|Name or service not known|Network is unreachable|Connection refused|NewConnectionError|timed out"
)
OFFLINE = (
    "no package server can be reached. Connect this machine, or name a mirror inside your network in PIP_INDEX_URL, "
    "or a folder of wheels in PIP_FIND_LINKS together with PIP_NO_INDEX=1, and try again"
)
READ_ONLY = "this folder can't be written to. Copy the source to a folder of your own, and run make there"


class SetUpError(Exception):
    """Something is missing that only a person can provide; the message says what."""


def main() -> int:
    """Set up what running (or testing) needs; answers the exit code."""
    parser = argparse.ArgumentParser(description="Make this clone ready to run.")
    parser.add_argument("purpose", choices=["run", "test"], help="test also installs the checks' tools and a browser")
    purpose = parser.parse_args().purpose
    try:
        if _missing_packages(purpose) or not _is_installed(purpose) or (purpose == "test" and _lacks_tools()):
            # Two set-ups started together would both write `.venv`: the second waits and finds its work done.
            with (ROOT / ".setup.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                _install_system_packages(_missing_packages(purpose))
                _install_more_fonts()
                _make_environment(purpose)
                if purpose == "test":
                    _install_generator()
                    _install_node_tools()
    except (SetUpError, subprocess.CalledProcessError) as problem:
        print(f"Set-up stopped: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        is_closed = problem.errno in {errno.EROFS, errno.EACCES, errno.EPERM}
        reason = READ_ONLY if is_closed else str(problem.strerror)
        print(f"Set-up stopped: {reason} ({problem.filename or ROOT}).", file=sys.stderr)
        return 1
    return 0


def _missing_packages(purpose: str) -> list[str]:
    """Name Debian's packages that are needed and not there, judged by what they bring, not by name."""
    missing = []
    if not _has_postgres(purpose):
        missing += POSTGRES_PACKAGES
    missing += [package for library, package in PDF_LIBRARIES.items() if not _can_load(library)]
    if not any(Path("/usr/share/fonts").glob("**/*.[to]tf")):
        missing.append(FONT_PACKAGE)
    if purpose == "test" and not any(map(shutil.which, BROWSERS)):
        missing.append(BROWSER_PACKAGE)
    if not VENV.exists() and not _can_make_environments():
        missing.append("python{}.{}-venv".format(*sys.version_info))
    return missing


def _has_postgres(purpose: str) -> bool:
    """True when PostgreSQL is there, or a setting says where; tests always start a server of their own."""
    if _setting("PG_BIN") or (purpose == "run" and _setting("DATABASE_URL")):
        return True
    versions = [path.parent.parent.name for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    recent = [version for version in versions if version.isdigit() and int(version) >= OLDEST_POSTGRES]
    return bool(recent) or shutil.which("pg_ctl") is not None


def _setting(name: str) -> str:
    """Read a setting from the environment, else from `.env`, as the program itself will."""
    if name in os.environ:
        return os.environ[name]
    env_file = ROOT / ".env"
    text = env_file.read_text(encoding="utf-8") if env_file.exists() else ""
    found = re.search(rf"^\s*(?:export\s+)?{name}\s*=\s*(\S+)", text, re.MULTILINE)
    return found[1].strip("\"'") if found else ""


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _can_make_environments() -> bool:
    """True when `python -m venv` works; Debian splits what it needs into a package of its own."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def _install_system_packages(packages: list[str]) -> None:
    """Install Debian packages with apt as root or by sudo without a password; else raises SetUpError."""
    if not packages:
        return
    names = " ".join(packages)
    prefix = _administrator_prefix()
    if shutil.which("apt-get") is None or prefix is None:
        raise SetUpError(
            f"these system packages are missing (Debian's names): {names}. "
            f"Install them as an administrator, for example with: apt-get install -y {names}"
        )
    print(f"Installing system packages: {names}", flush=True)
    if POSTGRES_PACKAGES[0] in packages:
        _keep_debian_from_starting_a_server(prefix)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1", "apt-get", "-q", "-y"]
    # A list that can't be refreshed is not the end: the installation itself will say what is missing.
    subprocess.run([*apt, "update"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    install = [*apt, "-o", "Dpkg::Options::=--force-confold", "install", "--no-install-recommends", *packages]
    status, output = _run_aloud(install)
    if status != 0:
        last_lines = "\n".join(output.strip().splitlines()[-8:])
        raise SetUpError(f"apt-get could not install {names}:\n{last_lines}")


def _install_more_fonts() -> None:
    """Install the fonts of far letters and emoji where that is possible; without them nothing stops."""
    found = Path("/usr/share/fonts")
    missing = [package for package, file in MORE_FONTS.items() if not any(found.glob(f"**/{file}"))]
    try:
        _install_system_packages(missing)
    except SetUpError as problem:
        print(f"Chinese, Japanese, Korean and emoji print as boxes on papers: {problem}", file=sys.stderr)


def _administrator_prefix() -> list[str] | None:
    """Give the words to put before an administrator's command; None where this user may not run one."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _keep_debian_from_starting_a_server(prefix: list[str]) -> None:
    """Configure Debian's package, before it is installed, not to make and start a database server of its own."""
    line = "create_main_cluster = false"
    if CREATECLUSTER_CONF.exists() and re.search(
        r"^\s*create_main_cluster\b", CREATECLUSTER_CONF.read_text(), re.MULTILINE
    ):
        return
    write = f"mkdir -p {CREATECLUSTER_CONF.parent} && echo '{line}' >> {CREATECLUSTER_CONF}"
    subprocess.run([*prefix, "sh", "-c", write], check=True)


def _is_installed(purpose: str) -> bool:
    """True when `.venv` holds exactly the locked libraries, by the stamp of a finished installation."""
    stamp = _stamp(purpose)
    return (VENV / "bin" / "python").exists() and stamp.exists() and stamp.read_text() == _locked(purpose)


def _make_environment(purpose: str) -> None:
    """Make `.venv` and install the locked libraries into it, unless exactly these are there already."""
    if _is_installed(purpose):
        return
    python = VENV / "bin" / "python"
    if not python.exists() or not (VENV / "bin" / "pip").exists():
        print(f"Making the virtual environment with Python {sys.version.split()[0]}", flush=True)
        maker = str(Path(sys.executable).resolve())
        subprocess.run([maker, "-m", "venv", "--clear", str(VENV)], check=True)
    print("Installing the Python libraries (a minute or two the first time)", flush=True)
    _install_locked(_lock_file(purpose))
    # The developers' libraries include those that running needs, so their installation counts for both.
    for finished in ("run", "test") if purpose == "test" else ("run",):
        fresh = _stamp(finished).with_suffix(".new")
        fresh.write_text(_locked(finished))
        fresh.replace(_stamp(finished))


def _install_locked(lock_file: Path, *options: str) -> None:
    """Install what a lock file names; raises SetUpError with what pip said, or where no server can be reached."""
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    status, output = _run_aloud(
        [*pip, "install", "--progress-bar", "off", *options, "--require-hashes", "-r", str(lock_file)]
    )
    if status != 0:
        last_lines = "\n".join(output.strip().splitlines()[-8:])
        reason = OFFLINE if UNREACHABLE.search(output) else f"pip could not install {lock_file.relative_to(ROOT)}"
        raise SetUpError(f"{reason}:\n{last_lines}")


def _run_aloud(command: list[str], **how: Any) -> tuple[int, str]:
    """Run a command that may take minutes, and say every few seconds what it does; answers its status and output."""
    lines: list[str] = []
    began_at = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how
    ) as process:

        def read() -> None:
            lines.extend(process.stdout or ())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while True:
            try:
                status = process.wait(timeout=SPEAK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                print(f"  {time.monotonic() - began_at:.0f} s: {_describe(lines)}", flush=True)
        reader.join()
    return status, "".join(lines)


def _describe(lines: list[str]) -> str:
    """What a command does, by its last line; pip names all libraries in one, and then their files come."""
    doing = lines[-1].partition(" (from")[0].strip() if lines else "starting"
    if doing.startswith("Installing collected packages:"):
        there = len(list(VENV.glob("lib/python*/site-packages/*.dist-info")))
        count = doing.count(",") + 1
        # pip itself is there from the beginning.
        return f"{min(there, count)} of {count} libraries are there"
    return doing[:90]


def _lacks_tools() -> bool:
    """Tell whether a tool that the tests try the API's document with is not there although it could be."""
    return not _is_stamped(GENERATOR, GENERATOR_LOCK) or (
        shutil.which("npm") is not None and not _is_stamped(NODE_TOOLS / "node_modules", NODE_LOCK)
    )


def _is_stamped(folder: Path, lock_file: Path) -> bool:
    stamp = folder / ".installed"
    return stamp.exists() and stamp.read_text() == hashlib.sha256(lock_file.read_bytes()).hexdigest()


def _put_stamp(folder: Path, lock_file: Path) -> None:
    (folder / ".installed").write_text(hashlib.sha256(lock_file.read_bytes()).hexdigest())


def _install_generator() -> None:
    """Install the generator of Python clients beside the other libraries, whose typer is not its own."""
    if _is_stamped(GENERATOR, GENERATOR_LOCK):
        return
    shutil.rmtree(GENERATOR, ignore_errors=True)
    _install_locked(GENERATOR_LOCK, "--no-deps", "--target", str(GENERATOR))
    _put_stamp(GENERATOR, GENERATOR_LOCK)


def _install_node_tools() -> None:
    """Install the linters and generators of Node.js where npm is there; without them their tests are skipped."""
    modules = NODE_TOOLS / "node_modules"
    npm = shutil.which("npm")
    if npm is None:
        print("npm is absent, so the API's document is not linted and no TypeScript client is made.", file=sys.stderr)
    elif not _is_stamped(modules, NODE_LOCK):
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
        status, output = _run_aloud([npm, "ci", *options], cwd=NODE_TOOLS)
        if status == 0:
            _put_stamp(modules, NODE_LOCK)
        else:
            print(f"npm could not install the API's linters, which are skipped:\n{output}", file=sys.stderr)


def _lock_file(purpose: str) -> Path:
    return ROOT / "requirements" / ("dev.txt" if purpose == "test" else "run.txt")


def _stamp(purpose: str) -> Path:
    return VENV / f"installed-for-{purpose}"


def _locked(purpose: str) -> str:
    """Give the hash of a lock file: what the stamp of a finished installation holds."""
    return hashlib.sha256(_lock_file(purpose).read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
