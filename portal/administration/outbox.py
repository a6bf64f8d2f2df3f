"""The outbox: all emails, texts and Discord posts, and sending failed ones again."""

from quart import Blueprint, Response, request

from documents.filters import format_plural
from documents.mail_html import find_skus, make_mail_writer
from domain.access.rights import Right
from domain.catalogue.mail_pictures import list_picture_paths
from domain.messages import list_messages
from domain.messages.list_messages import OutboxTab
from domain.messages.secrets import read_text, show_text
from models import Channel
from portal.lists import back_to, make_tabs
from portal.render import page_or_block, redirect_to
from portal.walk import walk_list
from web.guards import staff_page
from web.reading import reads_form, reads_query
from web.request import current_actor, db, settings

# An email may use its own styles and pictures of our products, nothing else.
MAIL_POLICY = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
blueprint = Blueprint("portal_outbox", __name__)
LIST = "/portal/outbox"
TAB_WORDS = {
    OutboxTab.ALL: "All",
    OutboxTab.FAILED: "Failed",
    OutboxTab.NOT_SENT: "Kept",
    OutboxTab.QUEUED: "Queued",
    OutboxTab.SENT: "Sent",
}
CHANNEL_WORDS = {Channel.EMAIL: "Mail", Channel.TEXT: "Text", Channel.DISCORD: "Discord"}
CHANNEL_ICONS = {Channel.EMAIL: "mail", Channel.TEXT: "message", Channel.DISCORD: "message-2"}


@blueprint.get(LIST)
@staff_page(Right.SEE_OUTBOX)
@reads_query(list_messages.OutboxFilters)
async def show_outbox(query: list_messages.OutboxFilters) -> Response:
    """The list, or the block of it that changed."""
    page, counts = await list_messages.list_messages(db(), query)
    return await page_or_block(
        "administration/outbox/list.html",
        block="outbox_table",
        page=page,
        filters=query,
        more=counts[query.state].is_more,
        is_filtered=bool(query.q or query.channel),
        channels=[("", "Any way"), *CHANNEL_WORDS.items()],
        channel_words=CHANNEL_WORDS,
        channel_icons=CHANNEL_ICONS,
        can_send_again=list_messages.can_send_again,
        show_text=show_text,
        tabs=make_tabs(
            LIST,
            "state",
            [(tab, word, counts[tab].words) for tab, word in TAB_WORDS.items()],
            query.state,
            keep={"q", "channel"},
        ),
    )


@blueprint.get(f"{LIST}/<id:message_id>")
@staff_page(Right.SEE_OUTBOX)
async def show_message(message_id: int) -> Response:
    """One message with its text and delivery state."""
    message = await list_messages.open_message(db(), message_id, by=current_actor())
    # Development has no mail server, so links can be followed from here.
    body = read_text(message, opens=not settings().is_production)
    return await page_or_block(
        "administration/outbox/message.html",
        block="message_state",
        message=message,
        subject=await list_messages.get_subject(db(), message),
        walk=await walk_list(
            list_messages.OutboxFilters,
            lambda filters: list_messages.find_message_neighbours(db(), message_id, filters),
            list_url=LIST,
            crumb="Outbox",
            found_by="q",
        ),
        paragraphs=[block.splitlines() for block in body.strip().split("\n\n")],
        files=await list_messages.list_attached_files(db(), message_id),
        channel_words=CHANNEL_WORDS,
        can_send_again=list_messages.can_send_again(message),
    )


@blueprint.get(f"{LIST}/<id:message_id>/preview")
@staff_page(Right.SEE_OUTBOX)
async def preview_message(message_id: int) -> Response:
    """The rendered email, for a frame without scripts."""
    message = await list_messages.open_message(db(), message_id, by=current_actor())
    return await show_mail_page(message.subject or "", read_text(message, opens=not settings().is_production))


async def show_mail_page(subject: str, text: str) -> Response:
    """An email as mail programs show it, prevented from running or fetching anything."""
    write = make_mail_writer(settings(), await list_picture_paths(db(), find_skus(text)))
    response = Response(write(subject, text), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@blueprint.post(f"{LIST}/<id:message_id>/again")
@staff_page(Right.SEE_OUTBOX)
async def send_message_again(message_id: int) -> Response:
    """Queue the message once more."""
    await list_messages.get_message(db(), message_id)
    sent = await list_messages.send_again(db(), [message_id], by=current_actor())
    toast = "The message is queued again" if sent else "The message is already queued or sent"
    return await redirect_to(f"{LIST}/{message_id}", toast=toast)


@blueprint.post(f"{LIST}/again")
@staff_page(Right.SEE_OUTBOX)
@reads_form(list_messages.ChosenMessages)
async def send_messages_again(data: list_messages.ChosenMessages) -> Response:
    """Queue the selected messages again, or from home all failed ones."""
    ids = data.message
    back = back_to(LIST)
    if request.args.get("all") == "true":
        ids, back = await list_messages.list_failed(db()), "/portal"
    sent = await list_messages.send_again(db(), ids, by=current_actor())
    return await redirect_to(back, toast=f"{format_plural(sent, 'message')} queued again")
