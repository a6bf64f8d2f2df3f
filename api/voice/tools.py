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
    """Cancel an order that is pending or confirmed, once the caller said yes; without it, say what would happen."""
    return await cancelling.cancel_voice_order(db(), data, by=current_actor())


@blueprint.post("/api/voice/check-terms")
@api_key_for(KeyScope.VOICE)
@reads(terms.CheckTerms)
@speaks(TermsOut)
async def check_terms(data: terms.CheckTerms) -> Any:
    """Is the caller approved for net 30, and is anything overdue; asked before an order to know how it is paid."""
    async with current_database().raw_reading() as connection:
        return await terms.check_terms(connection, data, timezone=settings().timezone)


@blueprint.post("/api/voice/order-status")
@api_key_for(KeyScope.VOICE)
@reads(statuses.OrderStatusQuestion)
@speaks(OrderStatusOut)
async def voice_order_status(data: statuses.OrderStatusQuestion) -> Any:
    """How an order stands, by its number, or the newest of a phone; one of them is needed."""
    async with current_database().raw_reading() as connection:
        return await statuses.describe_order_status(connection, data, timezone=settings().timezone)


@blueprint.get("/api/voice/diagnostics")
@api_key_for(KeyScope.VOICE)
@speaks(DiagnosticsOut)
@refuses(Code.NOT_FOUND)
async def voice_diagnostics() -> Any:
    """How many accounts and phones there are, with masked samples; absent in production."""
    if settings().is_production:
        abort(404)
    async with current_database().reading() as connection:
        return await run_diagnostics(connection)


@blueprint.post("/api/voice/lookup-customer")
@api_key_for(KeyScope.VOICE)
@reads(customers.LookupCustomer)
@speaks(FoundCallerOut)
async def lookup_customer(data: customers.LookupCustomer) -> Any:
    """Who a phone number belongs to, with recent orders; an unknown one is `found` false."""
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
    """Search the catalogue as callers say it: misspelled, in the plural, with sizes in words."""
    async with current_database().reading() as connection:
        return await products.find_spoken_products(connection, data)


@blueprint.post("/api/voice/place-order")
@api_key_for(KeyScope.VOICE)
@in_raw_transaction
@reads(placing.PlaceVoiceOrder)
@speaks(VoiceOrderOut, once=True, while_true=placing.is_still_placed)
@refuses(Code.ORDER_TOO_LARGE)
async def voice_place_order(data: placing.PlaceVoiceOrder) -> Any:
    """Place an order for a caller, once they said yes to its price; a repeat gets the first while that stands."""
    return await placing.place_voice_order(db(), data, by=current_actor(), rules=order_rules())


@blueprint.post("/api/voice/send-sms")
@api_key_for(KeyScope.VOICE)
@in_raw_transaction
@reads(texts.SendOrderSms)
@speaks(SentSmsOut, once=True)
async def send_order_sms(data: texts.SendOrderSms) -> Any:
    """Text the caller after an order: a confirmation on net 30, a link to pay, or one to upload a check."""
    return await texts.send_order_sms(db(), data, by=current_actor(), settings=settings())


@blueprint.post("/api/voice/sourcing-request")
@api_key_for(KeyScope.VOICE)
@in_raw_transaction
@reads(rfqs.OpenRfq)
@speaks(OpenedRfqOut, once=True)
async def sourcing_request(data: rfqs.OpenRfq) -> Any:
    """Open a request for quotes for what is not in the catalogue, and notify the sourcing team."""
    return await rfqs.open_rfq(db(), data, by=current_actor())


@blueprint.post("/api/voice/order-guide")
@api_key_for(KeyScope.VOICE)
@reads(guides.AskGuide)
@speaks(OrderGuideOut)
async def voice_order_guide(data: guides.AskGuide) -> Any:
    """What the caller usually buys, in their usual quantity."""
    async with current_database().raw_reading() as connection:
        return await guides.describe_guide(connection, data)


@blueprint.post("/api/voice/hand-to-person")
@api_key_for(KeyScope.VOICE)
@reads(people.HandOver)
@speaks(HandedOverOut, once=True)
async def hand_to_person(data: people.HandOver) -> Any:
    """The caller wants a person: a callback on the calling list, with the reason."""
    return await people.hand_over(db(), data, timezone=settings().timezone)


@blueprint.post("/api/voice/call-log")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION)
@body_limit(TRANSCRIPT_MEGABYTES)
@reads(calls.LogCall)
@speaks(LoggedCallOut)
async def call_log_webhook(data: calls.LogCall) -> Any:
    """Keep a finished call, once by its id, and queue its evaluation."""
    await calls.log_call(db(), data)
    return {}
