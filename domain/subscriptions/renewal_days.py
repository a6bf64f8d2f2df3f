"""Renewals by product and day, from stored days and the products that changed since: always exact."""

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    CompoundSelect,
    Select,
    Subquery,
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
from models import RenewalDay, RenewalDayChange, Subscription, SubscriptionStatus, columns_of
from models.session import raw_connection

FOLD_JOB = "count_renewal_days"
DAYS = columns_of(RenewalDay)
CHANGES = columns_of(RenewalDayChange)


@cache
def group_renewals(rules: OrderRules) -> Select[*tuple[Any, ...]]:
    """Select the renewals that have not failed, by product and day: `product_id`, `day`, `renewals`, `quantity`,
    `amount`.

    The caller adds conditions on `Subscription` and `SOLD`.
    """
    return (
        select(
            SOLD.id.label("product_id"),
            Subscription.next_renewal_date.label("day"),
            func.count().label("renewals"),
            func.sum(Subscription.quantity).label("quantity"),
            func.sum(next_amount(rules)).label("amount"),
        )
        .join(SOLD, IS_SOLD)
        .where(Subscription.status == SubscriptionStatus.ACTIVE, Subscription.retry_on.is_(None))
        .group_by(SOLD.id, Subscription.next_renewal_date)
    )


@cache
def select_renewals(rules: OrderRules) -> Subquery:
    """Like `group_renewals` for all customers, using the stored values where they are still valid."""
    changed = select(CHANGES.product_id).union(_find_other_rules(rules)).cte("changed")
    kept = select(DAYS.product_id, DAYS.day, DAYS.renewals, DAYS.quantity, DAYS.amount)
    both: CompoundSelect[Any] = union_all(
        kept.where(DAYS.product_id.not_in(select(changed.c.product_id))), _group_of(changed, rules)
    )
    return both.subquery("renewals")


async def fold_renewal_days(db: AsyncSession, *, rules: OrderRules) -> None:
    """Recalculate the products that changed, or all of them if the delivery rules changed, and store the results."""
    await wait_for_turn(await raw_connection(db), "renewal_day")
    # A single snapshot deletes the changes and prices the renewals that they are about, so that later changes remain.
    noted = delete(RenewalDayChange).returning(CHANGES.product_id).cte("noted")
    wanted = select(noted.c.product_id).union(_find_other_rules(rules)).cte("wanted")
    dropped = delete(RenewalDay).where(DAYS.product_id.in_(select(wanted.c.product_id))).cte("dropped")
    fresh = _group_of(wanted, rules).add_columns(literal(rules.free_delivery_minimum), literal(rules.delivery_fee))
    names = ["product_id", "day", "renewals", "quantity", "amount", "free_from", "fee"]
    await db.execute(insert(RenewalDay).from_select(names, fresh.order_by(SOLD.id)).add_cte(dropped))


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
