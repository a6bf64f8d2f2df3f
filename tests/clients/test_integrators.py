"""What an integrator does: read docs/api.md, and generate a client from /openapi.json. Both hold what they promise."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from domain.kernel.actor import SYSTEM
from domain.staff.api_keys import CreateApiKey, create_api_key
from models import KeyScope
from proofs.ground import running_servers
from tasks.demo import load_demo_company
from tests.clients.tools import GENERATOR, HERE, find_node_tool, run
from tests.conftest import migrated_database

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
RUN = {
    "sh": ("sh", "-eu", "{file}"),
    "python": (sys.executable, "{file}"),
    "js": ("node", "{file}"),
}
ENDINGS = {"sh": ".sh", "python": ".py", "js": ".mjs"}
SIGNED = re.compile(r"^```(sh|python|js)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Each example with its language."""
    return SIGNED.findall(GUIDE.read_text())


def test_the_guide_has_examples_in_three_languages() -> None:
    assert {language for language, _ in examples()} == set(RUN)


@pytest.fixture(scope="module")
async def shop(postgres, settings):
    """The program with a small demo company: its address, and a key that may fill the catalogue."""
    async with migrated_database(postgres, f"test_{os.getpid()}_shop") as url:
        key = await asyncio.to_thread(_load, url, settings)
        async with running_servers(url, 1, APP_ENV="development") as servers:
            yield servers[0].url, key


@pytest.fixture(scope="module")
def server(shop):
    """The program's address."""
    return shop[0]


def _load(url: str, settings) -> str:
    from models.session import Database, use_database

    async def load() -> str:
        database = Database(url, pool_size=2)
        use_database(database)
        await load_demo_company(settings, customers=10, products=12, orders=20, seed=1)
        async with database.separate_transaction() as db:
            wanted = CreateApiKey(name="First load", scopes=[KeyScope.CATALOGUE])
            key = (await create_api_key(db, wanted, by=SYSTEM)).key
        await database.close()
        return key

    return asyncio.run(load())


@pytest.mark.parametrize(("language", "code"), examples(), ids=[language for language, _ in examples()])
async def test_an_example_runs(shop, tmp_path, language, code) -> None:
    if shutil.which(RUN[language][0]) is None:
        pytest.skip(f"{RUN[language][0]} is not installed, so this example of the guide is not run.")
    file = tmp_path / f"example{ENDINGS[language]}"
    file.write_text(code)
    await run(*(part.format(file=file) for part in RUN[language]), cwd=tmp_path, BASE=shop[0], KEY=shop[1])


async def test_a_generated_python_client_signs_in_lists_orders_and_tracks(server, tmp_path, document_file) -> None:
    if not GENERATOR.exists():
        pytest.skip("openapi-python-client is not installed, so no Python client is generated (make setup-tests).")
    paths = os.pathsep.join((str(GENERATOR), str(tmp_path)))
    generate = ("generate", "--path", str(document_file), "--meta", "none", "--fail-on-warning")
    options = ("--output-path", str(tmp_path / "shop"), "--config", str(HERE / "generator.yaml"))
    await run(sys.executable, "-m", "openapi_python_client", *generate, *options, cwd=tmp_path, PYTHONPATH=paths)
    shutil.copy(HERE / "order.py", tmp_path)
    said = await run(sys.executable, "order.py", cwd=tmp_path, PYTHONPATH=str(tmp_path), BASE=server)
    assert said.strip()


async def test_a_generated_typescript_client_is_strict_and_signs_in_lists_orders_and_tracks(
    server, tmp_path, document_file
) -> None:
    generate, check = find_node_tool("openapi-typescript"), find_node_tool("tsc")
    for name in ("order.ts", "package.json", "tsconfig.json"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    # A field with a default may be left out of a request.
    made = ("-o", "schema.d.ts", "--default-non-nullable=false")
    await run(generate, str(document_file), *made, cwd=tmp_path)
    await run(check, "-p", ".", cwd=tmp_path)
    assert (await run("node", "order.js", cwd=tmp_path, BASE=server)).strip()
