"""The contract's definition of the outbound call queue in plain Python, and random histories to hold the statements to.

Nothing here is fast, and nothing is shared with the code that it judges.
"""

import itertools
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Chicago")


@dataclass
class Sale:
    """One order: its instant, whether it was cancelled, its total, and the products in it."""

    id: int
    at: datetime
    is_cancelled: bool
    total: Decimal
    products: list[int]

    @property
    def day(self) -> date:
        return self.at.astimezone(ZONE).date()


@dataclass
class Logged:
    """One logged outcome."""

    at: datetime
    outcome: str
    callback_date: date | None


@dataclass
class Person:
    """A customer with everything that counts."""

    id: int
    phone: str | None
    company: str
    is_marked: bool
    terms: str
    limit: Decimal
    sales: list[Sale] = field(default_factory=list)
    calls: list[Logged] = field(default_factory=list)

    @property
    def counted(self) -> list[Sale]:
        return sorted((sale for sale in self.sales if not sale.is_cancelled), key=lambda sale: (sale.at, sale.id))

    @property
    def days(self) -> list[date]:
        return sorted({sale.day for sale in self.counted})


@dataclass
class World:
    """All customers, with the names of products and the category of each."""

    today: date
    people: list[Person]
    names: dict[int, str]
    categories: dict[int, str]
    suppressed: set[str]


def own_cycle(person: Person) -> float | None:
    """(last order day − first) / (distinct order days − 1), at least 1; None with one day."""
    if len(person.days) < 2:
        return None
    return max((person.days[-1] - person.days[0]).days / (len(person.days) - 1), 1.0)


def read_queue(world: World, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Every member of the queue, in its order, with its numbers and sentences."""
    buyers = [person for person in world.people if person.counted]
    cycles = [cycle for person in buyers if (cycle := own_cycle(person)) is not None]
    typical = median(cycles) if cycles else 30.0
    values = {person.id: sum((sale.total for sale in person.counted), Decimal(0)) for person in buyers}
    rows = []
    for person in buyers:
        days_since = (world.today - person.days[-1]).days
        below = sum(1 for value in values.values() if value < values[person.id])
        weight = 0.5 + (below / (len(buyers) - 1) if len(buyers) > 1 else 0.0)
        priority = days_since / (own_cycle(person) or typical) * weight
        if not belongs(world, person, days_since, asked):
            continue
        rows.append((person, days_since, values[person.id], priority))
    order = {
        "priority": lambda row: (-row[3], row[0].id),
        "days_desc": lambda row: (-row[1], row[0].id),
        "ltv_desc": lambda row: (-row[2], row[0].id),
    }[asked.get("sort", "priority")]
    return [describe(world, *row) for row in sorted(rows, key=order)]


def belongs(world: World, person: Person, days_since: int, asked: dict[str, Any]) -> bool:
    """Whether somebody with an order is on the queue."""
    if person.phone is None or person.is_marked or person.phone in world.suppressed:
        return False
    if not asked.get("min_days_since_order", 14) <= days_since <= asked.get("max_days_since_order", 180):
        return False
    if len(person.counted) < asked.get("min_order_count", 1):
        return False
    cooldown = asked.get("cooldown_days", 10)
    within = [call for call in person.calls if (world.today - call.at.astimezone(ZONE).date()).days < cooldown]
    if within:
        newest = max(within, key=lambda call: call.at)
        is_callback = newest.outcome in {"interested_callback", "busy_callback"}
        if not (is_callback and newest.callback_date is not None and newest.callback_date <= world.today):
            return False
    wanted = asked.get("credit_status")
    return wanted is None or wanted == credit_status(person)


def credit_status(person: Person) -> str:
    """Nobody in these worlds owes anything, so that terms alone decide."""
    return "good" if person.terms == "net30" else "no_terms"


def describe(world: World, person: Person, days_since: int, value: Decimal, priority: float) -> dict[str, Any]:
    """One row of the queue."""
    count = len(person.counted)
    average = (value / count).quantize(Decimal("0.01"), ROUND_HALF_UP)
    candidates = reorder_candidates(world, person)
    categories = top_categories(world, person)
    points = []
    if candidates:
        plural = "" if days_since == 1 else "s"
        points.append(f"Last order was {days_since} day{plural} ago — may be running low on {candidates[0]}")
    if count >= 10:
        points.append(f"Loyal customer with {count} orders — offer volume discount")
    elif count >= 2:
        points.append(f"Returning customer with {count} orders")
    if average < 300:
        whole = average.quantize(Decimal(1), ROUND_HALF_UP)
        points.append(f"Average order ${whole} — suggest bundling to $300 for free delivery")
    elif categories:
        points.append(f"Top categories: {', '.join(categories)}")
    return {
        "customer_id": person.id,
        "days_since_last_order": days_since,
        "last_order_date": person.days[-1],
        "order_count": count,
        "lifetime_value": value,
        "average_order_value": average,
        "priority_score": round(priority, 4),
        "reorder_candidates": candidates,
        "top_categories": categories,
        "suggested_upsells": suggested_upsells(world, person),
        "talking_points": points,
        "credit_status": credit_status(person),
        "company_name": person.company or None,
    }


def reorder_candidates(world: World, person: Person) -> list[str]:
    """The names in the last order, those first whose own median gap is 80 % over."""
    last = person.counted[-1]
    due: list[str] = []
    other: list[str] = []
    for product in dict.fromkeys(last.products):
        days = sorted({sale.day for sale in person.counted if product in sale.products})
        gaps = [(later - earlier).days for earlier, later in itertools.pairwise(days)]
        is_due = bool(gaps) and (world.today - days[-1]).days >= 0.8 * median(gaps)
        (due if is_due else other).append(world.names[product])
    return due + other


def top_categories(world: World, person: Person) -> list[str]:
    """The categories with the most lines, at most three."""
    counts: dict[str, int] = {}
    for sale in person.counted:
        for product in sale.products:
            name = world.categories[product]
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:3]


def suggested_upsells(world: World, person: Person) -> list[str]:
    """What is bought with their products by at least three customers, by lift, not theirs already, at most three."""
    bought = {each.id: {product for sale in each.counted for product in sale.products} for each in world.people}
    bought = {id_: products for id_, products in bought.items() if products}
    mine = bought.get(person.id, set())
    best: dict[int, tuple[float, int]] = {}
    for own in mine:
        for other in world.names:
            if other in mine:
                continue
            shared = sum(1 for products in bought.values() if own in products and other in products)
            if shared < 3:
                continue
            with_own = sum(1 for products in bought.values() if own in products)
            with_other = sum(1 for products in bought.values() if other in products)
            found = ((shared * len(bought)) / (with_own * with_other), shared)
            best[other] = max(best.get(other, (0.0, 0)), found)
    ranked = sorted(best, key=lambda product: (-best[product][0], -best[product][1], product))
    return [world.names[product] for product in ranked[:3]]


def draw_sales(chance: random.Random, now: datetime, products: list[int]) -> list[tuple[datetime, bool, list[int]]]:
    """The orders of one customer: none, a few, many; some on one day, some cancelled."""
    drawn = []
    for _ in range(chance.choice([0, 1, 1, 2, 3, 4, 12])):
        at = now - timedelta(days=chance.choice([1, 5, 13, 14, 15, 30, 45, 60, 90, 179, 180, 181, 300]))
        at -= timedelta(minutes=chance.randrange(0, 1400))
        drawn.append((at, chance.random() < 0.15, chance.sample(products, chance.randint(1, 4))))
    return drawn


def draw_calls(chance: random.Random, now: datetime, today: date) -> list[Logged]:
    """The logged outcomes of one customer."""
    drawn = []
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        outcome = chance.choice(["no_answer", "not_interested", "interested_callback", "busy_callback", "sale_made"])
        when = today + timedelta(days=chance.choice([-3, -1, 0, 1, 4])) if "callback" in outcome else None
        at = now - timedelta(days=chance.choice([0, 1, 5, 9, 10, 11, 40]), seconds=chance.randrange(1, 3000))
        drawn.append(Logged(at, outcome, when))
    return drawn
