"""Parse the answers of EasyPost: shipments, rates, trackers, checked addresses and events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.errors import ServiceFailed


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of a carrier for one parcel, in US dollars."""

    id: str
    carrier: str
    service: str
    rate: Decimal
    currency: str
    delivery_days: int | None


@dataclass(frozen=True, slots=True)
class TrackerReport:
    """The state of a parcel according to EasyPost; `said_at` is the time of the report."""

    id: str
    tracking_number: str
    carrier: str
    status: str
    expected_at: datetime | None
    public_url: str
    details: tuple[dict[str, Any], ...]
    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel at EasyPost: its rates and, once bought, its label and tracking number."""

    id: str
    reference: str
    rates: tuple[Rate, ...]
    messages: tuple[str, ...]
    tracking_number: str | None
    label_url: str
    selected: Rate | None
    tracker: TrackerReport | None
    refund_status: str | None
    insurance: Decimal | None

    @property
    def is_bought(self) -> bool:
        """True once there is a label or a number."""
        return bool(self.label_url or self.tracking_number)


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """An address as the carrier writes it; `problem` says why it can't be delivered to."""

    street1: str
    street2: str
    city: str
    state: str
    zip: str
    country: str
    is_deliverable: bool
    is_residential: bool | None
    problem: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a webhook; `result` is the object concerned."""

    id: str
    kind: str
    result: dict[str, Any]


def read_shipment(answer: Mapping[str, Any]) -> Shipment:
    """Parse a shipment. Raises ServiceFailed for an answer that is not a shipment."""
    label = _object(answer, "postage_label")
    selected, tracker = _object(answer, "selected_rate"), _object(answer, "tracker")
    return Shipment(
        id=_text(answer, "id"),
        reference=str(answer.get("reference") or ""),
        rates=tuple(read_rate(rate) for rate in _rows(answer, "rates")),
        messages=tuple(_message(message) for message in _list(answer, "messages")),
        tracking_number=answer.get("tracking_code") or None,
        label_url=str(label.get("label_url") or label.get("label_pdf_url") or ""),
        selected=read_rate(selected) if selected else None,
        tracker=read_tracker(tracker) if tracker else None,
        refund_status=answer.get("refund_status") or None,
        insurance=_money(answer["insurance"]) if answer.get("insurance") else None,
    )


def read_rate(answer: Mapping[str, Any]) -> Rate:
    """Parse a rate; its amount is sent as text."""
    days = answer.get("delivery_days") or answer.get("est_delivery_days")
    return Rate(
        id=_text(answer, "id"),
        carrier=_text(answer, "carrier"),
        service=_text(answer, "service"),
        rate=_money(answer.get("rate")),
        currency=str(answer.get("currency") or "USD"),
        delivery_days=days if isinstance(days, int) else None,
    )


def read_tracker(answer: Mapping[str, Any]) -> TrackerReport:
    """Parse the state of a parcel; details without a time keep their place."""
    return TrackerReport(
        id=_text(answer, "id"),
        tracking_number=_text(answer, "tracking_code"),
        carrier=str(answer.get("carrier") or ""),
        status=str(answer.get("status") or "unknown"),
        expected_at=_moment(answer.get("est_delivery_date")),
        public_url=str(answer.get("public_url") or ""),
        details=tuple(_read_detail(detail) for detail in _rows(answer, "tracking_details")),
        said_at=_moment(answer.get("updated_at")),
    )


def _read_detail(answer: Mapping[str, Any]) -> dict[str, Any]:
    place = _object(answer, "tracking_location")
    parts = [place.get("city"), " ".join(str(part) for part in (place.get("state"), place.get("zip")) if part)]
    moment = _moment(answer.get("datetime"))
    return {
        "datetime": moment.isoformat().replace("+00:00", "Z") if moment else None,
        "message": str(answer.get("message") or ""),
        "status": str(answer.get("status") or "unknown"),
        "location": ", ".join(str(part) for part in parts if part),
    }


def read_address(answer: Mapping[str, Any]) -> CheckedAddress:
    """Parse a checked address, with the reason why it can't be delivered to."""
    _text(answer, "id")
    delivery = _object(_object(answer, "verifications"), "delivery")
    problems = [str(each.get("message") or each.get("code") or "") for each in _rows(delivery, "errors")]
    return CheckedAddress(
        street1=str(answer.get("street1") or ""),
        street2=str(answer.get("street2") or ""),
        city=str(answer.get("city") or ""),
        state=str(answer.get("state") or ""),
        zip=str(answer.get("zip") or ""),
        country=str(answer.get("country") or "US"),
        is_deliverable=bool(delivery.get("success", False)),
        is_residential=answer.get("residential"),
        problem="; ".join(problem for problem in problems if problem),
    )


def read_event(answer: Mapping[str, Any]) -> Event:
    """Parse an event of a webhook."""
    result = answer.get("result")
    return Event(
        _text(answer, "id"), str(answer.get("description") or ""), dict(result) if isinstance(result, dict) else {}
    )


def _object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = answer.get(name)
    return value if isinstance(value, dict) else {}


def _list(answer: Mapping[str, Any], name: str) -> list[Any]:
    value = answer.get(name)
    return value if isinstance(value, list) else []


def _rows(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [row for row in _list(answer, name) if isinstance(row, dict)]


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ServiceFailed(f"EasyPost's answer has no {name}.")
    return value


def _money(value: object) -> Decimal:
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise ServiceFailed("EasyPost's answer has an amount that is not a number.") from error


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _message(answer: Any) -> str:
    if not isinstance(answer, dict):
        return str(answer)
    return ": ".join(str(part) for part in (answer.get("carrier"), answer.get("message")) if part)
