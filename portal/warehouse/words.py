"""The texts of warehouse stages and promises, shared by all warehouse pages."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from documents.filters import format_day, format_time
from domain.kernel.clock import business_date, business_today, now
from domain.warehouse.floor import Group, Stage
from domain.warehouse.promise import LEAVES_BY, is_day_off, promised_at


@dataclass(frozen=True, slots=True)
class StageLook:
    """A stage's label, icon and tone."""

    word: str
    icon: str
    tone: str


STAGES = {
    Stage.TO_PICK: StageLook("To pick", "circle-dashed", "quiet"),
    Stage.TO_PACK: StageLook("To pack", "list-check", "info"),
    Stage.TO_SHIP: StageLook("To ship", "truck", "good"),
    Stage.SHORT: StageLook("Short", "package-off", "warn"),
    Stage.IN_TRANSIT: StageLook("In transit", "truck", "info"),
    Stage.LATE: StageLook("Late", "alert-triangle", "bad"),
    Stage.SHIPPED_TODAY: StageLook("Shipped today", "truck", "info"),
    Stage.DELIVERED: StageLook("Delivered", "circle-check", "good"),
}


@dataclass(frozen=True, slots=True)
class PromiseWords:
    """The promise of a group of orders: a word, a second one, and the first one's tone."""

    word: str
    more: str
    tone: str
    icon: str


def write_promise(at: datetime, zone: tzinfo) -> PromiseWords:
    """Late, today with the hour, tomorrow, or the day."""
    day, today = business_date(at, zone), business_today(zone)
    hour = format_time(at, zone)
    if at < now():
        since = hour if day == today else format_day(day, today=today)
        return PromiseWords("Late", f"promised for {since}", "bad", "alert-triangle")
    if day == today:
        minutes = int((at - now()).total_seconds() // 60)
        more = f"in {minutes} minutes" if minutes < 120 else ""
        return PromiseWords(f"By {hour}", more, "warn" if more else "", "clock" if more else "")
    if (day - today).days == 1:
        return PromiseWords("Tomorrow", format_day(day, today=today), "", "")
    return PromiseWords(format_day(day, today=today), "", "", "")


def write_pickup(zone: tzinfo) -> str:
    """When carriers pick up parcels: today, or the next day."""
    today, at = business_today(zone), now()
    if is_day_off(today):
        day = business_date(promised_at(at, zone), zone)
        return f"no pickup today, next {format_day(day, today=today)}"
    last = datetime.combine(today, LEAVES_BY, tzinfo=zone)
    return f"last pickup {'was ' if at > last else ''}{format_time(last, zone)}"


def write_ship_by(at: datetime, zone: tzinfo) -> PromiseWords:
    """The same for one order's header: Ship by 3:00 pm."""
    words = write_promise(at, zone)
    if words.word == "Late":
        return PromiseWords("Late", words.more, "bad", "alert-triangle")
    word = words.word.replace("By ", "Ship by ") if words.word.startswith("By ") else f"Ship by {words.word.lower()}"
    return PromiseWords(word, "", "warn" if words.tone else "quiet", "clock")


def name_groups(groups: list[Group], zone: tzinfo) -> list[tuple[PromiseWords, Group]]:
    """The groups with their labels."""
    return [(write_promise(group.promised_at, zone), group) for group in groups]
