"""Fetch the front-end files that the portal serves itself, from npm by version; refuse any that changed.

`make vendor` runs this. static/vendor/LOCK.json keeps the hash of every package and every file: pages load nothing from
other hosts, and a changed file is noticed (`--check` compares offline).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "static/vendor/LOCK.json"

# The shapes of all icons; only those named in icons.txt go into the sprite.
ICON_SHAPES = "tabler-nodes-outline.json"
# Package and version, then each needed file and its destination.
PACKAGES: dict[tuple[str, str], dict[str, str]] = {
    ("htmx.org", "4.0.1"): {
        "dist/htmx.min.js": "static/vendor/htmx.min.js",
        "LICENSE": "static/vendor/licences/htmx.txt",
    },
    ("@tabler/core", "1.6.1"): {"dist/css/tabler.min.css": "static/vendor/tabler.min.css"},
    ("@tabler/icons", "3.51.0"): {
        ICON_SHAPES: "static/icons.svg",
        "LICENSE": "static/vendor/licences/tabler.txt",
    },
    ("@fontsource-variable/inter", "5.3.0"): {
        "files/inter-latin-wght-normal.woff2": "static/vendor/inter-latin-wght-normal.woff2",
        "LICENSE": "static/vendor/licences/inter.txt",
    },
    ("@fontsource/inter", "5.3.0"): {
        "files/inter-latin-400-normal.woff2": "static/vendor/paper/inter-400.ttf",
        "files/inter-latin-500-normal.woff2": "static/vendor/paper/inter-500.ttf",
        "files/inter-latin-600-normal.woff2": "static/vendor/paper/inter-600.ttf",
    },
    ("dejavu-fonts-ttf", "2.37.3"): {
        "ttf/DejaVuSans.ttf": "static/vendor/paper/dejavu.ttf",
        "ttf/DejaVuSans-Bold.ttf": "static/vendor/paper/dejavu-bold.ttf",
        "LICENSE": "static/vendor/licences/dejavu.txt",
    },
    ("swagger-ui-dist", "5.35.0"): {
        "swagger-ui-bundle.js": "static/vendor/swagger/swagger-ui-bundle.js",
        "swagger-ui.css": "static/vendor/swagger/swagger-ui.css",
        "LICENSE": "static/vendor/licences/swagger-ui.txt",
        "NOTICE": "static/vendor/licences/swagger-ui-notice.txt",
    },
    ("axe-core", "4.14.1"): {
        "axe.min.js": "tests/browser/vendor/axe.min.js",
        "LICENSE": "tests/browser/vendor/LICENSE",
    },
}
ICON_NAMES = ROOT / "templates/shared/icons.txt"


def sha512(data: bytes) -> str:
    """The hash in the format of package locks."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def fetch(name: str, version: str, folder: Path) -> bytes:
    """The package's archive, fetched with npm."""
    command = ["npm", "pack", "--silent", f"{name}@{version}"]
    answer = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return (folder / answer.stdout.split()[-1]).read_bytes()


def draw_sprite(nodes: dict[str, list[tuple[str, dict[str, str]]]]) -> str:
    """One SVG file with a symbol for each icon named in icons.txt."""
    names = sorted({line.strip() for line in ICON_NAMES.read_text().splitlines()} - {""})
    missing = [name for name in names if name not in nodes]
    if missing:
        sys.exit(f"Tabler Icons has no outline icon called {', '.join(missing)}")
    symbols = []
    for name in names:
        shapes = "".join(
            f"<{tag} " + " ".join(f'{key}="{value}"' for key, value in attributes.items()) + "/>"
            for tag, attributes in nodes[name]
        )
        symbols.append(f'<symbol id="i-{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def unpack_font(data: bytes) -> bytes:
    """The same font as TrueType: the PDF library would otherwise decompress it in each process."""
    from fontTools.ttLib import woff2  # type: ignore[import-untyped]

    unpacked = io.BytesIO()
    woff2.decompress(io.BytesIO(data), unpacked)
    return unpacked.getvalue()


def vendor(*, trust_new: bool) -> None:
    """Write all vendored files and the icon sprite; stops if a package's hash differs from the locked one."""
    lock = json.loads(LOCK.read_text()) if LOCK.exists() else {"packages": {}, "files": {}}
    packages: dict[str, str] = {}
    files: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for (name, version), wanted in PACKAGES.items():
            key = f"{name}@{version}"
            archive = fetch(name, version, Path(scratch))
            packages[key] = sha512(archive)
            known = lock["packages"].get(key)
            if known != packages[key] and not (known is None and trust_new):
                sys.exit(f"{key} is not the package in {LOCK.name}; a new version needs --trust-new once")
            (Path(scratch) / "archive.tgz").write_bytes(archive)
            with tarfile.open(Path(scratch) / "archive.tgz") as tar:
                for inside, place in wanted.items():
                    member = tar.extractfile(f"package/{inside}")
                    if member is None:
                        sys.exit(f"{key} has no file {inside}")
                    data = member.read()
                    if inside == ICON_SHAPES:
                        data = draw_sprite(json.loads(data)).encode()
                    elif inside.endswith(".woff2") and place.endswith(".ttf"):
                        data = unpack_font(data)
                    (ROOT / place).parent.mkdir(parents=True, exist_ok=True)
                    (ROOT / place).write_bytes(data)
                    files[place] = sha512(data)
    LOCK.write_text(json.dumps({"packages": packages, "files": files}, indent=1, sort_keys=True) + "\n")
    print(f"{len(packages)} packages, {len(files)} files")


def changed_files() -> list[str]:
    """The vendored files that are missing or not the ones in the lock."""
    locked: dict[str, str] = json.loads(LOCK.read_text())["files"]
    return [
        name
        for name, digest in sorted(locked.items())
        if not (ROOT / name).exists() or sha512((ROOT / name).read_bytes()) != digest
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the files with the lock, without the network")
    parser.add_argument("--trust-new", action="store_true", help="take the hash of a version not locked yet")
    chosen = parser.parse_args()
    if chosen.check:
        wrong = changed_files()
        sys.exit("Changed or missing: " + ", ".join(wrong) if wrong else 0)
    vendor(trust_new=chosen.trust_new)
