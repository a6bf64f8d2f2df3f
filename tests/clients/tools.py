"""The tools that were not written here: where they lie, and how a test runs them."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Put there by bootstrap.py, beside the other libraries: its typer is not theirs.
GENERATOR = HERE.parents[1] / ".venv" / "generator"


def find_node_tool(name: str) -> str:
    """Where a tool of package.json lies; skips the test, saying so, where there is none."""
    tool = HERE / "node_modules" / ".bin" / name
    if shutil.which("node") is None or not tool.exists():
        pytest.skip(f"{name} is not installed (npm is absent, or `make setup-tests` could not use it).")
    return str(tool)


async def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a program to its good end; returns what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await asyncio.wait_for(process.communicate(), 120))[0].decode()
    assert process.returncode == 0, output
    return output
