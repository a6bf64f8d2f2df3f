"""Signing in and out of the portal, and resetting a forgotten password.

Afterwards the browser is redirected only to a page of the portal, regardless of `next`.
"""

import json
import re
from typing import Any

from quart import Blueprint, Response, request

from domain.access import forgotten
from domain.kernel.codes import Code
from domain.kernel.errors import TooMany
from domain.staff import reset, sign_in
from portal.attempts import Attempt, attempt
from portal.csrf import csrf_token
from portal.errors import SIGN_IN, ask_to_sign_in
from portal.render import page_or_block, redirect_to
from web.entry import keep_session, portal_url, sign_in_context
from web.guards import count_use, public, staff_auth, staff_page
from web.request import current_actor, db

blueprint = Blueprint("portal_sign_in", __name__)
HOME = "/portal"
SECOND_STEP = f"{SIGN_IN}/second-step"
FORGOT = "/portal/forgot"
RESET = "/portal/reset"
BEGIN_AGAIN = frozenset({Code.PROOF_EXPIRED, Code.INVALID_CREDENTIALS})
LOCAL_PAGE = re.compile(r"/portal(?:[/?][^\\\s\x00-\x1f]*)?")


@blueprint.get(SIGN_IN)
@public
async def show_sign_in() -> Response:
    """The form for username and password."""
    return await _show_sign_in({"username": "", "next": request.args.get("next", "")})


@blueprint.post(SIGN_IN)
@public
async def enter() -> Response:
    """Sign in, or ask for the second factor if one is set up."""

    async def act(data: sign_in.SignIn) -> sign_in.SignedIn | sign_in.SecondStep:
        await count_use("staff_sign_in", 10, seconds=60)
        await count_use("staff_sign_in", 10, seconds=60, target=data.username.lower())
        return await sign_in.start_sign_in(db(), data, sign_in_context())

    tried = await attempt(sign_in.SignIn, act)
    if _stays(tried.typed):
        return await _enter_here(tried)
    if tried.result is None:
        return await _show_sign_in(tried.typed, tried)
    if isinstance(tried.result, sign_in.SecondStep):
        return await _show_second_step(tried.result.proof, tried.typed.get("next", ""))
    return await _redirect_signed_in(tried.result, tried.typed)


@blueprint.post(SECOND_STEP)
@public
async def enter_second_step() -> Response:
    """Sign in with the six digits after a correct password."""

    async def act(data: sign_in.FinishSignIn) -> sign_in.SignedIn:
        await count_use("staff_sign_in", 10, seconds=60)
        return await sign_in.finish_sign_in(db(), data, sign_in_context())

    tried = await attempt(sign_in.FinishSignIn, act)
    if _stays(tried.typed):
        return await _enter_here(tried)
    if tried.result is not None:
        return await _redirect_signed_in(tried.result, tried.typed)
    if tried.refusal is not None and tried.refusal.code in BEGIN_AGAIN:
        return await _show_sign_in(tried.typed, tried)
    return await _show_second_step(tried.typed.get("proof", ""), tried.typed.get("next", ""), tried)


@blueprint.post("/portal/sign-out")
@staff_page(before_second_factor=True)
async def leave() -> Response:
    """End the current session."""
    await sign_in.sign_out(db(), by=current_actor(), claims=None)
    staff_auth.logout_user()
    return await redirect_to(SIGN_IN, toast="Signed out")


@blueprint.get(FORGOT)
@public
async def show_forgot() -> Response:
    """The form that asks for a reset link."""
    return await page_or_block("account/sign_in/forgot.html", typed={}, errors={}, problem="", sent="")


@blueprint.post(FORGOT)
@public
async def send_link() -> Response:
    """Mail a reset link; the page says the same whether or not the account exists."""

    async def act(data: forgotten.ForgotPassword) -> reset.MailAnswer:
        await count_use("staff_forgot", 20, seconds=3600)
        await count_use("staff_forgot_password", 3, seconds=3600, target=data.identifier.lower())
        return await reset.request_password_reset(db(), data, portal_url=portal_url(), shows_token=False)

    tried = await attempt(forgotten.ForgotPassword, act)
    sent = tried.result.message if tried.result is not None else ""
    return await page_or_block("account/sign_in/forgot.html", status=_status(tried), sent=sent, **_form(tried))


@blueprint.get(RESET)
@public
async def show_reset() -> Response:
    """The form for a new password, opened by the mailed link."""
    return await page_or_block(
        "account/sign_in/reset.html", typed={"token": request.args.get("token", "")}, errors={}, problem=""
    )


@blueprint.post(RESET)
@public
async def set_password() -> Response:
    """Set the new password and redirect to sign-in."""

    async def act(data: forgotten.ResetPassword) -> bool:
        await count_use("staff_reset", 10, seconds=60)
        await reset.reset_password(db(), data)
        return True

    tried = await attempt(forgotten.ResetPassword, act)
    if tried.result is not None:
        return await redirect_to(SIGN_IN, toast="The new password is set. Sign in with it.")
    return await page_or_block("account/sign_in/reset.html", status=_status(tried), **_form(tried))


async def _show_sign_in(typed: dict[str, str], tried: Attempt[Any] | None = None) -> Response:
    shown = {"typed": {"username": typed.get("username", ""), "next": typed.get("next", "")}}
    facts = _form(tried) if tried is not None else {"errors": {}, "problem": ""}
    return await page_or_block(
        "account/sign_in/sign_in.html", status=_status(tried) if tried is not None else 200, **(facts | shown)
    )


async def _show_second_step(proof: str, back: str, tried: Attempt[Any] | None = None) -> Response:
    facts = _form(tried) if tried is not None else {"errors": {}, "problem": ""}
    return await page_or_block(
        "account/sign_in/second_step.html",
        status=_status(tried) if tried is not None else 200,
        **(facts | {"typed": {"proof": proof, "next": back}}),
    )


def _stays(typed: dict[str, str]) -> bool:
    """True for a form that was sent from the dialog of a page whose session had ended."""
    return typed.get("stay") == "on" and request.headers.get("HX-Request") == "true"


async def _enter_here(tried: Attempt[Any]) -> Response:
    """Continue on the open page: its forms get the new session's token. Otherwise the dialog asks again."""
    if isinstance(tried.result, sign_in.SignedIn):
        keep_session(tried.result)
        response = Response("", 204)
        entered = {"csrf": csrf_token(), "me": str(tried.result.staff.id)}
        response.headers["HX-Trigger"] = json.dumps({"app:signed-in": entered})
        return response
    if isinstance(tried.result, sign_in.SecondStep):
        return await ask_to_sign_in(200, url=SECOND_STEP, proof=tried.result.proof)
    facts = {"errors": tried.errors, "problem": tried.problem}
    if (proof := tried.typed.get("proof")) and tried.refusal is not None and tried.refusal.code not in BEGIN_AGAIN:
        return await ask_to_sign_in(_status(tried), url=SECOND_STEP, proof=proof, **facts)
    typed = {"username": tried.typed.get("username", "")}
    return await ask_to_sign_in(_status(tried), typed=typed, **facts)


async def _redirect_signed_in(entered: sign_in.SignedIn, typed: dict[str, str]) -> Response:
    keep_session(entered)
    return await redirect_to(choose_next(typed.get("next", "")))


def choose_next(wanted: str) -> str:
    """Where to go after signing in: a page of the portal, never another site."""
    is_ours = LOCAL_PAGE.fullmatch(wanted) is not None and not wanted.startswith(SIGN_IN)
    return wanted if is_ours else HOME


def _form(tried: Attempt[Any]) -> dict[str, Any]:
    return {"typed": tried.typed, "errors": tried.errors, "problem": tried.problem}


def _status(tried: Attempt[Any]) -> int:
    if tried.refusal is None:
        return 200
    return 429 if isinstance(tried.refusal, TooMany) else 422
