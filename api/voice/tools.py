"""The tools of voice agents: terms, orders, products, texts and requests for quotes, and the log of a finished call."""

from typing import Any

from quart import Blueprint, abort
from quart_schema import tag_blueprint

from api.schemas.voice_tools import (
    CancelledByVoiceOut,
    DiagnosticsOut,
    FoundCallerOut,
    HandedOverOut,
    LoggedCallOut,
    OpenedRfqOut,
    OrderGuideOut,
    OrderStatusOut,
    PastOrdersOut,
    SentSmsOut,
    SpokenProductsOut,
    TermsOut,
    VoiceOrderOut,
)
from api.voice.outbound import TRANSCRIPT_MEGABYTES
from api.voice.spoken import speaks
from domain.kernel.codes import Code
from domain.voice import cancel_order as cancelling
from domain.voice import check_terms as terms
from domain.voice import find_products as products
from domain.voice import hand_over as people
from domain.voice import log_call as calls
from domain.voice import lookup_customer as customers
from domain.voice import order_guide as guides
from domain.voice import order_status as statuses
from domain.voice import past_orders as past
from domain.voice import place_order as placing
from domain.voice import send_sms as texts
from domain.voice import sourcing as rfqs
from domain.voice.diagnostics import run_diagnostics
from domain.voice.speech import await_speech
from models import KeyScope
from models.session import current_database
from web.guards import api_key_for
from web.reading import body_limit, reads, refuses
from web.request import current_actor, db, in_raw_transaction, order_rules, settings

blueprint = Blueprint("voice_tools", __name__)
tag_blueprint(blueprint, ["voice_tools"])
blueprint.before_request(await_speech)


@blueprint.post("/api/voice/cancel-order")
@api_key_for(KeyScope.VOICE)
@reads(cancelling.CancelVoiceOrder)
@speaks(CancelledByVoiceOut, once=True)
async def voice_cancel_order(data: cancelling.CancelVoiceOrder) -> Any:
    """Cancel a pending or confirmed order once the caller has said yes; without a yes, say what would happen."""
    return await cancelling.cancel_voice_order(db(), data, by=current_actor())


@blueprint.post("/api/voice/check-terms")
@api_key_for(KeyScope.VOICE)
@reads(terms.CheckTerms)
@speaks(TermsOut)
async def check_terms(data: terms.CheckTerms) -> Any:
    """Whether the caller is approved for net 30 and whether anything is overdue; ask before an order to know how it is
    paid."""
    async with current_database().raw_reading() as connection:
        return await terms.check_terms(connection, data, timezone=settings().timezone)


@blueprint.post("/api/voice/order-status")
@api_key_for(KeyScope.VOICE)
@reads(statuses.OrderStatusQuestion)
@speaks(OrderStatusOut)
async def voice_order_status(data: statuses.OrderStatusQuestion) -> Any:
    """The status of an order by its number, or of the newest order of a phone; one of them is required."""
    async with current_database().raw_reading() as connection:
        return await statuses.describe_order_status(connection, data, timezone=settings().timezone)


@blueprint.get("/api/voice/diagnostics")
@api_key_for(KeyScope.VOICE)
@speaks(DiagnosticsOut)
@refuses(Code.NOT_FOUND)
async def voice_diagnostics() -> Any:
    """The number of accounts and phones, with masked samples; not available in production."""
    if settings().is_production:
        abort(404)
    async with current_database().reading() as connection:
        return await run_diagnostics(connection)


@blueprint.post("/api/voice/lookup-customer")
@api_key_for(KeyScope.VOICE)
@reads(customers.LookupCustomer)
@speaks(FoundCallerOut)
async def lookup_customer(data: customers.LookupCustomer) -> Any:
    """The customer with a phone number, with recent orders; `found` is false for an unknown number."""
    async with current_database().raw_reading() as connection:
        return await customers.lookup_customer(connection, data, timezone=settings().timezone)


@blueprint.post("/api/voice/past-orders")
@api_key_for(KeyScope.VOICE)
@reads(past.PastOrders)
@speaks(PastOrdersOut)
async def past_orders(data: past.PastOrders) -> Any:
    """A caller's past orders with their tracking numbers, newest first, by status."""
    async with current_database().raw_reading() as connection:
        return await past.describe_past_orders(connection, data, timezone=settings().timezone)


@blueprint.post("/api/voice/products")
@api_key_for(KeyScope.VOICE)
@reads(products.FindProducts, optional=True)
@speaks(SpokenProductsOut)
async def voice_products(data: products.FindProducts) -> Any:
    """Search the catalogue in callers' words: misspelled, plural, or with sizes in words."""
    async with current_database().reading() as connection:
        return await products.find_spoken_products(connection, data)


@blueprint.post("/api/voice/place-order")
@api_key_for(KeyScope.VOICE)
@in_raw_transaction
@reads(placing.PlaceVoiceOrder)
@speaks(VoiceOrderOut, once=True, while_true=placing.is_still_placed)
@refuses(Code.ORDER_TOO_LARGE)
async def voice_place_order(data: placing.PlaceVoiceOrder) -> Any:
    """Place an order for a caller who has said yes to its price; a repeat gets the first order unless it was
    cancelled."""
    return await placing.place_voice_order(db(), data, by=current_actor(), rules=order_rules())


@blueprint.post("/api/voice/send-sms")
@api_key_for(KeyScope.VOICE)
@in_raw_transaction
@reads(texts.SendOrderSms)
@speaks(SentSmsOut, once=True)
async def send_order_sms(data: texts.SendOrderSms) -> Any:
    """Text the caller after an order: a net 30 confirmation, a payment link, or a link to upload a check."""
    return await texts.send_order_sms(db(), data, by=current_actor(), settings=settings())


@blueprint.post("/api/voice/sourcing-request")
@api_key_for(KeyScope.VOICE)
@in_raw_transaction
@reads(rfqs.OpenRfq)
@speaks(OpenedRfqOut, once=True)
async def sourcing_request(data: rfqs.OpenRfq) -> Any:
    """Open a request for quotes for an item that is not in the catalogue, and notify the sourcing team."""
    return await rfqs.open_rfq(db(), data, by=current_actor())


@blueprint.post("/api/voice/order-guide")
@api_key_for(KeyScope.VOICE)
@reads(guides.AskGuide)
@speaks(OrderGuideOut)
async def voice_order_guide(data: guides.AskGuide) -> Any:
    """The caller's usual items and quantities."""
    async with current_database().raw_reading() as connection:
        return await guides.describe_guide(connection, data)


@blueprint.post("/api/voice/hand-to-person")
@api_key_for(KeyScope.VOICE)
@reads(people.HandOver)
@speaks(HandedOverOut, once=True)
async def hand_to_person(data: people.HandOver) -> Any:
    """Put the caller on the calling list for a callback by a person, with the reason."""
    return await people.hand_over(db(), data, timezone=settings().timezone)


@blueprint.post("/api/voice/call-log")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION)
@body_limit(TRANSCRIPT_MEGABYTES)
@reads(calls.LogCall)
@speaks(LoggedCallOut)
async def call_log_webhook(data: calls.LogCall) -> Any:
    """Store a finished call once by its id, and queue its evaluation."""
    await calls.log_call(db(), data)
    return {}
