"""Possible duplicates: customers with the same primary phone, and pairs that somebody marked as different."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, groupby

from sqlalchemy import Integer, Select, String, column, delete, func, select, text, union
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.customers.rows import CUSTOMERS, SELECT_ROWS, CustomerRow, Reader, is_emptied, read_rows
from domain.customers.totals import NOTHING, Bought, sum_orders_of
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Id, Input
from models import AuditAction, Customer, CustomerDistinction
from models.session import raw_connection

FOLD_JOB = "fold_shared_phones"
MOST_GROUPS = 200
# The most customers read for one phone: a switchboard shared by hundreds is not a duplicate to merge.
MOST_OF_ONE_PHONE = 100
# The stored counts, except for phones that a customer got or lost since.
_SHARED = (
    text("""
WITH changed AS MATERIALIZED (SELECT DISTINCT phone FROM shared_phone_change)
SELECT phone, members FROM shared_phone WHERE phone NOT IN (SELECT phone FROM changed)
UNION ALL
SELECT c.phone, count(*) FROM changed JOIN customer AS c ON c.phone = changed.phone GROUP BY c.phone HAVING count(*) > 1
""")
    .columns(column("phone", String), column("members", Integer))
    .subquery("shared")
)
# A single snapshot deletes the changes and counts the phones that they are about, so that later changes remain.
_FOLD = """
WITH noted AS (DELETE FROM shared_phone_change RETURNING phone),
wanted AS (SELECT DISTINCT phone FROM noted),
fresh AS (
  SELECT c.phone, count(*)::int AS members FROM wanted JOIN customer AS c ON c.phone = wanted.phone
  GROUP BY c.phone HAVING count(*) > 1
),
gone AS (
  DELETE FROM shared_phone AS s USING wanted
  WHERE s.phone = wanted.phone AND NOT EXISTS (SELECT FROM fresh WHERE fresh.phone = s.phone)
),
written AS (
  INSERT INTO shared_phone (phone, members) SELECT phone, members FROM fresh ORDER BY phone
  ON CONFLICT (phone) DO UPDATE SET members = excluded.members
)
SELECT count(*) FROM wanted
"""


@dataclass(frozen=True, slots=True)
class Twin:
    """One customer of a group, with the totals of their orders."""

    row: CustomerRow
    bought: Bought

    @property
    def id(self) -> int:
        """The customer's id."""
        return self.row.id

    @property
    def name(self) -> str:
        """The contact's full name."""
        return self.row.name

    @property
    def company_name(self) -> str:
        """The company."""
        return self.row.company_name

    @property
    def email(self) -> str | None:
        """The email, if any."""
        return self.row.email

    @property
    def order_count(self) -> int:
        """The number of orders not cancelled."""
        return self.bought.order_count

    @property
    def total_spent(self) -> Decimal:
        """The sum of those orders, in US dollars."""
        return self.bought.total_spent


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Customers with the same primary phone, oldest first."""

    phone: str
    customers: Sequence[Twin]


@dataclass(frozen=True, slots=True)
class PairPlace:
    """The position of a pair among all possible duplicates; `before` and `after` are the neighbouring pairs."""

    phone: str
    place: int
    total: int
    before: tuple[int, int] | None
    after: tuple[int, int] | None


class PairOfCustomers(Input):
    """Two customers."""

    keep_id: Id
    merge_id: Id


async def list_duplicates(db: Reader) -> tuple[list[DuplicateGroup], int]:
    """Return the largest groups, at most 200, and their number; those with all pairs marked different are left out."""
    shared = (await _select_shared_phones(db)).add_columns(func.count().over().label("total"))
    order = (_SHARED.c.members.desc(), _SHARED.c.phone)
    largest = (await db.execute(shared.order_by(*order).limit(MOST_GROUPS))).all()
    total = largest[0].total if largest else 0
    sizes = {row.phone: row.members for row in largest}
    rows = await read_rows(
        db,
        SELECT_ROWS.where(CUSTOMERS.phone.in_(list(sizes)), ~is_emptied()).order_by(CUSTOMERS.phone, CUSTOMERS.id),
    )
    bought = await sum_orders_of(db, [row.id for row in rows])
    groups = [
        DuplicateGroup(phone, [Twin(row, bought.get(row.id, NOTHING)) for row in members][:MOST_OF_ONE_PHONE])
        for phone, members in groupby(rows, key=lambda row: row.phone or "")
    ]
    groups.sort(key=lambda group: (-sizes[group.phone], group.phone))
    return groups, total


async def find_pair_place(db: Reader, first_id: int, second_id: int) -> PairPlace | None:
    """Return the position of two customers among the listed pairs (each group's oldest with every other), or None."""
    groups, _ = await list_duplicates(db)
    pairs = [(group.phone, group.customers[0].id, other.id) for group in groups for other in group.customers[1:]]
    place = next((n for n, (_, *ids) in enumerate(pairs) if set(ids) == {first_id, second_id}), None)
    if place is None:
        return None
    before = pairs[place - 1][1:] if place else None
    after = pairs[place + 1][1:] if place + 1 < len(pairs) else None
    return PairPlace(pairs[place][0], place + 1, len(pairs), before, after)


async def count_duplicates(db: Reader) -> int:
    """Return the number of groups."""
    shared = await _select_shared_phones(db)
    return await db.scalar(select(func.count()).select_from(shared.subquery())) or 0


async def fold_shared_phones(db: AsyncSession) -> int:
    """Recount the phones that customers got or lost. Returns how many."""
    return int(await (await raw_connection(db)).fetchval(_FOLD))


async def _select_shared_phones(db: Reader) -> Select[str, int]:
    """Select the phones of several customers, with their number; emptied accounts have no phone."""
    known = await _find_known_phones(db)
    return select(_SHARED.c.phone, _SHARED.c.members).where(_SHARED.c.phone.not_in(known))


async def _find_known_phones(db: Reader) -> list[str]:
    """Return the phones whose customers are all marked as different people."""
    named = union(select(CustomerDistinction.first_id), select(CustomerDistinction.second_id))
    theirs = select(CUSTOMERS.phone).where(CUSTOMERS.id.in_(named))
    rows = await db.execute(select(CUSTOMERS.phone, CUSTOMERS.id).where(CUSTOMERS.phone.in_(theirs), ~is_emptied()))
    members: dict[str, list[int]] = {}
    for phone, customer_id in rows:
        members.setdefault(phone, []).append(customer_id)
    if not members:
        return []
    pairs = {
        (row.first_id, row.second_id)
        for row in await db.execute(select(CustomerDistinction.first_id, CustomerDistinction.second_id))
    }
    return [phone for phone, ids in members.items() if all(pair in pairs for pair in combinations(sorted(ids), 2))]


async def mark_distinct(db: AsyncSession, data: PairOfCustomers, *, by: Actor) -> None:
    """Record that two customers are different; repeating it changes nothing. Raises NotFound."""
    require(by, Right.MERGE_CUSTOMERS, "Your role does not merge customers.")
    first, second = sorted((data.keep_id, data.merge_id))
    both = await db.scalar(select(func.count()).select_from(Customer).where(Customer.id.in_([first, second])))
    if both != 2:
        raise NotFound("There is no such pair of customers.")
    statement = insert(CustomerDistinction).values(first_id=first, second_id=second, actor_name=by.name)
    await db.execute(statement.on_conflict_do_nothing())
    await record_audit(
        db,
        action=AuditAction.CUSTOMER_NOT_DUPLICATE,
        record_kind="customer",
        record_id=first,
        after={"not_the_same_as": second},
        by=by,
    )


async def unmark_distinct(db: AsyncSession, data: PairOfCustomers, *, by: Actor) -> None:
    """Remove the record that two customers are different."""
    require(by, Right.MERGE_CUSTOMERS, "Your role does not merge customers.")
    first, second = sorted((data.keep_id, data.merge_id))
    await db.execute(
        delete(CustomerDistinction).where(
            CustomerDistinction.first_id == first, CustomerDistinction.second_id == second
        )
    )


async def find_lookalikes(
    db: Reader, *, phone: str | None, email: str | None, name: str, zip_code: str, besides: int = 0
) -> list[CustomerRow]:
    """Return at most five customers that may be the one being typed: same phone, same email, or name and ZIP."""
    conditions = []
    if phone:
        conditions += [CUSTOMERS.phone == phone, CUSTOMERS.phone2 == phone]
    if email:
        conditions.append(func.lower(CUSTOMERS.email) == email.lower())
    if name and zip_code:
        conditions.append(
            (func.lower(CUSTOMERS.company_name) == name.lower()) & CUSTOMERS.shipping_zip.startswith(zip_code[:5])
        )
    if not conditions:
        return []
    ids = [select(CUSTOMERS.id).where(condition, CUSTOMERS.id != besides).limit(5) for condition in conditions]
    found = ids[0].union(*ids[1:]) if len(ids) > 1 else ids[0]
    return await read_rows(
        db, SELECT_ROWS.where(CUSTOMERS.id.in_(select(found.subquery().c.id)), ~is_emptied()).limit(5)
    )
