"""The user's own account: email, password, second factor, and sessions."""

import re
from typing import Any

import segno
from markupsafe import Markup
from quart import Blueprint, Response

from domain.staff import email_change, profile, second_factor
from models import Channel
from portal.attempts import Attempt, attempt, refusal_of
from portal.errors import PROFILE
from portal.outgoing import say_leaving
from portal.render import page_or_block, redirect_to
from web.entry import portal_url
from web.guards import lacks_second_factor, staff_page
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_profile", __name__)
SECOND_FACTOR = f"{PROFILE}/second-factor"
# The first that fits wins: every browser claims to be several others.
BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


@blueprint.get(PROFILE)
@staff_page(before_second_factor=True)
async def show_profile() -> Response:
    """The whole profile."""
    return await _show_profile()


@blueprint.post(f"{PROFILE}/email")
@staff_page(before_second_factor=True)
async def change_email() -> Response:
    """Request a new email; it takes effect by the link sent to it."""

    async def act(data: email_change.ChangeEmail) -> str:
        asked = await email_change.ask_for_new_email(db(), data, portal_url=portal_url(), by=current_actor())
        leaving = await say_leaving(Channel.EMAIL, data.new_email)
        return f"A link {leaving}" if asked else "That is already your email"

    tried = await attempt(email_change.ChangeEmail, act)
    return await _finish(tried, "email", tried.result or "")


@blueprint.post(f"{PROFILE}/password")
@staff_page(before_second_factor=True)
async def change_password() -> Response:
    """Change the user's own password; the other sessions end."""

    async def act(data: profile.ChangePassword) -> bool:
        await profile.change_password(db(), data, by=current_actor())
        return True

    return await _finish(
        await attempt(profile.ChangePassword, act), "password", "Password changed, other sessions ended"
    )


@blueprint.post(f"{PROFILE}/sessions/<id:session_id>/end")
@staff_page(before_second_factor=True)
async def end_session(session_id: int) -> Response:
    """End one of the user's own sessions."""
    await profile.end_own_session(db(), session_id, by=current_actor())
    return await redirect_to(PROFILE, toast="Session ended")


@blueprint.post(f"{PROFILE}/sessions/end-others")
@staff_page(before_second_factor=True)
async def end_other_sessions() -> Response:
    """End every session but this one."""
    await profile.end_other_sessions(db(), by=current_actor())
    return await redirect_to(PROFILE, toast="All other sessions ended")


@blueprint.post(f"{SECOND_FACTOR}/start")
@staff_page(before_second_factor=True)
async def start_second_factor() -> Response:
    """Create a secret and show it."""
    await second_factor.start_second_factor(db(), data_keys=settings().data_keys, by=current_actor())
    return await redirect_to(SECOND_FACTOR)


@blueprint.get(SECOND_FACTOR)
@staff_page(before_second_factor=True)
async def show_second_factor() -> Response:
    """The QR code for the app, and the field for its first code."""
    return await _show_second_factor(None)


@blueprint.post(SECOND_FACTOR)
@staff_page(before_second_factor=True)
async def confirm_second_factor() -> Response:
    """Turn the second factor on with its first code."""

    async def act(data: second_factor.ConfirmSecondFactor) -> bool:
        keys = settings().data_keys
        await second_factor.confirm_second_factor(db(), data, data_keys=keys, by=current_actor())
        return True

    tried = await attempt(second_factor.ConfirmSecondFactor, act)
    if tried.result is None:
        return await _show_second_factor(tried)
    return await redirect_to(PROFILE, toast="Second factor is on")


@blueprint.get(f"{SECOND_FACTOR}/remove")
@staff_page(before_second_factor=True)
async def show_remove_second_factor() -> Response:
    """Ask before removing the second factor."""
    return await _show_remove(None)


@blueprint.post(f"{SECOND_FACTOR}/remove")
@staff_page(before_second_factor=True)
async def remove_second_factor() -> Response:
    """Turn the second factor off."""

    async def act(data: second_factor.RemoveSecondFactor) -> bool:
        await second_factor.remove_own_second_factor(db(), data, by=current_actor())
        return True

    tried = await attempt(second_factor.RemoveSecondFactor, act)
    if tried.result is None:
        return await _show_remove(tried)
    return await redirect_to(PROFILE, toast="Second factor is off")


async def _finish(tried: Attempt[Any], form: str, toast: str) -> Response:
    if tried.result is not None:
        return await redirect_to(PROFILE, toast=toast)
    return await _show_profile(form, tried)


async def _show_profile(form: str = "", tried: Attempt[Any] | None = None) -> Response:
    staff = await profile.get_profile(db(), by=current_actor())
    sessions = await profile.list_own_sessions(db(), by=current_actor())
    return await page_or_block(
        "account/profile/profile.html",
        staff=staff,
        waiting_email=await email_change.find_waiting_email(db(), by=current_actor()),
        sessions=[{"row": row, "browser": describe_browser(row.user_agent)} for row in sessions],
        needs_factor=lacks_second_factor(current_actor()),
        factor_is_required=settings().require_admin_totp and current_actor().role == "admin",
        minimum=settings().password_min_length,
        form=form,
        typed=tried.typed if tried is not None else {},
        **refusal_of(tried),
    )


async def _show_second_factor(tried: Attempt[Any] | None) -> Response:
    setup = await second_factor.get_second_factor_setup(
        db(), data_keys=settings().data_keys, company_name=settings().company_name, by=current_actor()
    )
    code = segno.make(setup.address, error="m")
    return await page_or_block(
        "account/profile/second_factor.html",
        picture=Markup(code.svg_inline(scale=4, border=3, dark="#000", light="#fff")),  # noqa: S704 -- made here
        secret=setup.secret_in_fours,
        **refusal_of(tried),
    )


async def _show_remove(tried: Attempt[Any] | None) -> Response:
    return await page_or_block(
        "account/profile/remove_second_factor.html",
        block="dialog",
        **refusal_of(tried),
    )


def describe_browser(user_agent: str) -> str:
    """A readable browser name, `Firefox on Windows`; for a program, the first word of its user agent."""
    browser = next((word for mark, word in BROWSERS if f"{mark}/" in user_agent), "")
    system = next((word for mark, word in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    first_word = re.split(r"[/\s]", user_agent, maxsplit=1)[0]
    return browser or first_word[:40] or "Unknown program"
