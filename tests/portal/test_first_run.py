"""Home of a company without orders: a checklist for its administrator, which goes away."""

import re

from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.first_categories import take_first_categories
from domain.kernel.clock import now
from domain.reports.first_run import FirstRun, find_first_run
from domain.system.backups import note_backup
from models import Category, JobRun, Role
from portal.first_run import list_services
from settings import Settings
from tests.factories import as_actor, make_product, make_staff, sign_in
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order
from tests.portal.forms import read_page, send_form


def states_of(page: str) -> dict[str, str]:
    """Each step with its class."""
    found = re.findall(r'<li class="(is-done|is-now|)">.*?<b class="fw-medium">(\w+)</b>', page, re.DOTALL)
    return {name: state for state, name in found}


async def open_home(client: TestClientProtocol) -> str:
    return await read_page(client, "/portal")


async def test_an_administrator_is_led_through_the_first_steps(client: TestClientProtocol, db: AsyncSession) -> None:
    me = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, me)
    page = await open_home(client)
    assert "Set up the shop" in page
    assert states_of(page)["Categories"] == ("is-now" if states_of(page)["Mail"] == "is-done" else "")
    await send_form(client, "/portal", "/portal/first-run/categories")
    assert (await db.execute(select(func.count()).select_from(Category))).scalar_one() == 8
    assert await take_first_categories(db, by=as_actor(me)) == 0
    assert (await db.execute(select(func.count()).select_from(Category))).scalar_one() == 8
    assert states_of(await open_home(client))["Categories"] == "is-done"
    await make_product(db)
    await make_key(db)
    await make_staff(db, Role.STAFF)
    await db.commit()
    states = states_of(await open_home(client))
    assert {name: states[name] for name in ("Products", "Keys", "Team")} == dict.fromkeys(
        ("Products", "Keys", "Team"), "is-done"
    )


async def test_the_one_primary_stands_at_the_next_step_that_can_be_done(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    page = await open_home(client)
    steps = page[page.index("steps-list") : page.index("</ol>")]
    assert steps.count("btn-primary") == 1
    wanted = "Categories" if states_of(page)["Mail"] == "is-done" else "Mail"
    assert wanted in steps[: steps.index("btn-primary")].rpartition("<li")[2]
    assert states_of(page)[wanted] == "is-now"


async def test_the_newest_backup_is_shown(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    assert "None yet" in await open_home(client)
    assert "None in 30 days" in await read_page(client, "/portal/status")
    await note_backup(db, "ladle.dump", began_at=now())
    await db.commit()
    assert "None yet" not in await open_home(client)
    assert "None in 30 days" not in await read_page(client, "/portal/status")
    assert "ladle.dump" in await read_page(client, f"/portal/jobs/{await db.scalar(select(JobRun.id))}")


async def test_the_first_order_ends_it(client: TestClientProtocol, db: AsyncSession) -> None:
    me = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, me)
    assert await find_first_run(db) == FirstRun(
        categories=0, products=0, has_keys=False, colleagues=1, backed_up_at=None
    )
    await make_order(db, (await make_product(db, stock=5), 1))
    await db.commit()
    assert await find_first_run(db) is None
    assert "Set up the shop" not in await open_home(client)


async def test_nobody_else_is_led(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert "Set up the shop" not in await open_home(client)


def test_services_are_on_by_their_keys(settings: Settings) -> None:
    chosen = settings.model_copy(update={"stripe_secret_key": "sk_test", "smtp_host": "mail", "smtp_from": ""})
    assert [service.name for service in list_services(chosen) if service.is_set] == ["Cards"]
