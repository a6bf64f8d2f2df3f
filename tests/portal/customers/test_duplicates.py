"""The pairs of customers that look like one, one page after the other."""

from models import Role
from tests.factories import make_customer
from tests.portal.customers.test_customers import LIST, PHONE, flatten, open_as, read


async def test_the_pairs_that_look_like_one_are_walked_from_one_to_the_next(client, db) -> None:
    await open_as(client, db, Role.MANAGER)
    first = [await make_customer(db, phone=PHONE) for _ in range(3)]
    second = [await make_customer(db, phone="+12165550149") for _ in range(2)]
    other = await make_customer(db)
    await db.commit()
    pairs = [(first[0], first[1]), (first[0], first[2]), (second[0], second[1])]
    urls = [f"{LIST}/merge?keep={keep.id}&amp;merge={gone.id}" for keep, gone in pairs]
    page = (await read(client, urls[1].replace("&amp;", "&")))[1]
    assert ("2 of 3" in flatten(page), "same phone, (216) 555-0148" in flatten(page)) == (True, True)
    assert [f'href="{url}"' in page for url in urls] == [True, False, True]
    swapped = (await read(client, f"{LIST}/merge?keep={second[1].id}&merge={second[0].id}"))[1]
    assert ("3 of 3" in flatten(swapped), f'href="{urls[1]}"' in swapped) == (True, True)
    alone = flatten((await read(client, f"{LIST}/merge?keep={first[0].id}&merge={other.id}"))[1])
    assert ("same phone" in alone, "Duplicates / Merge" in alone) == (False, True)
