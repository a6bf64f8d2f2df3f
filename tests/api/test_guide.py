"""docs/api.md is true: every example in it runs against the server, as a reader would run it."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from proofs.ground import proving_database, running_servers
from tasks.demo import load_demo_company

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
RUN = {
    "sh": ("sh", "-eu", "{file}"),
    "python": (sys.executable, "{file}"),
    "js": ("node", "{file}"),
}
ENDINGS = {"sh": ".sh", "python": ".py", "js": ".mjs"}


def examples() -> list[tuple[str, str]]:
    """Each example with its language."""
    return re.findall(r"^```(sh|python|js)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_guide_has_examples_in_three_languages() -> None:
    assert {language for language, _ in examples()} == set(RUN)


@pytest.fixture(scope="module")
async def server(settings):
    """The program with a small demo company."""
    async with proving_database() as url:
        await asyncio.to_thread(_load, url, settings)
        async with running_servers(url, 1, APP_ENV="development") as servers:
            yield servers[0].url


def _load(url: str, settings) -> None:
    from models.session import Database, use_database

    async def load() -> None:
        database = Database(url, pool_size=2)
        use_database(database)
        await load_demo_company(settings, customers=10, products=12, orders=20, seed=1)
        await database.close()

    asyncio.run(load())


@pytest.mark.parametrize(("language", "code"), examples(), ids=[language for language, _ in examples()])
async def test_an_example_runs(server, tmp_path, language, code) -> None:
    if shutil.which(RUN[language][0]) is None:
        pytest.skip(f"{RUN[language][0]} is not installed, so this example of the guide is not run.")
    file = tmp_path / f"example{ENDINGS[language]}"
    file.write_text(code)
    process = await asyncio.create_subprocess_exec(
        *(part.format(file=file) for part in RUN[language]),
        cwd=tmp_path,
        env=os.environ | {"BASE": server},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output.decode()
