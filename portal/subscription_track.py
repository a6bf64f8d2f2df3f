"""The subscription page's timeline: attempts of a failed renewal, and its history."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from documents.filters import format_day
from domain.kernel.clock import business_date, business_today
from domain.subscriptions.failures import RETRY_AFTER_DAYS
from domain.subscriptions.list_subscriptions import Change, SubscriptionDetail
from models import AuditAction, RenewalStatus
from web.request import settings

# Icon, tone and text of a subscription's history entries.
_CHANGES = {
    AuditAction.SUBSCRIPTION_CREATED: ("plus", "", "Enrolled"),
    AuditAction.SUBSCRIPTION_CHANGED: ("edit", "info", "Changed"),
    AuditAction.SUBSCRIPTION_SKIPPED: ("player-track-next", "", "Skipped"),
    AuditAction.SUBSCRIPTION_PAUSED: ("player-pause", "warn", "Paused"),
    AuditAction.SUBSCRIPTION_RESUMED: ("player-play", "good", "Resumed"),
    AuditAction.SUBSCRIPTION_CANCELLED: ("ban", "bad", "Ended"),
    AuditAction.SUBSCRIPTION_LINK_SENT: ("mail", "", "Link sent"),
    AuditAction.SUBSCRIPTION_PAYMENT_SAVED: ("credit-card", "good", "Payment method saved"),
    AuditAction.SUBSCRIPTION_SUBSTITUTE_OFFERED: ("package-off", "info", "Another product offered"),
    AuditAction.SUBSCRIPTION_SUBSTITUTE_TAKEN: ("circle-check", "good", "Another product agreed"),
    AuditAction.SUBSCRIPTION_SUBSTITUTE_DECLINED: ("x", "warn", "Another product declined"),
}


@dataclass(frozen=True, slots=True)
class Try:
    """One failed or planned attempt of a renewal; `state` is done, next or later."""

    word: str
    when: str
    state: str
    icon: str


def list_tries(found: SubscriptionDetail) -> list[Try]:
    """The declined and planned attempts of the newest due date; empty unless a payment is being retried."""
    line, zone = found.line, settings().timezone
    last = line.last_renewal
    if line.status != "active" or line.retry_on is None or last is None or last.payment_intent_id is None:
        return []
    today = business_today(zone)
    failed = [
        renewal
        for renewal in reversed(found.renewals)
        if renewal.due_date == last.due_date and renewal.status == RenewalStatus.FAILED and renewal.payment_intent_id
    ]
    tries = [
        Try("Declined" if place == 0 else f"Retry {place}", format_day(_day(each.created_at), today=today), "done", "x")
        for place, each in enumerate(failed)
    ]
    coming, place = line.retry_on, len(failed)
    while place <= len(RETRY_AFTER_DAYS):
        state = "next" if place == len(failed) else "later"
        tries.append(Try(f"Retry {place}", format_day(coming, today=today), state, "clock"))
        place += 1
        if place <= len(RETRY_AFTER_DAYS):
            coming += timedelta(days=RETRY_AFTER_DAYS[place - 1])
    return [*tries, Try("Pauses", "if it fails", "later", "player-pause")]


def _day(moment: datetime) -> date:
    return business_date(moment, settings().timezone)


def show_change(change: Change) -> dict[str, object]:
    """One history entry for the timeline."""
    icon, tone, word = _CHANGES.get(change.action, ("edit", "", "Changed"))
    fields = {name.replace("_", " "): value for name, value in change.after.items() if name != "status"}
    said = ", ".join(f"{name} {value}" for name, value in fields.items() if value not in {None, "", "None"})
    return {
        "icon": icon, "tone": tone, "text": f"{word}: {said}" if said else word, "before": "", "after": "",
        "note": change.note, "who": change.who, "at": change.at,
    }  # fmt: skip
