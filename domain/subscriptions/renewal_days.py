"""Renewals by product and day, from stored days and the products that changed since: always exact."""

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    CompoundSelect,
    Select,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.folds import wait_for_turn
from domain.orders.rules import OrderRules
from domain.subscriptions.amounts import IS_SOLD, SOLD, next_amount
from domain.subscriptions.status_counts import fold_status_counts
from models import RenewalDay, RenewalDayChange, RenewalTotal, Subscription, SubscriptionStatus, columns_of
from models.session import raw_connection

FOLD_JOB = "count_renewal_days"
DAYS = columns_of(RenewalDay)
CHANGES = columns_of(RenewalDayChange)
TOTALS = columns_of(RenewalTotal)
_COLUMNS = ("product_id", "day", "renewals", "quantity", "amount", "so_far", "next_day")
_FOLD_TOTALS = """
WITH noted AS (DELETE FROM renewal_total RETURNING day, renewals, amount)
INSERT INTO renewal_total (day, renewals, amount)
SELECT day, sum(renewals), sum(amount) FROM noted GROUP BY day
HAVING (sum(renewals), sum(amount)) <> (0, 0) ORDER BY day
"""


@cache
def group_renewals(rules: OrderRules) -> Select[*tuple[Any, ...]]:
    """Select the renewals that have not failed, by product and day: `product_id`, `day`, `renewals`, `quantity`,
    `amount`, `so_far` (the product's quantity up to and including the day) and `next_day` (the product's next one).

    The caller adds conditions on `Subscription` and `SOLD`.
    """
    day, quantity = Subscription.next_renewal_date, func.sum(Subscription.quantity)
    return (
        select(
            SOLD.id.label("product_id"),
            day.label("day"),
            func.count().label("renewals"),
            quantity.label("quantity"),
            func.sum(next_amount(rules)).label("amount"),
            cast(func.sum(quantity).over(partition_by=SOLD.id, order_by=day), BigInteger).label("so_far"),
            func.lead(day).over(partition_by=SOLD.id, order_by=day).label("next_day"),
        )
        .join(SOLD, IS_SOLD)
        .where(Subscription.status == SubscriptionStatus.ACTIVE, Subscription.retry_on.is_(None))
        .group_by(SOLD.id, day)
    )


@cache
def select_renewals(rules: OrderRules) -> tuple[CTE, CTE]:
    """Return two CTEs that use the stored values where they are still valid: one like `group_renewals` for all
    customers, and one with `day`, `renewals` and `amount` of all products, of which a day may have several rows, some
    of them negative, which must be summed up.
    """
    changed = (
        select(CHANGES.product_id)
        .union(_find_other_rules(rules), select(DAYS.product_id).where(DAYS.so_far.is_(None)))
        .cte("changed")
    )
    again = _group_of(changed, rules).cte("again")
    is_changed = DAYS.product_id.in_(select(changed.c.product_id))
    kept = select(*(DAYS[name] for name in _COLUMNS)).where(~is_changed)
    each: CompoundSelect[Any] = union_all(kept, select(*(again.c[name] for name in _COLUMNS)))
    totals: CompoundSelect[Any] = union_all(
        select(TOTALS.day, TOTALS.renewals, TOTALS.amount),
        select(DAYS.day, -DAYS.renewals, -DAYS.amount).where(is_changed),
        select(again.c.day, again.c.renewals, again.c.amount),
    )
    # Each use of the stored days reads only the rows that it needs.
    return each.cte("coming").prefix_with("NOT MATERIALIZED"), totals.cte("totals")


async def fold_renewal_days(db: AsyncSession, *, rules: OrderRules) -> None:
    """Recalculate the products that changed, or all of them if the delivery rules changed, and store the results.

    Also folds the number of subscriptions of each status.
    """
    connection = await raw_connection(db)
    await wait_for_turn(connection, "renewal_day")
    # A single snapshot deletes the changes and prices the renewals that they are about, so that later changes remain.
    noted = delete(RenewalDayChange).returning(CHANGES.product_id).cte("noted")
    without_sums = select(DAYS.product_id).where(DAYS.so_far.is_(None))
    wanted = select(noted.c.product_id).union(_find_other_rules(rules), without_sums).cte("wanted")
    dropped = delete(RenewalDay).where(DAYS.product_id.in_(select(wanted.c.product_id))).cte("dropped")
    fresh = _group_of(wanted, rules).add_columns(literal(rules.free_delivery_minimum), literal(rules.delivery_fee))
    names = [*_COLUMNS, "free_from", "fee"]
    await db.execute(insert(RenewalDay).from_select(names, fresh.order_by(SOLD.id)).add_cte(dropped))
    await connection.execute(_FOLD_TOTALS)
    await fold_status_counts(db)


def _find_other_rules(rules: OrderRules) -> Select[int]:
    """Select the products that were stored with other delivery rules."""
    minimum, fee = rules.free_delivery_minimum, rules.delivery_fee
    others = or_(
        DAYS.free_from < minimum, DAYS.free_from > minimum, (DAYS.free_from == minimum) & (DAYS.fee < fee),
        (DAYS.free_from == minimum) & (DAYS.fee > fee),
    )  # fmt: skip
    return select(DAYS.product_id).where(others)


def _group_of(products: CTE, rules: OrderRules) -> Select[*tuple[Any, ...]]:
    ids = select(products.c.product_id)
    meant = or_(Subscription.product_id.in_(ids), Subscription.substitute_id.in_(ids))
    return group_renewals(rules).where(meant, SOLD.id.in_(ids))
