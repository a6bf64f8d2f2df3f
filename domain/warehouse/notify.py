"""The summary of orders still to ship, for the warehouse's Discord channel."""

from dataclasses import dataclass
from datetime import tzinfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_today
from domain.messages.outbox import queue_discord
from domain.orders.filters import IS_ACTIVE, ORDERS
from settings import Settings

MOST_NAMED = 20
LONGEST_SUMMARY = 1900
CHANNEL = "warehouse"


@dataclass(frozen=True, slots=True)
class Summary:
    """What was posted, or why nothing was; `success` is true in both cases."""

    message: str
    success: bool = True


async def notify_unshipped(db: AsyncSession, settings: Settings) -> Summary:
    """Queue a post with the number of orders waiting in each status and the oldest of them; it mentions nobody."""
    if not settings.discord_warehouse_webhook:
        return Summary("Nothing was posted: DISCORD_WAREHOUSE_WEBHOOK is not set.")
    text = await write_summary(db, settings.timezone)
    await queue_discord(db, kind="unshipped", channel=CHANNEL, text=text)
    return Summary(f"The summary is on its way to Discord: {text.splitlines()[0]}")


async def write_summary(db: AsyncSession, timezone: tzinfo) -> str:
    """Return the text of the post within Discord's limit: the counts, then the oldest orders, one per line."""
    counted = await db.execute(select(ORDERS.status, func.count()).where(IS_ACTIVE).group_by(ORDERS.status))
    counts: dict[str, int] = {row[0]: row[1] for row in counted}
    total = sum(counts.values())
    if not total:
        return "Nothing waits to be shipped."
    states = ", ".join(f"{counts[state]:,} {state}" for state in ("packed", "confirmed", "pending") if state in counts)
    lines = [f"{plural(total, 'order')} to ship: {states}."]
    rows = await db.execute(
        select(
            ORDERS.order_number,
            ORDERS.status,
            ORDERS.delivery_company,
            ORDERS.delivery_name,
            ORDERS.delivery_city,
            ORDERS.delivery_state,
            ORDERS.unit_count,
            ORDERS.created_at,
        )
        .where(IS_ACTIVE)
        .order_by(ORDERS.created_at, ORDERS.id)
        .limit(MOST_NAMED)
    )
    named = 0
    today = business_today(timezone)
    for row in rows:
        days = (today - row.created_at.astimezone(timezone).date()).days
        age = "today" if days <= 0 else plural(days, "day")
        to = ", ".join(part for part in (row.delivery_city, row.delivery_state) if part)
        name = " ".join((row.delivery_company or row.delivery_name).split())[:60]
        line = f"{row.order_number} {name}, {to}: {plural(row.unit_count, 'item')}, {row.status}, {age}"
        if sum(map(len, lines)) + len(lines) + len(line) > LONGEST_SUMMARY:
            break
        lines.append(line)
        named += 1
    if total > named:
        lines.append(f"and {total - named:,} more")
    return "\n".join(lines)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: 1 order, 1,200 orders."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
