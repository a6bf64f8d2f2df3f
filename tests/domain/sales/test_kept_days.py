"""What the sales floor reads from kept days is what the orders say, folded or not."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.sales.customers import ListSalesCustomers, list_sales_customers
from domain.sales.performance import ReadPerformance, get_performance
from domain.voice.refresh_sales import fold_sales
from models import Role
from tests.factories import as_actor, make_customer, make_staff
from tests.factories.picks import pick

ZONE = ZoneInfo("America/Chicago")
ORDER = """
INSERT INTO orders (order_number, status, sales_rep_id, customer_id, subtotal, total_amount, created_at, updated_at)
VALUES ('KEPT-' || nextval('orders_id_seq'), :status, :rep, :customer, 9, 9, :at, now())
"""
CANCEL = f"UPDATE orders SET status = 'cancelled' WHERE id = {pick('orders')}"
FIRSTS = """
SELECT count(DISTINCT f.customer_id) FROM orders AS f
WHERE f.sales_rep_id IS NOT NULL AND (:rep = 0 OR f.sales_rep_id = :rep) AND f.status <> 'cancelled'
  AND f.created_at >= now() - interval '90 days' AND NOT EXISTS (
    SELECT FROM orders AS b WHERE b.customer_id = f.customer_id AND b.status <> 'cancelled'
      AND (b.created_at, b.id) < (f.created_at, f.id)
  )
"""
LONGEST_AGO = """
SELECT c.id FROM customer AS c LEFT JOIN LATERAL (
  SELECT max(created_at) AS at FROM orders WHERE customer_id = c.id AND status <> 'cancelled'
) AS o ON true ORDER BY o.at NULLS LAST, c.id
"""


async def test_figures_and_pages_from_kept_days_are_those_of_the_orders(db: AsyncSession) -> None:
    dice = random.Random(18)
    reps = [(await make_staff(db, Role.SALES_REP)).id for _ in range(2)]
    customers = [(await make_customer(db, phone=f"+131255501{number:02}")).id for number in range(14)]
    clerk = as_actor(await make_staff(db, Role.ADMIN))
    for number in range(60):
        # Never near the edge of the ninety days, nor at the same moment as another.
        days = dice.choice((dice.randrange(1, 80), dice.randrange(100, 170)))
        order = {"status": dice.choice(("pending", "delivered", "cancelled")), "rep": dice.choice([*reps, None])}
        at = datetime.now(UTC) - timedelta(days=days, seconds=number)
        await db.execute(text(ORDER), order | {"customer": dice.choice(customers[:-2]), "at": at})
        if dice.random() < 0.1:
            await db.execute(text(CANCEL), {"salt": str(number)})
        if dice.random() < 0.1:
            await fold_sales(db, timezone=ZONE)
        if number % 12 == 11:
            await compare(db, clerk, reps)
    await fold_sales(db, timezone=ZONE)
    await compare(db, clerk, reps)


async def compare(db: AsyncSession, clerk: object, reps: list[int]) -> None:
    """The figures of the reps and the team, and the list of customers page by page."""
    found = await get_performance(db, ReadPerformance(), visible_to=clerk)  # type: ignore[arg-type]
    figures = {rep.id: rep for rep in found.reps}
    sold = "SELECT count(*) FROM orders WHERE sales_rep_id = :rep AND status <> 'cancelled' AND created_at > now() - "
    for rep in reps:
        assert figures[rep].new_customers == await db.scalar(text(FIRSTS), {"rep": rep})
        orders = await db.scalar(text(f"{sold} interval '90 days'"), {"rep": rep})
        assert (figures[rep].orders, figures[rep].revenue) == (orders, 9 * orders)
    team = found.sums
    assert team.new_customers == await db.scalar(text(FIRSTS), {"rep": 0})
    assert (team.orders, team.revenue) == (found.team_orders, found.team_revenue)
    wanted = list(await db.scalars(text(LONGEST_AGO)))
    for page in range(1, 7):
        listed = await list_sales_customers(db, ListSalesCustomers(page=page, per_page=3), visible_to=clerk)  # type: ignore[arg-type]
        assert [row.id for row in listed.rows] == wanted[page * 3 - 3 : page * 3]
        assert listed.total == len(wanted)
